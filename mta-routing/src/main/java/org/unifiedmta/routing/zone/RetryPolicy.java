package org.unifiedmta.routing.zone;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * When a deferred recipient is tried again (RFC 5321 4.5.4.1). As text, which {@link #parse} reads
 * and {@link #toString} writes: {@code 5m,30m,4h;give-up=2d;notice=3h;jitter=0.1}.
 *
 * @param delays after the first failure, after the second, …; the last one repeats
 * @param giveUpAfter age of the message at which the recipient fails for good
 * @param delayNoticeAfter age of the message at which its sender is told of the delay, if it asked
 *     for that (NOTIFY=DELAY, RFC 3461 4.1)
 * @param jitter up to which part of itself a delay is shortened, 0 to below 1, so that what failed
 *     at one time is not tried again at one time; the same each time for the same message and
 *     attempt
 */
public record RetryPolicy(
    List<Duration> delays, Duration giveUpAfter, Duration delayNoticeAfter, double jitter) {
  private static final Duration GIVE_UP_AFTER = Duration.ofHours(48);
  private static final Duration DELAY_NOTICE_AFTER = Duration.ofHours(3);
  private static final double JITTER = 0.1;
  private static final int STEPS = 100;

  /** Units of time as they are written, the longest first. */
  private enum Unit {
    D(Duration.ofDays(1)),
    H(Duration.ofHours(1)),
    M(Duration.ofMinutes(1)),
    S(Duration.ofSeconds(1)),
    MS(Duration.ofMillis(1)),
    NS(Duration.ofNanos(1));

    private final Duration length;

    Unit(Duration length) {
      this.length = length;
    }

    private boolean divides(Duration time) {
      return time.equals(length.multipliedBy(time.dividedBy(length)));
    }
  }

  public RetryPolicy {
    delays = List.copyOf(delays);
    if (delays.isEmpty()
        || delays.stream().anyMatch(delay -> delay.isNegative() || delay.isZero())) {
      throw new IllegalArgumentException("a retry policy needs delays, all longer than zero");
    }
    if (!(jitter >= 0 && jitter < 1)) {
      throw new IllegalArgumentException("no jitter from 0 to below 1: " + jitter);
    }
  }

  /** One that keeps to its delays. */
  public RetryPolicy(List<Duration> delays, Duration giveUpAfter, Duration delayNoticeAfter) {
    this(delays, giveUpAfter, delayNoticeAfter, 0);
  }

  /**
   * 5, 7, 8, 25, 75, 120 minutes, then every 4 hours to 48 hours, without jitter; notice after 3
   * hours.
   */
  public static RetryPolicy standard() {
    return new RetryPolicy(
        IntStream.of(5, 7, 8, 25, 75, 120, 240).mapToObj(Duration::ofMinutes).toList(),
        GIVE_UP_AFTER,
        DELAY_NOTICE_AFTER);
  }

  /**
   * {@code first}, then each delay {@code factor} times the one before, up to {@code max}; each is
   * shortened by up to a tenth, see {@link #withJitter}. Notice after 3 hours.
   *
   * @throws IllegalArgumentException if the factor is below 1, or a delay is not longer than zero
   */
  public static RetryPolicy exponential(
      Duration first, double factor, Duration max, Duration giveUpAfter) {
    if (!(factor >= 1)) {
      throw new IllegalArgumentException("a factor below 1: " + factor);
    }
    var delays = new ArrayList<Duration>();
    var next = first;
    while (next.compareTo(max) < 0 && delays.size() < STEPS && factor > 1) {
      delays.add(next);
      next = Duration.ofMillis(Math.round(next.toMillis() * factor));
    }
    delays.add(factor == 1 && first.compareTo(max) < 0 ? first : max);
    return new RetryPolicy(delays, giveUpAfter, DELAY_NOTICE_AFTER, JITTER);
  }

  /**
   * Reads a policy; what is not said of giving up, notice and jitter is as in {@link #standard}.
   *
   * @param text delays such as {@code 1s,5m,4h}, and behind semicolons {@code give-up}, {@code
   *     notice} and {@code jitter}; units are {@code ns ms s m h d}
   * @throws IllegalArgumentException if it is not that, with what is wrong
   */
  public static RetryPolicy parse(String text) {
    var parts = text.split(";", -1);
    var delays = new ArrayList<Duration>();
    for (var delay : parts[0].split(",", -1)) {
      delays.add(duration(delay.strip()));
    }
    var policy = new RetryPolicy(delays, GIVE_UP_AFTER, DELAY_NOTICE_AFTER);
    for (int i = 1; i < parts.length; i++) {
      int equals = parts[i].indexOf('=');
      var name = equals < 0 ? parts[i] : parts[i].substring(0, equals).strip();
      var value = parts[i].substring(equals + 1).strip();
      policy =
          switch (name) {
            case "give-up" -> policy.withGiveUpAfter(duration(value));
            case "notice" -> policy.withDelayNoticeAfter(duration(value));
            case "jitter" -> policy.withJitter(number(value));
            default -> throw new IllegalArgumentException("no part of a retry policy: " + name);
          };
    }
    return policy;
  }

  private static double number(String text) {
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("no number: " + text, e);
    }
  }

  static Duration duration(String text) {
    int digits = 0;
    while (digits < text.length() && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
      digits++;
    }
    var unit = text.substring(digits);
    for (var known : Unit.values()) {
      if (digits > 0 && digits <= 9 && text(known).equals(unit)) {
        return known.length.multipliedBy(Long.parseLong(text.substring(0, digits)));
      }
    }
    throw new IllegalArgumentException("no duration: " + text);
  }

  private static String text(Unit unit) {
    return switch (unit) {
      case D -> "d";
      case H -> "h";
      case M -> "m";
      case S -> "s";
      case MS -> "ms";
      case NS -> "ns";
    };
  }

  private static String text(Duration time) {
    if (time.isZero()) {
      return "0s";
    }
    for (var unit : Unit.values()) {
      if (unit.divides(time)) {
        return time.dividedBy(unit.length) + text(unit);
      }
    }
    throw new IllegalStateException("no unit divides " + time);
  }

  /** As {@link #parse} reads it. */
  @Override
  public String toString() {
    return delays.stream().map(RetryPolicy::text).collect(Collectors.joining(","))
        + ";give-up="
        + text(giveUpAfter)
        + ";notice="
        + text(delayNoticeAfter)
        + (jitter == 0 ? "" : ";jitter=" + jitter);
  }

  /** The same, giving up at this age. */
  public RetryPolicy withGiveUpAfter(Duration age) {
    return new RetryPolicy(delays, age, delayNoticeAfter, jitter);
  }

  /** The same, with notice at this age. */
  public RetryPolicy withDelayNoticeAfter(Duration age) {
    return new RetryPolicy(delays, giveUpAfter, age, jitter);
  }

  /**
   * The same with another jitter.
   *
   * @throws IllegalArgumentException if it is not from 0 to below 1
   */
  public RetryPolicy withJitter(double part) {
    return new RetryPolicy(delays, giveUpAfter, delayNoticeAfter, part);
  }

  /** The same, but giving up at this age at the latest. */
  public RetryPolicy within(Duration age) {
    return age.compareTo(giveUpAfter) < 0 ? withGiveUpAfter(age) : this;
  }

  /**
   * How long to wait after a failed attempt.
   *
   * @param id of the message
   * @param attempts failed so far, this one included; at least 1
   * @param age of the message now
   * @return empty when it is time to give up; the last attempt is made when the time is up
   */
  public Optional<Duration> delayAfter(String id, int attempts, Duration age) {
    if (age.compareTo(giveUpAfter) >= 0) {
      return Optional.empty();
    }
    var delay = jittered(delays.get(Math.min(attempts, delays.size()) - 1), id, attempts);
    var left = giveUpAfter.minus(age);
    return Optional.of(delay.compareTo(left) < 0 ? delay : left);
  }

  private Duration jittered(Duration delay, String id, int attempts) {
    if (jitter == 0) {
      return delay;
    }
    long mixed = (id.hashCode() + 31L * attempts) * 0x9E3779B97F4A7C15L; // Fibonacci hashing
    double part = (mixed >>> 11) * 0x1p-53; // 0 to below 1
    return delay.minusNanos((long) (delay.toMillis() * 1e6 * jitter * part));
  }
}
