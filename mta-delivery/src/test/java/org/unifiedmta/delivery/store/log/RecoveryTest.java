package org.unifiedmta.delivery.store.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.unifiedmta.delivery.queue.Mail.START;
import static org.unifiedmta.delivery.queue.Mail.ZONE;
import static org.unifiedmta.delivery.queue.Mail.add;
import static org.unifiedmta.delivery.queue.Mail.message;
import static org.unifiedmta.delivery.queue.Mail.read;
import static org.unifiedmta.delivery.queue.Mail.row;
import static org.unifiedmta.delivery.queue.Mail.spool;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.queue.Lease;
import org.unifiedmta.delivery.queue.Mail;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.queue.QueuedMessage;
import org.unifiedmta.delivery.queue.QueuedRow;
import org.unifiedmta.delivery.queue.RecipientResult;

/** What is there after a crash, and after damage. */
@Timeout(120)
class RecoveryTest {
  private static final int SEGMENT = 8 * 1024;

  private static final List<RecipientResult> DELIVERED =
      List.of(new RecipientResult.Delivered(SmtpReply.of(250, "2.0.0", "Ok")));
  private static final List<RecipientResult> DEFERRED =
      List.of(
          new RecipientResult.Deferred(SmtpReply.of(450, "4.2.0", "later"), START.plusSeconds(60)));

  @TempDir Path place;
  private final ManualTimer timer = new ManualTimer(START);
  private final FaultyDisk disk = new FaultyDisk();
  private final Map<String, String> added = new LinkedHashMap<>();
  private Path directory;
  private LogQueueStore store;

  @BeforeEach
  void open() {
    directory = place.resolve("queue");
    store = open(directory);
  }

  @AfterEach
  void close() {
    disk.forceWaitsFor.countDown();
    store.close();
  }

  private LogQueueStore open(Path queue) {
    return Logs.open(queue, timer, SEGMENT, disk);
  }

  private Lease claimOne(String destination) {
    return store.claim(ZONE, destination, 1, Duration.ofMinutes(1)).getFirst();
  }

  private String addOne(String text) {
    var id = add(store, text, "a.example");
    added.put(id, text);
    return id;
  }

  private static Map<String, String> contents(LogQueueStore opened) {
    var found = new LinkedHashMap<String, String>();
    for (var message : opened.list(null, 1000)) {
      found.put(message.id(), read(opened.open(message.id())));
    }
    return found;
  }

  /** Three acknowledged messages, the second with a settled recipient, and their segment. */
  private Path smallLog() {
    addOne("Subject: one\r\n\r\n1\r\n");
    var id = add(store, "Subject: two\r\n\r\n2\r\n", "b.example", "c.example");
    added.put(id, "Subject: two\r\n\r\n2\r\n");
    store.settle(store.claim(ZONE, "b.example", 1, Duration.ofMinutes(1)).getFirst(), DEFERRED);
    addOne("Subject: three\r\n\r\n3\r\n");
    return Logs.segments(directory).getLast();
  }

  private static int usedSize(byte[] log) {
    int used = log.length;
    while (log[used - 1] == 0) {
      used--;
    }
    return used;
  }

  @Test
  void whatWasAcknowledgedIsThereAfterACrash() {
    smallLog();
    try (var after = open(Logs.copy(directory))) {
      assertThat(contents(after)).isEqualTo(added);
      assertThat(after.counts())
          .containsEntry(DeliveryStatus.PENDING, 3L)
          .containsEntry(DeliveryStatus.DEFERRED, 1L);
    }
  }

  @Test
  void whatWasLeasedAtTheCrashIsClaimableAtOnce() {
    addOne("mail");
    assertThat(store.claim(ZONE, "a.example", 1, Duration.ofDays(1))).hasSize(1);
    try (var after = open(Logs.copy(directory))) {
      assertThat(after.claim(ZONE, "a.example", 1, Duration.ofDays(1))).hasSize(1);
    }
  }

