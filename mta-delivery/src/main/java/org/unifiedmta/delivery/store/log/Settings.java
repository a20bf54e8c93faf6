package org.unifiedmta.delivery.store.log;

import java.security.SecureRandom;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * What a log store can be told apart from its place.
 *
 * @param segmentSize octets of a segment
 * @param bufferMemory octets for all messages that are not yet in the log
 * @param wholeUpTo octets up to which a message is kept whole until it becomes one record
 * @param retryAfter how long after it was full the disk is tried again
 * @param minFreeDisk percent of the disk below which no new mail is taken, 0 for none
 * @param rowsInMemory about how many rows the index keeps in memory
 * @param salts random numbers
 */
record Settings(
    int segmentSize,
    long bufferMemory,
    int wholeUpTo,
    Duration retryAfter,
    int minFreeDisk,
    int rowsInMemory,
    LongSupplier salts) {
  private static final int ROW = 128; // octets, about

  static Settings standard(long bufferMemory, int minFreeDisk) {
    return new Settings(
        64 * 1024 * 1024,
        bufferMemory,
        256 * 1024,
        Duration.ofSeconds(1),
        minFreeDisk,
        (int) Math.min(500_000, Runtime.getRuntime().maxMemory() / 16 / ROW),
        new SecureRandom()::nextLong);
  }
}
