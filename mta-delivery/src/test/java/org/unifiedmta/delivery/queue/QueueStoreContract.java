package org.unifiedmta.delivery.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.unifiedmta.delivery.queue.Mail.START;
import static org.unifiedmta.delivery.queue.Mail.ZONE;
import static org.unifiedmta.delivery.queue.Mail.add;
import static org.unifiedmta.delivery.queue.Mail.bytes;
import static org.unifiedmta.delivery.queue.Mail.message;
import static org.unifiedmta.delivery.queue.Mail.read;
import static org.unifiedmta.delivery.queue.Mail.readBytes;
import static org.unifiedmta.delivery.queue.Mail.row;
import static org.unifiedmta.delivery.queue.Mail.spool;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.InsufficientStorageException;
import org.unifiedmta.core.spool.SpoolWriter;
import org.unifiedmta.core.spool.SpooledMessage.Cut;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.RecipientResult.Deferred;
import org.unifiedmta.delivery.queue.RecipientResult.Delivered;
import org.unifiedmta.delivery.queue.RecipientResult.Failed;
import org.unifiedmta.delivery.queue.RecipientResult.Reported;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue.Filter;
import org.unifiedmta.routing.route.Destinations;

/** What every store does. */
public abstract class QueueStoreContract {
  protected static final Duration LEASE = Duration.ofMinutes(10);
  private static final SmtpReply OK = SmtpReply.of(250, "2.0.0", "Ok");
  private static final SmtpReply BUSY = SmtpReply.of(450, "4.2.1", "Busy");
  private static final SmtpReply UNKNOWN = SmtpReply.of(550, "5.1.1", "No such user");

  protected final ManualTimer timer = new ManualTimer(START);
  protected QueueStore store;

  /** A new, empty store. */
  protected abstract QueueStore create(Timer timer);

  /** One that keeps at most about 1 MB in memory for bodies. */
  protected abstract QueueStore createSmall(Timer timer);

  /** Closed and opened again where the store survives that, else the same. */
  protected abstract QueueStore reopened(QueueStore store);

  @BeforeEach
  void open() {
    store = create(timer);
  }

  @AfterEach
  void close() {
    store.close();
  }

  private List<Lease> claim(String destination) {
    return store.claim(ZONE, destination, 10, LEASE);
  }

  private Lease claimOne(String destination) {
    var leases = claim(destination);
    assertThat(leases).hasSize(1);
    return leases.getFirst();
  }

  @Test
  void idsAreSixteenHexDigitsThatRise() {
    var before = store.newId();
    for (int i = 0; i < 40_000; i++) {
      var next = store.newId();
      assertThat(next).hasSize(16).isGreaterThan(before);
      assertThat(Long.parseLong(next, 16) >>> 14 & 0x7f).isZero();
      before = next;
    }
    timer.advance(Duration.ofDays(-1));
    assertThat(store.newId()).isGreaterThan(before);
    timer.advance(Duration.ofDays(2));
    assertThat(Long.parseLong(store.newId(), 16) >>> 21)
        .isEqualTo(
            timer.now().toEpochMilli() - Instant.parse("2020-01-01T00:00:00Z").toEpochMilli());
  }

  @Test
  void aMessageThatWasAddedIsFoundAsItWas() {
    var message = Mail.complete(store);
    var id = add(store, message);
    assertThat(id).isEqualTo(message.id());
    for (int i = 0; i < 2; i++) {
      var found = store.find(id).orElseThrow();
      assertThat(found.envelope()).isEqualTo(message.envelope());
      assertThat(found.session()).isEqualTo(message.session());
      assertThat(found.security()).isEqualTo(message.security());
      assertThat(found.queuedAt()).isEqualTo(message.queuedAt());
      assertThat(found.size()).isEqualTo("X: y\r\nSubject: all\r\n\r\nbody\r\n".length());
      assertThat(found.rows())
          .containsExactly(
              new QueuedRow(
                  0,
                  message.rows().get(0).recipient(),
                  ZONE,
                  "example.org",
                  "route",
                  DeliveryStatus.PENDING,
                  0,
                  START,
                  false,
                  History.NONE),
              new QueuedRow(
                  1,
                  message.rows().get(1).recipient(),
                  "other",
                  "host:25",
                  null,
                  DeliveryStatus.PENDING,
                  0,
                  START,
                  false,
                  History.NONE));
      assertThat(read(store.open(id))).isEqualTo("X: y\r\nSubject: all\r\n\r\nbody\r\n");
      store = reopened(store);
    }
  }

