package org.unifiedmta.examples.benchmark;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;

/**
 * How many messages a second servers accept and discard, and what each costs them: the library's
 * SMTP server alone and within the whole mail server, beside Postfix's {@code smtp-sink} and a
 * {@link BareSink}. They are measured in turn by the same clients on one thread of this process;
 * where those are busy all the time, their own speed is what is measured.
 *
 * <p>Its arguments, with their defaults: {@code servers=smtp-sink,netty,smtp,memory,log (and
 * checked: see ServerUnderTest) sizes=4096,65536} (octets) {@code sessions=1,20,100
 * connections=kept,each} (for many messages, or for one) {@code warmup=10 seconds=2 rounds=3}
 * (before the first measurement of each server and size, of each measurement, and how often that is
 * done, of which the median is told) {@code heap=512m directory=} (for the log, else the one for
 * temporary files).
 *
 * <p>A whole server goes on to deliver what it has accepted; what is queued at the end of a
 * measurement it has the time for, and the processor time for that is counted too.
 */
public final class SmtpLoad {
  private static final int SESSIONS_TO_WARM_UP = 20;

  /** What one server did. */
  private record Row(
      String server, double rate, double cpu, double clientsBusy, long refused, long queued) {}

  private final Arguments arguments;
  private final List<ServerProcess> servers = new ArrayList<>();

  private SmtpLoad(Arguments arguments) {
    this.arguments = arguments;
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    var load =
        new SmtpLoad(
            new Arguments(
                args,
                "servers=smtp-sink,netty,smtp,memory,log",
                "sizes=4096,65536",
                "sessions=1,20,100",
                "connections=kept,each",
                "warmup=10",
                "seconds=2",
                "rounds=3",
                "heap=512m",
                "directory=" + System.getProperty("java.io.tmpdir")));
    try {
      load.startServers();
      load.run();
    } finally {
      load.servers.forEach(ServerProcess::close);
    }
  }

  private void startServers() throws IOException, InterruptedException {
    var flags = List.of("-Xmx" + arguments.text("heap"));
    for (var name : arguments.list("servers")) {
      switch (name) {
        case "smtp-sink" ->
            ServerProcess.startSmtpSink()
                .ifPresentOrElse(
                    servers::add, () -> System.out.println("smtp-sink: not run, it is not here\n"));
        case "log" ->
            servers.add(ServerProcess.start(name, flags, name, arguments.text("directory")));
        default -> servers.add(ServerProcess.start(name, flags, name));
      }
    }
  }

  private void run() throws IOException, InterruptedException {
    System.out.println(
        "| octets | sessions | connections | server | messages/s | times smtp-sink | times netty "
            + "| µs CPU a message | clients busy | refused | queued |\n"
            + "|---:|---:|---|---|---:|---:|---:|---:|---:|---:|---:|");
    for (int size : arguments.numbers("sizes")) {
      for (var server : servers) {
        warmUp(server, size);
      }
      for (var connections : arguments.list("connections")) {
        for (int sessions : arguments.numbers("sessions")) {
          var rows = measureAll(size, sessions, connections.equals("kept"));
          for (var row : rows) {
            System.out.printf(
                Locale.ROOT,
                "| %,d | %d | %s | %s | %,.0f | %s | %s | %.1f | %.0f %% | %,d | %,d |%n",
                size,
                sessions,
                connections,
                row.server,
                row.rate,
                ratio(row, "smtp-sink", rows),
                ratio(row, "netty", rows),
                row.cpu,
                row.clientsBusy * 100,
                row.refused,
                row.queued);
          }
        }
      }
    }
  }

  private static String ratio(Row row, String baseline, List<Row> rows) {
    for (var other : rows) {
      if (other.server.equals(baseline)) {
        return String.format(Locale.ROOT, "%.2f", row.rate / other.rate);
      }
    }
    return "";
  }

  private void warmUp(ServerProcess server, int size) throws IOException, InterruptedException {
    var time = Duration.ofSeconds(arguments.number("warmup"));
    for (var connections : arguments.list("connections")) {
      boolean kept = connections.equals("kept");
      try (var client = new LoadClient(server.address(), size, SESSIONS_TO_WARM_UP, kept)) {
        client.run(time.dividedBy(arguments.list("connections").size()));
      }
    }
    server.awaitEmptyQueue();
  }

  /** The median of each server, in rounds, so that nobody has the machine's best time alone. */
  private List<Row> measureAll(int size, int sessions, boolean kept)
      throws IOException, InterruptedException {
    var rounds = new LinkedHashMap<ServerProcess, List<Row>>();
    for (int i = 0; i < arguments.number("rounds"); i++) {
      for (var server : servers) {
        rounds
            .computeIfAbsent(server, any -> new ArrayList<>())
            .add(measure(server, size, sessions, kept));
      }
    }
    var medians = new ArrayList<Row>();
    for (var rows : rounds.values()) {
      rows.sort(Comparator.comparingDouble(Row::rate));
      medians.add(rows.get(rows.size() / 2));
    }
    return medians;
  }

  private Row measure(ServerProcess server, int size, int sessions, boolean kept)
      throws IOException, InterruptedException {
    var thread = ManagementFactory.getThreadMXBean();
    try (var client = new LoadClient(server.address(), size, sessions, kept)) {
      client.run(Duration.ofMillis(200)); // until all are connected
      server.awaitEmptyQueue();
      long accepted = client.accepted();
      long refused = client.refused();
      var cpu = server.cpu();
      long busy = thread.getCurrentThreadCpuTime();
      long start = System.nanoTime();
      client.run(Duration.ofSeconds(arguments.number("seconds")));
      long time = System.nanoTime() - start;
      busy = thread.getCurrentThreadCpuTime() - busy;
      accepted = client.accepted() - accepted;
      long queued = server.queued();
      server.awaitEmptyQueue();
      return new Row(
          server.name(),
          accepted / (time / 1e9),
          server.cpu().minus(cpu).toNanos() / 1e3 / accepted,
          busy / (double) time,
          client.refused() - refused,
          queued);
    }
  }
}
