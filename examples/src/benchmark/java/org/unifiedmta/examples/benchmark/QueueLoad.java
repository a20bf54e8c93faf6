package org.unifiedmta.examples.benchmark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.Lease;
import org.unifiedmta.delivery.queue.NewMessage;
import org.unifiedmta.delivery.queue.NewRow;
import org.unifiedmta.delivery.queue.RecipientResult;
import org.unifiedmta.delivery.store.log.LogQueueStore;

/**
 * How many messages a second the durable queue takes, and how many come and go: added, read and
 * settled; beside it a log with nothing around it, MVStore, SQLite where its driver is on the class
 * path, and a directory of files. Its arguments are the seconds of each measurement, a directory on
 * the disk to measure, what to measure, how many producers, whether mail is taken out, and octets
 * of a message, by default {@code 3}, the one for temporary files, all of {@code
 * log,queue,mvstore,sqlite,files}, {@code 1,16,64,256}, {@code add,churn}, and {@code 4096,65536}.
 */
public final class QueueLoad {
  private static final String LOG = "log";
  private static final String ALL = LOG + ",queue,mvstore,sqlite,files";
  private static final int TENTHS = 100_000; // of a millisecond, at most

  /** What keeps messages; thread-safe. */
  interface Kept extends AutoCloseable {

    /** Returns when it is on stable storage. */
    void add(long id, byte[] body) throws IOException;

    /** Reads one and takes it out; returns its size. */
    int take(long id) throws IOException, InterruptedException;

    @Override
    void close() throws IOException;
  }

  private final Kept kept;
  private final byte[] body;
  private final long end;
  private final AtomicLong ids;
  private final LinkedBlockingQueue<Long> stored = new LinkedBlockingQueue<>();
  private final AtomicLong added = new AtomicLong();
  private final AtomicLongArray latencies = new AtomicLongArray(TENTHS);

  private QueueLoad(Kept kept, AtomicLong ids, int size, Duration time) {
    this.kept = kept;
    this.ids = ids;
    this.body = ("Subject: load\r\n\r\n" + "x".repeat(size - 17)).getBytes();
    this.end = System.nanoTime() + time.toNanos();
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    var time = Duration.ofSeconds(args.length > 0 ? Long.parseLong(args[0]) : 3);
    var parent = Path.of(args.length > 1 ? args[1] : System.getProperty("java.io.tmpdir"));
    var kinds = List.of((args.length > 2 ? args[2] : ALL).split(","));
    System.out.printf(
        "%-8s%-8s%8s%12s%12s%9s%9s%9s%20s%n",
        "",
        "",
        "octets",
        "producers",
        "messages/s",
        "of log",
        "CPU µs",
        "p99 ms",
        "written per octet");
    for (var what : (args.length > 4 ? args[4] : "add,churn").split(",")) {
      for (int size : numbers(args, 5, "4096,65536")) {
        for (int producers : numbers(args, 3, "1,16,64,256")) {
          var rates = new HashMap<String, Double>();
          for (var kind : kinds) {
            measure(parent, kind, what.equals("churn"), size, producers, time, rates);
          }
        }
      }
    }
  }

  private static List<Integer> numbers(String[] args, int at, String otherwise) {
    var list = args.length > at ? args[at] : otherwise;
    return Stream.of(list.split(",")).map(Integer::valueOf).toList();
  }

  private static void measure(
      Path parent,
      String kind,
      boolean churn,
      int size,
      int producers,
      Duration time,
      Map<String, Double> rates)
      throws IOException, InterruptedException {
    var directory = Files.createTempDirectory(parent, "mta-load-");
    try (var kept = open(kind, directory)) {
      if (kept == null) {
        return;
      }
      var ids = new AtomicLong();
      new QueueLoad(kept, ids, size, Duration.ofSeconds(1)).run(churn, producers); // to warm up
      long before = written();
      long cpuBefore = cpu();
      long start = System.nanoTime();
      var load = new QueueLoad(kept, ids, size, time);
      load.run(churn, producers);
      double seconds = (System.nanoTime() - start) / 1e9;
      double rate = load.added.get() / seconds;
      rates.put(kind, rate);
      System.out.printf(
          Locale.ROOT,
          "%-8s%-8s%,8d%12d%,12.0f%8.0f%%%9.1f%9.1f%20.2f%n",
          churn ? "churn" : "add",
          kind,
          size,
          producers,
          rate,
          100 * rate / rates.getOrDefault(LOG, rate),
          (cpu() - cpuBefore) / 1e3 / load.added.get(),
          load.p99(),
          (written() - before) / ((double) load.added.get() * size));
    } finally {
      delete(directory);
    }
  }

