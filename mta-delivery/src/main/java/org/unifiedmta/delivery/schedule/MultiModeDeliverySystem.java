package org.unifiedmta.delivery.schedule;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.Lease;
import org.unifiedmta.delivery.queue.QueueStore;
import org.unifiedmta.delivery.queue.RecipientResult;
import org.unifiedmta.delivery.schedule.DestinationQueue.Key;
import org.unifiedmta.routing.route.Destinations.Target;

/**
 * Decides what is tried next: destinations with something due take turns, each within its window,
 * all within one bound. One thread decides; each attempt runs on a virtual thread of its own.
 */
public final class MultiModeDeliverySystem implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(MultiModeDeliverySystem.class);

  /** Longer than any attempt takes: what runs out is tried a second time. */
  private static final Duration LEASE = Duration.ofHours(6);

  private static final Duration AFTER_FAILURE = Duration.ofMinutes(5);

  private static final SmtpReply FAILED =
      SmtpReply.of(451, "4.3.0", "the attempt failed on our side");

  /** How a recipient's mail is delivered. */
  public enum Mode {
    /** To one host. */
    FORWARD,
    /** To the MX hosts of the recipient's domain. */
    MX,
    /** To the mail handler. */
    LOCAL,
    /** To the MX hosts, scanned and signed first. */
    PROCESS
  }

  /** Works on one lease until it is settled or given back; blocks. */
  public interface Worker {
    void work(Lease lease, Target target);
  }

  /**
   * Bounds.
   *
   * @param attempts at a time, in all
   * @param perDestination at a time
   */
  public record Limits(int attempts, int perDestination) {
    /** So many in all, 5 for a destination, 20 for the mail handler. */
    public static Limits of(int attempts) {
      return new Limits(attempts, 5);
    }

    int window(Target target) {
      return target instanceof Target.Local ? 4 * perDestination : perDestination;
    }
  }

  private final QueueStore store;
  private final Worker worker;
  private final Limits limits;
  private final Timer timer;
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("mta-attempt-", 0).factory());
  private final Thread thread;

  // what comes in from other threads
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Map<Key, Instant> signals = new LinkedHashMap<>();
  private final List<DestinationQueue> finished = new ArrayList<>();
  private boolean stopping;
  private int runningNow;

  // the scheduler thread's own
  private final Map<Key, DestinationQueue> queues = new HashMap<>();
  private final ArrayDeque<DestinationQueue> ready = new ArrayDeque<>();
  private boolean stalled;

  public MultiModeDeliverySystem(QueueStore store, Worker worker, Limits limits, Timer timer) {
    this.store = store;
    this.worker = worker;
    this.limits = limits;
    this.timer = timer;
    this.thread = new Thread(this::run, "mta-schedule");
    thread.setDaemon(true);
  }

  /** Begins with whatever waits in the store. */
  public void start() {
    store.onDue(this::due);
    for (var destination : store.destinations()) {
      due(destination.zone(), destination.name(), destination.nextDue());
    }
    thread.start();
  }

  private void due(String zone, String destination, Instant at) {
    lock.lock();
    try {
      signals.merge(new Key(zone, destination), at, (a, b) -> a.isBefore(b) ? a : b);
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  private void run() {
    while (true) {
      Map<Key, Instant> due;
      List<DestinationQueue> done;
      lock.lock();
      try {
        while (signals.isEmpty() && finished.isEmpty() && !stopping) {
          changed.awaitUninterruptibly();
        }
        if (stopping) {
          return;
        }
        due = Map.copyOf(signals);
        done = List.copyOf(finished);
        signals.clear();
        finished.clear();
      } finally {
        lock.unlock();
      }
      try {
        done.forEach(this::settleFinished);
        due.forEach(this::lookAt);
        dispatch();
      } catch (RuntimeException e) {
        log.error("the scheduler failed; it goes on", e);
      }
    }
  }

  private void settleFinished(DestinationQueue queue) {
    queue.finished();
    line(queue);
  }

  private void lookAt(Key key, Instant at) {
    var queue = queues.computeIfAbsent(key, DestinationQueue::new);
    if (at.isAfter(timer.now())) {
      wake(queue, at);
    } else {
      line(queue);
    }
  }

  private void wake(DestinationQueue queue, Instant at) {
    queue.wakeBy(at, timer, () -> due(queue.key().zone(), queue.key().destination(), at));
  }

  private void line(DestinationQueue queue) {
    if (!queue.isReady()) {
      queue.setReady(true);
      ready.addLast(queue);
    }
  }

  /** One claim for the first in the line, which then stands at its end: they take turns. */
  private void dispatch() {
    if (store.hasFailed()) {
      // What is delivered now would not be remembered, and come a second time after a restart.
      if (!stalled) {
        log.error("the queue's storage has failed: no mail is sent until it is mended");
      }
      stalled = true;
      return;
    }
    while (!ready.isEmpty() && hasRoom()) {
      var queue = ready.removeFirst();
      queue.setReady(false);
      if (queue.running() < limits.window(queue.target())) {
        claim(queue);
      }
    }
  }

  private boolean hasRoom() {
    lock.lock();
    try {
      return !stopping && runningNow < limits.attempts();
    } finally {
      lock.unlock();
    }
  }

  private void claim(DestinationQueue queue) {
    var key = queue.key();
    var leases = store.claim(key.zone(), key.destination(), 1, LEASE);
    if (!leases.isEmpty()) {
      start(queue, leases.get(0));
      line(queue);
      return;
    }
    queue.awake();
    store.nextDue(key.zone(), key.destination()).ifPresent(at -> wake(queue, at));
    if (queue.isIdle()) {
      queues.remove(key);
    }
  }

  private void start(DestinationQueue queue, Lease lease) {
    queue.started();
    lock.lock();
    try {
      runningNow++;
    } finally {
      lock.unlock();
    }
    threads.execute(() -> attempt(queue, lease));
  }

  private void attempt(DestinationQueue queue, Lease lease) {
    try {
      worker.work(lease, queue.target());
    } catch (Throwable e) { // whatever it was, the lease must not hang until it runs out
      log.error("{} an attempt failed; it is made again in {}", lease.id(), AFTER_FAILURE, e);
      putOff(lease);
    } finally {
      lock.lock();
      try {
        runningNow--;
        finished.add(queue);
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /** Given back as it was, it would be the first again, and hold up all that wait behind it. */
  private void putOff(Lease lease) {
    var later = new RecipientResult.Deferred(FAILED, timer.now().plus(AFTER_FAILURE));
    try {
      store.settle(lease, Collections.nCopies(lease.rows().size(), later));
    } catch (RuntimeException e) {
      log.error("{} could not be put off; its lease runs out", lease.id(), e);
    }
  }

  /** Attempts that run now. */
  public int runningAttempts() {
    lock.lock();
    try {
      return runningNow;
    } finally {
      lock.unlock();
    }
  }

  /** Starts no attempt any more; those that run go on. */
  public void stopClaiming() {
    lock.lock();
    try {
      stopping = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until no attempt runs, and none can begin any more; to be called after {@link
   * #stopClaiming}.
   *
   * @return false if the time ran out first
   */
  public boolean awaitIdle(Duration timeout) {
    long end = System.nanoTime() + timeout.toNanos();
    try {
      // What the thread has claimed already it will still start.
      if (thread.isAlive() && !thread.join(atLeastAMoment(timeout))) {
        return false;
      }
      return awaitAttempts(end);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static Duration atLeastAMoment(Duration timeout) {
    var moment = Duration.ofMillis(100);
    return timeout.compareTo(moment) < 0 ? moment : timeout;
  }

  private boolean awaitAttempts(long end) throws InterruptedException {
    lock.lock();
    try {
      long left = end - System.nanoTime();
      while (runningNow > 0 && left > 0) {
        left = changed.awaitNanos(left);
      }
      return runningNow == 0;
    } finally {
      lock.unlock();
    }
  }

  /** Ends what still runs. To be called when the store is closed: threads are interrupted. */
  @Override
  public void close() {
    stopClaiming();
    threads.shutdownNow();
  }
}
