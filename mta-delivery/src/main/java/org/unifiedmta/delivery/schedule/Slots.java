package org.unifiedmta.delivery.schedule;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * How many attempts may run. One that has waited long for the other side leaves its place to
 * others, so that destinations that answer slowly, or not at all, take none from those that do. By
 * one thread only.
 */
final class Slots {
  private static final Duration LONG = Duration.ofSeconds(10);

  /** What one that waits costs is a virtual thread, a socket and less than 100 KB. */
  private static final int MOST_WAITING = 2_000;

  private final int most;

  /** When each of those that have a place began, the earliest first. */
  private final Map<Object, Instant> placed = new LinkedHashMap<>();

  private int waiting;

  /**
   * @param most that have a place; others may wait beside them
   */
  Slots(int most) {
    this.most = most;
  }

  boolean isFree(Instant now) {
    while (!placed.isEmpty() && placed.size() >= most && waiting < MOST_WAITING) {
      var first = placed.entrySet().iterator().next();
      if (first.getValue().plus(LONG).isAfter(now)) {
        return false;
      }
      placed.remove(first.getKey());
      waiting++;
    }
    return placed.size() < most;
  }

  /** When the next place is free, if no attempt ends before; empty where only that helps. */
  Optional<Instant> nextFree() {
    return placed.isEmpty() || waiting >= MOST_WAITING
        ? Optional.empty()
        : Optional.of(placed.values().iterator().next().plus(LONG));
  }

  void take(Object attempt, Instant now) {
    placed.put(attempt, now);
  }

  void giveBack(Object attempt) {
    if (placed.remove(attempt) == null) {
      waiting--;
    }
  }
}
