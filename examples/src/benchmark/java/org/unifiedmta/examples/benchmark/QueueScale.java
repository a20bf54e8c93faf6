package org.unifiedmta.examples.benchmark;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryType;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.queue.NewMessage;
import org.unifiedmta.delivery.queue.NewRow;
import org.unifiedmta.delivery.queue.RecipientResult;
import org.unifiedmta.delivery.store.log.LogQueueStore;

/**
 * Fills a durable queue with messages of ten recipients each, claims some, starts it again with its
 * index and without, in a JVM with a small heap; then stores one message to 10,000 recipients,
 * claims it in slices and settles it, in a heap of 64 MB. Its arguments are the number of messages,
 * of destinations, the heap, and a directory on the disk to measure, by default {@code 1000000
 * 100000 512m} and the one for temporary files. Its exit status is 0 if nothing was missing.
 */
public final class QueueScale {
  private QueueScale() {}

  /** Starts that JVM; its exit status is the same. */
  public static void main(String[] args) throws IOException, InterruptedException {
    var parent = args.length > 3 ? args[3] : System.getProperty("java.io.tmpdir");
    int status =
        run(
            args.length > 2 ? args[2] : "512m",
            args.length > 0 ? args[0] : "1000000",
            args.length > 1 ? args[1] : "100000",
            parent);
    System.exit(status != 0 ? status : run("64m", "1", "1", parent, "10000"));
  }

