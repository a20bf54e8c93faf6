package org.unifiedmta.delivery.testing;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.server.UnifiedEmailServer;

/**
 * Time that passes when a test says so: given to a server as its {@code timer}, five days of
 * retries take milliseconds. It goes from one wake-up to the next, and before each step it waits
 * until the servers that it {@linkplain #follow follows} are quiet, so that everything happens at
 * its time. Thread-safe, but moved by one thread at a time.
 */
public final class VirtualTime implements Timer {
  private static final Logger log = LoggerFactory.getLogger(VirtualTime.class);
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private record Task(Instant time, long serial, Runnable action) {}

  private final List<UnifiedEmailServer> servers = new CopyOnWriteArrayList<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition allRun = lock.newCondition();
  private final TreeSet<Task> tasks =
      new TreeSet<>(Comparator.comparing(Task::time).thenComparingLong(Task::serial));
  private Instant now;
  private long tasksSoFar;
  private int running;

  private VirtualTime(Instant start) {
    now = start;
  }

  /** Begins at this time, and stands still. */
  public static VirtualTime startingAt(Instant start) {
    return new VirtualTime(start);
  }

  /** From now on time passes only when this server, which has started, is quiet. */
  public VirtualTime follow(UnifiedEmailServer server) {
    servers.add(server);
    return this;
  }

  @Override
  public Instant now() {
    lock.lock();
    try {
      return now;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Handle at(Instant time, Runnable action) {
    lock.lock();
    try {
      var task = new Task(time, tasksSoFar++, action);
      if (!time.isAfter(now)) {
        running++;
        Thread.ofVirtual().name("mta-virtual-time").start(() -> runNow(task)); // not in the caller
        return () -> {};
      }
      tasks.add(task);
      return () -> cancel(task);
    } finally {
      lock.unlock();
    }
  }

  private void cancel(Task task) {
    lock.lock();
    try {
      tasks.remove(task);
    } finally {
      lock.unlock();
    }
  }

  private void runNow(Task task) {
    try {
      run(task);
    } finally {
      lock.lock();
      try {
        running--;
        allRun.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  private static void run(Task task) {
    try {
      task.action.run();
    } catch (RuntimeException e) {
      log.error("a timer's task failed", e);
    }
  }

  /**
   * Lets time pass; what is due on the way happens at its time, and has happened when this returns.
   *
   * @throws AssertionError if a server is not quiet within ten seconds of real time, such as when
   *     it waits for a host that does not answer: see {@link #jump}
   * @throws IllegalArgumentException if the time is negative
   */
  public void advance(Duration time) {
    var end = later(time);
    while (step(end)) {
      // the work is in the steps
    }
  }

  /**
   * Lets time pass until something is so; looks whenever something may have changed.
   *
   * @throws AssertionError if it is not so within that time, or as {@link #advance}
   */
  public void advanceUntil(BooleanSupplier condition, Duration atMost) {
    var start = now();
    var end = later(atMost);
    boolean more = true;
    awaitQuiet();
    while (!condition.getAsBoolean()) {
      if (!more) {
        throw new AssertionError("not so from " + start + " to " + end);
      }
      more = step(end);
    }
  }

  /**
   * Sets the time at once, whatever goes on, and runs what is due then: for attempts that wait for
   * a host that does not answer. Waits for nothing.
   *
   * @throws IllegalArgumentException if the time is negative
   */
  public void jump(Duration time) {
    var end = later(time);
    set(end);
    for (var task = next(end); task != null; task = next(end)) {
      run(task);
    }
  }

  private Instant later(Duration time) {
    if (time.isNegative()) {
      throw new IllegalArgumentException("time does not go back: " + time);
    }
    return now().plus(time);
  }

  /** Goes to the next wake-up, or to the end if there is none before; false at the end. */
  private boolean step(Instant end) {
    awaitQuiet();
    var task = next(end);
    if (task == null) {
      set(end);
      return false;
    }
    set(task.time);
    for (var same = task; same != null; same = next(task.time)) {
      run(same);
    }
    awaitQuiet();
    return true;
  }

  private @Nullable Task next(Instant end) {
    lock.lock();
    try {
      return tasks.isEmpty() || tasks.first().time.isAfter(end) ? null : tasks.pollFirst();
    } finally {
      lock.unlock();
    }
  }

  private void set(Instant time) {
    lock.lock();
    try {
      now = time.isAfter(now) ? time : now;
    } finally {
      lock.unlock();
    }
  }

  private void awaitQuiet() {
    awaitTasks();
    for (var server : servers) {
      if (server.state() == UnifiedEmailServer.State.RUNNING && !server.awaitQuiet(PATIENCE)) {
        throw new AssertionError(
            "the server does not become quiet: " + server.deliverySystem().destinations());
      }
    }
  }

  private void awaitTasks() {
    long left = PATIENCE.toNanos();
    lock.lock();
    try {
      while (running > 0) {
        if (left <= 0) {
          throw new AssertionError("a timer's task does not end");
        }
        left = allRun.awaitNanos(left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    } finally {
      lock.unlock();
    }
  }
}
