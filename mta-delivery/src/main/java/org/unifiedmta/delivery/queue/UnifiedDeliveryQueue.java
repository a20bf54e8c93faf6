package org.unifiedmta.delivery.queue;

import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.event.EventBus;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.routing.route.Destinations;
import org.unifiedmta.routing.route.Destinations.Target;
import org.unifiedmta.security.SecurityResults;
import org.unifiedmta.security.dmarc.DmarcResult;

/** The one front door of the queue: whatever is to be delivered comes in here. */
public final class UnifiedDeliveryQueue {
  private static final Logger log = LoggerFactory.getLogger(UnifiedDeliveryQueue.class);
  private static final int PAGE = 100;

  /**
   * Which recipients; what is null is not asked for.
   *
   * @param sender the address, as it was given; "" for the null sender
   */
  public record Filter(
      @Nullable String zone,
      @Nullable String destination,
      @Nullable DeliveryStatus status,
      @Nullable String sender) {
    /** All of them. */
    public static Filter all() {
      return new Filter(null, null, null, null);
    }

    /** Whether it fits, as far as this can be said without the message. */
    boolean fits(String itsZone, String itsDestination, DeliveryStatus itsStatus) {
      return (zone == null || zone.equals(itsZone))
          && (destination == null || destination.equals(itsDestination))
          && (status == null || status == itsStatus);
    }

    /** Whether one of them does. */
    public boolean fitsOne(List<QueueIndex.RowView> rows) {
      return rows.stream()
          .anyMatch(row -> fits(row.zone(), row.destination(), row.state().status()));
    }

    /** Whether the sender fits. */
    public boolean fits(Envelope envelope) {
      if (sender == null) {
        return true;
      }
      var from = envelope.mailFrom();
      return sender.equals(from == null ? "" : from.toString());
    }
  }

  private final QueueStore store;
  private final EventBus events;
  private final Timer timer;
  private final BiFunction<String, String, Optional<String>> rest;

  /** Over a store that its owner closes. */
  public UnifiedDeliveryQueue(QueueStore store, EventBus events, Timer timer) {
    this(store, events, timer, (zone, destination) -> Optional.empty());
  }

  /**
   * The same.
   *
   * @param rest why nothing is tried for a zone and destination now, whatever is due; or empty
   */
  public UnifiedDeliveryQueue(
      QueueStore store,
      EventBus events,
      Timer timer,
      BiFunction<String, String, Optional<String>> rest) {
    this.rest = rest;
    this.store = store;
    this.events = events;
    this.timer = timer;
  }

  /** Stores a message, as {@link QueueStore#add}, and tells the events of it. */
  public void add(NewMessage message, BiConsumer<@Nullable String, @Nullable Throwable> done) {
    long size = message.body().size();
    store.add(
        message,
        (id, failure) -> {
          try {
            if (message.id().equals(id)) { // else it was stored before
              tell(message, size);
            }
          } finally {
            done.accept(id, failure); // whoever waits hears of it whatever the events did
          }
        });
  }

