package org.unifiedmta.delivery.schedule;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.queue.QueueStore;
import org.unifiedmta.delivery.queue.QueuedMessage;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue.Filter;
import org.unifiedmta.delivery.schedule.DestinationQueue.Key;

/**
 * Makes due again what was put off because its destination could not be had. One virtual thread
 * while there is something to do; where the messages are not known, one walk over what is deferred
 * serves all destinations that came back before it began. Thread-safe.
 */
final class Recall {
  private static final Logger log = LoggerFactory.getLogger(Recall.class);
  private static final int PAGE = 100;

  /** How many of the messages are meant, the fewest first. */
  enum Extent {
    /** The first of them that can be had. */
    ONE,
    /** These. */
    THESE,
    /** These, and whatever else waits for the same reason. */
    ALL
  }

  private record Job(List<String> ids, Extent extent) {
    Job and(Job later) {
      var both = new LinkedHashSet<>(ids);
      both.addAll(later.ids);
      var wider = extent.compareTo(later.extent) >= 0 ? extent : later.extent;
      return new Job(List.copyOf(both), wider);
    }
  }

  private final QueueStore store;
  private final Timer timer;
  private final Runnable onIdle;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Key, Job> jobs = new LinkedHashMap<>();
  private boolean running;
  private boolean closed;

  /**
   * @param onIdle runs when everything is done
   */
  Recall(QueueStore store, Timer timer, Runnable onIdle) {
    this.store = store;
    this.timer = timer;
    this.onIdle = onIdle;
  }

  /** Has messages made due, soon. */
  void of(Key key, List<String> ids, Extent extent) {
    lock.lock();
    try {
      jobs.merge(key, new Job(ids, extent), Job::and);
      if (!running && !closed) {
        running = true;
        Thread.ofVirtual().name("mta-recall").start(this::run);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whether everything is done. */
  boolean isIdle() {
    lock.lock();
    try {
      return !running;
    } finally {
      lock.unlock();
    }
  }

  /** Ends soon, whatever is left to be done: it waits in the store for its own time. */
  void close() {
    lock.lock();
    try {
      closed = true;
    } finally {
      lock.unlock();
    }
  }

  private void run() {
    for (var next = next(); !next.isEmpty(); next = next()) {
      try {
        recall(next);
      } catch (RuntimeException e) {
        log.error("what waited for {} is tried at its own time", next.keySet(), e);
      }
    }
    onIdle.run();
  }

  private Map<Key, Job> next() {
    lock.lock();
    try {
      var next = closed ? Map.<Key, Job>of() : Map.copyOf(jobs);
      jobs.clear();
      running = !next.isEmpty();
      return next;
    } finally {
      lock.unlock();
    }
  }

  private boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  private void recall(Map<Key, Job> all) {
    Set<Key> walked = new HashSet<>();
    all.forEach((key, job) -> {
      for (var id : job.ids()) {
        if (makeDue(key, id) && job.extent() == Extent.ONE) {
          break;
        }
      }
      if (job.extent() == Extent.ALL) {
        walked.add(key);
      }
    });
    if (!walked.isEmpty()) {
      walk(walked);
    }
  }

  private void walk(Set<Key> keys) {
    var only = keys.size() == 1 ? filter(keys.iterator().next()) : deferred(null, null);
    String after = null;
    do {
      var page = store.list(only, after, PAGE);
      page.items().forEach(message -> recall(message, keys));
      after = page.next();
    } while (after != null && !isClosed());
  }

  private void recall(QueuedMessage message, Set<Key> keys) {
    var now = timer.now();
    message.rows().stream()
        .filter(row -> row.status() == DeliveryStatus.DEFERRED && row.due().isAfter(now))
        .filter(row -> isOfTheWay(row.lastReply()))
        .map(row -> new Key(row.zone(), row.destination()))
        .distinct()
        .filter(keys::contains)
        .forEach(key -> makeDue(key, message.id()));
  }

  /** RFC 3463 3.5: X.4.Z is about the network; RFC 5321 3.8: 421 is about the host. */
  private static boolean isOfTheWay(@Nullable SmtpReply reply) {
    if (reply == null) {
      return false;
    }
    var status = reply.status();
    return reply.code() == 421 || (status != null && status.subject() == 4);
  }

  private boolean makeDue(Key key, String id) {
    return store.reschedule(id, filter(key), timer.now());
  }

  private static Filter filter(Key key) {
    return deferred(key.zone(), key.destination());
  }

  private static Filter deferred(@Nullable String zone, @Nullable String destination) {
    return new Filter(zone, destination, DeliveryStatus.DEFERRED, null);
  }
}
