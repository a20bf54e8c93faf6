package org.unifiedmta.delivery.store.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;
import static org.unifiedmta.delivery.queue.Mail.START;
import static org.unifiedmta.delivery.queue.Mail.ZONE;
import static org.unifiedmta.delivery.queue.Mail.add;
import static org.unifiedmta.delivery.queue.Mail.await;
import static org.unifiedmta.delivery.queue.Mail.bytes;
import static org.unifiedmta.delivery.queue.Mail.message;
import static org.unifiedmta.delivery.queue.Mail.read;
import static org.unifiedmta.delivery.queue.Mail.row;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.InsufficientStorageException;
import org.unifiedmta.delivery.queue.Lease;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.queue.QueuedRow;
import org.unifiedmta.delivery.queue.RecipientResult;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue.Filter;

/** Room that little mail keeps is given back, and nothing is lost or doubled by it. */
@Timeout(120)
class CompactionTest {
  private static final int SEGMENT = 16 * 1024;
  private static final RecipientResult DELIVERED =
      new RecipientResult.Delivered(SmtpReply.of(250, "2.0.0", "Ok"));
  private static final RecipientResult DEFERRED =
      new RecipientResult.Deferred(SmtpReply.of(450, "4.2.0", "later"), START.plusSeconds(999));

  @TempDir Path place;
  private final ManualTimer timer = new ManualTimer(START);
  private final FaultyDisk disk = new FaultyDisk();
  private final Map<String, String> alive = new LinkedHashMap<>();
  private final List<Path> crashes = new ArrayList<>();
  private Path directory;
  private LogQueueStore store;

  @BeforeEach
  void open() {
    directory = place.resolve("queue");
    store = Logs.open(directory, timer, SEGMENT, disk);
  }

  @AfterEach
  void close() {
    store.close();
  }

  private static String text(int n) {
    return "Subject: " + n + "\r\n\r\n" + "x".repeat(300 + n % 50) + "\r\n";
  }

  private Lease claimOne(String destination) {
    return store.claim(ZONE, destination, 1, Duration.ofMinutes(1)).getFirst();
  }

  private static Map<String, String> contents(LogQueueStore opened) {
    var found = new LinkedHashMap<String, String>();
    for (var message : opened.list(null, 10_000)) {
      found.put(message.id(), read(opened.open(message.id())));
    }
    return found;
  }

