package org.unifiedmta.delivery.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.attempt.Passage;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.queue.Lease;
import org.unifiedmta.delivery.queue.Mail;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.queue.MemoryQueueStore;
import org.unifiedmta.delivery.queue.NewMessage;
import org.unifiedmta.delivery.queue.NewRow;
import org.unifiedmta.delivery.queue.RecipientResult;
import org.unifiedmta.delivery.schedule.MultiModeDeliverySystem.Limits;
import org.unifiedmta.routing.route.Destinations.Target;
import org.unifiedmta.routing.zone.ZoneSelector;

class MultiModeDeliverySystemTest {
  private static final Instant START = Instant.parse("2026-01-05T10:00:00Z");
  private static final Duration RETRY = Duration.ofMinutes(5);
  private static final Duration LONGEST_FIRST_REST = Duration.ofSeconds(76);
  private static final SmtpReply NOBODY = SmtpReply.of(451, "4.4.1", "connection refused");

  private final ManualTimer timer = new ManualTimer(START);
  private final MemoryQueueStore store = new MemoryQueueStore(timer);
  private final LinkedBlockingQueue<String> tried = new LinkedBlockingQueue<>();
  private final List<String> putOff = new CopyOnWriteArrayList<>();
  private MultiModeDeliverySystem schedule;

  @AfterEach
  void close() {
    schedule.stopClaiming();
    assertThat(schedule.awaitIdle(Duration.ofSeconds(10))).isTrue();
    store.close();
    schedule.close();
  }

  private String add(String destination) {
    var writer = store.spool().open(-1);
    writer.write(ByteBuffer.wrap(new byte[] {'x', '\r', '\n'}));
    var recipient = Recipient.of("bob@far.test");
    var id = store.newId();
    store.add(
        new NewMessage(
            id,
            Envelope.of((EmailAddress) null, List.of(recipient)),
            writer.finish(),
            List.of(new NewRow(recipient, "default", destination, null, timer.now())),
            timer.now(),
            null,
            null,
            null),
        (stored, failure) -> assertThat(failure).isNull());
    return id;
  }

  private interface Attempt {
    Contact run(Lease lease, Target target) throws InterruptedException;
  }

