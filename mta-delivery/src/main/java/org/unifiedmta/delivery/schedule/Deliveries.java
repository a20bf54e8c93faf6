package org.unifiedmta.delivery.schedule;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.event.EventBus;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.attempt.DeliveryAttempt;
import org.unifiedmta.delivery.attempt.Outcome;
import org.unifiedmta.delivery.bounce.BounceReporter;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.queue.Lease;
import org.unifiedmta.delivery.queue.QueueStore;
import org.unifiedmta.delivery.queue.QueuedMessage;
import org.unifiedmta.delivery.queue.QueuedRow;
import org.unifiedmta.delivery.queue.RecipientResult;
import org.unifiedmta.routing.route.Destinations.Target;
import org.unifiedmta.routing.zone.RetryPolicy;

/** Works on leases: an attempt, what it means for each row, one record of that, and the events. */
public final class Deliveries implements MultiModeDeliverySystem.Worker {
  private static final Logger log = LoggerFactory.getLogger(Deliveries.class);

  private final QueueStore store;
  private final DeliveryAttempt attempts;
  private final BounceReporter reporter;
  private final RetryPolicy retry;
  private final EventBus events;
  private final Metrics metrics;
  private final Timer timer;
  private volatile boolean aborted;

  public Deliveries(
      QueueStore store,
      DeliveryAttempt attempts,
      BounceReporter reporter,
      RetryPolicy retry,
      EventBus events,
      Metrics metrics,
      Timer timer) {
    this.store = store;
    this.attempts = attempts;
    this.reporter = reporter;
    this.retry = retry;
    this.events = events;
    this.metrics = metrics;
    this.timer = timer;
  }

  /** From now on what fails was made to fail by us, and costs a message none of its attempts. */
  public void abort() {
    aborted = true;
  }

  @Override
  public void work(Lease lease, Target target) {
    var message = store.find(lease.id()).orElse(null);
    if (message == null) {
      store.release(lease); // cancelled meanwhile
      return;
    }
    if (target instanceof Target.Report) {
      reporter.report(message, lease);
    } else {
      attempt(lease, target, message);
    }
  }

  private void attempt(Lease lease, Target target, QueuedMessage message) {
    var rows = message.rows().stream().filter(row -> lease.rows().contains(row.number())).toList();
    if (rows.size() != lease.rows().size()) {
      store.release(lease);
      return;
    }
    var outcomes = attempts.run(message, rows, target, store.open(lease.id()));
    if (aborted && outcomes.stream().allMatch(Outcome::isTransient)) {
      store.release(lease);
      return;
    }
    var now = timer.now();
    var results = new ArrayList<RecipientResult>();
    for (int i = 0; i < rows.size(); i++) {
      results.add(result(message, rows.get(i), outcomes.get(i), now));
    }
    store.settle(lease, results);
    for (int i = 0; i < rows.size(); i++) {
      tell(message, rows.get(i), outcomes.get(i), results.get(i), now);
    }
  }

  private RecipientResult result(
      QueuedMessage message, QueuedRow row, Outcome outcome, Instant now) {
    if (outcome.isDelivered()) {
      return new RecipientResult.Delivered(outcome.reply());
    }
    if (!outcome.isTransient()) {
      return new RecipientResult.Failed(outcome.reply());
    }
    var age = Duration.between(message.queuedAt(), now);
    return retry
        .delayAfter(row.attempts() + 1, age)
        .<RecipientResult>map(
            delay -> new RecipientResult.Deferred(outcome.reply(), now.plus(delay)))
        .orElseGet(() -> new RecipientResult.Failed(expired(age, outcome.reply())));
  }

  /** RFC 3463 3.5: X.4.7, delivery time expired. */
  private static SmtpReply expired(Duration age, SmtpReply last) {
    return SmtpReply.of(
        554, "5.4.7", "not delivered within " + age.toHours() + " hours; last reply: " + last);
  }

  private void tell(
      QueuedMessage message, QueuedRow row, Outcome outcome, RecipientResult result, Instant now) {
    var id = message.id();
    var recipient = row.recipient().address();
    log.debug("{} {} attempt {}: {}", id, recipient, row.attempts() + 1, outcome.reply());
    events.publish(
        MailEvent.AttemptFinished.class,
        () ->
            new MailEvent.AttemptFinished(
                id,
                now,
                recipient,
                row.attempts() + 1,
                outcome.host(),
                outcome.tls(),
                outcome.reply()));
    switch (result) {
      case RecipientResult.Delivered(var reply) -> {
        metrics.count("delivery.delivered", 1);
        events.publish(
            MailEvent.Delivered.class, () -> new MailEvent.Delivered(id, now, recipient, reply));
      }
      case RecipientResult.Deferred(var reply, var due) -> {
        metrics.count("delivery.deferred", 1);
        events.publish(
            MailEvent.Deferred.class, () -> new MailEvent.Deferred(id, now, recipient, reply, due));
      }
      case RecipientResult.Failed(var reply) -> {
        metrics.count("delivery.failed", 1);
        events.publish(
            MailEvent.Bounced.class, () -> new MailEvent.Bounced(id, now, recipient, reply));
      }
      case RecipientResult.Reported reported -> {}
    }
  }
}
