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
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.NewMessage;
import org.unifiedmta.delivery.queue.NewRow;
import org.unifiedmta.delivery.queue.QueueStore;
import org.unifiedmta.delivery.queue.RecipientResult;
import org.unifiedmta.delivery.store.log.LogQueueStore;

/**
 * How many messages a second the durable queue takes, and how many come and go: added, claimed and
 * settled. Its arguments are the seconds of each measurement and a directory on the disk to
 * measure, by default {@code 5} and the one for temporary files.
 */
public final class QueueLoad {
  private static final String ZONE = "default";
  private static final int[] SIZES = {4 * 1024, 64 * 1024};
  private static final int[] PRODUCERS = {1, 16, 64};
  private static final RecipientResult DELIVERED =
      new RecipientResult.Delivered(SmtpReply.of(250, "2.0.0", "Ok"));

  private final QueueStore store;
  private final byte[] body;
  private final long end;
  private final AtomicLong added = new AtomicLong();
  private final AtomicLong gone = new AtomicLong();

  private QueueLoad(QueueStore store, int size, Duration time) {
    this.store = store;
    this.body = ("Subject: load\r\n\r\n" + "x".repeat(size - 17)).getBytes();
    this.end = System.nanoTime() + time.toNanos();
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    var time = Duration.ofSeconds(args.length > 0 ? Long.parseLong(args[0]) : 5);
    var parent = Path.of(args.length > 1 ? args[1] : System.getProperty("java.io.tmpdir"));
    System.out.printf(
        "%-8s%8s%12s%14s%22s%n", "", "octets", "producers", "messages/s", "written per octet");
    for (boolean churn : new boolean[] {false, true}) {
      for (int size : SIZES) {
        for (int producers : PRODUCERS) {
          measure(parent, churn, size, producers, time);
        }
      }
    }
  }

  private static void measure(Path parent, boolean churn, int size, int producers, Duration time)
      throws IOException, InterruptedException {
    var directory = Files.createTempDirectory(parent, "mta-load-");
    var written = new Written();
    try (var store = LogQueueStore.open(directory, Timer.system(), written, 64 << 20, 0)) {
      new QueueLoad(store, size, Duration.ofSeconds(1)).run(churn, producers); // to warm up
      long before = written.octets.get();
      long start = System.nanoTime();
      var load = new QueueLoad(store, size, time);
      load.run(churn, producers);
      double seconds = (System.nanoTime() - start) / 1e9;
      long count = churn ? load.gone.get() : load.added.get();
      System.out.printf(
          Locale.ROOT,
          "%-8s%,8d%12d%,14.0f%22.3f%n",
          churn ? "churn" : "add",
          size,
          producers,
          count / seconds,
          (written.octets.get() - before) / (double) (load.added.get() * size));
    } finally {
      delete(directory);
    }
  }

  private void run(boolean churn, int producers) throws InterruptedException {
    var due = new LinkedBlockingQueue<String>();
    store.onDue((zone, destination, at) -> due.add(destination));
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < producers; i++) {
      var destination = "d" + i + ".example";
      threads.add(Thread.ofVirtual().start(() -> produce(destination)));
    }
    if (churn) {
      var consumer = Thread.ofPlatform().start(() -> consume(due));
      for (var thread : threads) {
        thread.join();
      }
      while (gone.get() < added.get()) {
        due.add("d0.example");
        Thread.onSpinWait();
      }
      consumer.interrupt();
      consumer.join();
    } else {
      for (var thread : threads) {
        thread.join();
      }
    }
  }

  private void produce(String destination) {
    var recipient = Recipient.of("user@" + destination);
    var envelope = Envelope.of((EmailAddress) null, List.of(recipient));
    while (System.nanoTime() < end) {
      var stored = new CompletableFuture<String>();
      try (var writer = store.spool().open(body.length)) {
        writer.write(ByteBuffer.wrap(body));
        var now = Instant.now();
        var row = new NewRow(recipient, ZONE, destination, null, now);
        var message =
            new NewMessage(
                store.newId(), envelope, writer.finish(), List.of(row), now, null, null, null);
        store.add(
            message,
            (id, why) -> {
              if (why == null) {
                stored.complete(id);
              } else {
                stored.completeExceptionally(why);
              }
            });
      }
      stored.join();
      added.incrementAndGet();
    }
  }

  private void consume(LinkedBlockingQueue<String> due) {
    try {
      while (true) {
        for (var lease : store.claim(ZONE, due.take(), 1, Duration.ofMinutes(1))) {
          store.settle(lease, List.of(DELIVERED));
          gone.incrementAndGet();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // all is gone
    }
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

  /** What the store says that it has written. */
  static final class Written implements Metrics {
    final AtomicLong octets = new AtomicLong();

    @Override
    public void count(String name, long n, String... tags) {
      if (name.equals("queue.log.bytes")) {
        octets.addAndGet(n);
      }
    }

    @Override
    public void time(String name, Duration duration, String... tags) {}

    @Override
    public void gauge(String name, Supplier<Number> value, String... tags) {}
  }
}
