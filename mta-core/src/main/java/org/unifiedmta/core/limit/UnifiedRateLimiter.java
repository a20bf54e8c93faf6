package org.unifiedmta.core.limit;

import com.github.benmanes.caffeine.cache.Cache;
import java.net.InetAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Counts what is asked of a server, and says when it is too much. Thread-safe; nothing here waits.
 *
 * <p>An address is an IPv4 address or the /64 of an IPv6 address. No address is exempt, also not
 * loopback: the caller does not ask about those that are.
 *
 * <p>Memory is bounded: 100,000 addresses with open connections and as many blocked ones, 20,000
 * each of the senders, addresses and patterns of the last minute and of the addresses that did
 * wrong. Beyond that those that come seldom are forgotten first and start anew, so that too much
 * may be let through; nobody is ever refused for what others did. What counts against the server
 * and its domains is never forgotten.
 */
public final class UnifiedRateLimiter {
  /** Addresses with connections, and addresses that are blocked. */
  static final int REMEMBERED = 100_000;

  private static final String BLOCKED = "this address is blocked";
  private static final Duration MAXIMUM_BLOCK = Duration.ofDays(3_650);

  /**
   * The most of each; null for no limit.
   *
   * @param maxMessagesPerMinute as a bucket of so many messages that fills again evenly within a
   *     minute: after a pause so many may come at once
   * @param maxConnectionsPerIP open at the same time
   * @param maxErrorsPerIP that block an address. They are forgotten evenly within {@code
   *     blockDuration}: with 10 and an hour, one each 6 minutes
   * @param maxAuthFailuresPerIP likewise, counted on its own
   * @param blockDuration how long an address stays blocked; null for an hour
   * @param maxConnectionsPerMinute opened by an address, as a bucket like that of messages
   */
  public record Limits(
      @Nullable Integer maxMessagesPerMinute,
      @Nullable Integer maxRecipientsPerMessage,
      @Nullable Integer maxConnectionsPerIP,
      @Nullable Integer maxErrorsPerIP,
      @Nullable Integer maxAuthFailuresPerIP,
      @Nullable Duration blockDuration,
      @Nullable Integer maxConnectionsPerMinute) {
    private static final Limits NONE = new Limits(null, null, null, null, null, null, null);

    /**
     * @throws IllegalArgumentException if a number is below 1, or the duration not positive or
     *     beyond ten years
     */
    public Limits {
      positive("maxMessagesPerMinute", maxMessagesPerMinute);
      positive("maxRecipientsPerMessage", maxRecipientsPerMessage);
      positive("maxConnectionsPerIP", maxConnectionsPerIP);
      positive("maxErrorsPerIP", maxErrorsPerIP);
      positive("maxAuthFailuresPerIP", maxAuthFailuresPerIP);
      positive("maxConnectionsPerMinute", maxConnectionsPerMinute);
      if (blockDuration != null
          && (!blockDuration.isPositive() || blockDuration.compareTo(MAXIMUM_BLOCK) > 0)) {
        throw new IllegalArgumentException(
            "blockDuration: not positive, or beyond ten years: " + blockDuration);
      }
    }

    /** Any number of connections a minute. */
    public Limits(
        @Nullable Integer maxMessagesPerMinute,
        @Nullable Integer maxRecipientsPerMessage,
        @Nullable Integer maxConnectionsPerIP,
        @Nullable Integer maxErrorsPerIP,
        @Nullable Integer maxAuthFailuresPerIP,
        @Nullable Duration blockDuration) {
      this(
          maxMessagesPerMinute,
          maxRecipientsPerMessage,
          maxConnectionsPerIP,
          maxErrorsPerIP,
          maxAuthFailuresPerIP,
          blockDuration,
          null);
    }

    private static void positive(String name, @Nullable Integer limit) {
      if (limit != null && limit < 1) {
        throw new IllegalArgumentException(name + ": below 1, which lets nothing in: " + limit);
      }
    }

    /** No limits at all. */
    public static Limits unlimited() {
      return NONE;
    }

    public Limits withMaxMessagesPerMinute(@Nullable Integer limit) {
      return new Limits(
          limit,
          maxRecipientsPerMessage,
          maxConnectionsPerIP,
          maxErrorsPerIP,
          maxAuthFailuresPerIP,
          blockDuration,
          maxConnectionsPerMinute);
    }

    public Limits withMaxRecipientsPerMessage(@Nullable Integer limit) {
      return new Limits(
          maxMessagesPerMinute,
          limit,
          maxConnectionsPerIP,
          maxErrorsPerIP,
          maxAuthFailuresPerIP,
          blockDuration,
          maxConnectionsPerMinute);
    }

    public Limits withMaxConnectionsPerIP(@Nullable Integer limit) {
      return new Limits(
          maxMessagesPerMinute,
          maxRecipientsPerMessage,
          limit,
          maxErrorsPerIP,
          maxAuthFailuresPerIP,
          blockDuration,
          maxConnectionsPerMinute);
    }

    public Limits withMaxErrorsPerIP(@Nullable Integer limit) {
      return new Limits(
          maxMessagesPerMinute,
          maxRecipientsPerMessage,
          maxConnectionsPerIP,
          limit,
          maxAuthFailuresPerIP,
          blockDuration,
          maxConnectionsPerMinute);
    }

    public Limits withMaxAuthFailuresPerIP(@Nullable Integer limit) {
      return new Limits(
          maxMessagesPerMinute,
          maxRecipientsPerMessage,
          maxConnectionsPerIP,
          maxErrorsPerIP,
          limit,
          blockDuration,
          maxConnectionsPerMinute);
    }

    public Limits withBlockDuration(@Nullable Duration duration) {
      return new Limits(
          maxMessagesPerMinute,
          maxRecipientsPerMessage,
          maxConnectionsPerIP,
          maxErrorsPerIP,
          maxAuthFailuresPerIP,
          duration,
          maxConnectionsPerMinute);
    }

    public Limits withMaxConnectionsPerMinute(@Nullable Integer limit) {
      return new Limits(
          maxMessagesPerMinute,
          maxRecipientsPerMessage,
          maxConnectionsPerIP,
          maxErrorsPerIP,
          maxAuthFailuresPerIP,
          blockDuration,
          limit);
    }
  }

