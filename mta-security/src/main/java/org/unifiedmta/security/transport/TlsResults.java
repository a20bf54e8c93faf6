package org.unifiedmta.security.transport;

import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.security.transport.TlsPolicyResolver.Origin;

/**
 * Counts how sessions with the hosts of each domain went, by days in UTC, for reports to the domain
 * (RFC 8460 4). Keeps yesterday and today, in memory; bounded; thread-safe.
 */
public final class TlsResults {
  private static final int MOST_DOMAINS = 20_000;
  private static final int MOST_FAILURES = 100; // kinds of one domain

  /**
   * One kind of failure.
   *
   * @param host that was meant, or null where it did not come to one
   * @param receiving the host's address, or null
   * @param sending ours, or null where the system chose
   */
  public record Failure(
      TlsFailure type,
      @Nullable String host,
      @Nullable String receiving,
      @Nullable String sending) {}

  /**
   * How one day went.
   *
   * @param policy its lines, where it is one of MTA-STS
   * @param failures how often each
   */
  public record Summary(
      LocalDate day,
      String domain,
      Origin origin,
      List<String> policy,
      long successes,
      Map<Failure, Long> failures) {
    public Summary {
      policy = List.copyOf(policy);
      failures = Map.copyOf(failures);
    }
  }

  private record Key(LocalDate day, String domain, Origin origin) {}

  private static final class Counts {
    private List<String> policy = List.of();
    private long successes;
    private final Map<Failure, Long> failures = new HashMap<>();
  }

  private final Timer timer;
  private final ReentrantLock lock = new ReentrantLock();

  /** In the order in which they were first heard of, so those of old days come first. */
  private final LinkedHashMap<Key, Counts> counts = new LinkedHashMap<>();

  public TlsResults(Timer timer) {
    this.timer = timer;
  }

  /** A session had all that its policy asks for. */
  public void success(String domain, Origin origin, List<String> policy) {
    lock.lock();
    try {
      var at = at(domain, origin);
      if (at != null) {
        at.policy = policy;
        at.successes++;
      }
    } finally {
      lock.unlock();
    }
  }

  /** A session had not, whether mail went over it or not. */
  public void failure(String domain, Origin origin, List<String> policy, Failure failure) {
    lock.lock();
    try {
      var at = at(domain, origin);
      if (at != null) {
        at.policy = policy;
        if (at.failures.size() < MOST_FAILURES || at.failures.containsKey(failure)) {
          at.failures.merge(failure, 1L, Long::sum);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** What was counted on a day. */
  public List<Summary> of(LocalDate day) {
    lock.lock();
    try {
      return counts.entrySet().stream()
          .filter(entry -> entry.getKey().day().equals(day))
          .map(TlsResults::summary)
          .toList();
    } finally {
      lock.unlock();
    }
  }

  private static Summary summary(Map.Entry<Key, Counts> entry) {
    var key = entry.getKey();
    var value = entry.getValue();
    return new Summary(
        key.day(), key.domain(), key.origin(), value.policy, value.successes, value.failures);
  }

  private @Nullable Counts at(String domain, Origin origin) {
    var today = LocalDate.ofInstant(timer.now(), ZoneOffset.UTC);
    var all = counts.keySet().iterator();
    while (all.hasNext() && all.next().day().isBefore(today.minusDays(1))) {
      all.remove();
    }
    var key = new Key(today, domain, origin);
    var known = counts.get(key);
    if (known == null && counts.size() < MOST_DOMAINS) {
      known = new Counts();
      counts.put(key, known);
    }
    return known;
  }
}