  @Test
  void whatIsDeliveredIsGone() {
    var id = add(store, "mail", "a.example");
    var lease = claimOne("a.example");
    assertThat(lease.id()).isEqualTo(id);
    assertThat(lease.rows()).containsExactly(0);
    assertThat(lease.until()).isEqualTo(START.plus(LEASE));
    assertThat(store.counts()).containsEntry(DeliveryStatus.PROCESSING, 1L);
    store.settle(lease, List.of(new Delivered(OK)));
    for (int i = 0; i < 2; i++) {
      assertThat(store.find(id)).isEmpty();
      assertThat(store.list(null, 10)).isEmpty();
      assertThat(claim("a.example")).isEmpty();
      assertThat(store.destinations()).isEmpty();
      assertThat(store.counts().values()).containsOnly(0L);
      assertThatThrownBy(() -> store.open(id)).isInstanceOf(NoSuchElementException.class);
      store = reopened(store);
    }
  }

  @Test
  void aDeferredRowComesBackWhenItIsDueWithItsHistory() {
    var id = add(store, "mail", "a.example");
    var due = START.plusSeconds(300);
    store.settle(claimOne("a.example"), List.of(new Deferred(BUSY, due)));
    for (int i = 0; i < 2; i++) {
      var row = store.find(id).orElseThrow().rows().getFirst();
      assertThat(row.status()).isEqualTo(DeliveryStatus.DEFERRED);
      assertThat(row.attempts()).isEqualTo(1);
      assertThat(row.due()).isEqualTo(due);
      assertThat(row.lastReply()).isEqualTo(BUSY);
      assertThat(claim("a.example")).isEmpty();
      assertThat(store.destinations())
          .containsExactly(new QueueStore.Destination(ZONE, "a.example", 1, due));
      store = reopened(store);
    }
    timer.advance(Duration.ofSeconds(300));
    assertThat(claimOne("a.example").id()).isEqualTo(id);
  }

  @Test
  void rowsOfOneMessageToOneDestinationMakeOneLease() {
    var id = add(store, "mail", "a.example", "b.example", "a.example", "a.example");
    var lease = claimOne("a.example");
    assertThat(lease.rows()).containsExactly(0, 2, 3);
    assertThat(claimOne("b.example").rows()).containsExactly(1);
    store.settle(
        lease,
        List.of(new Delivered(OK), new Deferred(BUSY, START.plusSeconds(60)), new Failed(UNKNOWN)));
    var found = store.find(id).orElseThrow();
    assertThat(found.rows()).extracting(QueuedRow::number).containsExactly(1, 2, 3);
    assertThat(found.rows())
        .extracting(QueuedRow::status)
        .containsExactly(DeliveryStatus.PROCESSING, DeliveryStatus.DEFERRED, DeliveryStatus.FAILED);
    assertThat(found.envelope().recipients()).hasSize(4);
    assertThat(store.counts())
        .containsEntry(DeliveryStatus.PENDING, 0L)
        .containsEntry(DeliveryStatus.PROCESSING, 1L)
        .containsEntry(DeliveryStatus.DEFERRED, 1L)
        .containsEntry(DeliveryStatus.FAILED, 1L);
  }

  @Test
  void claimsGoByDueThenById() {
    var later = add(store, message(store, "1", START.plusSeconds(2), "a.example"));
    var second = add(store, message(store, "2", START, "a.example"));
    var third = add(store, message(store, "3", START, "a.example"));
    var first = add(store, message(store, "4", START.minusSeconds(1), "a.example"));
    assertThat(store.claim(ZONE, "a.example", 2, LEASE))
        .extracting(Lease::id)
        .containsExactly(first, second);
    timer.advance(Duration.ofSeconds(5));
    assertThat(claim("a.example")).extracting(Lease::id).containsExactly(third, later);
    assertThat(store.claim("elsewhere", "a.example", 2, LEASE)).isEmpty();
  }

  @Test
  void aReleasedLeaseNeverWas() {
    var id = add(store, "mail", "a.example");
    var before = store.find(id);
    var lease = claimOne("a.example");
    store.release(lease);
    assertThat(store.find(id)).isEqualTo(before);
    assertThat(store.counts()).containsEntry(DeliveryStatus.PENDING, 1L);
    store.settle(lease, List.of(new Delivered(OK)));
    assertThat(store.find(id)).as("a lease given back settles nothing").isEqualTo(before);
    assertThat(claimOne("a.example").id()).isEqualTo(id);
  }

  @Test
  void aLeaseThatRunsOutMayBeClaimedByAnother() {
    var id = add(store, "mail", "a.example");
    var slow = claimOne("a.example");
    timer.advance(LEASE.minusSeconds(1));
    assertThat(claim("a.example")).isEmpty();
    timer.advance(Duration.ofSeconds(1));
    assertThat(store.destinations()).hasSize(1);
    var fast = claimOne("a.example");
    store.settle(slow, List.of(new Failed(UNKNOWN)));
    store.release(slow);
    assertThat(store.find(id).orElseThrow().rows().getFirst().status())
        .isEqualTo(DeliveryStatus.PROCESSING);
    store.settle(fast, List.of(new Delivered(OK)));
    assertThat(store.find(id)).isEmpty();
  }

