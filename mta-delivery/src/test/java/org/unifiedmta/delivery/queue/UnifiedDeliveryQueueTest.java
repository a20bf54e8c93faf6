package org.unifiedmta.delivery.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.unifiedmta.delivery.queue.Mail.START;
import static org.unifiedmta.delivery.queue.Mail.ZONE;
import static org.unifiedmta.delivery.queue.Mail.add;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.event.EventBus;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.queue.RecipientResult.Deferred;
import org.unifiedmta.delivery.queue.RecipientResult.Failed;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue.Filter;
import org.unifiedmta.routing.route.Destinations.Target;

/** What operators do to the queue, and what it tells them. */
class UnifiedDeliveryQueueTest {
  private static final SmtpReply BUSY = SmtpReply.of(450, "4.2.1", "Busy");

  private final ManualTimer timer = new ManualTimer(START);
  private final MemoryQueueStore store = new MemoryQueueStore(timer);
  private final EventBus events = new EventBus();
  private final UnifiedDeliveryQueue queue =
      new UnifiedDeliveryQueue(
          store,
          events,
          timer,
          (zone, destination) ->
              destination.equals("down.example")
                  ? Optional.of("the host does not answer")
                  : Optional.empty());

  @AfterEach
  void close() {
    store.close();
    events.close();
  }

  private Lease claim(String destination) {
    return store.claim(ZONE, destination, 1, Duration.ofMinutes(1)).getFirst();
  }

  @Test
  void mailForADeadHostCanBeSentAnotherWayAndOnlyThat() {
    var ids = new ArrayList<String>();
    for (int i = 0; i < 250; i++) {
      ids.add(add(store, "mail", "a.example", "down.example"));
    }
    var filter = new Filter(null, "down.example", null, null);
    assertThat(queue.reroute(filter, "other", new Target.Host("smart.example", 26))).isEqualTo(250);
    assertThat(queue.getItems(ids.getLast()))
        .extracting(QueueItem::destination)
        .containsExactly("a.example", "smart.example:26");
    assertThat(queue.getStats(new Filter("other", "smart.example:26", null, null)))
        .containsEntry(DeliveryStatus.PENDING, 250L);
    assertThat(queue.reroute(ids.getFirst(), ZONE, new Target.Mx("b.example"))).isTrue();
    assertThat(queue.getItems(ids.getFirst()))
        .extracting(QueueItem::destination)
        .containsExactly("b.example", "b.example");
    assertThatThrownBy(() -> queue.reroute(ids.getFirst(), ZONE, new Target.Report()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void cancelAndRetryByFilterTouchOnlyWhatFits() {
    var id = add(store, "mail", "a.example", "b.example");
    store.settle(claim("a.example"), List.of(new Deferred(BUSY, START.plusSeconds(600))));
    assertThat(queue.retryNow(new Filter(null, null, DeliveryStatus.DEFERRED, null))).isEqualTo(1);
    assertThat(claim("a.example").id()).isEqualTo(id);
    assertThat(queue.cancel(Filter.all())).isEqualTo(1);
    assertThat(queue.getItems(id))
        .extracting(QueueItem::destination)
        .as("what an attempt holds stays")
        .containsExactly("a.example");
  }

  @Test
  void anExplanationSaysWhatHoldsEachRecipient() {
    var id =
        add(
            store,
            "mail",
            "due.example",
            "later.example",
            "down.example",
            "held.example",
            "failed.example",
            "tried.example");
    store.settle(claim("later.example"), List.of(new Deferred(BUSY, START.plusSeconds(60))));
    store.settle(claim("failed.example"), List.of(new Failed(SmtpReply.of(550, "5.1.1", "No"))));
    queue.hold(new Filter(null, "held.example", null, null));
    claim("tried.example");
    var explanation = queue.explain(id);
    assertThat(explanation.queuedAt()).isEqualTo(START);
    assertThat(explanation.recipients())
        .extracting(Explanation.ForRecipient::reason)
        .containsExactly(
            "due; waits for its turn",
            "not tried before 2026-03-01T12:01:00Z",
            "the host does not answer",
            "on hold until somebody releases it",
            "has failed; the report to its sender is due",
            "an attempt is under way");
    assertThat(explanation.recipients())
        .extracting(Explanation.ForRecipient::nextAttempt)
        .containsExactly(START, START.plusSeconds(60), START, null, null, null);
    assertThat(explanation.recipients().get(1).history()).containsExactly(new Attempt(START, BUSY));
    assertThat(explanation.recipients().getFirst().history()).isEmpty();
    assertThatThrownBy(() -> queue.explain("0000000000000000"))
        .isInstanceOf(NoSuchElementException.class);
  }
}
