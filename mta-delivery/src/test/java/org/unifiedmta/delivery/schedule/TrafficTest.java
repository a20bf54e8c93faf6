package org.unifiedmta.delivery.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.attempt.Passage;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.queue.Lease;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.queue.MemoryQueueStore;
import org.unifiedmta.delivery.queue.NewMessage;
import org.unifiedmta.delivery.queue.NewRow;
import org.unifiedmta.delivery.queue.RecipientResult;
import org.unifiedmta.delivery.schedule.MultiModeDeliverySystem.Limits;
import org.unifiedmta.routing.route.Destinations;
import org.unifiedmta.routing.route.Destinations.Target;
import org.unifiedmta.routing.zone.DestinationPolicy;
import org.unifiedmta.routing.zone.Rate;
import org.unifiedmta.routing.zone.Receivers;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.routing.zone.ZoneSelector;

/** Bounds that destinations share. Domains that begin with {@code big} have one receiver. */
class TrafficTest {
  private static final Instant START = Instant.parse("2026-01-05T10:00:00Z");
  private static final SmtpReply OK = SmtpReply.of(250, "2.0.0", "ok");

  private final ManualTimer timer = new ManualTimer(START);
  private final MemoryQueueStore store = new MemoryQueueStore(timer);
  private final AtomicInteger running = new AtomicInteger();
  private final AtomicInteger most = new AtomicInteger();
  private final List<String> delivered = new CopyOnWriteArrayList<>();
  private final Map<String, SmtpReply> replies = new ConcurrentHashMap<>();
  private final Map<String, CountDownLatch> holds = new ConcurrentHashMap<>();
  private MultiModeDeliverySystem schedule;

  @AfterEach
  void close() {
    schedule.stopClaiming();
    assertThat(schedule.awaitIdle(Duration.ofSeconds(10))).isTrue();
    store.close();
    schedule.close();
  }

  private void add(String zone, String destination, int count) {
    for (int i = 0; i < count; i++) {
      var writer = store.spool().open(-1);
      writer.write(ByteBuffer.wrap(new byte[] {'x', '\r', '\n'}));
      var recipient = Recipient.of("bob@" + destination);
      store.add(
          new NewMessage(
              store.newId(),
              Envelope.of((EmailAddress) null, List.of(recipient)),
              writer.finish(),
              List.of(new NewRow(recipient, zone, destination, null, timer.now())),
              timer.now(),
              null,
              null,
              null),
          (stored, failure) -> assertThat(failure).isNull());
    }
  }