  @Test
  void aLateResultCountsWhileNobodyElseHasClaimedTheRow() {
    var id = add(store, "mail", "a.example");
    var slow = claimOne("a.example");
    timer.advance(LEASE.plusSeconds(1));
    store.settle(slow, List.of(new Delivered(OK)));
    assertThat(store.find(id)).as("it was delivered, so it must not be sent again").isEmpty();
  }

  @Test
  void leasesEndWithTheProcess() {
    var id = add(store, "mail", "a.example", "a.example");
    var lease = claimOne("a.example");
    store = reopened(store);
    if (claim("a.example").isEmpty()) {
      store.release(lease); // a store that lives and dies with its process
    } else {
      assertThat(store.find(id).orElseThrow().rows()).hasSize(2);
    }
  }

  @Test
  void cancelFinishesWhatNoAttemptHolds() {
    var id = add(store, "mail", "a.example", "b.example");
    var lease = claimOne("a.example");
    assertThat(store.cancel(id)).isTrue();
    assertThat(store.cancel(id)).isFalse();
    assertThat(store.find(id).orElseThrow().rows())
        .extracting(QueuedRow::number)
        .containsExactly(0);
    store.settle(lease, List.of(new Deferred(BUSY, START)));
    assertThat(store.cancel(id)).isTrue();
    store = reopened(store);
    assertThat(store.find(id)).isEmpty();
    assertThat(store.cancel(id)).isFalse();
    assertThat(store.cancel("no id")).isFalse();
  }

  @Test
  void rescheduleMovesWhatNoAttemptHolds() {
    var id = add(store, "mail", "a.example", "b.example");
    var lease = claimOne("a.example");
    var due = START.plusSeconds(77);
    assertThat(store.reschedule(id, due)).isTrue();
    store = reopened(store);
    assertThat(claim("b.example")).isEmpty();
    assertThat(store.find(id).orElseThrow().rows().get(1).due()).isEqualTo(due);
    assertThat(store.reschedule(id, START)).isTrue();
    assertThat(claimOne("b.example").id()).isEqualTo(id);
    assertThat(store.reschedule("0000000000000000", due)).isFalse();
    store.release(lease);
  }

  @Test
  void failedRowsWaitForTheirReport() {
    var id = add(store, "mail", "a.example", "b.example");
    store.settle(claimOne("a.example"), List.of(new Failed(UNKNOWN)));
    store = reopened(store);
    var row = store.find(id).orElseThrow().rows().getFirst();
    assertThat(row.status()).isEqualTo(DeliveryStatus.FAILED);
    assertThat(row.destination()).isEqualTo(Destinations.REPORT);
    assertThat(row.zone()).isEqualTo(ZONE);
    assertThat(row.lastReply()).isEqualTo(UNKNOWN);
    assertThat(row.attempts()).isEqualTo(1);
    var report = claimOne(Destinations.REPORT);
    assertThat(report.rows()).containsExactly(0);
    assertThat(store.find(id).orElseThrow().rows().getFirst().status())
        .isEqualTo(DeliveryStatus.FAILED);
    store.settle(report, List.of(new Reported()));
    store = reopened(store);
    assertThat(store.find(id).orElseThrow().rows())
        .extracting(QueuedRow::number)
        .containsExactly(1);
    assertThat(claim(Destinations.REPORT)).isEmpty();
  }

  @Test
  void aReportThatCannotBeMadeNowIsMadeLater() {
    var id = add(store, "mail", "a.example");
    store.settle(claimOne("a.example"), List.of(new Failed(UNKNOWN)));
    store.settle(claimOne(Destinations.REPORT), List.of(new Deferred(BUSY, START.plusSeconds(60))));
    assertThat(claim(Destinations.REPORT)).isEmpty();
    timer.advance(Duration.ofSeconds(60));
    store = reopened(store);
    claimOne(Destinations.REPORT);
    var row = store.find(id).orElseThrow().rows().getFirst();
    assertThat(row.lastReply()).isEqualTo(UNKNOWN);
    assertThat(row.attempts()).isEqualTo(1);
  }

  @Test
  void aReportFinishesTheRowsThatItReports() {
    var id = add(store, "mail", "a.example", "a.example", "b.example");
    store.settle(claimOne("a.example"), List.of(new Failed(UNKNOWN), new Failed(UNKNOWN)));
    var report = claimOne(Destinations.REPORT);
    var dsn = message(store, "report", START, "sender.example");
    var reportId =
        add(
            store,
            new NewMessage(
                dsn.id(), dsn.envelope(), dsn.body(), dsn.rows(), START, null, null, report));
    for (int i = 0; i < 2; i++) {
      assertThat(store.find(id).orElseThrow().rows())
          .extracting(QueuedRow::number)
          .containsExactly(2);
      assertThat(read(store.open(reportId))).isEqualTo("report");
      assertThat(claim(Destinations.REPORT)).isEmpty();
      store = reopened(store);
    }
  }

