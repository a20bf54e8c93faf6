package org.unifiedmta.smtp.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PaceTest {
  private static final Instant BEGAN = Instant.parse("2026-01-01T00:00:00Z");

  @ParameterizedTest
  @CsvSource({
    "0, 180", // nothing yet
    "99, 180",
    "100, 181",
    "60_000, 780", // ten minutes' worth
    "1_000_000_000, 3600" // never more than for all of it
  })
  void whoIsSlowEarnsTimeByEachOctet(String octets, long seconds) {
    var pace = new Pace(BEGAN, Duration.ofHours(1), Duration.ofMinutes(3), 100);
    assertThat(pace.until(Long.parseLong(octets.replace("_", ""))))
        .isEqualTo(BEGAN.plusSeconds(seconds));
  }

  @Test
  void withoutARateOnlyTheWholeCounts() {
    var pace = new Pace(BEGAN, Duration.ofHours(1), Duration.ofMinutes(3), 0);
    assertThat(pace.until(0)).isEqualTo(BEGAN.plusSeconds(3_600));
  }

  @Test
  void whatWeWereSlowInIsNotTheClients() {
    var pace = new Pace(BEGAN, Duration.ofHours(1), Duration.ofMinutes(3), 100);
    pace.stalled(Duration.ofMinutes(5));
    pace.stalled(Duration.ofMinutes(5));
    assertThat(pace.until(0)).isEqualTo(BEGAN.plusSeconds(780));
  }
}
