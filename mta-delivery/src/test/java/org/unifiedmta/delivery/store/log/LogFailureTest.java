package org.unifiedmta.delivery.store.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.unifiedmta.delivery.queue.Mail.START;
import static org.unifiedmta.delivery.queue.Mail.ZONE;
import static org.unifiedmta.delivery.queue.Mail.add;
import static org.unifiedmta.delivery.queue.Mail.addLater;
import static org.unifiedmta.delivery.queue.Mail.await;
import static org.unifiedmta.delivery.queue.Mail.message;
import static org.unifiedmta.delivery.queue.Mail.read;
import static org.unifiedmta.delivery.queue.Mail.readBytes;
import static org.unifiedmta.delivery.queue.Mail.row;
import static org.unifiedmta.delivery.queue.Mail.spool;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.InsufficientStorageException;
import org.unifiedmta.core.spool.SpoolWriter;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.queue.QueuedMessage;
import org.unifiedmta.delivery.queue.RecipientResult;

/** What is said, and what is not, when the disk fails, is full, or is slow. */
@Timeout(60)
class LogFailureTest {
  private static final int SEGMENT = 64 * 1024;
  private static final List<RecipientResult> DELIVERED =
      List.of(new RecipientResult.Delivered(SmtpReply.of(250, "2.0.0", "Ok")));

  @TempDir Path place;
  private final ManualTimer timer = new ManualTimer(START);
  private final FaultyDisk disk = new FaultyDisk();
  private Path directory;
  private LogQueueStore store;

  @BeforeEach
  void open() {
    directory = place.resolve("queue");
    store = Logs.open(directory, timer, SEGMENT, disk);
  }

  @AfterEach
  void close() {
    disk.forceWaitsFor.countDown();
    store.close();
  }

  private LogQueueStore openedAfterCrash() {
    disk.forceFails = false;
    disk.writeFails = false;
    return Logs.open(Logs.copy(directory), timer, SEGMENT, disk);
  }

  @Test
  void nothingIsAcknowledgedBeforeTheSyncHasReturned() {
    var gate = new CountDownLatch(1);
    disk.forceWaitsFor = gate;
    var first = addLater(store, message(store, "first", START, "a.example"));
    await(() -> disk.waiting == 1);
    var second = addLater(store, message(store, "second", START, "a.example"));
    assertThat(first).isNotDone();
    assertThat(second).isNotDone();
    assertThat(store.list(null, 9)).isEmpty();
    gate.countDown();
    await(first);
    await(second);
    assertThat(store.list(null, 9)).hasSize(2);
  }

  @Test
  void afterAFailedSyncNothingIsEverAcknowledged() {
    var before = add(store, "before", "a.example");
    disk.forceFails = true;
    assertThatThrownBy(() -> add(store, "during", "a.example"))
        .hasMessageContaining("Input/output error");
    disk.forceFails = false;
    assertThat(store.hasFailed()).isTrue();
    assertThat(store.refusal()).get().asString().contains("could not be written");
    assertThatThrownBy(() -> spool(store, "x")).isInstanceOf(InsufficientStorageException.class);
    assertThat(read(store.open(before))).as("reads go on").isEqualTo("before");
    store.settle(store.claim(ZONE, "a.example", 1, Duration.ofMinutes(1)).getFirst(), DELIVERED);
    store.close();
    try (var after = openedAfterCrash()) {
      assertThat(after.list(null, 9)).extracting(QueuedMessage::id).contains(before);
    }
  }

  @Test
  void afterAFailedWriteAllThatWaitsAndAllThatComesLaterFails() {
    var gate = new CountDownLatch(1);
    disk.forceWaitsFor = gate;
    var acknowledged = addLater(store, message(store, "acknowledged", START, "a.example"));
    await(() -> disk.waiting == 1);
    var later = new ArrayList<CompletableFuture<String>>();
    for (int i = 0; i < 20; i++) {
      later.add(addLater(store, message(store, "waits " + i, START, "a.example")));
    }
    var spooled = message(store, "spooled before", START, "a.example");
    disk.writeFails = true;
    gate.countDown();
    assertThat(await(acknowledged)).isNotNull();
    for (var each : later) {
      assertThatThrownBy(() -> await(each)).hasMessageContaining("Input/output error");
    }
    disk.writeFails = false;
    assertThatThrownBy(() -> add(store, spooled)).hasMessageContaining("Input/output error");
    try (var after = openedAfterCrash()) {
      assertThat(after.list(null, 99)).hasSize(1);
    }
  }