  @Test
  void listsArePagesById() {
    var ids = new ArrayList<String>();
    for (int i = 0; i < 7; i++) {
      ids.add(add(store, "mail " + i, "a.example"));
    }
    assertThat(store.list(null, 3)).extracting(QueuedMessage::id).isEqualTo(ids.subList(0, 3));
    assertThat(store.list(ids.get(2), 3))
        .extracting(QueuedMessage::id)
        .isEqualTo(ids.subList(3, 6));
    assertThat(store.list(ids.get(6), 3)).isEmpty();
    assertThat(store.find("nonsense")).isEmpty();
  }

  @Test
  void whatIsOnHoldIsNotTriedUntilItIsReleased() {
    var id = add(store, "mail", "a.example", "b.example");
    var other = add(store, "other", "a.example");
    var lease = store.claim(ZONE, "b.example", 1, LEASE).getFirst();
    assertThat(store.hold(id)).isTrue();
    assertThat(store.hold(id)).as("it is already").isFalse();
    assertThat(claimOne("a.example").id()).isEqualTo(other);
    store.settle(lease, List.of(new Deferred(BUSY, START)));
    assertThat(store.counts())
        .containsEntry(DeliveryStatus.HELD, 1L)
        .containsEntry(DeliveryStatus.DEFERRED, 1L);
    for (int i = 0; i < 2; i++) {
      store = reopened(store);
      assertThat(store.find(id).orElseThrow().rows())
          .extracting(QueuedRow::status)
          .containsExactly(DeliveryStatus.HELD, DeliveryStatus.DEFERRED);
      assertThat(store.destinations())
          .filteredOn(at -> at.waiting() > 0)
          .extracting(QueueStore.Destination::name)
          .contains("b.example");
    }
    assertThat(store.reschedule(id, START.plusSeconds(5))).isTrue();
    timer.advance(Duration.ofSeconds(5));
    store.claim(ZONE, "a.example", 10, LEASE).stream()
        .map(Lease::id)
        .forEach(claimed -> assertThat(claimed).isEqualTo(other));
    assertThat(store.release(id)).isTrue();
    assertThat(store.release(id)).isFalse();
    assertThat(claim("a.example")).extracting(Lease::id).contains(id);
    assertThat(store.hold("no id")).isFalse();
    assertThat(store.release("no id")).isFalse();
  }

  @Test
  void whatIsOnHoldCanBeCancelled() {
    var id = add(store, "mail", "a.example");
    store.hold(id);
    assertThat(store.cancel(id)).isTrue();
    store = reopened(store);
    assertThat(store.find(id)).isEmpty();
    assertThat(store.counts().values()).containsOnly(0L);
  }

  @Test
  void aFailureIsReportedEvenIfTheMessageIsOnHold() {
    var id = add(store, "mail", "a.example");
    store.settle(claimOne("a.example"), List.of(new Failed(UNKNOWN)));
    assertThat(store.hold(id)).isFalse();
    claimOne(Destinations.REPORT);
  }

  @Test
  void listsAndCountsCanBeFiltered() {
    var first = add(store, "1", "a.example", "b.example");
    var held = add(store, "2", "b.example");
    var failed = add(store, "3", "c.example");
    store.hold(held);
    store.settle(claimOne("c.example"), List.of(new Failed(UNKNOWN)));
    var last = add(store, "4", "a.example");
    for (int i = 0; i < 2; i++) {
      assertThat(ids(new Filter(null, "b.example", null, null))).containsExactly(first, held);
      assertThat(ids(new Filter(ZONE, "a.example", null, null))).containsExactly(first, last);
      assertThat(ids(new Filter("other", null, null, null))).isEmpty();
      assertThat(ids(new Filter(null, null, DeliveryStatus.FAILED, null))).containsExactly(failed);
      assertThat(ids(new Filter(null, null, DeliveryStatus.HELD, null))).containsExactly(held);
      assertThat(ids(new Filter(null, null, null, "sender@example.com"))).hasSize(4);
      assertThat(ids(new Filter(null, null, null, ""))).isEmpty();
      assertThat(store.counts(new Filter(null, "b.example", null, null)))
          .containsEntry(DeliveryStatus.PENDING, 1L)
          .containsEntry(DeliveryStatus.HELD, 1L)
          .containsEntry(DeliveryStatus.FAILED, 0L);
      assertThat(store.counts(new Filter(null, null, null, "sender@example.com")))
          .isEqualTo(store.counts());
      assertThat(store.counts(new Filter(null, null, DeliveryStatus.FAILED, "")).values())
          .containsOnly(0L);
      store = reopened(store);
    }
  }

  /** In pages of one message. */
  private List<String> ids(Filter filter) {
    var ids = new ArrayList<String>();
    String after = null;
    do {
      var page = store.list(filter, after, 1);
      page.items().forEach(message -> ids.add(message.id()));
      after = page.next();
    } while (after != null);
    return ids;
  }