  @Test
  void afterACrashInTheMiddleOfAFanOutThoseAreServedThatWereNot() throws IOException {
    var destinations = new String[1000];
    for (int i = 0; i < destinations.length; i++) {
      destinations[i] = "d" + i % 100 + ".example";
    }
    add(store, "mail", destinations);
    var done = new ArrayList<Integer>();
    for (int i = 0; i < 50; i++) {
      var lease = claimOne("d" + i + ".example");
      done.addAll(lease.rows());
      store.settle(lease, Collections.nCopies(lease.rows().size(), DELIVERED.getFirst()));
    }
    assertThat(store.claim(ZONE, "d50.example", 1, Duration.ofDays(1))).hasSize(1); // in flight
    addOne("behind it, so that what was settled is synced");
    try (var after = open(Logs.copy(directory))) {
      var left = new ArrayList<Integer>();
      for (var destination : new HashSet<>(List.of(destinations))) {
        after
            .claim(ZONE, destination, 10, Duration.ofMinutes(1))
            .forEach(lease -> left.addAll(lease.rows()));
      }
      assertThat(done).hasSize(500);
      assertThat(left).hasSize(500).doesNotContainAnyElementsOf(done);
    }
  }

  @Test
  void whatWasBeingHandedOverAtTheCrashIsToldOnceAndMarkedFromThenOn() {
    var id = add(store, "mail", "a.example", "b.example", "a.example");
    var lease = claimOne("a.example");
    store.handOver(lease, List.of(2));
    store.handOver(claimOne("b.example"), List.of(1));
    var copy = Logs.copy(directory);
    for (int crash = 0; crash < 3; crash++) {
      try (var after = open(copy)) {
        assertThat(after.interrupted())
            .isEqualTo(crash == 0 ? Map.of(id, List.of(1, 2)) : Map.of());
        assertThat(after.interrupted()).isEmpty();
        assertThat(after.find(id).orElseThrow().rows())
            .extracting(QueuedRow::possibleDuplicate)
            .containsExactly(false, true, true);
        if (crash == 1) { // a clear answer now does not say what became of the first attempt
          var again = after.claim(ZONE, "b.example", 1, Duration.ofMinutes(1)).getFirst();
          after.handOver(again, List.of(1));
          after.settle(again, DEFERRED);
        }
      }
    }
  }

  @Test
  void twoCrashesAreToldTwice() {
    var id = addOne("mail");
    var current = store;
    var at = directory;
    for (int crash = 0; crash < 2; crash++) {
      current.handOver(
          current.claim(ZONE, "a.example", 1, Duration.ofMinutes(1)).getFirst(), List.of(0));
      at = Logs.copy(at);
      if (current != store) {
        current.close();
      }
      current = open(at);
      assertThat(current.interrupted()).isEqualTo(Map.of(id, List.of(0)));
    }
    current.close();
  }

  @Test
  void nothingIsHandedOverWhenThatCannotBeNoted() {
    addOne("mail");
    var lease = claimOne("a.example");
    store.close();
    assertThatThrownBy(() -> store.handOver(lease, List.of(0))).isInstanceOf(MtaException.class);
  }

  @Test
  void aLogCutAnywhereHasWhatWasWholeBeforeTheCut() throws IOException {
    var segment = smallLog();
    var bytes = Files.readAllBytes(segment);
    var ends = messageEnds(segment);
    assertThat(ends).hasSize(3);
    for (int cut = 0; cut <= usedSize(bytes); cut++) {
      var copy = Logs.copy(directory);
      Files.write(copy.resolve(segment.getFileName()), Arrays.copyOf(bytes, cut));
      if (cut < Format.SEGMENT_HEADER) {
        assertDamaged(copy, segment, 0);
      } else {
        int at = cut;
        var expected = new LinkedHashMap<String, String>();
        var ids = List.copyOf(added.keySet());
        for (int i = 0; i < ends.size(); i++) {
          if (ends.get(i) <= at) {
            expected.put(ids.get(i), added.get(ids.get(i)));
          }
        }
        for (int round = 0; round < 2; round++) {
          try (var after = open(copy)) {
            assertThat(contents(after)).as("cut at %d", cut).isEqualTo(expected);
            var id = add(after, "new", "a.example");
            assertThat(id).isGreaterThan(expected.keySet().stream().reduce("", (a, b) -> b));
            expected.put(id, "new");
          }
        }
      }
      Logs.delete(copy);
    }
  }

