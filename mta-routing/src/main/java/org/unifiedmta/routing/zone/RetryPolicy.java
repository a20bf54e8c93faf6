package org.unifiedmta.routing.zone;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * When a deferred recipient is tried again (RFC 5321 4.5.4.1).
 *
 * @param delays after the first failure, after the second, …; the last one repeats
 * @param giveUpAfter age of the message at which the recipient fails for good
 * @param delayNoticeAfter age of the message at which its sender is told of the delay, if it asked
 *     for that (NOTIFY=DELAY, RFC 3461 4.1)
 */
public record RetryPolicy(List<Duration> delays, Duration giveUpAfter, Duration delayNoticeAfter) {

  public RetryPolicy {
    delays = List.copyOf(delays);
    if (delays.isEmpty()
        || delays.stream().anyMatch(delay -> delay.isNegative() || delay.isZero())) {
      throw new IllegalArgumentException("a retry policy needs delays, all longer than zero");
    }
  }

  /** 5, 7, 8, 25, 75, 120 minutes, then every 4 hours to 48 hours; notice after 3 hours. */
  public static RetryPolicy standard() {
    return new RetryPolicy(
        IntStream.of(5, 7, 8, 25, 75, 120, 240).mapToObj(Duration::ofMinutes).toList(),
        Duration.ofHours(48),
        Duration.ofHours(3));
  }

  /** {@code first}, then each delay {@code factor} times the one before, up to {@code max}. */
  public static RetryPolicy exponential(
      Duration first, double factor, Duration max, Duration giveUpAfter) {
    if (factor < 1) {
      throw new IllegalArgumentException("a factor below 1: " + factor);
    }
    var delays = new ArrayList<Duration>();
    var next = first;
    while (next.compareTo(max) < 0 && delays.size() < 100 && factor > 1) {
      delays.add(next);
      next = Duration.ofMillis((long) (next.toMillis() * factor));
    }
    delays.add(delays.isEmpty() && factor == 1 ? first : max);
    return new RetryPolicy(delays, giveUpAfter, Duration.ofHours(3));
  }

  /** The same, but giving up at this age at the latest. */
  public RetryPolicy within(Duration age) {
    return age.compareTo(giveUpAfter) < 0 ? new RetryPolicy(delays, age, delayNoticeAfter) : this;
  }

  /**
   * How long to wait after a failed attempt.
   *
   * @param attempts failed so far, this one included; at least 1
   * @param age of the message now
   * @return empty when it is time to give up; the last attempt is made when the time is up
   */
  public Optional<Duration> delayAfter(int attempts, Duration age) {
    if (age.compareTo(giveUpAfter) >= 0) {
      return Optional.empty();
    }
    var delay = delays.get(Math.min(attempts, delays.size()) - 1);
    var left = giveUpAfter.minus(age);
    return Optional.of(delay.compareTo(left) < 0 ? delay : left);
  }
}