  private static @Nullable Kept open(String kind, Path directory) throws IOException {
    return switch (kind) {
      case LOG -> new QueueRivals.BareLog(directory);
      case "queue" -> new Queue(directory);
      case "mvstore" -> new QueueRivals.Mv(directory);
      case "sqlite" -> QueueRivals.Sqlite.open(directory);
      case "files" -> new QueueRivals.Fsynced(directory);
      default -> throw new IllegalArgumentException("not one of " + ALL + ": " + kind);
    };
  }

  private void run(boolean churn, int producers) throws InterruptedException {
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < producers; i++) {
      threads.add(Thread.ofVirtual().start(this::produce));
    }
    var over = new AtomicBoolean();
    var consumer = churn ? Thread.ofPlatform().start(() -> consume(over)) : null;
    for (var thread : threads) {
      thread.join();
    }
    over.set(true);
    if (consumer != null) {
      stored.add(-1L);
      consumer.join();
    }
  }

  private void produce() {
    try {
      while (System.nanoTime() < end) {
        long id = ids.incrementAndGet();
        long start = System.nanoTime();
        kept.add(id, body);
        int tenths = (int) Math.min(TENTHS - 1, (System.nanoTime() - start) / 100_000);
        latencies.incrementAndGet(tenths);
        added.incrementAndGet();
        stored.add(id);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void consume(AtomicBoolean over) {
    try {
      while (!over.get() || !stored.isEmpty()) {
        long id = stored.take();
        if (id >= 0 && kept.take(id) != body.length) {
          throw new IllegalStateException("message " + id + " is not as it was");
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static long cpu() {
    return ProcessHandle.current().info().totalCpuDuration().map(Duration::toNanos).orElse(0L);
  }

  private double p99() {
    long left = added.get() / 100;
    int at = TENTHS - 1;
    while (at > 0 && left >= latencies.get(at)) {
      left -= latencies.get(at--);
    }
    return (at + 1) / 10.0;
  }

  /** Octets that this process has handed to the system to write, or 0 where that is not told. */
  private static long written() throws IOException {
    var told = Path.of("/proc/self/io");
    if (!Files.exists(told)) {
      return 0;
    }
    return Files.readAllLines(told).stream()
        .filter(line -> line.startsWith("wchar: "))
        .mapToLong(line -> Long.parseLong(line.substring(7)))
        .sum();
  }

  /** Removes a directory that has no others in it. */
  static void delete(Path directory) throws IOException {
    try (var files = Files.walk(directory)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /** The queue, rows and index included; each message has a recipient at one of 64 domains. */
  private static final class Queue implements Kept {
    private static final String ZONE = "default";
    private static final int DESTINATIONS = 64;
    private static final RecipientResult DELIVERED =
        new RecipientResult.Delivered(SmtpReply.of(250, "2.0.0", "Ok"));

    private final LogQueueStore store;
    private final LinkedBlockingQueue<String> due = new LinkedBlockingQueue<>();

    Queue(Path directory) {
      store = LogQueueStore.open(directory, Timer.system(), Metrics.none(), 64 << 20, 0);
      store.onDue((zone, destination, at) -> due.add(destination));
    }

    private static String destination(long id) {
      return "d" + id % DESTINATIONS + ".example";
    }

    @Override
    public void add(long id, byte[] body) {
      var recipient = Recipient.of("user@" + destination(id));
      var done = new CompletableFuture<Void>();
      while (store.refusal().isPresent()) {
        Thread.yield(); // as a client does that is told to come again, but sooner
      }
      try (var writer = store.spool().open(body.length)) {
        writer.write(ByteBuffer.wrap(body));
        var now = Instant.now();
        var row = new NewRow(recipient, ZONE, destination(id), null, now);
        store.add(
            new NewMessage(
                store.newId(),
                Envelope.of((EmailAddress) null, List.of(recipient)),
                writer.finish(),
                List.of(row),
                now,
                null,
                null,
                null),
            (stored, why) -> {
              if (why == null) {
                done.complete(null);
              } else {
                done.completeExceptionally(why);
              }
            });
      }
      done.join();
    }

    @Override
    public int take(long id) throws IOException, InterruptedException {
      List<Lease> leases = List.of();
      while (leases.isEmpty()) { // one for each id, but perhaps another one
        leases = store.claim(ZONE, due.take(), 1, Duration.ofMinutes(1));
      }
      var lease = leases.getFirst();
      int size;
      try (var in = store.open(lease.id()).open()) {
        size = QueueRivals.drain(in);
      }
      store.settle(lease, List.of(DELIVERED));
      return size;
    }

    @Override
    public void close() {
      store.close();
    }
  }
}