  @Test
  void theAttemptsForEachRecipientAreKeptWithTheirReplies() {
    var id = add(store, "mail", "a.example");
    var made = new ArrayList<Attempt>();
    for (var text : List.of("Busy", "Busy", "Full", "Busy")) {
      made.add(attempt(SmtpReply.of(450, "4.2.1", text)));
    }
    for (int i = 0; i < 2; i++) {
      var row = store.find(id).orElseThrow().rows().getFirst();
      assertThat(row.history()).isEqualTo(new History(4, made));
      store = reopened(store);
    }
  }

  @Test
  void ofVeryManyAttemptsTheFirstAndTheLastOnesAreKept() {
    var id = add(store, "mail", "a.example");
    var made = new ArrayList<Attempt>();
    for (int i = 0; i < 100; i++) {
      made.add(attempt(SmtpReply.of(450, "4.2.1", "Busy")));
    }
    for (int i = 0; i < 2; i++) {
      var history = store.find(id).orElseThrow().rows().getFirst().history();
      assertThat(history.count()).isEqualTo(100);
      assertThat(history.attempts()).hasSize(64).startsWith(made.getFirst());
      assertThat(history.attempts()).endsWith(made.subList(37, 100).toArray(Attempt[]::new));
      store = reopened(store);
    }
  }

  @Test
  void ofLongRepliesAsManyAreKeptAsThereIsRoomFor() {
    var id = add(store, "mail", "a.example");
    var made = new ArrayList<Attempt>();
    for (int i = 0; i < 30; i++) {
      made.add(attempt(SmtpReply.of(450, "4.2.1", ("Busy " + i + " ").repeat(128))));
    }
    var history = store.find(id).orElseThrow().rows().getFirst().history();
    assertThat(history.count()).isEqualTo(30);
    assertThat(history.first()).isEqualTo(made.getFirst());
    assertThat(history.attempts()).hasSizeBetween(6, 10);
    assertThat(history.last()).isEqualTo(made.getLast());
  }

  /** A minute later than the one before. */
  private Attempt attempt(SmtpReply reply) {
    var at = timer.now();
    store.settle(claimOne("a.example"), List.of(new Deferred(reply, at)));
    timer.advance(Duration.ofSeconds(60));
    return new Attempt(at, reply);
  }

  @Test
  void whatWasHandedOverAndSettledIsInNoDoubt() {
    var id = add(store, "mail", "a.example");
    var lease = claimOne("a.example");
    store.handOver(lease, List.of(0));
    store.handOver(lease, List.of(0));
    assertThat(store.find(id).orElseThrow().rows().getFirst().possibleDuplicate()).isFalse();
    store.settle(lease, List.of(new Deferred(BUSY, START)));
    store.handOver(lease, List.of(0)); // too late
    for (int i = 0; i < 2; i++) {
      assertThat(store.interrupted()).isEmpty();
      assertThat(store.find(id).orElseThrow().rows().getFirst().possibleDuplicate()).isFalse();
      store = reopened(store);
    }
  }

  @Test
  void whenAMessageExpiresAndItsOwnRetryPolicyAreKept() {
    var expires = START.plusSeconds(3600);
    var message = message(store, "mail", START, "a.example");
    var id = add(store, message.withExpires(expires).withRetry("5m, 1h"));
    for (int i = 0; i < 2; i++) {
      assertThat(store.find(id).orElseThrow().expires()).isEqualTo(expires);
      assertThat(store.find(id).orElseThrow().retry()).isEqualTo("5m, 1h");
      store = reopened(store);
    }
  }

  private String addWithKey(String key) {
    var message = message(store, "mail", START, "a.example").withIdempotencyKey(key);
    return Mail.await(Mail.addLater(store, message));
  }

  @Test
  void aKeyIsGoodForOneMessage() {
    var id = addWithKey("order 1");
    var other = addWithKey("order 2");
    assertThat(other).isNotEqualTo(id);
    for (int i = 0; i < 2; i++) {
      assertThat(addWithKey("order 1")).isEqualTo(id);
      assertThat(addWithKey("order 2")).isEqualTo(other);
      assertThat(store.list(null, 9)).hasSize(2);
      store = reopened(store);
    }
    store
        .claim(ZONE, "a.example", 9, LEASE)
        .forEach(lease -> store.settle(lease, List.of(new Delivered(OK))));
    for (int i = 0; i < 3; i++) {
      timer.advance(Duration.ofHours(7));
      assertThat(addWithKey("order 1")).isEqualTo(id);
      assertThat(store.list(null, 9)).isEmpty();
      store = reopened(store);
    }
    timer.advance(Duration.ofHours(4));
    assertThat(addWithKey("order 1")).as("after a day").isGreaterThan(id);
  }

  @Test
  void aKeyThatComesTwiceAtOnceIsGoodForOneMessage() {
    var ids = new ArrayList<CompletableFuture<String>>();
    for (int i = 0; i < 50; i++) {
      ids.add(
          Mail.addLater(
              store, message(store, "mail", START, "a.example").withIdempotencyKey("order 1")));
    }
    var first = Mail.await(ids.getFirst());
    assertThat(ids).allSatisfy(id -> assertThat(Mail.await(id)).isEqualTo(first));
    assertThat(store.list(null, 9)).hasSize(1);
  }

