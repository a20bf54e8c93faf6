package org.unifiedmta.core.time;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SystemTimerTest {
  private final Timer timer = Timer.system();

  @Test
  void anyTimeIsTakenAndAPastOneIsNow() throws InterruptedException {
    var ran = new CountDownLatch(3);
    timer.at(Instant.MIN, ran::countDown);
    timer.at(Instant.EPOCH, ran::countDown);
    timer.at(timer.now(), ran::countDown);
    timer.at(Instant.MAX, ran::countDown).cancel();
    assertThat(ran.await(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void aTaskThatFailsDoesNotStopTheNext() throws InterruptedException {
    var ran = new CountDownLatch(1);
    timer.at(
        timer.now(),
        () -> {
          throw new IllegalStateException("a task's own trouble");
        });
    timer.at(timer.now(), ran::countDown);
    assertThat(ran.await(10, TimeUnit.SECONDS)).isTrue();
  }
}
