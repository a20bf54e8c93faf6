package org.unifiedmta.core.testing;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicReference;
import org.unifiedmta.core.time.Timer;

/** A clock that goes on when it is told to. It wakes nobody. */
public final class ManualTimer implements Timer {
  private final AtomicReference<Instant> now =
      new AtomicReference<>(Instant.parse("2026-01-01T00:00:00Z"));

  @Override
  public Instant now() {
    return now.get();
  }

  @Override
  public Handle at(Instant time, Runnable task) {
    throw new UnsupportedOperationException("nothing here waits");
  }

  public void advance(Duration time) {
    now.updateAndGet(before -> before.plus(time));
  }
}
