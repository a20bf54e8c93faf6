package org.unifiedmta.core.metrics;

import java.time.Duration;
import java.util.function.Supplier;

enum None implements Metrics {
  INSTANCE;

  @Override
  public void count(String name, long n, String... tags) {}

  @Override
  public void time(String name, Duration duration, String... tags) {}

  @Override
  public void gauge(String name, Supplier<Number> value, String... tags) {}
}