  private static int run(String heap, String... arguments)
      throws IOException, InterruptedException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Xmx" + heap);
    command.add("-XX:+UseSerialGC"); // its generations have bounds of their own, see peak
    command.add("-classpath");
    command.add(System.getProperty("java.class.path"));
    command.add(InLittleHeap.class.getName());
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).inheritIO().start().waitFor();
  }

  /** What is measured. */
  static final class InLittleHeap {
    private static final String ZONE = "default";
    private static final int RECIPIENTS = 10;
    private static final int AT_A_TIME = 256;
    private static final int CLAIMS = 20_000;
    private static final OperatingSystemMXBean SYSTEM =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    private static final RecipientResult DELIVERED =
        new RecipientResult.Delivered(SmtpReply.of(250, "2.0.0", "Ok"));

    private final Path directory;
    private final int destinations;
    private final int recipients;
    private long rows;

    private InLittleHeap(Path directory, int destinations, int recipients) {
      this.directory = directory;
      this.recipients = recipients;
      this.destinations = destinations;
    }

    public static void main(String[] args) throws IOException, InterruptedException {
      int messages = Integer.parseInt(args[0]);
      var directory = Files.createTempDirectory(Path.of(args[2]), "mta-scale-");
      try {
        int recipients = args.length > 3 ? Integer.parseInt(args[3]) : RECIPIENTS;
        var scale = new InLittleHeap(directory, Integer.parseInt(args[1]), recipients);
        if (args.length > 3) {
          scale.runOne();
        } else {
          scale.run(messages);
        }
      } finally {
        QueueLoad.delete(directory);
      }
    }

    private void run(int messages) throws IOException, InterruptedException {
      int few = Math.min(1000, messages);
      try (var store = open("opened")) {
        add(store, 0, few);
        claim(store, "claimed, of few");
        add(store, few, messages);
        claim(store, "claimed, of all");
        time("looked", 1, () -> store.destinations().size());
        time(
            "closed",
            1,
            () -> {
              store.close();
              return 0;
            });
      }
      try (var store = open("restarted")) {
        check(store);
        claim(store, "claimed");
        check(store);
      }
      size();
      Files.delete(directory.resolve("index.mv"));
      try (var store = time("rebuilt", messages, () -> open(null))) {
        check(store);
        claim(store, "claimed");
        check(store);
      }
      heap();
      System.out.println("all recipients are there");
    }

    /** One message; slice by slice, each with a restart in between. */
    private void runOne() throws IOException, InterruptedException {
      try (var store = open(null)) {
        add(store, 0, 1);
      }
      while (rows > 0) {
        try (var store = open(null)) {
          check(store);
          var leases = store.claim(ZONE, "d0.example", 2, Duration.ofMinutes(10));
          for (var lease : leases) {
            store.settle(lease, Collections.nCopies(lease.rows().size(), DELIVERED));
            rows -= lease.rows().size();
          }
        }
      }
      heap();
      System.out.println("one message to " + recipients + " was delivered to all");
    }

    private static void heap() {
      System.out.printf(
          Locale.ROOT,
          "%-18s%,d MB at most, of %,d MB%n",
          "heap",
          peak() >> 20,
          Runtime.getRuntime().maxMemory() >> 20);
    }

    private LogQueueStore open(@Nullable String what) throws IOException, InterruptedException {
      return what == null
          ? LogQueueStore.open(directory, Timer.system(), Metrics.none(), 16 << 20, 0)
          : time(what, 0, () -> open(null));
    }

    private void add(LogQueueStore store, int from, int to)
        throws IOException, InterruptedException {
      time(
          "added",
          to - from,
          () -> {
            var body = ByteBuffer.wrap(("Subject: scale\r\n\r\n" + "x".repeat(1000)).getBytes());
            var waiting = new Semaphore(AT_A_TIME);
            var failed = new AtomicReference<@Nullable Throwable>();
            for (int i = from; i < to && failed.get() == null; i++) {
              while (store.refusal().isPresent()) {
                Thread.sleep(10); // as a client does that is told to come again
              }
              waiting.acquire();
              store.add(
                  message(store, body.duplicate(), i),
                  (id, why) -> {
                    if (why != null) {
                      failed.set(why);
                    }
                    waiting.release();
                  });
            }
            waiting.acquire(AT_A_TIME);
            require(failed.get() == null, "a message was refused: " + failed.get());
            rows += (long) (to - from) * recipients;
            return to;
          });
    }

    private NewMessage message(LogQueueStore store, ByteBuffer body, int number) {
      var now = Instant.now();
      var to = new ArrayList<Recipient>();
      var places = new ArrayList<NewRow>();
      for (int i = 0; i < recipients; i++) {
        // Each message goes to other neighbours, and in the end as many to each.
        long destination = ((long) number * recipients + i) * 7919 % destinations;
        var name = "d" + destination + ".example";
        var recipient = Recipient.of("user" + number + "@" + name);
        to.add(recipient);
        places.add(new NewRow(recipient, ZONE, name, null, now));
      }
      try (var writer = store.spool().open(body.remaining())) {
        writer.write(body);
        return new NewMessage(
            store.newId(),
            Envelope.of((EmailAddress) null, to),
            writer.finish(),
            places,
            now,
            null,
            null,
            null);
      }
    }

    /** One message of each destination in turn, as the scheduler does. */
    private void claim(LogQueueStore store, String what) throws IOException, InterruptedException {
      var due = store.destinations();
      int wanted = Math.min(CLAIMS, due.size());
      time(
          what,
          wanted,
          () -> {
            int claimed = 0;
            for (var destination : due.subList(0, wanted)) {
              for (var lease :
                  store.claim(destination.zone(), destination.name(), 1, Duration.ofMinutes(10))) {
                store.settle(lease, List.of(DELIVERED));
                rows--;
                claimed++;
              }
            }
            require(claimed == wanted, "only " + claimed + " of " + wanted + " were claimed");
            return claimed;
          });
    }

    private void check(LogQueueStore store) {
      long pending = store.counts().getOrDefault(DeliveryStatus.PENDING, 0L);
      long waiting = store.destinations().stream().mapToLong(at -> at.waiting()).sum();
      require(pending == rows, pending + " recipients of " + rows);
      require(waiting == rows, waiting + " recipients wait, of " + rows);
    }

    private static void require(boolean good, String otherwise) {
      if (!good) {
        throw new IllegalStateException(otherwise);
      }
    }

    private void size() throws IOException {
      try (var files = Files.list(directory)) {
        long log = 0;
        for (var file : files.toList()) {
          log += Files.size(file);
        }
        long index = Files.size(directory.resolve("index.mv"));
        System.out.printf(
            Locale.ROOT, "%-18s%,d MB, of it the index %,d MB%n", "disk", log >> 20, index >> 20);
      }
    }

    /** The sum of what each generation used at its fullest, garbage too: no less than the peak. */
    private static long peak() {
      return ManagementFactory.getMemoryPoolMXBeans().stream()
          .filter(pool -> pool.getType() == MemoryType.HEAP)
          .mapToLong(pool -> pool.getPeakUsage().getUsed())
          .sum();
    }

    private static <T> T time(String what, long count, Step<T> step)
        throws IOException, InterruptedException {
      long start = System.nanoTime();
      long cpu = SYSTEM.getProcessCpuTime();
      long own = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
      var result = step.run();
      double seconds = (System.nanoTime() - start) / 1e9;
      double micros = (SYSTEM.getProcessCpuTime() - cpu) / 1e3;
      double mine = (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - own) / 1e3;
      System.out.printf(Locale.ROOT, "%-18s%.2f s", what, seconds);
      System.out.println(
          count > 1
              ? String.format(
                  Locale.ROOT,
                  ", %,.0f a second, %.0f us of CPU each, %.0f of it the caller's",
                  count / seconds,
                  micros / count,
                  mine / count)
              : "");
      return result;
    }

    private interface Step<T> {
      T run() throws IOException, InterruptedException;
    }
  }
}