  private static List<Integer> messageEnds(Path segment) throws IOException {
    var ends = new ArrayList<Integer>();
    var bytes = ByteBuffer.wrap(Files.readAllBytes(segment));
    int at = Format.SEGMENT_HEADER;
    while (bytes.getInt(at + 4) != 0) {
      int end = at + Format.RECORD_HEADER + bytes.getInt(at);
      if (bytes.getInt(at + 4) == Format.MESSAGE) {
        ends.add(end);
      }
      at = end;
    }
    return ends;
  }

  private void assertDamaged(Path copy, Path segment, int offset) {
    assertThatThrownBy(() -> open(copy))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(copy.resolve(segment.getFileName()).toString())
        .hasMessageContaining("at offset " + offset + " ")
        .hasMessageContaining("restore the file from a copy");
  }

  @Test
  void aByteThatTurnedIsFoundAndNamedOrInTheLastRecordCutOff() throws IOException {
    var segment = smallLog();
    var bytes = Files.readAllBytes(segment);
    var ids = List.copyOf(added.keySet());
    int settled = messageEnds(segment).get(1);
    int lastMessage = settled + recordSize(bytes, settled);
    for (int at = 0; at < usedSize(bytes); at++) {
      var copy = flipped(segment, bytes, at);
      try (var after = open(copy)) {
        var found = contents(after);
        assertThat(added).as("byte %d", at).containsAllEntriesOf(found);
        assertThat(found).containsKeys(ids.get(0), ids.get(1));
        assertThat(found.containsKey(ids.get(2))).isEqualTo(at < lastMessage);
        assertThat(at).as("before it, all was synced").isGreaterThanOrEqualTo(settled);
      } catch (ConfigException e) {
        assertNamesAPlace(e, copy.resolve(segment.getFileName()));
        assertThat(at).isLessThan(settled);
      }
      Logs.delete(copy);
    }
  }

  private static int recordSize(byte[] segment, int at) {
    return Format.RECORD_HEADER + ByteBuffer.wrap(segment).getInt(at);
  }

  private static void assertNamesAPlace(ConfigException e, Path segment) {
    assertThat(e)
        .hasMessageContaining(segment.toString())
        .hasMessageMatching(".* at offset \\d+ .*");
  }

  @Test
  void inALogThatWasClosedNoByteCanTurnWithoutNotice() throws IOException {
    var segment = smallLog();
    store.close();
    var bytes = Files.readAllBytes(segment);
    for (int at = 0; at < usedSize(bytes); at++) {
      var copy = flipped(segment, bytes, at);
      try (var after = open(copy)) {
        assertThat(contents(after)).as("byte %d", at).isEqualTo(added);
      } catch (ConfigException e) {
        assertNamesAPlace(e, copy.resolve(segment.getFileName()));
      } catch (UncheckedIOException e) { // it was read only when it was asked for
        assertThat(e).hasMessageContaining(copy.resolve(segment.getFileName()) + " is damaged");
      }
      Logs.delete(copy);
      copy = flipped(segment, bytes, at);
      Files.delete(copy.resolve(IndexFile.NAME)); // now all of it is read at the start
      try (var after = open(copy)) {
        assertThat(contents(after)).as("byte %d", at).isEqualTo(added);
      } catch (ConfigException e) {
        assertNamesAPlace(e, copy.resolve(segment.getFileName()));
      }
      Logs.delete(copy);
    }
  }

