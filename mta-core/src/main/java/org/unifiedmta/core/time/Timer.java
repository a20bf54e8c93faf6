package org.unifiedmta.core.time;

import java.time.Instant;

/** A clock that wakes. Whatever waits for a time waits here, so that a test can own it. */
public interface Timer {

  /** A task to come. */
  interface Handle {
    /** Takes the task back; nothing happens if it has run. */
    void cancel();
  }

  Instant now();

  /**
   * Runs the task at this time, or soon if that is past. The task must be short and must not block.
   */
  Handle at(Instant time, Runnable task);

  /** The machine's clock; its one thread is a daemon, made with the first task. */
  static Timer system() {
    return SystemTimer.SHARED;
  }
}