  @Test
  void aKeyOfAMessageThatWasNotStoredIsFreeAgain() {
    var other = create(timer);
    try {
      var foreign =
          message(store, spool(other, "mail"), List.of(row("a@a.example", "a.example", START)));
      assertThatThrownBy(() -> add(store, foreign.withIdempotencyKey("order 1")))
          .isInstanceOf(IllegalArgumentException.class);
      var id = addWithKey("order 1");
      assertThat(store.find(id)).isPresent();
    } finally {
      other.close();
    }
  }

  @Test
  void aMessageToTenThousandIsClaimedInSlices() {
    var to = new String[10_000];
    Arrays.fill(to, "a.example");
    var id = add(store, message(store, "mail", START, to));
    int rows = 0;
    for (var lease : store.claim(ZONE, "a.example", 100, LEASE)) {
      assertThat(lease.id()).isEqualTo(id);
      assertThat(lease.rows().size()).isLessThanOrEqualTo(1000);
      rows += lease.rows().size();
      store.settle(lease, Collections.nCopies(lease.rows().size(), new Delivered(OK)));
    }
    assertThat(rows).isEqualTo(10_000);
    assertThat(store.find(id)).isEmpty();
  }

  @Test
  void rowsThatNoAttemptHoldsGoAnotherWay() {
    var id = add(store, "mail", "a.example", "b.example", "c.example", "d.example");
    var held = claimOne("b.example");
    store.settle(claimOne("c.example"), List.of(new Failed(UNKNOWN)));
    store.settle(claimOne("d.example"), List.of(new Deferred(BUSY, START.plusSeconds(60))));
    assertThat(store.reroute(id, Filter.all(), "other", "smart.example:25")).isTrue();
    assertThat(store.reroute(id, Filter.all(), "other", "smart.example:25")).isFalse();
    assertThat(store.reroute("no id", Filter.all(), "other", "smart.example:25")).isFalse();
    store.settle(held, List.of(new Deferred(BUSY, START.plusSeconds(30))));
    for (int i = 0; i < 2; i++) {
      assertThat(store.find(id).orElseThrow().rows())
          .extracting(row -> row.zone() + " " + row.destination())
          .containsExactly(
              "other smart.example:25",
              ZONE + " b.example",
              ZONE + " " + Destinations.REPORT,
              "other smart.example:25");
      assertThat(store.destinations())
          .containsExactlyInAnyOrder(
              new QueueStore.Destination("other", "smart.example:25", 2, START),
              new QueueStore.Destination(ZONE, "b.example", 1, START.plusSeconds(30)),
              new QueueStore.Destination(ZONE, Destinations.REPORT, 1, START));
      assertThat(store.counts(new Filter("other", null, null, null)))
          .containsEntry(DeliveryStatus.PENDING, 1L)
          .containsEntry(DeliveryStatus.DEFERRED, 1L);
      store = reopened(store);
    }
    timer.advance(Duration.ofSeconds(60));
    var lease = store.claim("other", "smart.example:25", 1, LEASE).getFirst();
    assertThat(lease.rows()).containsExactly(0, 3);
    store.settle(lease, List.of(new Failed(UNKNOWN), new Deferred(BUSY, timer.now())));
    store.reroute(id, Filter.all(), ZONE, "a.example");
    for (int i = 0; i < 2; i++) {
      assertThat(store.find(id).orElseThrow().rows())
          .extracting(row -> row.zone() + " " + row.destination())
          .containsExactly(
              "other " + Destinations.REPORT,
              ZONE + " a.example",
              ZONE + " " + Destinations.REPORT,
              ZONE + " a.example");
      store = reopened(store);
    }
  }

  @Test
  void whatIsDoneByAFilterIsDoneToTheRowsThatFit() {
    var id = add(store, "mail", "a.example", "b.example");
    var b = new Filter(null, "b.example", null, null);
    var deferred = new Filter(null, null, DeliveryStatus.DEFERRED, null);
    store.hold(id, b);
    assertThat(statuses(id)).containsExactly(DeliveryStatus.PENDING, DeliveryStatus.HELD);
    assertThat(store.release(id, new Filter(null, "a.example", null, null))).isFalse();
    store.release(id, b);
    assertThat(store.reschedule(id, deferred, START.plusSeconds(5))).isFalse();
    store.reschedule(id, b, START.plusSeconds(5));
    assertThat(store.nextDue(ZONE, "b.example")).contains(START.plusSeconds(5));
    assertThat(store.nextDue(ZONE, "a.example")).contains(START);
    store.reroute(id, b, ZONE, "c.example");
    assertThat(store.cancel(id, b)).isFalse();
    assertThat(store.cancel(id, new Filter(ZONE, "c.example", DeliveryStatus.PENDING, null)))
        .isTrue();
    assertThat(store.find(id).orElseThrow().rows())
        .extracting(QueuedRow::destination)
        .containsExactly("a.example");
  }