  private Path flipped(Path segment, byte[] bytes, int at) throws IOException {
    var copy = Logs.copy(directory);
    var turned = bytes.clone();
    turned[at] ^= (byte) (1 << at % 8);
    Files.write(copy.resolve(segment.getFileName()), turned);
    return copy;
  }

  @Test
  void aMissingRecordInAnEarlierSegmentIsDamageEvenIfItIsTheLastOne() throws IOException {
    while (Logs.segments(directory).size() < 2) {
      addOne("Subject: filler\r\n\r\n" + "x".repeat(500));
    }
    var copy = Logs.copy(directory);
    var first = Logs.segments(copy).getFirst();
    var bytes = Files.readAllBytes(first);
    int end = messageEnds(first).getLast();
    Files.write(first, Arrays.copyOf(bytes, end));
    assertThatThrownBy(() -> open(copy))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(first.getFileName() + " at offset " + end);
  }

  @Test
  void aHoleInWhatWasNeverSyncedIsATornTail() throws IOException {
    // Three records of one group: the disk wrote the last, not the middle one.
    addOne("first");
    var held = new CountDownLatch(1);
    disk.forceWaitsFor = held;
    var a = Mail.addLater(store, message(store, "a", START, "x.example"));
    var segment = Logs.segments(directory).getLast();
    Mail.await(() -> ends(segment) == 2);
    var b = Mail.addLater(store, message(store, "b", START, "x.example"));
    var c = Mail.addLater(store, message(store, "c", START, "x.example"));
    held.countDown();
    List.of(a, b, c).forEach(Mail::await);
    var ends = messageEnds(segment);
    assertThat(ends).hasSize(4);
    var copy = Logs.copy(directory);
    var bytes = Files.readAllBytes(segment);
    Arrays.fill(bytes, ends.get(1), ends.get(2), (byte) 0);
    Files.write(copy.resolve(segment.getFileName()), bytes);
    // "a" had its own sync; "b" and "c" shared one, so that "b" may be missing.
    for (int round = 0; round < 2; round++) {
      try (var after = open(copy)) {
        assertThat(contents(after).values()).containsExactly("first", "a", "c");
      }
    }
  }