  /**
   * Stores a message and waits until it is on stable storage.
   *
   * @return its id, or that of the one that was stored before with the same key
   * @throws org.unifiedmta.core.spool.InsufficientStorageException when there is no room
   * @throws MtaException when the storage fails
   */
  public String addAndWait(NewMessage message) {
    var stored = new CompletableFuture<String>();
    add(
        message,
        (id, failure) -> {
          if (failure != null) {
            stored.completeExceptionally(failure);
          } else {
            stored.complete(id);
          }
        });
    try {
      return stored.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof MtaException known) {
        throw known;
      }
      throw new MtaException("the message could not be stored", e.getCause());
    }
  }

  private void tell(NewMessage message, long size) {
    var session = message.session();
    if (session != null) {
      var security = message.security() == null ? SecurityResults.none() : message.security();
      events.publish(
          MailEvent.EmailReceived.class,
          () ->
              new MailEvent.EmailReceived(
                  message.id(), timer.now(), message.envelope(), session, security));
      var dmarc = security.authentication().dmarc();
      if (dmarc.action() == DmarcResult.Action.QUARANTINE) {
        var domain = dmarc.recordDomain() == null ? "" : dmarc.recordDomain();
        events.publish(
            MailEvent.Quarantined.class,
            () -> new MailEvent.Quarantined(message.id(), timer.now(), message.envelope(), domain));
      }
    }
    events.publish(
        MailEvent.Accepted.class,
        () -> new MailEvent.Accepted(message.id(), timer.now(), message.envelope(), size));
    for (var row : message.rows()) {
      events.publish(
          MailEvent.Routed.class,
          () ->
              new MailEvent.Routed(
                  message.id(),
                  timer.now(),
                  row.recipient().address(),
                  row.route(),
                  row.zone(),
                  row.destination()));
    }
  }

  /** Tells of what a crash has left in doubt; to be called before anything is tried. */
  public void tellInterrupted() {
    store
        .interrupted()
        .forEach((id, rows) ->
            store.find(id).stream()
                .flatMap(message -> message.rows().stream())
                .filter(row -> rows.contains(row.number()))
                .map(row -> row.recipient().address())
                .forEach(recipient -> tellInterrupted(id, recipient)));
  }

  private void tellInterrupted(String id, EmailAddress recipient) {
    log.warn("{} may come to {} twice: a crash ended an attempt in its last moment", id, recipient);
    events.publish(
        MailEvent.PossibleDuplicate.class,
        () -> new MailEvent.PossibleDuplicate(id, timer.now(), recipient));
  }

  /** The first unfinished recipient of a message. */
  public Optional<QueueItem> getItem(String id) {
    return getItems(id).stream().findFirst();
  }

  /** All unfinished recipients of a message; empty if it is not there, or no more. */
  public List<QueueItem> getItems(String id) {
    return store.find(id).map(UnifiedDeliveryQueue::items).orElse(List.of());
  }

  /**
   * Unfinished recipients, message by message.
   *
   * @param after a message's id, or null to begin with the first
   * @param limit of messages
   */
  public List<QueueItem> list(@Nullable String after, int limit) {
    return store.list(after, limit).stream().flatMap(message -> items(message).stream()).toList();
  }

  private static List<QueueItem> items(QueuedMessage message) {
    return message.rows().stream()
        .map(row ->
            new QueueItem(
                message.id(),
                row.number(),
                row.recipient(),
                row.status(),
                row.zone(),
                row.destination(),
                row.attempts(),
                message.queuedAt(),
                row.status() == DeliveryStatus.FAILED ? null : row.due(),
                row.lastReply()))
        .toList();
  }

  /**
   * Unfinished recipients that fit, message by message.
   *
   * @param after a page's {@link Page#next}, or null to begin with the first
   * @param limit of messages
   */
  public Page<QueueItem> list(Filter filter, @Nullable String after, int limit) {
    var page = store.list(filter, after, limit);
    return new Page<>(
        page.items().stream()
            .flatMap(message -> items(message).stream())
            .filter(item -> filter.fits(item.zone(), item.destination(), item.status()))
            .toList(),
        page.next());
  }

  // What follows is done to recipients that no attempt holds: all of one message, and then it tells
  // whether there was one, or those that fit a filter, and then it tells of how many messages.

  /** Keeps a message from being tried. */
  public boolean hold(String id) {
    return store.hold(id);
  }

  /** Keeps all that fits from being tried. */
  public int hold(Filter filter) {
    return each(filter, id -> store.hold(id, filter));
  }

  /** Ends a {@link #hold(String)}. */
  public boolean release(String id) {
    return store.release(id);
  }

  /** Ends a {@link #hold(Filter)}. */
  public int release(Filter filter) {
    return each(filter, id -> store.release(id, filter));
  }

  /** Takes a message out; nobody is told. */
  public boolean cancel(String id) {
    return store.cancel(id);
  }

  /** Takes all out that fits; nobody is told. */
  public int cancel(Filter filter) {
    return each(filter, id -> store.cancel(id, filter));
  }

  /** Makes a message due now. */
  public boolean retryNow(String id) {
    return store.reschedule(id, timer.now());
  }

  /** Makes all due now that fits. */
  public int retryNow(Filter filter) {
    return each(filter, id -> store.reschedule(id, filter, timer.now()));
  }

  /**
   * Has a message go another way when it is due, but for recipients that have failed.
   *
   * @param zone name of the sending zone
   * @throws IllegalArgumentException if mail cannot be sent to this target
   */
  public boolean reroute(String id, String zone, Target target) {
    return store.reroute(id, Filter.all(), zone, destination(target));
  }

  /** Has all that fits go another way, as {@link #reroute(String, String, Target)}. */
  public int reroute(Filter filter, String zone, Target target) {
    var destination = destination(target);
    return each(filter, id -> store.reroute(id, filter, zone, destination));
  }

  private static String destination(Target target) {
    if (target instanceof Target.Report) {
      throw new IllegalArgumentException("failures are reported, mail is not");
    }
    return Destinations.of(target);
  }

  private int each(Filter filter, Predicate<String> operation) {
    int count = 0;
    String after = null;
    do {
      var page = store.list(filter, after, PAGE);
      for (var message : page.items()) {
        count += operation.test(message.id()) ? 1 : 0;
      }
      after = page.next();
    } while (after != null);
    return count;
  }

  /**
   * Why each recipient of a message that is not finished is where it is.
   *
   * @throws java.util.NoSuchElementException if the message is not there, or no more
   */
  public Explanation explain(String id) {
    var message = store.find(id).orElseThrow(() -> new NoSuchElementException("no message " + id));
    return Explanation.of(message, timer.now(), rest);
  }

  /** Unfinished recipients by status, from counters. */
  public Map<DeliveryStatus, Long> getStats() {
    return store.counts();
  }

  /** Those that fit, by status; where a sender is asked for, each message is looked at. */
  public Map<DeliveryStatus, Long> getStats(Filter filter) {
    return store.counts(filter);
  }
}