  private List<DeliveryStatus> statuses(String id) {
    return store.find(id).orElseThrow().rows().stream().map(QueuedRow::status).toList();
  }

  private String addWithPriority(int priority, Instant due) {
    var row = row("a@a.example", "a.example", due).withPriority(priority);
    return add(store, message(store, spool(store, "mail"), List.of(row)));
  }

  private List<String> claimedInOrder() {
    return claim("a.example").stream().map(Lease::id).toList();
  }

  @Test
  void whatIsUrgentGoesFirstButNotForEver() {
    var bulk = addWithPriority(-4, START);
    var normal = addWithPriority(0, START);
    var second = addWithPriority(0, START);
    var urgent = addWithPriority(4, START.plusSeconds(60));
    var later = addWithPriority(9, START.plusSeconds(3600));
    assertThat(store.destinations())
        .containsExactly(new QueueStore.Destination(ZONE, "a.example", 5, START));
    for (int i = 0; i < 2; i++) {
      var early = claim("a.example");
      assertThat(early).extracting(Lease::id).containsExactly(normal, second, bulk);
      early.forEach(store::release);
      timer.advance(Duration.ofSeconds(60));
      var all = claim("a.example");
      assertThat(all).extracting(Lease::id).containsExactly(urgent, normal, second, bulk);
      all.forEach(store::release);
      timer.advance(Duration.ofSeconds(-60));
      store = reopened(store);
    }
    // 4 steps of 5 minutes: what has been due for 20 minutes longer is as urgent.
    store.cancel(later);
    timer.advance(Duration.ofMinutes(30));
    var muchLater = addWithPriority(4, START.plus(Duration.ofMinutes(21)));
    assertThat(claimedInOrder()).containsExactly(urgent, normal, second, muchLater, bulk);
  }

  @Test
  void anUrgentRowThatIsNotDueHoldsNobodyUp() {
    addWithPriority(9, START.plusSeconds(60));
    var normal = addWithPriority(0, START);
    assertThat(store.nextDue(ZONE, "a.example")).contains(START);
    assertThat(claimedInOrder()).containsExactly(normal);
    assertThat(store.nextDue(ZONE, "a.example")).contains(START.plusSeconds(60));
  }

  @Test
  void aFailureKeepsItsPriorityUntilItIsReported() {
    var normal = add(store, "mail", "a.example");
    var urgent = addWithPriority(4, START);
    claim("a.example").forEach(lease -> store.settle(lease, List.of(new Failed(UNKNOWN))));
    for (int i = 0; i < 2; i++) {
      var reports = claim(Destinations.REPORT);
      assertThat(reports).extracting(Lease::id).containsExactly(urgent, normal);
      reports.forEach(store::release);
      store = reopened(store);
    }
  }

  @Test
  void theListenerHearsOfEveryRowThatWaits() {
    var told = new CopyOnWriteArrayList<String>();
    var waits = new AtomicInteger();
    store.onDue((zone, destination, due) -> {
      told.add(zone + " " + destination + " " + Duration.between(START, due).toSeconds());
      waits.set(store.destinations().size());
    });
    var id = add(store, "mail", "a.example", "b.example");
    Mail.await(() -> told.size() == 2);
    assertThat(told).containsExactly("zone a.example 0", "zone b.example 0");
    assertThat(waits).hasValue(2);
    told.clear();
    var lease = claimOne("a.example");
    assertThat(told).isEmpty();
    store.release(lease);
    assertThat(told).containsExactly("zone a.example 0");
    told.clear();
    store.settle(claimOne("a.example"), List.of(new Deferred(BUSY, START.plusSeconds(9))));
    assertThat(told).containsExactly("zone a.example 9");
    told.clear();
    store.settle(claimOne("b.example"), List.of(new Failed(UNKNOWN)));
    assertThat(told).containsExactly("zone report 0");
    told.clear();
    store.reschedule(id, START.plusSeconds(3));
    assertThat(told).containsExactlyInAnyOrder("zone a.example 3", "zone report 3");
    told.clear();
    timer.advance(Duration.ofSeconds(3));
    claimOne("a.example");
    timer.advance(LEASE);
    assertThat(told).containsExactly("zone a.example 3");
  }

