package org.unifiedmta.routing.zone;

import java.time.Duration;
import java.util.Locale;

/** So many of something in a time, such as {@code 10/min}. */
public record Rate(long count, Duration per) {
  public Rate {
    if (count < 1 || per.isNegative() || per.isZero()) {
      throw new IllegalArgumentException("no rate: " + count + " in " + per);
    }
  }

  /**
   * Reads {@code 10/min}.
   *
   * @param text a number, and behind a slash {@code s sec second}, {@code m min minute}, {@code h
   *     hour} or {@code d day}
   * @throws IllegalArgumentException if it is not that
   */
  public static Rate parse(String text) {
    int slash = text.indexOf('/');
    try {
      return new Rate(
          Long.parseLong(text.substring(0, Math.max(slash, 0)).strip()),
          unit(text.substring(slash + 1).strip()));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("no rate: " + text, e);
    }
  }

  private static Duration unit(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "s", "sec", "second" -> Duration.ofSeconds(1);
      case "m", "min", "minute" -> Duration.ofMinutes(1);
      case "h", "hour" -> Duration.ofHours(1);
      case "d", "day" -> Duration.ofDays(1);
      default -> throw new IllegalArgumentException("no unit of time: " + name);
    };
  }
}
