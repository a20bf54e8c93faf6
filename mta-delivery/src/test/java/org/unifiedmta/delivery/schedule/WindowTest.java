package org.unifiedmta.delivery.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.PriorityQueue;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WindowTest {
  private static final int CEILING = 200;

  /** An attempt that is under way. */
  private record Attempt(long ends, boolean refused) {}

  /** A receiver that takes so many connections at a time, and what it was asked in a time. */
  private static final class Receiver {
    private final Window window = new Window();
    private final PriorityQueue<Attempt> running =
        new PriorityQueue<>((a, b) -> Long.compare(a.ends, b.ends));
    private final Random random = new Random(1);
    private final long millis; // of one attempt, about
    private int takes;
    private long now;
    private long made;
    private long refused;
    private long served; // milliseconds of connections

    Receiver(int takes, long millis) {
      this.takes = takes;
      this.millis = millis;
    }

    void run(long until) {
      while (now < until) {
        while (running.size() < window.size()) {
          begin();
        }
        end();
      }
    }

    private void begin() {
      long open = running.stream().filter(attempt -> !attempt.refused).count();
      boolean tooMany = open >= takes;
      long time = tooMany ? 20 : millis * 3 / 4 + random.nextLong(millis / 2 + 1);
      running.add(new Attempt(now + time, tooMany));
      window.runs(running.size());
      made++;
      if (tooMany) {
        refused++;
      } else {
        served += time;
      }
    }

    private void end() {
      var attempt = running.remove();
      now = attempt.ends;
      if (attempt.refused) {
        window.complaint();
      } else {
        window.success(CEILING);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"3, 1000", "7, 1000", "20, 1000", "50, 500", "100, 1000", "20, 200", "1, 1000"})
  void aReceiverIsUsedInFullAndSeldomHasToRefuse(int takes, long millis) {
    var receiver = new Receiver(takes, millis);
    receiver.run(300_000);
    long first = receiver.served;
    assertThat(first).as("of five minutes").isGreaterThan(takes * 300_000L * 9 / 10);
    assertThat(receiver.refused).as("of %s", receiver.made).isLessThan(receiver.made / 50 + 1);
    receiver.run(1_200_000);
    assertThat(receiver.refused).as("of %s", receiver.made).isLessThan(receiver.made / 50);
  }

  @Test
  void itFollowsAReceiverThatTakesLessAndMoreAgain() {
    var receiver = new Receiver(40, 500);
    receiver.run(300_000);
    receiver.takes = 10;
    receiver.run(400_000);
    assertThat(receiver.window.size()).isBetween(9, 11);
    receiver.takes = 40;
    receiver.run(2_000_000);
    assertThat(receiver.window.size()).isGreaterThan(30);
  }

  @Test
  void whatIsNotUsedDoesNotGrow() {
    var window = new Window();
    for (int i = 0; i < 1_000; i++) {
      window.runs(1);
      window.success(CEILING);
    }
    assertThat(window.size()).isEqualTo(2);
  }

  @Test
  void aComplaintCountsFromWhatWasInUse() {
    var window = new Window();
    for (int i = 1; i <= 64; i *= 2) {
      window.runs(window.size());
      for (int j = 0; j < 64; j++) {
        window.success(64);
      }
    }
    assertThat(window.size()).isEqualTo(64);
    window.complaint();
    assertThat(window.size()).isEqualTo(63);
  }
}