  /**
   * Whether something may be.
   *
   * @param reason which limit it is beyond, or null if it may be
   * @param retryAfter when it may be, if nobody else comes first; zero if it may be now, if nobody
   *     can say, and if it never may
   */
  public record RateLimitResult(boolean allowed, @Nullable String reason, Duration retryAfter) {
    static final RateLimitResult ALLOWED = new RateLimitResult(true, null, Duration.ZERO);

    static RateLimitResult refused(String reason, Duration retryAfter) {
      return new RateLimitResult(false, reason, retryAfter);
    }
  }

  private final Limits global;
  private final Map<String, Limits> domains = new HashMap<>();
  private final MessageRates messages;
  private final Offenders offenders;
  private final Cache<Network, Integer> connections;
  private final @Nullable Buckets<Network> connects;
  private final ReentrantLock connecting = new ReentrantLock(); // held for a look-up

  /**
   * @param domains for some domains, by name, limits that count besides the global ones; only
   *     {@code maxMessagesPerMinute} and {@code maxRecipientsPerMessage} of them mean something
   * @param clock moves everything here
   */
  public UnifiedRateLimiter(Limits global, Map<String, Limits> domains, Clock clock) {
    var elapsed = new Elapsed(clock);
    domains.forEach((domain, limits) -> this.domains.put(MessageRates.key(domain), limits));
    this.global = global;
    this.messages = new MessageRates(global, this.domains, elapsed);
    this.offenders = new Offenders(global, elapsed);
    this.connections = Buckets.<Network, Integer>remembered(REMEMBERED, elapsed).build();
    var rate = global.maxConnectionsPerMinute();
    this.connects = rate == null ? null : new Buckets<>(rate, Duration.ofMinutes(1), elapsed);
  }

