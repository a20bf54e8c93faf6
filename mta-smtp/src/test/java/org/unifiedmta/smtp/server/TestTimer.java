package org.unifiedmta.smtp.server;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.unifiedmta.core.time.Timer;

/** Time that passes when it is told to. */
final class TestTimer implements Timer {
  private record Task(Instant time, Runnable work) {}

  private final ReentrantLock lock = new ReentrantLock();
  private final List<Task> tasks = new ArrayList<>();
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");

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
  public Handle at(Instant time, Runnable work) {
    var task = new Task(time, work);
    add(task);
    runDue();
    return () -> remove(task);
  }

  /** Waits until somebody waits for time to pass. */
  void awaitTask() {
    Await.until(
        "a task of the timer",
        () -> {
          lock.lock();
          try {
            return !tasks.isEmpty();
          } finally {
            lock.unlock();
          }
        });
  }

  /** Waits until somebody waits for just so much time to pass. */
  void awaitTaskIn(Duration time) {
    Await.until(
        "a task of the timer in " + time,
        () -> {
          lock.lock();
          try {
            return tasks.stream().anyMatch(task -> task.time.equals(now.plus(time)));
          } finally {
            lock.unlock();
          }
        });
  }

  void advance(Duration time) {
    lock.lock();
    now = now.plus(time);
    lock.unlock();
    runDue();
  }

  private void add(Task task) {
    lock.lock();
    tasks.add(task);
    lock.unlock();
  }

  private void remove(Task task) {
    lock.lock();
    tasks.remove(task);
    lock.unlock();
  }

  private void runDue() {
    lock.lock();
    var due = tasks.stream().filter(task -> !task.time.isAfter(now)).toList();
    tasks.removeAll(due);
    lock.unlock();
    due.forEach(task -> task.work.run());
  }
}
