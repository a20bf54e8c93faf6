package org.unifiedmta.delivery.inbound;

import java.net.InetAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.limit.UnifiedRateLimiter;
import org.unifiedmta.core.limit.UnifiedRateLimiter.Limits;
import org.unifiedmta.core.limit.UnifiedRateLimiter.RateLimitResult;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Network;
import org.unifiedmta.smtp.server.SessionFacts;

/**
 * How much clients may do, by their address and their domains. Trusted networks may do anything.
 */
public final class PeerLimits {
  private static final Logger log = LoggerFactory.getLogger(PeerLimits.class);

  private final UnifiedRateLimiter limiter;
  private final UnifiedRateLimiter recipients;
  private final List<Network> trusted;
  private final Map<String, InetAddress> connected = new ConcurrentHashMap<>(); // by session

  private PeerLimits(
      UnifiedRateLimiter limiter, UnifiedRateLimiter recipients, List<Network> trusted) {
    this.limiter = limiter;
    this.recipients = recipients;
    this.trusted = List.copyOf(trusted);
  }

  /**
   * @param limiter counts the domains of those who submit, see {@link #limiter}
   * @param domains whose recipients' mail is counted
   */
  public static PeerLimits of(
      UnifiedRateLimiter limiter, List<DomainConfig> domains, List<Network> trusted, Clock clock) {
    var inbound = new HashMap<String, Limits>();
    domains.forEach(domain ->
        inbound.put(
            domain.domain(),
            Limits.unlimited()
                .withMaxMessagesPerMinute(domain.rateLimits().inboundMessagesPerMinute())));
    return new PeerLimits(
        limiter, new UnifiedRateLimiter(Limits.unlimited(), inbound, clock), trusted);
  }

  /**
   * The limiter for these limits and for what the domains may send.
   *
   * @param global an address's connections are bounded by the smallest of its own and the domains'
   *     numbers, as nobody knows for which domain a client connects
   */
  public static UnifiedRateLimiter limiter(Limits global, List<DomainConfig> domains, Clock clock) {
    var outbound = new HashMap<String, Limits>();
    var connections = global.maxConnectionsPerIP();
    for (var domain : domains) {
      var limits = domain.rateLimits();
      outbound.put(
          domain.domain(),
          Limits.unlimited().withMaxMessagesPerMinute(limits.outboundMessagesPerMinute()));
      connections = smaller(connections, limits.connectionsPerIp());
    }
    return new UnifiedRateLimiter(global.withMaxConnectionsPerIP(connections), outbound, clock);
  }

  private static @Nullable Integer smaller(@Nullable Integer one, @Nullable Integer other) {
    return one == null ? other : other == null ? one : Integer.valueOf(Math.min(one, other));
  }

  private boolean isFree(SessionFacts session) {
    var client = session.remote().getAddress();
    return trusted.stream().anyMatch(network -> network.contains(client));
  }

  /** Why the client may not connect, or null. */
  @Nullable SmtpReply connected(SessionFacts session) {
    if (isFree(session)) {
      return null;
    }
    var client = session.remote().getAddress();
    var result = limiter.recordConnection(client);
    if (result.allowed()) {
      connected.put(session.id(), client);
      return null;
    }
    return refusal(421, "4.7.0", session, result);
  }

  void disconnected(SessionFacts session) {
    var client = connected.remove(session.id());
    if (client != null) {
      limiter.connectionClosed(client);
    }
  }

  /** Why the client may send no message now, or null; if it may, it counts. */
  @Nullable SmtpReply mail(SessionFacts session, Envelope envelope) {
    if (isFree(session)) {
      return null;
    }
    var sender = envelope.mailFrom();
    var result =
        limiter.checkMessageLimit(
            sender == null ? "" : sender.toAscii(),
            session.remote().getAddress(),
            1,
            null,
            sender == null || session.authenticatedUser() == null ? null : sender.domain());
    return result.allowed() ? null : refusal(450, "4.7.1", session, result);
  }

  /** Why this recipient's domain takes nothing now, or null; a message counts once for each. */
  @Nullable SmtpReply recipient(SessionFacts session, Envelope envelope, Recipient recipient) {
    var domain = recipient.address().domain();
    if (isFree(session)
        || envelope.recipients().stream().anyMatch(r -> r.address().domain().equals(domain))) {
      return null;
    }
    var result = recipients.checkMessageLimit("", session.remote().getAddress(), 1, null, domain);
    return result.allowed() ? null : refusal(450, "4.7.1", session, result);
  }

  void erred(SessionFacts session) {
    if (!isFree(session)) {
      limiter.recordError(session.remote().getAddress());
    }
  }

  void loginFailed(SessionFacts session) {
    if (!isFree(session)) {
      limiter.recordAuthFailure(session.remote().getAddress());
    }
  }

  private static SmtpReply refusal(
      int code, String status, SessionFacts session, RateLimitResult result) {
    log.info("{} {}: {}", session.id(), session.remote().getAddress(), result.reason());
    var wait = result.retryAfter();
    return SmtpReply.of(
        code,
        status,
        "Try again later: " + result.reason() + (wait.isZero() ? "" : " for " + seconds(wait)));
  }

  private static String seconds(Duration wait) {
    return wait.plusMillis(999).toSeconds() + " s";
  }
}
