package org.unifiedmta.core.limit;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.limit.RateMeter.Bound;
import org.unifiedmta.core.time.Timer;

class RateMeterTest {
  private Instant now = Instant.parse("2026-03-01T12:00:00Z");

  private RateMeter meter(Bound... bounds) {
    return new RateMeter(
        List.of(bounds),
        new Timer() {
          @Override
          public Instant now() {
            return now;
          }

          @Override
          public Handle at(Instant time, Runnable task) {
            throw new UnsupportedOperationException();
          }
        });
  }

  private static Bound perMinute(int count) {
    return new Bound(count, Duration.ofMinutes(1));
  }

  @Test
  void asManyGoAsTheBoundAllowsAndThenOneByOne() {
    var meter = meter(perMinute(6));
    for (int i = 0; i < 6; i++) {
      assertThat(meter.untilFree()).isZero();
      meter.take(1);
    }
    assertThat(meter.untilFree()).isEqualTo(Duration.ofSeconds(10));
    now = now.plusSeconds(10);
    assertThat(meter.untilFree()).isZero();
    meter.take(1);
    assertThat(meter.untilFree()).isEqualTo(Duration.ofSeconds(10));
  }

  @Test
  void allBoundsHold() {
    var meter = meter(perMinute(60), new Bound(3, Duration.ofHours(1)));
    meter.take(3);
    assertThat(meter.untilFree()).isEqualTo(Duration.ofMinutes(20));
  }

  @Test
  void whatIsTakenBeyondTheBoundIsPaidForLater() {
    var meter = meter(perMinute(60));
    meter.take(120);
    assertThat(meter.untilFree()).isEqualTo(Duration.ofSeconds(61));
    now = now.plusSeconds(61);
    assertThat(meter.untilFree()).isZero();
  }

  @Test
  void withoutABoundNothingWaits() {
    var meter = meter();
    meter.take(1_000_000);
    assertThat(meter.untilFree()).isZero();
  }
}
