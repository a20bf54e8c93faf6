package org.unifiedmta.smtp.server;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.time.Timer;

/**
 * The time by which a client must have done something. Moved with every command, so the timer is
 * only troubled when the earlier time comes and has been moved. Belongs to one event loop.
 */
final class Deadline {
  private final Timer timer;
  private final Executor loop;
  private final Runnable passed;
  private @Nullable Instant due;
  private @Nullable Instant wakesAt;
  private Timer.@Nullable Handle handle;

  Deadline(Timer timer, Executor loop, Runnable passed) {
    this.timer = timer;
    this.loop = loop;
    this.passed = passed;
  }

  Instant after(Duration time) {
    return timer.now().plus(time);
  }

  void set(Instant time) {
    due = time;
    if (wakesAt == null || wakesAt.isAfter(time)) {
      wakeAt(time);
    }
  }

  void clear() {
    due = null;
  }

  void cancel() {
    due = null;
    if (handle != null) {
      handle.cancel();
    }
  }

  private void wakeAt(Instant time) {
    if (handle != null) {
      handle.cancel();
    }
    wakesAt = time;
    handle = timer.at(time, () -> loop.execute(this::woken));
  }

  private void woken() {
    wakesAt = null;
    handle = null;
    if (due == null) {
      return;
    }
    if (timer.now().isBefore(due)) {
      wakeAt(due);
    } else {
      due = null;
      passed.run();
    }
  }
}
