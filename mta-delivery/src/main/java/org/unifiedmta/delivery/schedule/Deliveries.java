package org.unifiedmta.delivery.schedule;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.event.EventBus;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.report.DeliveryReport.Action;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.attempt.DeliveryAttempt;
import org.unifiedmta.delivery.attempt.Outcome;
import org.unifiedmta.delivery.attempt.Passage;
import org.unifiedmta.delivery.bounce.BounceReporter;
import org.unifiedmta.delivery.bounce.BounceReporter.Finding;
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
  private final Function<String, RetryPolicy> retry;
  private final EventBus events;
  private final Metrics metrics;
  private final Timer timer;
  private volatile boolean aborted;

  /**
   * @param retry of a zone, by its name, for messages without a policy of their own
   */
  public Deliveries(
      QueueStore store,
      DeliveryAttempt attempts,
      BounceReporter reporter,
      Function<String, RetryPolicy> retry,
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
  public Contact work(Lease lease, Target target, Passage passage) {
    var message = store.find(lease.id()).orElse(null);
    if (message == null) {
      store.release(lease); // cancelled meanwhile
    } else if (target instanceof Target.Report) {
      reporter.report(message, lease);
    } else {
      return attempt(lease, target, message, passage);
    }
    return new Contact.None();
  }

  private Contact attempt(Lease lease, Target target, QueuedMessage message, Passage passage) {
    var rows = rows(lease, message);
    if (rows.isEmpty()) {
      store.release(lease);
      return new Contact.None();
    }
    var outcomes =
        attempts.run(
            message,
            rows,
            target,
            store.open(lease.id()),
            passage,
            handedOver -> store.handOver(lease, handedOver));
    if (outcomes.isEmpty()) {
      store.release(lease); // not now
      return new Contact.None();
    }
    if (aborted && outcomes.stream().allMatch(Outcome::isTransient)) {
      store.release(lease);
      return new Contact.None();
    }
    var now = timer.now();
    var results = settle(lease, message, rows, outcomes, now);
    for (int i = 0; i < rows.size(); i++) {
      tellAttempt(message, rows.get(i), outcomes.get(i), now);
      tell(message, rows.get(i), results.get(i), now);
    }
    return outcomes.stream().anyMatch(Outcome::reached)
        ? new Contact.Made()
        : new Contact.Failed(outcomes.getFirst().reply(), firstDue(results));
  }

  @Override
  public void putOff(Lease lease, SmtpReply reply) {
    var message = store.find(lease.id()).orElse(null);
    var rows = message == null ? List.<QueuedRow>of() : rows(lease, message);
    if (message == null || rows.isEmpty()) {
      store.release(lease);
    } else {
      var now = timer.now();
      var outcomes = Collections.nCopies(rows.size(), Outcome.notReached(reply));
      var results = settle(lease, message, rows, outcomes, now);
      for (int i = 0; i < rows.size(); i++) {
        tell(message, rows.get(i), results.get(i), now);
      }
    }
  }

  /** Those of a lease, or none if one of them is gone. */
  private static List<QueuedRow> rows(Lease lease, QueuedMessage message) {
    var rows = message.rows().stream().filter(row -> lease.rows().contains(row.number())).toList();
    return rows.size() == lease.rows().size() ? rows : List.of();
  }

  private List<RecipientResult> settle(
      Lease lease,
      QueuedMessage message,
      List<QueuedRow> rows,
      List<Outcome> outcomes,
      Instant now) {
    var results = new ArrayList<RecipientResult>();
    for (int i = 0; i < rows.size(); i++) {
      results.add(result(message, rows.get(i), outcomes.get(i), now));
    }
    // Before it is settled: after a crash it is told twice, as it is delivered twice, never not.
    tellSender(message, rows, outcomes, results);
    store.settle(lease, results);
    return results;
  }

  private static @Nullable Instant firstDue(List<RecipientResult> results) {
    return results.stream()
        .flatMap(result ->
            result instanceof RecipientResult.Deferred deferred
                ? Stream.of(deferred.due())
                : Stream.empty())
        .min(Comparator.naturalOrder())
        .orElse(null);
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
    return lifeOf(message, retryOf(message, row))
        .delayAfter(message.id(), row.attempts() + 1, age)
        .<RecipientResult>map(
            delay -> new RecipientResult.Deferred(outcome.reply(), now.plus(delay)))
        .orElseGet(() -> new RecipientResult.Failed(expired(age, outcome.reply())));
  }

  private RetryPolicy retryOf(QueuedMessage message, QueuedRow row) {
    var own = message.retry();
    return own == null ? retry.apply(row.zone()) : RetryPolicy.parse(own);
  }

  /** The policy, cut off where the message ends. */
  private static RetryPolicy lifeOf(QueuedMessage message, RetryPolicy policy) {
    var expires = message.expires();
    var life =
        expires == null ? policy : policy.within(Duration.between(message.queuedAt(), expires));
    var by = message.envelope().deliverBy();
    // RFC 2852 4.1.4: what is to come back comes back in time.
    return by == null || !by.returnIfLate()
        ? life
        : life.within(Duration.between(message.queuedAt(), by.by()));
  }

  /** RFC 3463 3.5: X.4.7, delivery time expired. */
  private static SmtpReply expired(Duration age, SmtpReply last) {
    var time = age.toHours() > 0 ? age.toHours() + " hours" : age.toMinutes() + " minutes";
    return SmtpReply.of(554, "5.4.7", "not delivered within " + time + "; last reply: " + last);
  }

  // ---- what the sender asked to be told

  private void tellSender(
      QueuedMessage message,
      List<QueuedRow> rows,
      List<Outcome> outcomes,
      List<RecipientResult> results) {
    var findings = new ArrayList<Finding>();
    for (int i = 0; i < rows.size(); i++) {
      var row = rows.get(i);
      var outcome = outcomes.get(i);
      switch (results.get(i)) {
        case RecipientResult.Delivered(var reply) when isToBeTold(message, row, outcome) ->
            findings.add(
                new Finding(
                    row, outcome.host() == null ? Action.DELIVERED : Action.RELAYED, reply));
        case RecipientResult.Deferred(var reply, var next) when becomesLate(message, row, next) ->
            findings.add(new Finding(row, Action.DELAYED, reply));
        default -> {}
      }
    }
    if (!findings.isEmpty()) {
      reporter.tell(message, findings);
    }
  }

  /** RFC 3461 5.2.2, and RFC 2852 4.1.5: who passes it on to a host that does not tell, tells. */
  private static boolean isToBeTold(QueuedMessage message, QueuedRow row, Outcome outcome) {
    var wanted = row.recipient().notifyOn();
    var by = message.envelope().deliverBy();
    boolean traced =
        by != null
            && by.trace()
            && outcome.host() != null
            && !wanted.contains(Recipient.Notify.NEVER);
    return traced || (wanted.contains(Recipient.Notify.SUCCESS) && !outcome.reports());
  }

  /** Whether this was the last attempt before the time at which the sender is to hear of it. */
  private boolean becomesLate(QueuedMessage message, QueuedRow row, Instant next) {
    var wanted = row.recipient().notifyOn();
    var by = message.envelope().deliverBy();
    Instant late = null;
    if (wanted.contains(Recipient.Notify.DELAY)) {
      late = message.queuedAt().plus(retryOf(message, row).delayNoticeAfter());
    }
    if (by != null && !by.returnIfLate() && !wanted.contains(Recipient.Notify.NEVER)) {
      var latest = by.by().isBefore(message.queuedAt()) ? message.queuedAt() : by.by();
      late = late == null || latest.isBefore(late) ? latest : late;
    }
    return late != null && !row.due().isAfter(late) && next.isAfter(late);
  }

  private void tellAttempt(QueuedMessage message, QueuedRow row, Outcome outcome, Instant now) {
    var id = message.id();
    var recipient = row.recipient().address();
    log.debug("{} {} attempt {}: {}", id, recipient, row.attempts() + 1, outcome.reply());
    events.publish(
        MailEvent.AttemptFinished.class,
        () ->
            new MailEvent.AttemptFinished(
                id, now, recipient, row.attempts() + 1, outcome.session(), outcome.reply()));
  }

  private void tell(QueuedMessage message, QueuedRow row, RecipientResult result, Instant now) {
    var id = message.id();
    var recipient = row.recipient().address();
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