  private static int ends(Path segment) {
    try {
      return messageEnds(segment).size();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void recordsOfAnotherSegmentAreNeverRead() throws IOException {
    // A recycled file: behind the new records lie old ones, at the same offsets.
    addOne("one");
    addOne("two");
    var copy = Logs.copy(directory);
    var old = Files.readAllBytes(Logs.segments(copy).getLast());
    var second = place.resolve("second");
    try (var other = open(second)) {
      add(other, "one", "a.example");
    }
    var segment = Logs.segments(second).getLast();
    var bytes = Files.readAllBytes(segment);
    int end = messageEnds(segment).getLast();
    System.arraycopy(old, end, bytes, end, old.length - end);
    Files.write(segment, bytes, StandardOpenOption.TRUNCATE_EXISTING);
    try (var after = open(second)) {
      assertThat(contents(after).values()).containsExactly("one");
    }
  }

  @Test
  void idsNeverGoBackEvenIfAllMailIsGoneAndTheClockIsWrong() {
    var last = "";
    for (int i = 0; i < 60; i++) {
      last = addOne("Subject: filler\r\n\r\n" + "x".repeat(500));
      store.settle(store.claim(ZONE, "a.example", 1, Duration.ofMinutes(1)).getFirst(), DELIVERED);
    }
    timer.advance(Duration.ofDays(-400));
    for (int i = 0; i < 3; i++) {
      store.close();
      store = open(directory);
      assertThat(store.list(null, 1)).isEmpty();
      assertThat(store.newId()).isGreaterThan(last);
    }
  }

  @Test
  void finishedMailGivesItsRoomBackAndUnfinishedMailKeepsIts() {
    var stays = add(store, "stays", "slow.example");
    for (int i = 0; i < 300; i++) {
      add(store, "Subject: filler\r\n\r\n" + "x".repeat(500), "a.example");
      store.settle(store.claim(ZONE, "a.example", 1, Duration.ofMinutes(1)).getFirst(), DELIVERED);
    }
    Mail.await(() -> Logs.segments(directory).size() <= 3);
    for (int i = 0; i < 2; i++) {
      assertThat(store.list(null, 9)).extracting(QueuedMessage::id).containsExactly(stays);
      assertThat(read(store.open(stays))).isEqualTo("stays");
      store.close();
      store = open(directory);
    }
    assertThat(Logs.segments(directory)).hasSizeLessThanOrEqualTo(4);
  }

  @Test
  void aFewOldMessagesDoNotKeepAllThatCameAfterThem() {
    // Each message is settled a segment later, so that each segment speaks of the one before.
    var stays = add(store, "stays", "slow.example", "gone.example", "later.example");
    store.settle(claimOne("gone.example"), DELIVERED);
    store.settle(claimOne("later.example"), DEFERRED);
    var open = new ArrayDeque<Lease>();
    for (int i = 0; i < 300; i++) {
      add(store, "Subject: filler\r\n\r\n" + "x".repeat(500), "a.example");
      open.add(claimOne("a.example"));
      if (open.size() > 15) {
        store.settle(open.remove(), DELIVERED);
      }
    }
    open.forEach(lease -> store.settle(lease, DELIVERED));
    Mail.await(() -> {
      add(store, "more", "a.example");
      store.settle(claimOne("a.example"), DELIVERED);
      return Logs.segments(directory).size() <= 5;
    });
    assertThat(claimOne("slow.example").id()).isEqualTo(stays);
    for (int i = 0; i < 3; i++) {
      var copy = Logs.copy(directory);
      store.close();
      store = open(i == 1 ? copy : directory);
      assertThat(store.list(null, 9)).extracting(QueuedMessage::id).containsExactly(stays);
      assertThat(store.find(stays).orElseThrow().rows())
          .extracting(QueuedRow::status)
          .containsExactly(DeliveryStatus.PENDING, DeliveryStatus.DEFERRED);
      assertThat(read(store.open(stays))).isEqualTo("stays");
    }
  }

  @Test
  void aLargeMessageKeepsAllSegmentsThatItsPiecesAreIn() {
    var large = "Subject: large\r\n\r\n" + "0123456789".repeat(60_000);
    var id =
        add(
            store,
            message(store, spool(store, large), List.of(row("a@b.example", "b.example", START))));
    for (int i = 0; i < 50; i++) {
      addOne("Subject: filler\r\n\r\n" + "x".repeat(500));
    }
    assertThat(read(store.open(id))).isEqualTo(large);
    try (var after = open(Logs.copy(directory))) {
      assertThat(read(after.open(id))).isEqualTo(large);
      after.cancel(id);
      assertThat(after.find(id)).isEmpty();
    }
  }

  @Test
  void aMissingSegmentThatALiveMessageNeedsIsDamage() throws IOException {
    var large = "Subject: large\r\n\r\n" + "0123456789".repeat(60_000);
    var id =
        add(
            store,
            message(store, spool(store, large), List.of(row("a@b.example", "b.example", START))));
    var copy = Logs.copy(directory);
    var first = Logs.segments(copy).getFirst();
    Files.delete(first);
    assertThatThrownBy(() -> open(copy))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("needs " + first.getFileName());
    store.cancel(id);
  }

  @Test
  void piecesOfAMessageThatWasGivenUpAreGarbage() {
    for (int i = 0; i < 10; i++) {
      var body = spool(store, "Subject: large\r\n\r\n" + "0123456789".repeat(60_000));
      assertThat(read(body)).hasSize(18 + 600_000);
      body.close();
    }
    addOne("last");
    Mail.await(() -> {
      addOne("more");
      return Logs.segments(directory).size() <= 3;
    });
  }
}
