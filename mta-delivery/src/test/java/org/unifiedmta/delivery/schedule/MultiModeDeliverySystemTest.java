package org.unifiedmta.delivery.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.queue.MemoryQueueStore;
import org.unifiedmta.delivery.queue.NewMessage;
import org.unifiedmta.delivery.queue.NewRow;
import org.unifiedmta.delivery.queue.RecipientResult;
import org.unifiedmta.delivery.schedule.MultiModeDeliverySystem.Limits;

class MultiModeDeliverySystemTest {
  private static final Instant START = Instant.parse("2026-01-05T10:00:00Z");

  private final ManualTimer timer = new ManualTimer(START);
  private final MemoryQueueStore store = new MemoryQueueStore(timer);
  private final LinkedBlockingQueue<String> tried = new LinkedBlockingQueue<>();
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

  private void start(Limits limits, MultiModeDeliverySystem.Worker worker) {
    schedule = new MultiModeDeliverySystem(store, worker, limits, timer);
    schedule.start();
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
          tried.add(lease.id());
          if (lease.id().equals(broken)) {
            throw new IllegalStateException("unreadable");
          }
          store.settle(
              lease,
              Collections.nCopies(
                  lease.rows().size(),
                  new RecipientResult.Delivered(SmtpReply.of(250, "2.0.0", "ok"))));
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
    start(
        new Limits(1, 1),
        (lease, target) -> {
          tried.add(lease.id());
          store.settle(
              lease, List.of(new RecipientResult.Delivered(SmtpReply.of(250, "2.0.0", "ok"))));
        });
    var order = List.of(next(), next(), next(), next());
    assertThat(order.indexOf(one)).isLessThan(2);
  }

  @Test
  void withNoAttemptsAllowedNothingIsTried() {
    add("far.test");
    start(new Limits(0, 5), (lease, target) -> tried.add(lease.id()));
    assertThat(schedule.runningAttempts()).isZero();
    assertThat(store.counts()).containsEntry(DeliveryStatus.PENDING, 1L);
    assertThat(tried).isEmpty();
  }
}