  private void deleteIndex() {
    try {
      Files.delete(directory.resolve(IndexFile.NAME));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private long octets() {
    return Logs.segments(directory).size() * (long) SEGMENT;
  }

  private void isSmall() {
    long live = alive.values().stream().mapToLong(text -> text.length() + 400).sum();
    await(() -> octets() <= 2 * live + 4 * SEGMENT);
  }

  private void churn(int messages, int deferred) {
    for (int i = 0; i < messages; i++) {
      var id = add(store, text(i), "a.example");
      var lease = claimOne("a.example");
      if (i % deferred == 0) {
        store.settle(lease, List.of(DEFERRED));
        alive.put(id, text(i));
      } else {
        store.settle(lease, List.of(DELIVERED));
      }
    }
  }

  @Test
  void aHundredthOfTheMailThatIsDeferredForDaysDoesNotKeepTheRest() {
    churn(2000, 100);
    isSmall();
    for (int i = 0; i < 2; i++) {
      assertThat(contents(store)).isEqualTo(alive);
      assertThat(store.list(null, 100))
          .flatExtracting(message -> message.rows())
          .extracting(QueuedRow::attempts)
          .containsOnly(1);
      store.close();
      store = Logs.open(directory, timer, SEGMENT, disk);
    }
    timer.advance(Duration.ofSeconds(999));
    assertThat(store.claim(ZONE, "a.example", 1000, Duration.ofMinutes(1)))
        .extracting(Lease::id)
        .containsExactlyElementsOf(alive.keySet());
  }

  @Test
  void whatWasReroutedOrIsInDoubtIsAsItWasAfterItsMove() {
    var id = add(store, text(1), "z.example", "x.example");
    store.reroute(id, new Filter(null, "x.example", null, null), "other", "y.example");
    store.handOver(claimOne("z.example"), List.of(0));
    store.close();
    store = Logs.open(directory, timer, SEGMENT, disk);
    assertThat(store.interrupted()).isEqualTo(Map.of(id, List.of(0)));
    var first = Logs.segments(directory).getFirst();
    churn(2000, 50);
    await(() -> !Files.exists(first));
    for (int i = 0; i < 3; i++) {
      var rows = store.find(id).orElseThrow().rows();
      assertThat(rows)
          .extracting(QueuedRow::zone, QueuedRow::destination, QueuedRow::possibleDuplicate)
          .containsExactly(tuple(ZONE, "z.example", true), tuple("other", "y.example", false));
      assertThat(store.claim("other", "y.example", 1, Duration.ZERO)).hasSize(1);
      assertThat(store.claim(ZONE, "x.example", 1, Duration.ZERO)).isEmpty();
      store.close();
      if (i == 1) {
        deleteIndex();
      }
      store = Logs.open(directory, timer, SEGMENT, disk);
    }
  }

  @Test
  void mailThatIsTriedAgainAndAgainDoesNotFillTheDiskWithWhatWasSaidOfIt() {
    for (int i = 0; i < 60; i++) {
      alive.put(add(store, text(i), "a.example"), text(i));
    }
    for (int round = 0; round < 60; round++) {
      for (var lease : store.claim(ZONE, "a.example", 100, Duration.ofMinutes(1))) {
        store.settle(lease, List.of(DEFERRED));
      }
      alive.keySet().forEach(id -> store.reschedule(id, START));
    }
    isSmall();
    assertThat(contents(store)).isEqualTo(alive);
    assertThat(store.find(alive.keySet().iterator().next()).orElseThrow().rows())
        .extracting(QueuedRow::attempts)
        .containsExactly(60);
  }

  /** Many messages of which few are left, all at once. */
  private void settleMost() {
    var leases = new ArrayList<Lease>();
    for (int i = 0; i < 300; i++) {
      var id = add(store, text(i), "a.example", "b.example");
      leases.add(claimOne("a.example"));
      var other = claimOne("b.example");
      if (i % 20 == 0) {
        alive.put(id, text(i));
        store.settle(leases.removeLast(), List.of(DELIVERED));
        store.settle(other, List.of(DEFERRED));
      } else {
        store.settle(other, List.of(DELIVERED));
      }
    }
    leases.forEach(lease -> store.settle(lease, List.of(DELIVERED)));
  }

  @Test
  void aCrashAtAnyMomentLeavesEachMessageOnceAsItWas() throws IOException {
    disk.beforeRenaming = () -> crashes.add(Logs.copy(directory));
    settleMost();
    isSmall();
    store.close();
    assertThat(crashes).isNotEmpty();
    for (var crash : crashes) {
      try (var after = Logs.open(crash, timer, SEGMENT, new FaultyDisk())) {
        var found = contents(after);
        assertThat(found).containsAllEntriesOf(alive);
        assertThat(after.list(null, 1000))
            .filteredOn(message -> alive.containsKey(message.id()))
            .flatExtracting(message -> message.rows())
            .extracting(QueuedRow::number)
            .containsOnly(1);
      }
      Logs.delete(crash);
    }
  }

  @Test
  void aCopyThatIsCutAnywhereLeavesTheMessageWhereItWas() throws IOException {
    disk.beforeRenaming = () -> crashes.add(Logs.copy(directory));
    settleMost();
    isSmall();
    store.close();
    int cuts = 0;
    for (var crash : crashes) {
      var head = Logs.segments(crash).getLast();
      var copies = records(head).stream().filter(record -> record.type == Format.MOVED).toList();
      if (!copies.isEmpty() && isElsewhere(copies.getLast(), crash)) {
        var bytes = Files.readAllBytes(head);
        var last = copies.getLast();
        for (int cut = last.start; cut < last.end; cut += 7) {
          Files.write(head, Arrays.copyOf(bytes, cut));
          var copy = Logs.copy(crash);
          try (var after = Logs.open(copy, timer, SEGMENT, new FaultyDisk())) {
            assertThat(contents(after)).as("cut at %d", cut).containsAllEntriesOf(alive);
          }
          Logs.delete(copy);
          cuts++;
        }
      }
      Logs.delete(crash);
    }
    assertThat(cuts).isPositive();
  }

  private record Found(int type, int start, int end, long id) {}

  private static List<Found> records(Path segment) throws IOException {
    var found = new ArrayList<Found>();
    var bytes = ByteBuffer.wrap(Files.readAllBytes(segment));
    int at = Format.SEGMENT_HEADER;
    while (at + Format.RECORD_HEADER < bytes.limit() && bytes.getInt(at + 4) != 0) {
      int end = at + Format.RECORD_HEADER + bytes.getInt(at);
      int type = bytes.getInt(at + 4);
      int says = at + Format.RECORD_HEADER;
      says += type == Format.MOVED ? 4 + bytes.getInt(says) : 0;
      boolean isMessage = type == Format.MOVED || type == Format.MESSAGE;
      long id = isMessage ? Records.messageId(bytes.slice(says, end - says)) : -1;
      found.add(new Found(type, at, end, id));
      at = end;
    }
    return found;
  }

  private static boolean isElsewhere(Found copy, Path directory) throws IOException {
    int times = 0;
    for (var segment : Logs.segments(directory)) {
      times += (int) records(segment).stream().filter(record -> record.id == copy.id).count();
    }
    return times > 1;
  }

  @Test
  void aLargeMessageIsMovedWithItsPieces() {
    int roomy = 256 * 1024;
    store.close();
    store = Logs.open(directory, timer, roomy, disk);
    var large = "Subject: large\r\n\r\n" + "0123456789".repeat(50_000);
    var others = new ArrayList<String>();
    var writer = store.spool().open(large.length());
    for (int at = 0; at < large.length(); at += 50_000) {
      var piece = large.substring(at, Math.min(large.length(), at + 50_000));
      writer.write(ByteBuffer.wrap(bytes(piece)));
      for (int i = 0; i < 200; i++) {
        others.add(add(store, text(i), "a.example"));
      }
    }
    var rows = List.of(row("a@b.example", "b.example", START));
    var id = add(store, message(store, writer.finish(), rows));
    var before = Logs.segments(directory).getFirst();
    others.forEach(store::cancel);
    await(() -> !Files.exists(before));
    await(() -> Logs.segments(directory).size() <= 8);
    for (int i = 0; i < 2; i++) {
      assertThat(contents(store)).isEqualTo(Map.of(id, large));
      store.close();
      store = Logs.open(directory, timer, roomy, disk);
    }
    store.cancel(id);
    assertThat(store.find(id)).isEmpty();
  }

  @Test
  void whatIsSettledWhileItIsMovedStaysSettled() {
    var random = new Random(3);
    disk.beforeRenaming =
        () -> {
          if (crashes.size() < 40) {
            crashes.add(Logs.copy(directory));
          }
        };
    var all = new LinkedHashMap<String, String>();
    for (int i = 0; i < 3000; i++) {
      var id = add(store, text(i), "a.example");
      alive.put(id, text(i));
      all.put(id, text(i));
      while (alive.size() > 40 + random.nextInt(40)) {
        var ids = List.copyOf(alive.keySet());
        var gone = ids.get(random.nextInt(ids.size()));
        store.cancel(gone);
        alive.remove(gone);
      }
      if (i % 500 == 499) {
        store.close();
        store = Logs.open(directory, timer, SEGMENT, disk);
        assertThat(contents(store)).isEqualTo(alive);
      }
    }
    isSmall();
    assertThat(contents(store)).isEqualTo(alive);
    for (var crash : crashes) {
      try (var after = Logs.open(crash, timer, SEGMENT, new FaultyDisk())) {
        assertThat(all).containsAllEntriesOf(contents(after));
      }
    }
  }

  @Test
  void onAFullDiskCompactionGoesOnFromTheReserveAndMailComesInAgain() {
    var leases = new ArrayList<Lease>();
    await(() -> Logs.spares(directory) == 2);
    disk.full = true;
    try {
      for (int i = 0; i < 10_000; i++) {
        var id = add(store, text(i), "a.example");
        alive.put(id, text(i));
        leases.add(claimOne("a.example"));
      }
    } catch (InsufficientStorageException e) {
      assertThat(leases).isNotEmpty();
    }
    // One message of each segment stays.
    for (int i = 0; i < leases.size(); i++) {
      if (i % 30 == 0) {
        store.settle(leases.get(i), List.of(DEFERRED));
      } else {
        store.settle(leases.get(i), List.of(DELIVERED));
        alive.remove(leases.get(i).id());
      }
    }
    await(() -> store.refusal().isEmpty());
    var id = add(store, text(7), "a.example");
    alive.put(id, text(7));
    assertThat(contents(store)).isEqualTo(alive);
  }
}
