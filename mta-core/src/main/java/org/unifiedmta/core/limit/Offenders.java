package org.unifiedmta.core.limit;

import com.github.benmanes.caffeine.cache.Cache;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.limit.UnifiedRateLimiter.Limits;

/** Addresses that do wrong, and for how long those that did too much are blocked. */
final class Offenders {
  private static final Duration DEFAULT_BLOCK = Duration.ofHours(1);

  private final Elapsed elapsed;
  private final Duration blockDuration;
  private final @Nullable Buckets<Network> errors;
  private final @Nullable Buckets<Network> authFailures;
  private final Cache<Network, Long> blockedUntil; // on elapsed
  private final ReentrantLock lock = new ReentrantLock();

  Offenders(Limits limits, Elapsed elapsed) {
    var given = limits.blockDuration();
    this.elapsed = elapsed;
    this.blockDuration = given == null ? DEFAULT_BLOCK : given;
    this.errors = buckets(limits.maxErrorsPerIP());
    this.authFailures = buckets(limits.maxAuthFailuresPerIP());
    this.blockedUntil =
        Buckets.<Network, Long>remembered(UnifiedRateLimiter.REMEMBERED, elapsed)
            .expireAfterWrite(blockDuration)
            .build();
  }

  private @Nullable Buckets<Network> buckets(@Nullable Integer limit) {
    return limit == null ? null : new Buckets<>(limit, blockDuration, elapsed);
  }

  void error(Network network) {
    count(network, errors);
  }

  void authFailure(Network network) {
    count(network, authFailures);
  }

  private void count(Network network, @Nullable Buckets<Network> offences) {
    if (offences == null) {
      return;
    }
    lock.lock();
    try {
      if (blockedFor(network) != null) {
        return; // what its open connections still do makes no longer block
      }
      var left = offences.of(network);
      left.tryConsume(1);
      if (left.getAvailableTokens() == 0) {
        blockedUntil.put(network, elapsed.read() + blockDuration.toNanos());
        offences.refill(network); // once unblocked it starts anew
      }
    } finally {
      lock.unlock();
    }
  }

  /** How long it is still blocked, or null if it is not. */
  @Nullable Duration blockedFor(Network network) {
    var until = blockedUntil.getIfPresent(network);
    long left = until == null ? 0 : until - elapsed.read();
    return left > 0 ? Duration.ofNanos(left) : null;
  }
}
