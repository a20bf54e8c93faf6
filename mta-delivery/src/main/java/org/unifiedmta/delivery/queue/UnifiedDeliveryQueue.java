package org.unifiedmta.delivery.queue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.core.event.EventBus;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.security.SecurityResults;

/** The one front door of the queue: whatever is to be delivered comes in here. */
public final class UnifiedDeliveryQueue {
  private final QueueStore store;
  private final EventBus events;
  private final Timer timer;

  /** Over a store that its owner closes. */
  public UnifiedDeliveryQueue(QueueStore store, EventBus events, Timer timer) {
    this.store = store;
    this.events = events;
    this.timer = timer;
  }

  /** Stores a message, as {@link QueueStore#add}, and tells the events. */
  public void add(NewMessage message, BiConsumer<@Nullable String, @Nullable Throwable> done) {
    long size = message.body().size();
    store.add(
        message,
        (id, failure) -> {
          try {
            if (failure == null) {
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
   * @return its id
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
            stored.complete(message.id());
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

  /** Takes a message out, for all recipients that no attempt holds; true if there was one. */
  public boolean cancel(String id) {
    return store.cancel(id);
  }

  /** Makes a message due now, for all recipients that no attempt holds; true if there was one. */
  public boolean retryNow(String id) {
    return store.reschedule(id, timer.now());
  }

  /** Unfinished recipients by status, from counters. */
  public Map<DeliveryStatus, Long> getStats() {
    return store.counts();
  }
}