  private void start(String receivers, SendingZone... zones) {
    var known = Receivers.parse(receivers);
    var selector = new ZoneSelector(List.of(zones), false);
    var worker =
        new MultiModeDeliverySystem.Worker() {
          @Override
          public Contact work(Lease lease, Target target, Passage passage) {
            var domain = Destinations.of(target);
            var host = domain.startsWith("big") ? "mx.big.test" : "mx." + domain;
            if (!passage.to(known.behind(List.of(host)))) {
              store.release(lease);
              return new Contact.None();
            }
            most.accumulateAndGet(running.incrementAndGet(), Math::max);
            var hold = holds.remove(domain);
            if (hold != null) {
              try {
                hold.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            }
            Thread.yield();
            running.decrementAndGet();
            var reply = replies.getOrDefault(domain, OK);
            var unused = passage.met(reply);
            if (reply.isPositive()) {
              delivered.add(domain);
            }
            store.settle(
                lease,
                Collections.nCopies(
                    lease.rows().size(),
                    reply.isPositive()
                        ? new RecipientResult.Delivered(reply)
                        : new RecipientResult.Deferred(reply, timer.now().plusSeconds(300))));
            return new Contact.Made();
          }

          @Override
          public void putOff(Lease lease, SmtpReply reply) {
            throw new AssertionError("nothing is put off");
          }
        };
    schedule =
        new MultiModeDeliverySystem(
            store, worker, Limits.of(100), new Traffic(() -> selector, timer), timer);
    schedule.start();
  }

  private void quiet() {
    assertThat(schedule.awaitQuiet(Duration.ofSeconds(20))).isTrue();
  }

  private void pass(Duration time) {
    quiet();
    timer.advance(time);
    quiet();
  }

  private long left() {
    var counts = store.counts();
    return counts.get(DeliveryStatus.PENDING) + counts.get(DeliveryStatus.DEFERRED);
  }

  @Test
  void allDomainsOfAReceiverTogetherHaveItsConnections() {
    for (int i = 0; i < 300; i++) {
      add("default", "big" + i + ".test", 3);
    }
    start("receiver big\nhosts big.test\nconnections 3");
    quiet();
    assertThat(left()).isZero();
    assertThat(delivered).hasSize(900);
    assertThat(most.get()).isLessThanOrEqualTo(3);
  }

  @Test
  void aZoneHasNoMoreConnectionsThanItMay() {
    for (int i = 0; i < 20; i++) {
      add("narrow", "d" + i + ".test", 20);
    }
    start("", SendingZone.builder("narrow").connections(2).build());
    quiet();
    assertThat(left()).isZero();
    assertThat(most.get()).isLessThanOrEqualTo(2);
  }

  @Test
  void aReceiverThatWantsNothingForAWhileHoldsUpNobodyElse() {
    replies.put("big1.test", SmtpReply.of(421, "4.7.0", "[TSS04] deferred"));
    add("default", "big1.test", 1);
    start("receiver big\nhosts big.test\non \"*[TSS04]*\" suspend for 2h");
    quiet();
    replies.clear();
    for (int i = 2; i < 50; i++) {
      add("default", "big" + i + ".test", 2);
    }
    add("default", "small.test", 5);
    quiet();
    assertThat(delivered).containsOnly("small.test").hasSize(5);
    timer.advance(Duration.ofHours(2).minusSeconds(1));
    quiet();
    assertThat(delivered).hasSize(5);
    timer.advance(Duration.ofSeconds(1));
    quiet();
    assertThat(left()).isZero();
    assertThat(delivered).hasSize(5 + 2 * 48 + 1);
  }

  @Test
  void allThatShareANarrowZoneTakeTurns() throws Exception {
    for (int i = 0; i < 5; i++) {
      add("narrow", "d" + i + ".test", 10);
    }
    start("", SendingZone.builder("narrow").connections(1).build());
    quiet();
    assertThat(delivered).hasSize(50);
    for (int i = 0; i < 5; i++) {
      // Nobody is passed over again and again: the last of ten comes among the last of all.
      assertThat(delivered.lastIndexOf("d" + i + ".test")).isGreaterThan(35);
    }
  }

  @Test
  void whoIsHeldUpAtAReceiverLeavesItsPlaceInTheZoneToOthers() throws Exception {
    var later = SmtpReply.of(450, "4.2.2", "mailbox full");
    replies.put("big1.test", later);
    replies.put("big2.test", later);
    add("a", "big1.test", 1);
    add("a", "big2.test", 1);
    start(
        "receiver big\nhosts big.test\nconnections 1",
        SendingZone.builder("a").connections(2).build());
    quiet(); // now it is known who is behind these, and that is kept for what is to come again
    replies.clear();
    var big = new CountDownLatch(1);
    holds.put("big3.test", big);
    add("b", "big3.test", 1);
    await(() -> running.get() == 1);
    var small = new CountDownLatch(1);
    holds.put("small1.test", small);
    holds.put("small2.test", small);
    add("a", "small1.test", 1);
    add("a", "small2.test", 1);
    await(() -> running.get() == 3);
    add("a", "big1.test", 1);
    await(() -> waits("big1.test"));
    add("a", "big2.test", 1);
    await(() -> waits("big2.test"));
    add("a", "small3.test", 1);
    await(() -> waits("small3.test"));
    small.countDown();
    await(() -> delivered.contains("small3.test"));
    assertThat(delivered).doesNotContain("big3.test");
    big.countDown();
    pass(Duration.ofMinutes(5));
    assertThat(left()).isZero();
  }

  /** The zone is full. */
  private boolean waits(String destination) {
    return schedule.whyNot("a", destination).isPresent();
  }

  private static void await(BooleanSupplier condition) {
    long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("it takes too long").isLessThan(end);
      Thread.onSpinWait();
    }
  }

  @Test
  void aZonesBoundForAReceiverHoldsInThatZoneOnly() {
    add("slow", "big1.test", 10);
    add("default", "big1.test", 10);
    var once = DestinationPolicy.builder().messages(Rate.parse("1/hour"));
    start(
        "receiver big\nhosts big.test",
        SendingZone.builder("slow").destination("big", once.build()).build());
    quiet();
    assertThat(delivered).hasSize(11);
    timer.advance(Duration.ofHours(1));
    quiet();
    assertThat(delivered).hasSize(12);
  }
}
