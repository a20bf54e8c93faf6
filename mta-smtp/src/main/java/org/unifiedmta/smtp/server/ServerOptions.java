package org.unifiedmta.smtp.server;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.smtp.codec.Extension;

/**
 * What all listeners of an {@link SmtpServer} share. Made by {@link #builder}.
 *
 * @param hostname in the greeting and in EHLO
 * @param maxMessageSize octets, offered as SIZE (RFC 1870)
 * @param maxRecipients of a message; the next is {@code 452 4.5.3}
 * @param maxClients connections; the next is {@code 421 4.3.2}
 * @param maxErrors bad commands of a session, the last of which is {@code 421 4.7.0}; a failed
 *     login counts as four
 * @param maxCommands of a session; the next is {@code 421 4.7.0}
 * @param authMechanisms offered after TLS, in upper case; empty for no AUTH
 * @param authWithoutTls whether they are offered before TLS too, so that passwords may be read on
 *     the way
 * @param requireAuth on all listeners: MAIL before a login is {@code 530 5.7.0}
 * @param tls null for no TLS at all
 * @param commandTimeout for a whole command line
 * @param dataTimeout for the next octets of data
 * @param messageTimeout for all data of a message, however slowly it flows
 * @param minDataRate octets a second that data must flow with, once {@code dataTimeout} has passed
 * @param sessionTimeout for a session between messages; MAIL behind it is {@code 421 4.7.0}
 * @param handshakeTimeout for a TLS handshake
 * @param greetingDelay before the greeting; whoever speaks in it is {@code 554 5.5.1}
 * @param failedLoginDelay before the reply to a failed login, times the session's failures
 * @param maxHold how far ahead a sender may put the delivery (RFC 4865)
 * @param trustedPeers who may say, by PROXY header, XCLIENT or XFORWARD, whom they speak for
 * @param verify whether VRFY is answered, with {@code 252} whoever is asked about, rather than
 *     {@code 502}
 * @param maxLineLength octets of a line of a message without its CRLF; 0 for any
 * @param normalizeLineEnds whether a bare CR or LF in a message becomes CRLF and a NUL goes, rather
 *     than {@code 521 5.5.2} and the end of the session
 * @param extensions those offered, in this order
 * @param eventLoops threads that own sockets
 * @param timer what time-outs hang on
 */
