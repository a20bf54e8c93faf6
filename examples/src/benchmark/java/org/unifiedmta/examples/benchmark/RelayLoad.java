package org.unifiedmta.examples.benchmark;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * How fast mail is relayed, from the first connection in to the last message out, and what each
 * message costs: the whole mail server with its durable queue beside Postfix. Both get the mail
 * from the same clients, on one thread of this process, and hand it to Postfix's {@code smtp-sink},
 * which counts it, with 20 connections for each destination at the most.
 *
 * <p>Its arguments, with their defaults: {@code servers=postfix,relay messages=20000 size=4096
 * destinations=1,200} (domains, each with a host of its own) {@code delay=0} (seconds before each
 * reply of these) {@code sessions=20 warmup=3 rounds=3} (how often all that is done before it is
 * measured, and then, of which the median is told) {@code heap=512m directory=} (for the queues,
 * else the one for temporary files). Postfix needs root. The sink listens at all addresses of this
 * host, as it has no other way to listen at 200.
 */
public final class RelayLoad {
  private final Arguments arguments;
  private final int messages;

  private RelayLoad(Arguments arguments) {
    this.arguments = arguments;
    this.messages = arguments.number("messages");
  }

  /** What one server did. */
  private record Result(double seconds, double cpu, Peak peak) {}

  /** What it had open, and how many threads of the system, at the most. */
  private record Peak(int files, int threads, long memory) {
    static final Peak NONE = new Peak(0, 0, 0);

    Peak and(Peak other) {
      return new Peak(
          Math.max(files, other.files),
          Math.max(threads, other.threads),
          Math.max(memory, other.memory));
    }
  }

  /** What is measured. */
  private interface Relay extends AutoCloseable {
    InetSocketAddress address();

    /** Processor time so far. */
    Duration cpu() throws IOException;

    /** As it is now. */
    Peak size() throws IOException;

    @Override
    void close();
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    new RelayLoad(
            new Arguments(
                args,
                "servers=postfix,relay",
                "messages=20000",
                "size=4096",
                "destinations=1,200",
                "delay=0",
                "sessions=20",
                "warmup=3",
                "rounds=3",
                "heap=512m",
                "directory=" + System.getProperty("java.io.tmpdir")))
        .run();
  }

  private void run() throws IOException, InterruptedException {
    System.out.println(
        "| destinations | server | messages/s | times postfix | CPU µs | of postfix's"
            + " | files | threads | MB |\n|---|---|---|---|---|---|---|---|---|");
    for (int destinations : arguments.numbers("destinations")) {
      Result postfix = null;
      for (var name : arguments.list("servers")) {
        var result = measure(name, destinations);
        if (result == null) {
          System.out.println(name + ": not run, it is not here, or not for this user");
          continue;
        }
        postfix = name.equals("postfix") ? result : postfix;
        print(name, destinations, result, postfix);
      }
    }
  }

  private void print(String name, int destinations, Result result, @Nullable Result postfix) {
    System.out.printf(
        Locale.ROOT,
        "| %d | %s | %,.0f | %s | %,.0f | %s | %,d | %d | %d |%n",
        destinations,
        name,
        messages / result.seconds,
        postfix == null ? "" : String.format(Locale.ROOT, "%.2f", postfix.seconds / result.seconds),
        result.cpu / messages * 1e6,
        postfix == null ? "" : String.format(Locale.ROOT, "1/%.1f", postfix.cpu / result.cpu),
        result.peak.files,
        result.peak.threads,
        result.peak.memory >> 20);
  }

  private @Nullable Result measure(String name, int destinations)
      throws IOException, InterruptedException {
    var directory = Path.of(arguments.text("directory"));
    try (var sink = CountingSink.start(arguments.number("delay"))) {
      if (sink == null) {
        return null;
      }
      try (var relay = start(name, directory, sink.port(), destinations)) {
        if (relay == null) {
          return null;
        }
        int warmup = name.equals("postfix") ? 0 : arguments.number("warmup"); // nothing to compile
        for (int i = 0; i < warmup; i++) {
          var unused = round(relay, sink, destinations);
        }
        var results = new ArrayList<Result>();
        for (int i = 0; i < arguments.number("rounds"); i++) {
          results.add(round(relay, sink, destinations));
        }
        results.sort(Comparator.comparingDouble(Result::seconds));
        return results.get(results.size() / 2);
      }
    }
  }

  private @Nullable Relay start(String name, Path directory, int sink, int destinations)
      throws IOException, InterruptedException {
    if (name.equals("postfix")) {
      var postfix = Postfix.start(directory, sink, destinations);
      return postfix == null
          ? null
          : new Relay() {
            @Override
            public InetSocketAddress address() {
              return postfix.address();
            }

            @Override
            public Duration cpu() throws IOException {
              return postfix.cpu();
            }

            @Override
            public Peak size() {
              return Peak.NONE; // it has many processes
            }

            @Override
            public void close() {
              postfix.close();
            }
          };
    }
    var flags = List.of("-Xmx" + arguments.text("heap"));
    var process =
        ServerProcess.start(name, flags, name, directory.toString(), "" + sink, "" + destinations);
    return new Relay() {
      @Override
      public InetSocketAddress address() {
        return process.address();
      }

      @Override
      public Duration cpu() {
        return process.cpu();
      }

      @Override
      public Peak size() throws IOException {
        return new Peak(process.openFiles(), process.threads(), process.residentSize());
      }

      @Override
      public void close() {
        process.close();
      }
    };
  }

  private Result round(Relay relay, CountingSink sink, int destinations)
      throws IOException, InterruptedException {
    var recipients =
        IntStream.range(0, destinations).mapToObj(i -> "ben@d" + i + ".example.net").toList();
    long before = sink.count();
    var cpu = relay.cpu();
    long start = System.nanoTime();
    try (var client =
        new LoadClient(
            relay.address(),
            arguments.number("size"),
            arguments.number("sessions"),
            true,
            recipients,
            messages)) {
      client.run();
    }
    var peak = relay.size();
    while (sink.count() < before + messages) {
      peak = peak.and(relay.size());
      Thread.sleep(5);
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    Thread.sleep(100); // what is written down behind the last message is counted too
    return new Result(seconds, relay.cpu().minus(cpu).toNanos() / 1e9, peak);
  }
}
