package org.unifiedmta.core.limit;

import io.github.bucket4j.Bucket;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.List;
import org.unifiedmta.core.time.Timer;

/**
 * How fast something may go: several bounds that hold together. What was not used for a while may
 * be made up for, up to what a bound allows in its whole time. Thread-safe.
 */
public final class RateMeter {

  /** So many in a time. */
  public record Bound(long count, Duration per) {}

  private final List<Bucket> buckets;

  /** Nothing has gone yet. */
  public RateMeter(List<Bound> bounds, Timer timer) {
    InstantSource time = timer::now;
    Clock clock = time.withZone(ZoneOffset.UTC);
    var elapsed = new Elapsed(clock);
    this.buckets =
        bounds.stream()
            .<Bucket>map(bound ->
                Bucket.builder()
                    .addLimit(limit ->
                        limit.capacity(bound.count()).refillGreedy(bound.count(), bound.per()))
                    .withCustomTimePrecision(elapsed)
                    .build())
            .toList();
  }

  /** How long it is until one more may go; zero if it may now. */
  public Duration untilFree() {
    long wait = 0;
    for (var bucket : buckets) {
      wait = Math.max(wait, bucket.estimateAbilityToConsume(1).getNanosToWaitForRefill());
    }
    return Duration.ofNanos(wait);
  }

  /** So many go, even if that is more than may: what comes later waits the longer. */
  public void take(long count) {
    for (var bucket : buckets) {
      long unused = bucket.consumeIgnoringRateLimits(count);
    }
  }
}