public record ServerOptions(
    String hostname,
    long maxMessageSize,
    int maxRecipients,
    int maxClients,
    int maxErrors,
    int maxCommands,
    List<String> authMechanisms,
    boolean authWithoutTls,
    boolean requireAuth,
    @Nullable TlsConfig tls,
    Duration commandTimeout,
    Duration dataTimeout,
    Duration messageTimeout,
    int minDataRate,
    Duration sessionTimeout,
    Duration handshakeTimeout,
    Duration greetingDelay,
    Duration failedLoginDelay,
    Duration maxHold,
    Predicate<InetAddress> trustedPeers,
    boolean verify,
    int maxLineLength,
    boolean normalizeLineEnds,
    Set<Extension> extensions,
    int eventLoops,
    Timer timer,
    ChannelSeam channelSeam) {

  private static final Set<Extension> IMPLEMENTED =
      EnumSet.of(
          Extension.PIPELINING,
          Extension.SIZE,
          Extension.EIGHT_BIT_MIME,
          Extension.SMTPUTF8,
          Extension.ENHANCED_STATUS_CODES,
          Extension.STARTTLS,
          Extension.AUTH,
          Extension.CHUNKING,
          Extension.BINARYMIME,
          Extension.DSN,
          Extension.REQUIRETLS,
          Extension.LIMITS,
          Extension.FUTURERELEASE,
          Extension.DELIVERBY,
          Extension.MT_PRIORITY,
          Extension.XCLIENT,
          Extension.XFORWARD);

  /** Whether a mechanism binds its logins to the connection, RFC 5802 4. */
  static boolean isBound(String mechanism) {
    return mechanism.endsWith("-PLUS");
  }

  /** Starts with the defaults, which the setters name. */
  public static Builder builder(String hostname) {
    return new Builder(hostname);
  }

  /** Collects the options. */
  public static final class Builder {
    private final String hostname;
    private long maxMessageSize = 25L * 1024 * 1024;
    private int maxRecipients = 1_000;
    private int maxClients = 500;
    private int maxErrors = 20;
    private int maxCommands = 100_000;
    private List<String> authMechanisms = List.of();
    private boolean authWithoutTls;
    private boolean requireAuth;
    private @Nullable TlsConfig tls;
    private Duration commandTimeout = Duration.ofMinutes(5); // RFC 5321 4.5.3.2.7
    private Duration dataTimeout = Duration.ofMinutes(3); // RFC 5321 4.5.3.2.5
    private Duration messageTimeout = Duration.ofHours(1);
    private int minDataRate = 100;
    private Duration sessionTimeout = Duration.ofDays(1);
    private Duration greetingDelay = Duration.ZERO;
    private Duration failedLoginDelay = Duration.ofMillis(500);
    private Duration handshakeTimeout = Duration.ofSeconds(30);
    private Duration maxHold = Duration.ofDays(7);
    private Predicate<InetAddress> trustedPeers = address -> false;
    private boolean verify = true;
    private int maxLineLength;
    private boolean normalizeLineEnds;
    private final Set<Extension> extensions = EnumSet.copyOf(IMPLEMENTED);
    private int eventLoops = Math.clamp(Runtime.getRuntime().availableProcessors(), 2, 8);
    private Timer timer = Timer.system();
    private ChannelSeam channelSeam = ChannelSeam.none();

    private Builder(String hostname) {
      this.hostname = hostname;
    }

    /** Octets; default 25 MB. */
    public Builder maxMessageSize(long octets) {
      this.maxMessageSize = octets;
      return this;
    }

    /** Default 1,000; RFC 5321 4.5.3.1.8 asks for 100 at least. */
    public Builder maxRecipients(int recipients) {
      this.maxRecipients = recipients;
      return this;
    }

    /** Default 500. */
    public Builder maxClients(int clients) {
      this.maxClients = clients;
      return this;
    }

    /** Default 20. */
    public Builder maxErrors(int errors) {
      this.maxErrors = errors;
      return this;
    }

    /** Default 100,000. */
    public Builder maxCommands(int commands) {
      this.maxCommands = commands;
      return this;
    }

    /** In order of preference; default none. */
    public Builder authMechanisms(List<String> names) {
      this.authMechanisms =
          names.stream().map(name -> name.toUpperCase(Locale.ROOT)).distinct().toList();
      return this;
    }

    /** Default false (RFC 4954 4, RFC 8314 3). */
    public Builder authWithoutTls(boolean offered) {
      this.authWithoutTls = offered;
      return this;
    }

    /** Default false. */
    public Builder requireAuth(boolean required) {
      this.requireAuth = required;
      return this;
    }

    /** Default none. */
    public Builder tls(@Nullable TlsConfig config) {
      this.tls = config;
      return this;
    }

    /** Default 5 minutes. */
    public Builder commandTimeout(Duration timeout) {
      this.commandTimeout = timeout;
      return this;
    }

    /** Default 3 minutes. */
    public Builder dataTimeout(Duration timeout) {
      this.dataTimeout = timeout;
      return this;
    }

    /** Default 1 hour. */
    public Builder messageTimeout(Duration timeout) {
      this.messageTimeout = timeout;
      return this;
    }

    /** Octets a second; default 100, 0 for any. */
    public Builder minDataRate(int octets) {
      this.minDataRate = octets;
      return this;
    }

    /** Default a day. */
    public Builder sessionTimeout(Duration timeout) {
      this.sessionTimeout = timeout;
      return this;
    }

    /** Default none. */
    public Builder greetingDelay(Duration delay) {
      this.greetingDelay = delay;
      return this;
    }

    /** Default half a second. */
    public Builder failedLoginDelay(Duration delay) {
      this.failedLoginDelay = delay;
      return this;
    }

    /** Default 30 seconds. */
    public Builder handshakeTimeout(Duration timeout) {
      this.handshakeTimeout = timeout;
      return this;
    }

    /** Default 7 days. */
    public Builder maxHold(Duration longest) {
      this.maxHold = longest;
      return this;
    }

    /** Default nobody. */
    public Builder trustedPeers(Predicate<InetAddress> peers) {
      this.trustedPeers = peers;
      return this;
    }

    /** Default true. */
    public Builder verify(boolean answered) {
      this.verify = answered;
      return this;
    }

    /**
     * Default 0: longer lines than the 998 octets of RFC 5322 2.1.1 are taken and passed on as they
     * are, since to wrap them would break signatures; with a bound they are {@code 554 5.6.0}.
     */
    public Builder maxLineLength(int octets) {
      this.maxLineLength = octets;
      return this;
    }

    /** Default false. */
    public Builder normalizeLineEnds(boolean normalized) {
      this.normalizeLineEnds = normalized;
      return this;
    }

    /** Does not offer these. */
    public Builder without(Extension... switchedOff) {
      extensions.removeAll(List.of(switchedOff));
      return this;
    }

    /** Default: one per processor, 2 to 8. */
    public Builder eventLoops(int threads) {
      this.eventLoops = threads;
      return this;
    }

    /** Default {@link Timer#system}. */
    public Builder timer(Timer source) {
      this.timer = source;
      return this;
    }

    /** For tests; default none. */
    public Builder channelSeam(ChannelSeam seam) {
      this.channelSeam = seam;
      return this;
    }

    /**
     * The options.
     *
     * @throws ConfigException with every problem found
     */
    public ServerOptions build() {
      var problems = new ArrayList<String>();
      if (hostname.isBlank() || hostname.chars().anyMatch(c -> c <= 32 || c > 126)) {
        problems.add("hostname must be a host name: " + hostname);
      }
      positive(problems, "maxMessageSize", maxMessageSize);
      positive(problems, "maxRecipients", maxRecipients);
      positive(problems, "maxClients", maxClients);
      positive(problems, "maxErrors", maxErrors);
      positive(problems, "maxCommands", maxCommands);
      positive(problems, "eventLoops", eventLoops);
      positive(problems, "commandTimeout", commandTimeout.toMillis());
      positive(problems, "dataTimeout", dataTimeout.toMillis());
      positive(problems, "messageTimeout", messageTimeout.toMillis());
      positive(problems, "sessionTimeout", sessionTimeout.toMillis());
      positive(problems, "handshakeTimeout", handshakeTimeout.toMillis());
      if (minDataRate < 0 || greetingDelay.isNegative() || failedLoginDelay.isNegative()) {
        problems.add("minDataRate, greetingDelay and failedLoginDelay must not be negative");
      }
      if (requireAuth && (authMechanisms.isEmpty() || (tls == null && !authWithoutTls))) {
        problems.add("requireAuth needs authMechanisms and tls, or nobody could log in");
      }
      if (!problems.isEmpty()) {
        throw new ConfigException(problems);
      }
      var offered = EnumSet.copyOf(extensions);
      if (authMechanisms.isEmpty()) {
        offered.remove(Extension.AUTH);
        offered.remove(Extension.FUTURERELEASE);
        offered.remove(Extension.DELIVERBY);
      }
      if (!offered.contains(Extension.CHUNKING)) {
        offered.remove(Extension.BINARYMIME); // RFC 3030 3
      }
      return new ServerOptions(
          hostname,
          maxMessageSize,
          maxRecipients,
          maxClients,
          maxErrors,
          maxCommands,
          authMechanisms,
          authWithoutTls,
          requireAuth,
          tls,
          commandTimeout,
          dataTimeout,
          messageTimeout,
          minDataRate,
          sessionTimeout,
          handshakeTimeout,
          greetingDelay,
          failedLoginDelay,
          maxHold,
          trustedPeers,
          verify,
          maxLineLength,
          normalizeLineEnds,
          Collections.unmodifiableSet(offered),
          eventLoops,
          timer,
          channelSeam);
    }

    private static void positive(List<String> problems, String name, long value) {
      if (value <= 0) {
        problems.add(name + " must be positive: " + value);
      }
    }
  }
}