  /**
   * Whether this message may be; if so it counts, by {@code maxMessagesPerMinute}, against each of:
   * the server, the sender, the address, the pattern, the domain. One that may not counts against
   * nobody. A blocked address may send nothing.
   *
   * @param sender reverse path; empty for the null sender, which is nobody's
   * @param pattern any text by which the caller tells kinds of messages apart, or null
   * @param domain whose limits apply too if it has some, or null
   */
  public RateLimitResult checkMessageLimit(
      String sender,
      InetAddress ip,
      int recipients,
      @Nullable String pattern,
      @Nullable String domain) {
    var network = Network.of(ip);
    var blocked = offenders.blockedFor(network);
    if (blocked != null) {
      return RateLimitResult.refused(BLOCKED, blocked);
    }
    var ofDomain = domain == null ? null : domains.get(MessageRates.key(domain));
    var refusal = tooManyRecipients(recipients, global, "");
    if (refusal == null && ofDomain != null) {
      refusal = tooManyRecipients(recipients, ofDomain, " for " + domain);
    }
    return refusal == null ? messages.count(sender, network, pattern, domain) : refusal;
  }

  private static @Nullable RateLimitResult tooManyRecipients(
      int recipients, Limits limits, String where) {
    var maximum = limits.maxRecipientsPerMessage();
    return maximum == null || recipients <= maximum
        ? null
        : RateLimitResult.refused(
            "more than " + maximum + " recipients of a message" + where, Duration.ZERO);
  }

  /**
   * Whether the address may open another connection; if so it counts until {@link
   * #connectionClosed}. A blocked address may open none.
   */
  public RateLimitResult recordConnection(InetAddress ip) {
    var network = Network.of(ip);
    var blocked = offenders.blockedFor(network);
    if (blocked != null) {
      return RateLimitResult.refused(BLOCKED, blocked);
    }
    connecting.lock();
    try {
      return connect(network);
    } finally {
      connecting.unlock();
    }
  }

  private RateLimitResult connect(Network network) {
    var maximum = global.maxConnectionsPerIP();
    int open = connections.asMap().getOrDefault(network, 0);
    if (maximum != null && open >= maximum) {
      return RateLimitResult.refused(
          "more than " + maximum + " connections from this address", Duration.ZERO);
    }
    if (connects != null) {
      var taken = connects.of(network).tryConsumeAndReturnRemaining(1);
      if (!taken.isConsumed()) {
        return RateLimitResult.refused(
            "more than "
                + global.maxConnectionsPerMinute()
                + " connections a minute from this address",
            Duration.ofNanos(taken.getNanosToWaitForRefill()));
      }
    }
    if (maximum != null) {
      connections.put(network, open + 1);
    }
    return RateLimitResult.ALLOWED;
  }

  /** One connection that {@link #recordConnection} allowed is no more. */
  public void connectionClosed(InetAddress ip) {
    connecting.lock();
    try {
      connections
          .asMap()
          .computeIfPresent(Network.of(ip), (unused, open) -> open > 1 ? open - 1 : null);
    } finally {
      connecting.unlock();
    }
  }

  /** The address did something wrong; {@code maxErrorsPerIP} of that block it. */
  public void recordError(InetAddress ip) {
    offenders.error(Network.of(ip));
  }

  /** A login from the address failed; {@code maxAuthFailuresPerIP} of that block it. */
  public void recordAuthFailure(InetAddress ip) {
    offenders.authFailure(Network.of(ip));
  }

  /** Whether the address is blocked now. */
  public boolean isBlocked(InetAddress ip) {
    return offenders.blockedFor(Network.of(ip)) != null;
  }
}
