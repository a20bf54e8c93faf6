package org.unifiedmta.security.testing;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.PriorityQueue;
import org.unifiedmta.core.time.Timer;

/** A clock that goes when the test says so; what comes due runs on the test's thread. */
public final class ManualTimer implements Timer {

  private record Task(Instant time, Runnable task) {}

  private final PriorityQueue<Task> tasks = new PriorityQueue<>(Comparator.comparing(Task::time));
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");

  @Override
  public synchronized Instant now() {
    return now;
  }

  @Override
  public synchronized Handle at(Instant time, Runnable task) {
    var waiting = new Task(time, task);
    tasks.add(waiting);
    return () -> cancel(waiting);
  }

  private synchronized void cancel(Task task) {
    tasks.remove(task);
  }

  /** How many tasks are to come. */
  public synchronized int waiting() {
    return tasks.size();
  }

  public void advance(Duration by) {
    set(now().plus(by));
    for (var task = nextDue(); task != null; task = nextDue()) {
      task.task.run();
    }
  }

  private synchronized void set(Instant time) {
    now = time;
  }

  private synchronized Task nextDue() {
    return tasks.isEmpty() || tasks.peek().time.isAfter(now) ? null : tasks.poll();
  }
}
