package org.unifiedmta.core.limit;

import com.github.benmanes.caffeine.cache.Ticker;
import io.github.bucket4j.TimeMeter;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Nanoseconds on a clock since this was made. They only go forward: a clock that is set back by an
 * hour must not keep buckets from filling for an hour.
 */
final class Elapsed implements TimeMeter, Ticker {
  private record Reading(Instant at, long nanos) {}

  private final Clock clock;
  private final AtomicReference<Reading> last;

  Elapsed(Clock clock) {
    this.clock = clock;
    this.last = new AtomicReference<>(new Reading(clock.instant(), 0));
  }

  @Override
  public long read() {
    return last.updateAndGet(this::next).nanos;
  }

  private Reading next(Reading before) {
    var now = clock.instant();
    return now.isAfter(before.at)
        ? new Reading(now, before.nanos + Duration.between(before.at, now).toNanos())
        : new Reading(now, before.nanos);
  }

  @Override
  public long currentTimeNanos() {
    return read();
  }

  @Override
  public boolean isWallClockBased() {
    return false;
  }
}
