package org.unifiedmta.core.limit;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.github.bucket4j.Bucket;
import io.github.bucket4j.local.SynchronizationStrategy;
import java.time.Duration;

/**
 * Token buckets by key, each of the same size. One that nobody asked for in the time in which it
 * fills is full, and forgotten. Used by one thread at a time.
 */
final class Buckets<K> {
  private static final int REMEMBERED = 20_000; // some 500 octets each

  private final int tokens;
  private final Duration period;
  private final Elapsed elapsed;
  private final Cache<K, Bucket> buckets;

  Buckets(int tokens, Duration period, Elapsed elapsed) {
    this.tokens = tokens;
    this.period = period;
    this.elapsed = elapsed;
    this.buckets =
        Buckets.<K, Bucket>remembered(REMEMBERED, elapsed).expireAfterAccess(period).build();
  }

  Bucket of(K key) {
    return buckets.get(key, unused -> full(tokens, period, elapsed));
  }

  void refill(K key) {
    buckets.invalidate(key);
  }

  /** A bucket that starts full, and fills again evenly within a period. */
  static Bucket full(int tokens, Duration period, Elapsed elapsed) {
    return Bucket.builder()
        .addLimit(limit -> limit.capacity(tokens).refillGreedy(tokens, period))
        .withCustomTimePrecision(elapsed)
        .withSynchronizationStrategy(SynchronizationStrategy.NONE)
        .build();
  }

  /** How many there are now. */
  long size() {
    return buckets.asMap().size();
  }

  /** A memory of so many keys at most; those that come seldom go first. */
  @SuppressWarnings("unchecked") // a builder that has been told nothing of its keys and values
  static <K, V> Caffeine<K, V> remembered(int maximum, Elapsed elapsed) {
    return (Caffeine<K, V>)
        Caffeine.newBuilder().maximumSize(maximum).executor(Runnable::run).ticker(elapsed);
  }
}
