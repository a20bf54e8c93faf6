package org.unifiedmta.core.limit;

import io.github.bucket4j.Bucket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.limit.UnifiedRateLimiter.Limits;
import org.unifiedmta.core.limit.UnifiedRateLimiter.RateLimitResult;

/** Messages a minute: of all, of each sender, address and pattern, and of some domains. */
final class MessageRates {
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final int MAXIMUM_NAME = 320; // characters, as in the longest mail address

  /** One of the buckets that a message takes a token of, and its limit in words. */
  private record Limited(Bucket bucket, String limit) {}

  /** What each sender, address and pattern has, and all together. */
  private record Each(
      Limited all,
      Buckets<String> senders,
      Buckets<Network> networks,
      Buckets<String> patterns,
      String limit) {}

  private final @Nullable Each each;
  private final Map<String, Limited> domains = new HashMap<>();
  // Held for some look-ups: what a message takes of several buckets is one step.
  private final ReentrantLock lock = new ReentrantLock();

  MessageRates(Limits global, Map<String, Limits> byDomain, Elapsed elapsed) {
    this.each = each(global.maxMessagesPerMinute(), elapsed);
    byDomain.forEach((domain, limits) -> {
      var limit = limits.maxMessagesPerMinute();
      if (limit != null) {
        domains.put(
            domain,
            new Limited(Buckets.full(limit, MINUTE, elapsed), words(limit) + " for " + domain));
      }
    });
  }

  private static @Nullable Each each(@Nullable Integer limit, Elapsed elapsed) {
    return limit == null
        ? null
        : new Each(
            new Limited(Buckets.full(limit, MINUTE, elapsed), words(limit) + " in all"),
            new Buckets<>(limit, MINUTE, elapsed),
            new Buckets<>(limit, MINUTE, elapsed),
            new Buckets<>(limit, MINUTE, elapsed),
            words(limit));
  }

  private static String words(int limit) {
    return "more than " + limit + " messages a minute";
  }

  /** Counts a message against all that it counts against, or against nobody. */
  RateLimitResult count(
      String sender, Network network, @Nullable String pattern, @Nullable String domain) {
    lock.lock();
    try {
      var limited = limited(sender, network, pattern, domain);
      RateLimitResult refusal = null;
      for (var one : limited) {
        var estimate = one.bucket.estimateAbilityToConsume(1);
        if (!estimate.canBeConsumed()) {
          var wait = Duration.ofNanos(estimate.getNanosToWaitForRefill());
          if (refusal == null || wait.compareTo(refusal.retryAfter()) > 0) {
            refusal = RateLimitResult.refused(one.limit, wait);
          }
        }
      }
      if (refusal != null) {
        return refusal;
      }
      for (var one : limited) {
        one.bucket.tryConsume(1);
      }
      return RateLimitResult.ALLOWED;
    } finally {
      lock.unlock();
    }
  }

  /** The narrowest first: of two that are as empty, it is the one to be told about. */
  private List<Limited> limited(
      String sender, Network network, @Nullable String pattern, @Nullable String domain) {
    var limited = new ArrayList<Limited>(5);
    if (each != null) {
      if (!sender.isEmpty()) { // the null sender is everybody's
        limited.add(new Limited(each.senders.of(key(sender)), each.limit + " from this sender"));
      }
      limited.add(new Limited(each.networks.of(network), each.limit + " from this address"));
      if (pattern != null) {
        limited.add(new Limited(each.patterns.of(key(pattern)), each.limit + " of this pattern"));
      }
    }
    var ofDomain = domain == null ? null : domains.get(key(domain));
    if (ofDomain != null) {
      limited.add(ofDomain);
    }
    if (each != null) {
      limited.add(each.all);
    }
    return limited;
  }

  /** Names are bounded, and no other by their case. */
  static String key(String name) {
    return name.substring(0, Math.min(name.length(), MAXIMUM_NAME)).toLowerCase(Locale.ROOT);
  }
}
