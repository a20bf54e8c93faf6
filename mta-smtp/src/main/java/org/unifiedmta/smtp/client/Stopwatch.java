package org.unifiedmta.smtp.client;

import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Map;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.smtp.client.SmtpException.Phase;

/** Adds up what each phase took. */
final class Stopwatch {
  private final Timer timer;
  private final Map<Phase, Duration> times = new EnumMap<>(Phase.class);

  Stopwatch(Timer timer) {
    this.timer = timer;
  }

  Instant now() {
    return timer.now();
  }

  void took(Phase phase, Instant since) {
    times.merge(phase, Duration.between(since, timer.now()), Duration::plus);
  }

  Map<Phase, Duration> times() {
    return Map.copyOf(times);
  }
}