  /** What is put off comes again after five minutes. */
  private void start(Limits limits, Attempt attempt) {
    var worker =
        new MultiModeDeliverySystem.Worker() {
          @Override
          public Contact work(Lease lease, Target target, Passage passage) {
            tried.add(lease.id());
            try {
              return attempt.run(lease, target);
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          }

          @Override
          public void putOff(Lease lease, SmtpReply reply) {
            putOff.add(lease.id());
            defer(lease, reply);
          }
        };
    var traffic = new Traffic(ZoneSelector::none, timer);
    schedule = new MultiModeDeliverySystem(store, worker, limits, traffic, timer);
    schedule.start();
  }

  private Contact delivered(Lease lease) {
    var delivered = new RecipientResult.Delivered(SmtpReply.of(250, "2.0.0", "ok"));
    store.settle(lease, Collections.nCopies(lease.rows().size(), delivered));
    return new Contact.Made();
  }

  private Instant defer(Lease lease, SmtpReply reply) {
    var due = timer.now().plus(RETRY);
    var deferred = new RecipientResult.Deferred(reply, due);
    store.settle(lease, Collections.nCopies(lease.rows().size(), deferred));
    return due;
  }

  private Contact notReached(Lease lease) {
    return new Contact.Failed(NOBODY, defer(lease, NOBODY));
  }

  private void quiet() {
    assertThat(schedule.awaitQuiet(Duration.ofSeconds(10))).isTrue();
  }

  private void pass(Duration time) {
    quiet();
    timer.advance(time);
    quiet();
  }

  private DestinationState state(String destination) {
    var state = schedule.destinations().get(destination);
    assertThat(state).isNotNull();
    return state;
  }

  private String next() throws InterruptedException {
    return tried.poll(10, TimeUnit.SECONDS);
  }

  @Test
  void aMessageThatCannotBeTriedHoldsUpNobodyBehindIt() throws Exception {
    var broken = add("far.test");
    var good = List.of(add("far.test"), add("far.test"), add("far.test"));
    start(
        new Limits(1, 1),
        (lease, target) -> {
          if (lease.id().equals(broken)) {
            throw new IllegalStateException("unreadable");
          }
          return delivered(lease);
        });
    assertThat(next()).isEqualTo(broken);
    for (var id : good) {
      assertThat(next()).isEqualTo(id);
    }
    assertThat(store.counts()).containsEntry(DeliveryStatus.DEFERRED, 1L);
    timer.advance(Duration.ofMinutes(5));
    assertThat(next()).isEqualTo(broken);
  }

  @Test
  void destinationsTakeTurns() throws Exception {
    for (int i = 0; i < 3; i++) {
      add("many.test");
    }
    var one = add("one.test");
    start(new Limits(1, 1), (lease, target) -> delivered(lease));
    var order = List.of(next(), next(), next(), next());
    assertThat(order.indexOf(one)).isLessThan(2);
  }

  @Test
  void withNoAttemptsAllowedNothingIsTried() {
    add("far.test");
    start(new Limits(0, 5), (lease, target) -> delivered(lease));
    assertThat(schedule.runningAttempts()).isZero();
    assertThat(store.counts()).containsEntry(DeliveryStatus.PENDING, 1L);
    assertThat(tried).isEmpty();
  }

  @Test
  void aDestinationGetsOneAttemptThenTwoThenFourUpToItsBound() throws Exception {
    for (int i = 0; i < 20; i++) {
      add("far.test");
    }
    var going = new LinkedBlockingQueue<CountDownLatch>();
    start(
        new Limits(100, 5),
        (lease, target) -> {
          var go = new CountDownLatch(1);
          going.add(go);
          go.await();
          return delivered(lease);
        });
    var running = new ArrayDeque<CountDownLatch>();
    for (int window : List.of(1, 2, 4, 5, 5, 5)) {
      while (running.size() < window) {
        var begun = going.poll(10, TimeUnit.SECONDS);
        assertThat(begun).isNotNull();
        running.add(begun);
      }
      assertThat(going).isEmpty();
      assertThat(state("far.test").window()).isEqualTo(window);
      running.remove().countDown();
    }
    running.forEach(CountDownLatch::countDown);
    for (int left = 20 - 5 - running.size(); left > 0; left--) {
      var begun = going.poll(10, TimeUnit.SECONDS);
      if (begun != null) {
        begun.countDown();
      }
    }
  }

  @Test
  void whereNobodyIsReachedOneMessageIsTriedAfterEachRestAndTheOthersArePutOff() {
    for (int i = 0; i < 100; i++) {
      add("far.test");
    }
    start(new Limits(100, 5), (lease, target) -> notReached(lease));
    quiet();
    assertThat(tried).hasSize(1);
    assertThat(putOff).hasSize(99);
    var resting = state("far.test");
    assertThat(resting.status()).isEqualTo(DestinationState.Status.RESTING);
    assertThat(resting.failure()).isEqualTo(NOBODY);
    assertThat(resting.until()).isBetween(START.plusSeconds(45), START.plusSeconds(76));
    pass(LONGEST_FIRST_REST);
    assertThat(tried).hasSize(2).doesNotHaveDuplicates();
    assertThat(state("far.test").until())
        .isBetween(timer.now().plusSeconds(90), timer.now().plusSeconds(152));
    pass(LONGEST_FIRST_REST.multipliedBy(2));
    assertThat(tried).hasSize(3);
  }

  @Test
  void whatWasPutOffGoesOutAtOnceWhenSomebodyIsReached() {
    var up = new AtomicBoolean();
    for (int i = 0; i < 300; i++) {
      add("far.test");
    }
    start(new Limits(100, 5), (lease, target) -> up.get() ? delivered(lease) : notReached(lease));
    quiet();
    var later = add("far.test");
    quiet();
    assertThat(putOff).hasSize(300).contains(later);
    up.set(true);
    pass(LONGEST_FIRST_REST);
    assertThat(store.counts().values()).containsOnly(0L);
    assertThat(tried).hasSize(302); // the first of them twice
    assertThat(schedule.destinations()).isEmpty();
  }

  @Test
  void aMessageThatIsAloneIsTriedAtItsOwnTimes() {
    var up = new AtomicBoolean();
    add("far.test");
    start(new Limits(100, 5), (lease, target) -> up.get() ? delivered(lease) : notReached(lease));
    quiet();
    up.set(true);
    pass(RETRY.minusMillis(1));
    assertThat(tried).hasSize(1);
    pass(Duration.ofMillis(1));
    assertThat(tried).hasSize(2);
  }

  @Test
  void noRestIsLongerThanAMessagesOwnTime() {
    add("far.test");
    start(
        new Limits(100, 5),
        (lease, target) -> {
          var due = timer.now().plusSeconds(1);
          store.settle(lease, List.of(new RecipientResult.Deferred(NOBODY, due)));
          return new Contact.Failed(NOBODY, due);
        });
    for (int i = 0; i < 10; i++) {
      pass(Duration.ofSeconds(1));
    }
    assertThat(tried).hasSize(11);
    assertThat(putOff).isEmpty();
  }

  @Test
  void whatTheHostItselfPutOffKeepsItsTimeWhenTheHostIsBack() {
    var busy = SmtpReply.of(450, "4.2.1", "mailbox busy");
    var grey = add("far.test");
    var up = new AtomicBoolean(true);
    start(
        new Limits(100, 5),
        (lease, target) -> {
          if (!up.get()) {
            return notReached(lease);
          }
          if (lease.id().equals(grey)) {
            defer(lease, busy);
            return new Contact.Made();
          }
          return delivered(lease);
        });
    quiet();
    up.set(false);
    for (int i = 0; i < 30; i++) { // more than are remembered, so that all are looked at
      add("far.test");
    }
    quiet();
    up.set(true);
    pass(LONGEST_FIRST_REST);
    assertThat(tried.stream().filter(grey::equals)).hasSize(1);
    assertThat(store.counts()).containsEntry(DeliveryStatus.DEFERRED, 1L);
  }

  @Test
  void fiftyThatHangKeepNobodyElseWaiting() throws Exception {
    var end = new CountDownLatch(1);
    for (int i = 0; i < 50; i++) {
      for (int message = 0; message < 10; message++) {
        add("hangs" + i + ".test");
      }
    }
    var good = new CopyOnWriteArrayList<String>();
    start(
        new Limits(10, 5),
        (lease, target) -> {
          if (target instanceof Target.Mx(var domain) && domain.startsWith("hangs")) {
            end.await();
            return notReached(lease);
          }
          good.add(lease.id());
          return delivered(lease);
        });
    for (int i = 1; i <= 5; i++) {
      int hanging = 10 * i;
      Mail.await(() -> schedule.runningAttempts() == hanging);
      timer.advance(Duration.ofSeconds(10));
    }
    for (int i = 0; i < 100; i++) {
      add("good.test");
    }
    Mail.await(() -> good.size() == 100);
    Mail.await(() -> schedule.runningAttempts() == 50);
    end.countDown();
    quiet();
  }

  @Test
  void aSuspendedDestinationIsLeftAloneUntilItIsResumed() {
    start(new Limits(100, 5), (lease, target) -> delivered(lease));
    schedule.suspend("far.test", null);
    var id = add("far.test");
    var other = add("near.test");
    quiet();
    assertThat(tried).containsExactly(other);
    assertThat(putOff).containsExactly(id);
    assertThat(state("far.test").status()).isEqualTo(DestinationState.Status.SUSPENDED);
    assertThat(schedule.whyNot("default", "far.test")).hasValue("suspended");
    schedule.resume("far.test");
    quiet();
    assertThat(tried).containsExactly(other, id);
    assertThat(schedule.whyNot("default", "far.test")).isEmpty();
  }

  @Test
  void aRestCanBeEndedAndOneMessageIsTried() {
    var up = new AtomicBoolean();
    add("far.test");
    add("far.test");
    start(new Limits(100, 5), (lease, target) -> up.get() ? delivered(lease) : notReached(lease));
    quiet();
    assertThat(tried).hasSize(1);
    schedule.resume("far.test");
    quiet();
    assertThat(tried).hasSize(2);
    assertThat(state("far.test").until()).isAfter(START);
    up.set(true);
    schedule.resume("far.test");
    quiet();
    assertThat(store.counts().values()).containsOnly(0L);
  }

  @Test
  void aSuspensionEndsInItsTime() {
    start(new Limits(100, 5), (lease, target) -> delivered(lease));
    schedule.suspend("far.test", Duration.ofMinutes(1));
    assertThat(state("far.test").until()).isEqualTo(START.plusSeconds(60));
    var id = add("far.test");
    pass(Duration.ofSeconds(59));
    assertThat(tried).isEmpty();
    schedule.suspend("far.test", Duration.ofSeconds(2));
    pass(Duration.ofSeconds(1));
    assertThat(tried).isEmpty();
    pass(Duration.ofSeconds(1));
    assertThat(tried).containsExactly(id);
    assertThat(schedule.destinations()).isEmpty();
    assertThatThrownBy(() -> schedule.suspend("report", null))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
