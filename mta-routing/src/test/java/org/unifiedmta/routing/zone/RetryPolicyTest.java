package org.unifiedmta.routing.zone;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RetryPolicyTest {
  private static final RetryPolicy DOUBLING =
      RetryPolicy.exponential(
          Duration.ofMinutes(1), 2, Duration.ofMinutes(10), Duration.ofHours(1));

  /** Ages in minutes at which a message is tried. */
  private static List<Long> times(RetryPolicy policy) {
    var times = new ArrayList<Long>();
    var age = Duration.ZERO;
    for (int attempts = 1; ; attempts++) {
      times.add(age.toMinutes());
      var delay = policy.delayAfter("0585e65020000000", attempts, age);
      if (delay.isEmpty()) {
        return times;
      }
      age = age.plus(delay.get());
    }
  }

  @Test
  void theStandardTimesAreExact() {
    assertThat(times(RetryPolicy.standard()))
        .startsWith(0L, 5L, 12L, 20L, 45L, 120L, 240L, 480L, 720L)
        .endsWith(2640L, 2880L); // the last attempt is made when the time is up
  }

  @Test
  void exponentialDelaysGrowUpToTheGreatest() {
    assertThat(times(DOUBLING.withJitter(0)))
        .containsExactly(0L, 1L, 3L, 7L, 15L, 25L, 35L, 45L, 55L, 60L);
    var same =
        RetryPolicy.exponential(Duration.ofMinutes(1), 1, Duration.ofHours(1), Duration.ofHours(1));
    assertThat(same.delays()).containsExactly(Duration.ofMinutes(1));
    assertThatThrownBy(() ->
            RetryPolicy.exponential(
                Duration.ofMinutes(1), 0.5, Duration.ofHours(1), Duration.ofHours(1)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void jitterShortensByUpToItsPartAndIsTheSameEachTime() {
    var delays =
        IntStream.range(0, 1000)
            .mapToObj(
                i -> DOUBLING.delayAfter(String.format("%016x", i), 9, Duration.ZERO).orElseThrow())
            .toList();
    assertThat(delays)
        .allMatch(delay -> delay.compareTo(Duration.ofMinutes(9)) > 0)
        .allMatch(delay -> delay.compareTo(Duration.ofMinutes(10)) <= 0)
        .anyMatch(delay -> delay.compareTo(Duration.ofSeconds(546)) < 0)
        .anyMatch(delay -> delay.compareTo(Duration.ofSeconds(594)) > 0);
    assertThat(DOUBLING.delayAfter(String.format("%016x", 7), 9, Duration.ZERO))
        .hasValue(delays.get(7));
    assertThat(DOUBLING.delayAfter(String.format("%016x", 7), 10, Duration.ZERO))
        .isNotEqualTo(DOUBLING.delayAfter(String.format("%016x", 7), 9, Duration.ZERO));
  }

  @Test
  void aPolicyIsWrittenAndReadAsText() {
    assertThat(RetryPolicy.standard())
        .hasToString("5m,7m,8m,25m,75m,2h,4h;give-up=2d;notice=3h")
        .isEqualTo(RetryPolicy.parse("5m,7m,8m,25m,75m,120m,240m"));
    var odd =
        new RetryPolicy(
            List.of(Duration.ofNanos(1_000_001), Duration.ofMillis(1500)),
            Duration.ofDays(5),
            Duration.ofMinutes(90),
            0.25);
    assertThat(odd).hasToString("1000001ns,1500ms;give-up=5d;notice=90m;jitter=0.25");
    for (var policy : List.of(odd, DOUBLING, RetryPolicy.standard().within(Duration.ZERO))) {
      assertThat(RetryPolicy.parse(policy.toString())).isEqualTo(policy);
    }
    assertThat(RetryPolicy.parse(" 1s , 5m ; jitter = 0.5 ; give-up = 1h "))
        .isEqualTo(
            new RetryPolicy(
                List.of(Duration.ofSeconds(1), Duration.ofMinutes(5)),
                Duration.ofHours(1),
                Duration.ofHours(3),
                0.5));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "often",
        "5",
        "m",
        "0s",
        "-5m",
        "5m,",
        "5 m",
        "5x",
        "9999999999d",
        "5m;",
        "5m;give-up",
        "5m;give-up=",
        "5m;jitter=1",
        "5m;jitter=NaN",
        "5m;jitter=much",
        "5m;until=1d",
        "٥m"
      })
  void whatIsNoPolicyIsRefused(String text) {
    assertThatThrownBy(() -> RetryPolicy.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void anExponentialPolicyIsShortAsText() {
    var slow =
        RetryPolicy.exponential(
            Duration.ofSeconds(61), 1.05, Duration.ofHours(4), Duration.ofDays(5));
    assertThat(slow.toString().length()).isLessThan(1000);
  }
}
