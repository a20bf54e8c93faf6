package org.unifiedmta.delivery.store.log;

import java.time.Duration;
import java.util.Random;

/** Small logs for tests. */
final class Logs {
  private Logs() {}

  static Settings settings(int segmentSize, long bufferMemory) {
    return new Settings(
        segmentSize, bufferMemory, 256 * 1024, Duration.ofMillis(20), new Random(42)::nextLong);
  }
}
