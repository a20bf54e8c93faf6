package org.unifiedmta.core.time;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The machine's clock with one daemon thread, which ends when nothing is left to wake. */
final class SystemTimer implements Timer {
  private static final Logger log = LoggerFactory.getLogger(SystemTimer.class);

  /** Shared: it holds no state but the tasks that their owners cancel. */
  static final SystemTimer SHARED = new SystemTimer();

  private final ScheduledThreadPoolExecutor executor =
      new ScheduledThreadPoolExecutor(
          0,
          task -> {
            var thread = new Thread(task, "mta-timer");
            thread.setDaemon(true);
            return thread;
          });

  private SystemTimer() {
    executor.setRemoveOnCancelPolicy(true);
    executor.setMaximumPoolSize(1);
    executor.setKeepAliveTime(1, TimeUnit.SECONDS);
  }

  @Override
  public Instant now() {
    return Instant.now();
  }

  @Override
  public Handle at(Instant time, Runnable task) {
    long nanos = saturated(Duration.between(Instant.now(), time));
    var future = executor.schedule(() -> run(task), nanos, TimeUnit.NANOSECONDS);
    return () -> future.cancel(false);
  }

  private static long saturated(Duration duration) {
    if (duration.isNegative()) {
      return 0;
    }
    return duration.toDays() > 10_000 ? Long.MAX_VALUE / 4 : duration.toNanos();
  }

  private static void run(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException e) {
      log.error("a timer's task failed", e);
    }
  }
}
