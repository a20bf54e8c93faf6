package org.unifiedmta.core.metrics;

import java.time.Duration;
import java.util.function.Supplier;

/**
 * Counters, times and gauges, for a metrics library to take. Tags are pairs of key and value, from
 * small sets. Must be fast and must not throw.
 */
public interface Metrics {
  void count(String name, long n, String... tags);

  void time(String name, Duration duration, String... tags);

  /** The supplier is asked whenever the gauge is read, on any thread. */
  void gauge(String name, Supplier<Number> value, String... tags);

  /** Takes nothing down. */
  static Metrics none() {
    return None.INSTANCE;
  }
}
