package org.unifiedmta.smtp.server;

import java.time.Duration;
import java.time.Instant;

/** How fast data must come: all of it within a time, and from some time on at a rate. */
final class Pace {
  private final Instant began;
  private final Duration all;
  private final Duration grace;
  private final int rate;
  private Duration stalled = Duration.ZERO;

  /**
   * @param all for all of the data
   * @param grace before the rate counts
   * @param rate octets a second, 0 for any
   */
  Pace(Instant began, Duration all, Duration grace, int rate) {
    this.began = began;
    this.all = all;
    this.grace = grace;
    this.rate = rate;
  }

  /** By when the end, or another octet, must have come. */
  Instant until(long octets) {
    var end = all;
    if (rate > 0) {
      var slowest = grace.plusSeconds(octets / rate);
      end = slowest.compareTo(all) < 0 ? slowest : all;
    }
    return began.plus(end).plus(stalled);
  }

  /** Time that does not count. */
  void stalled(Duration time) {
    stalled = stalled.plus(time);
  }
}