  @Test
  void aLargeMessageFailsWhenOneOfItsPiecesCouldNotBeWritten() {
    var writer = store.spool().open(-1);
    disk.writeFails = true;
    for (int i = 0; i < 20; i++) {
      writer.write(ByteBuffer.allocate(60_000));
    }
    await(() -> store.refusal().isPresent());
    assertThatThrownBy(() -> await(() -> finishes(writer)))
        .isInstanceOf(InsufficientStorageException.class);
    await(writer::isWritable); // whoever waits is let go when the last piece has been refused
  }

  private static boolean finishes(SpoolWriter writer) {
    writer.finish();
    return false;
  }

  @Test
  void onAFullDiskMailIsRefusedAndWhatIsSettledIsStillWritten() {
    var ids = new ArrayList<String>();
    await(() -> Logs.spares(directory) == 2); // one to come next, one in reserve
    disk.full = true;
    assertThatThrownBy(
            () -> {
              for (int i = 0; i < 1000; i++) {
                ids.add(add(store, "Subject: filler\r\n\r\n" + "x".repeat(3000), "a.example"));
              }
            })
        .isInstanceOf(InsufficientStorageException.class);
    assertThat(ids).hasSizeGreaterThan(1);
    assertThat(store.hasFailed()).isFalse();
    assertThat(store.refusal()).get().asString().contains("No space left");
    var lease = store.claim(ZONE, "a.example", 1, Duration.ofMinutes(1)).getFirst();
    store.settle(lease, DELIVERED);
    store
        .claim(ZONE, "a.example", 1000, Duration.ofMinutes(1))
        .forEach(each ->
            store.settle(
                each,
                List.of(
                    new RecipientResult.Deferred(
                        SmtpReply.of(450, "4.2.0", "later"), START.plusSeconds(9)))));
    disk.full = false;
    await(() -> store.refusal().isEmpty());
    ids.add(add(store, "there is room again", "a.example"));
    store.close();
    store = Logs.open(directory, timer, SEGMENT, disk);
    assertThat(store.list(null, 1000))
        .extracting(QueuedMessage::id)
        .isEqualTo(ids.subList(1, ids.size()));
    assertThat(store.find(ids.get(1)).orElseThrow().rows().getFirst().attempts()).isEqualTo(1);
  }

  @Test
  void whereLittleIsLeftOfTheDiskNewMailIsRefusedBeforeItIsFull() {
    add(store, "Subject: x\r\n\r\nx", "a.example");
    disk.free = new Disk.Free(49_999, 1_000_000);
    await(() -> store.refusal().isPresent());
    assertThat(store.refusal().orElseThrow()).contains("49999 octets are left");
    assertThatThrownBy(() -> add(store, "Subject: x\r\n\r\nx", "a.example"))
        .isInstanceOf(InsufficientStorageException.class);
    var lease = store.claim(ZONE, "a.example", 1, Duration.ofMinutes(1)).getFirst();
    store.settle(lease, DELIVERED); // what is there goes on
    disk.free = new Disk.Free(50_000, 1_000_000);
    await(() -> store.refusal().isEmpty());
    add(store, "Subject: x\r\n\r\nx", "a.example");
    disk.free = new Disk.Free(1L << 30, 1L << 50); // five percent would be absurd
    add(store, "Subject: x\r\n\r\nx", "a.example");
    assertThat(store.refusal()).isEmpty();
  }