  @Test
  void prefixAndCutsChangeTheHeaderAndNeverTheBody() {
    var text = "A: 1\r\nB: 2\r\n folded\r\nC: 3\r\n\r\nbody with A: 1\r\n";
    var spooled = spool(store, text);
    assertThat(spooled.header().fields()).hasSize(3);
    assertThat(read(spooled)).isEqualTo(text);
    assertThat(spooled.size()).isEqualTo(text.length());
    var cuts =
        List.of(spooled.header().fields().get(0).cut(), spooled.header().fields().get(1).cut());
    var once = spooled.edited(bytes("Wrong: yes\r\n"), List.of());
    var edited = once.edited(bytes("Received: here\r\n"), cuts);
    var expected = "Received: here\r\nC: 3\r\n\r\nbody with A: 1\r\n";
    assertThat(read(edited)).isEqualTo(expected);
    assertThat(edited.size()).isEqualTo(expected.length());
    var id = add(store, message(store, edited, List.of(row("a@a.example", "a.example", START))));
    for (int i = 0; i < 2; i++) {
      var source = store.open(id);
      assertThat(read(source)).isEqualTo(expected);
      assertThat(read(source)).as("again").isEqualTo(expected);
      assertThat(source.size()).isEqualTo(expected.length());
      assertThat(store.find(id).orElseThrow().size()).isEqualTo(expected.length());
      store = reopened(store);
    }
    assertThatThrownBy(() -> spool(store, "x").edited(new byte[0], List.of(new Cut(0, 2))))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void largeBodiesComeBackByteForByte() {
    var random = new Random(1);
    var ids = new ArrayList<String>();
    var bodies = new ArrayList<byte[]>();
    for (int size : new int[] {0, 1, 8191, 8192, 8193, 65_536, 262_144, 262_145, 3_000_017}) {
      var body = new byte[size];
      random.nextBytes(body);
      var spooled = spool(store, body, 1 + random.nextInt(90_000));
      assertThat(readBytes(spooled)).isEqualTo(body);
      bodies.add(body);
      ids.add(
          add(
              store,
              message(
                  store,
                  spooled.edited(bytes("P"), List.of()),
                  List.of(row("a@a.example", "a.example", START)))));
    }
    for (int round = 0; round < 2; round++) {
      for (int i = 0; i < ids.size(); i++) {
        var read = readBytes(store.open(ids.get(i)));
        assertThat(read[0]).isEqualTo((byte) 'P');
        assertThat(Arrays.copyOfRange(read, 1, read.length)).isEqualTo(bodies.get(i));
      }
      store = reopened(store);
    }
  }

  @Test
  void memoryIsGivenBackByWhatIsGivenUpOrDelivered() {
    var small = createSmall(timer);
    try {
      var body = new byte[200_000];
      for (int i = 0; i < 50; i++) {
        spool(small, body, 10_000).close();
        var writer = small.spool().open(-1);
        writer.write(ByteBuffer.wrap(body));
        writer.close();
        var id =
            add(
                small,
                message(
                    small,
                    spool(small, body, 10_000),
                    List.of(row("a@a.example", "a.example", START))));
        var lease = small.claim(ZONE, "a.example", 1, LEASE).getFirst();
        assertThat(lease.id()).isEqualTo(id);
        small.settle(lease, List.of(new Delivered(OK)));
      }
    } finally {
      small.close();
    }
  }

  @Test
  void aFullMemoryRefusesAnotherMessage() {
    var small = createSmall(timer);
    try {
      var open = new ArrayList<SpoolWriter>();
      assertThatThrownBy(
              () -> {
                for (int i = 0; i < 1000; i++) {
                  var writer = small.spool().open(-1);
                  open.add(writer);
                  writer.write(ByteBuffer.allocate(60_000));
                }
              })
          .isInstanceOf(InsufficientStorageException.class);
      assertThat(open.size()).isBetween(5, 40);
      open.forEach(SpoolWriter::close);
      assertThat(add(small, "mail", "a.example")).isNotNull();
    } finally {
      small.close();
    }
  }

  @Test
  void aStoreTakesNoBodyOfAnotherOneAndNoneTwice() {
    var other = create(timer);
    try {
      var body = spool(other, "mail");
      var rows = List.of(row("a@a.example", "a.example", START));
      assertThatThrownBy(() -> add(store, message(store, body, rows)))
          .isInstanceOf(IllegalArgumentException.class);
      var own = spool(store, "mail");
      add(store, message(store, own, rows));
      assertThatThrownBy(() -> add(store, message(store, own, rows)))
          .isInstanceOf(IllegalArgumentException.class);
      own.close();
      assertThat(store.list(null, 9)).hasSize(1);
      assertThat(read(store.open(store.list(null, 9).getFirst().id()))).isEqualTo("mail");
    } finally {
      other.close();
    }
  }

  @Test
  void aMessageIsFoundBeforeItsSenderIsToldAndClaimedOnlyAfterwards() {
    var atDone = new ArrayList<Object>();
    var message = message(store, "mail", START, "a.example");
    var done = new CompletableFuture<String>();
    store.add(
        message,
        (id, why) -> {
          atDone.add(store.find(message.id()).isPresent());
          atDone.add(store.claim(ZONE, "a.example", 1, LEASE).size());
          done.complete(id);
        });
    Mail.await(done);
    assertThat(atDone).containsExactly(true, 0);
  }

  @Test
  void aClosedStoreTakesNothing() {
    var message = message(store, "mail", START, "a.example");
    store.close();
    assertThatThrownBy(() -> add(store, message)).isInstanceOf(IllegalStateException.class);
    store.close();
  }
}
