package org.unifiedmta.delivery.attempt;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.security.transport.TlsPolicy;
import org.unifiedmta.smtp.client.Endpoint;

/**
 * Hosts whose TLS failed lately under a policy that lets mail go without it: what one message has
 * found out, the next need not. Thread-safe; bounded.
 */
final class BrokenTls {
  private static final Duration WHILE = Duration.ofHours(1);
  private static final int MOST = 10_000;

  private record Place(InetAddress address, int port, TlsPolicy policy) {}

  private final Cache<Place, TlsPolicy> known;

  BrokenTls(Timer timer) {
    var begin = timer.now();
    known =
        Caffeine.newBuilder()
            .maximumSize(MOST)
            .expireAfterWrite(WHILE)
            .ticker(() -> since(begin, timer.now()))
            .executor(Runnable::run)
            .build();
  }

  private static long since(Instant begin, Instant now) {
    return TimeUnit.MILLISECONDS.toNanos(Duration.between(begin, now).toMillis());
  }

  /** What is to be tried in place of a policy. */
  TlsPolicy instead(Endpoint endpoint, TlsPolicy policy) {
    var next = known.getIfPresent(new Place(endpoint.address(), endpoint.port(), policy));
    return next == null ? policy : instead(endpoint, next);
  }

  void failed(Endpoint endpoint, TlsPolicy policy, TlsPolicy next) {
    known.put(new Place(endpoint.address(), endpoint.port(), policy), next);
  }
}