  @Test
  void whereLittleMemoryIsLeftNobodyBeginsAnew() {
    var writers = new ArrayList<SpoolWriter>();
    while (store.refusal().isEmpty()) {
      var writer = store.spool().open(-1);
      writer.write(java.nio.ByteBuffer.allocate(64 * 1024));
      writers.add(writer);
      assertThat(writers).hasSizeLessThan(100);
    }
    assertThat(store.refusal().orElseThrow()).contains("memory");
    writers.forEach(SpoolWriter::close);
    assertThat(store.refusal()).isEmpty();
  }

  @Test
  void aReaderSurvivesInterruptsAndSoDoOthers() throws Exception {
    var body = new byte[700_000];
    new Random(5).nextBytes(body);
    var id =
        add(
            store,
            message(
                store, spool(store, body, 9000), List.of(row("a@b.example", "b.example", START))));
    var good = new AtomicInteger();
    var readers = new ArrayList<Thread>();
    for (int i = 0; i < 4; i++) {
      readers.add(
          Thread.ofVirtual()
              .start(() -> {
                for (int n = 0; n < 30; n++) {
                  Thread.currentThread().interrupt();
                  if (Arrays.equals(readBytes(store.open(id)), body)) {
                    good.incrementAndGet();
                  }
                }
              }));
    }
    for (var reader : readers) {
      while (!reader.join(Duration.ofMillis(1))) {
        reader.interrupt();
      }
    }
    assertThat(good).hasValue(120);
    assertThat(add(store, "the log goes on", "a.example")).isNotNull();
  }

  @Test
  void aSlowDiskStopsTheSpoolUntilItHasCaughtUp() {
    var gate = new CountDownLatch(1);
    disk.forceWaitsFor = gate;
    var blocker = addLater(store, message(store, "x", START, "a.example"));
    await(() -> disk.waiting == 1);
    var writer = store.spool().open(10_000_000);
    int written = 0;
    while (writer.isWritable()) {
      writer.write(ByteBuffer.allocate(60_000));
      assertThat(written += 60_000).isLessThan(2_000_000);
    }
    var resumed = new AtomicInteger();
    writer.onWritable(resumed::incrementAndGet);
    assertThat(resumed).hasValue(0);
    gate.countDown();
    await(() -> resumed.get() == 1);
    await(writer::isWritable);
    writer.onWritable(resumed::incrementAndGet);
    assertThat(resumed).hasValue(2);
    await(blocker);
    writer.close();
  }

  @Test
  void whatIsSettledIsOnTheDiskSoonWithoutFurtherMail() {
    var id = add(store, "mail", "a.example");
    int before = disk.forces;
    store.settle(store.claim(ZONE, "a.example", 1, Duration.ofMinutes(1)).getFirst(), DELIVERED);
    await(() -> disk.forces > before);
    try (var after = openedAfterCrash()) {
      assertThat(after.find(id)).isEmpty();
    }
  }

  @Test
  void aReaderKeepsTheFileOfAMessageThatIsFinishedMeanwhile() throws Exception {
    var text = "Subject: slow\r\n\r\n" + "y".repeat(20_000);
    var id = add(store, text, "slow.example");
    try (var in = store.open(id).open()) {
      var start = in.readNBytes(100);
      store.settle(
          store.claim(ZONE, "slow.example", 1, Duration.ofMinutes(1)).getFirst(), DELIVERED);
      for (int i = 0; i < 200; i++) {
        add(store, "Subject: filler\r\n\r\n" + "x".repeat(3000), "a.example");
        store.settle(
            store.claim(ZONE, "a.example", 1, Duration.ofMinutes(1)).getFirst(), DELIVERED);
      }
      assertThat(new String(start) + new String(in.readAllBytes())).isEqualTo(text);
    }
    await(() -> {
      add(store, "Subject: filler\r\n\r\n" + "x".repeat(3000), "b.example");
      store.settle(store.claim(ZONE, "b.example", 1, Duration.ofMinutes(1)).getFirst(), DELIVERED);
      return Logs.segments(directory).size() <= 3;
    });
  }
}
