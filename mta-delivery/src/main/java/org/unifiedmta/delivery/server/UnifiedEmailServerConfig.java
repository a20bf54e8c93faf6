package org.unifiedmta.delivery.server;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.limit.UnifiedRateLimiter;
import org.unifiedmta.core.limit.UnifiedRateLimiter.Limits;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.attempt.MailHandler;
import org.unifiedmta.delivery.hook.Hook;
import org.unifiedmta.delivery.inbound.InboundPolicy;
import org.unifiedmta.delivery.queue.QueueStore;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Network;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.routing.zone.Receivers;
import org.unifiedmta.routing.zone.RetryPolicy;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.sasl.CredentialStore;
import org.unifiedmta.security.sasl.SaslMechanism;
import org.unifiedmta.security.transport.PolicySource;
import org.unifiedmta.smtp.codec.Extension;
import org.unifiedmta.smtp.server.ChannelSeam;
import org.unifiedmta.smtp.server.TlsConfig;

/** What a server is made from. Immutable; only {@code hostname} must be given. */
public final class UnifiedEmailServerConfig {

  /** How TLS comes to a listener. */
  public enum Mode {
    PLAIN,
    /** If the client asks for it (RFC 3207). */
    STARTTLS,
    /** The client must ask for it before MAIL. */
    REQUIRE_STARTTLS,
    /** From the first octet (RFC 8314). */
    IMPLICIT_TLS
  }

  /**
   * An address to listen on.
   *
   * @param bind port 0 for an ephemeral one
   * @param requireAuth MAIL before a login is {@code 530 5.7.0}
   * @param proxyProtocol whether each connection begins with a PROXY header, version 1 or 2, from
   *     one of the {@code trustedProxies}; others are closed
   * @param lmtp whether LMTP (RFC 2033) is spoken: the mail handler runs before each recipient's
   *     reply
   * @param withoutExtensions not offered here
   * @param maxClients connections here, besides the server's own bound; 0 for no other
   * @param maxMessageSize octets, where less than the server's; 0 for the same
   */
  public record Listener(
      String name,
      InetSocketAddress bind,
      Mode mode,
      boolean requireAuth,
      boolean proxyProtocol,
      boolean lmtp,
      Set<Extension> withoutExtensions,
      int maxClients,
      long maxMessageSize) {
    public Listener {
      withoutExtensions = Set.copyOf(withoutExtensions);
    }

    public Listener(
        String name,
        InetSocketAddress bind,
        Mode mode,
        boolean requireAuth,
        boolean proxyProtocol) {
      this(name, bind, mode, requireAuth, proxyProtocol, false, Set.of(), 0, 0);
    }

    public static Listener of(String name, InetSocketAddress bind, Mode mode) {
      return new Listener(name, bind, mode, false, false);
    }

    public Listener withRequireAuth(boolean required) {
      return new Listener(
          name,
          bind,
          mode,
          required,
          proxyProtocol,
          lmtp,
          withoutExtensions,
          maxClients,
          maxMessageSize);
    }

    public Listener withProxyProtocol(boolean expected) {
      return new Listener(
          name,
          bind,
          mode,
          requireAuth,
          expected,
          lmtp,
          withoutExtensions,
          maxClients,
          maxMessageSize);
    }

    public Listener withLmtp(boolean spoken) {
      return new Listener(
          name,
          bind,
          mode,
          requireAuth,
          proxyProtocol,
          spoken,
          withoutExtensions,
          maxClients,
          maxMessageSize);
    }

    public Listener withoutExtensions(Extension... switchedOff) {
      return new Listener(
          name,
          bind,
          mode,
          requireAuth,
          proxyProtocol,
          lmtp,
          Set.of(switchedOff),
          maxClients,
          maxMessageSize);
    }

    public Listener withMaxClients(int clients) {
      return new Listener(
          name,
          bind,
          mode,
          requireAuth,
          proxyProtocol,
          lmtp,
          withoutExtensions,
          clients,
          maxMessageSize);
    }

    public Listener withMaxMessageSize(long octets) {
      return new Listener(
          name,
          bind,
          mode,
          requireAuth,
          proxyProtocol,
          lmtp,
          withoutExtensions,
          maxClients,
          octets);
    }
  }

  /**
   * Who may log in, and whether they must.
   *
   * @param required on every listener
   * @param methods SASL mechanisms in order of preference: {@code SCRAM-SHA-256-PLUS}, {@code
   *     SCRAM-SHA-256}, {@code PLAIN}, {@code LOGIN}, {@code OAUTHBEARER}, {@code XOAUTH2}, {@code
   *     EXTERNAL} (with {@link TlsConfig#withClientCertificates})
   */
  public record Auth(boolean required, List<String> methods, CredentialStore users) {
    private static final List<String> BY_PASSWORD =
        List.of("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN");

    public Auth {
      methods = methods.stream().map(name -> name.toUpperCase(Locale.ROOT)).toList();
    }

    /** These users, by SCRAM-SHA-256, PLAIN and LOGIN; logging in is not required. */
    public static Auth users(Map<String, String> passwords) {
      return new Auth(false, BY_PASSWORD, CredentialStore.ofUsers(passwords));
    }

    public Auth withMethods(String... other) {
      return new Auth(required, List.of(other), users);
    }

    public Auth withRequired(boolean other) {
      return new Auth(other, methods, users);
    }
  }

  private final Builder values;

  private UnifiedEmailServerConfig(Builder values) {
    this.values = values;
  }

  public static Builder builder() {
    return new Builder();
  }

  /**
   * Reads settings by name, as a properties file has them; {@code docs/configuration.md} lists the
   * keys.
   *
   * @throws ConfigException with every problem, an unknown key among them
   */
  public static UnifiedEmailServerConfig fromProperties(Map<String, String> properties) {
    return ConfigProperties.read(properties).build();
  }

  /** A builder with all of this. */
  public Builder toBuilder() {
    return new Builder(values);
  }

  public String hostname() {
    return values.hostname;
  }

  public List<Listener> listeners() {
    return List.copyOf(values.listeners);
  }

  public List<DomainConfig> domains() {
    return List.copyOf(values.domains);
  }

  public List<Route> routes() {
    return List.copyOf(values.routes);
  }

  public Optional<Auth> auth() {
    return Optional.ofNullable(values.auth);
  }

  /** Whether logins are offered before TLS too. */
  public boolean authWithoutTls() {
    return values.authWithoutTls;
  }

  public Optional<TlsConfig> tls() {
    return Optional.ofNullable(values.tls);
  }

  public long maxMessageSize() {
    return values.maxMessageSize;
  }

  public int maxClients() {
    return values.maxClients;
  }

  /** For a whole command line. */
  public Duration commandTimeout() {
    return values.commandTimeout;
  }

  /** For the next octets of message data. */
  public Duration dataTimeout() {
    return values.dataTimeout;
  }

  /** For all data of one message, however slowly it flows. */
  public Duration messageTimeout() {
    return values.messageTimeout;
  }

  /** Octets a second that data must flow with, once {@code dataTimeout} has passed; 0 for any. */
  public int minDataRate() {
    return values.minDataRate;
  }

  /** For a session between messages. */
  public Duration sessionTimeout() {
    return values.sessionTimeout;
  }

  /** Before the greeting, for those who do not wait for it. */
  public Duration greetingDelay() {
    return values.greetingDelay;
  }

  /** Before the reply to a failed login, times the session's failures. */
  public Duration failedLoginDelay() {
    return values.failedLoginDelay;
  }

  /** What one address may do, of those that are not in {@code trustedNetworks}. */
  public Limits rateLimits() {
    return values.rateLimits;
  }

  /** The host's own limiter, in place of one that is made of {@link #rateLimits}. */
  public Optional<UnifiedRateLimiter> rateLimiter() {
    return Optional.ofNullable(values.rateLimiter);
  }

  /** Octets of a line of a message, 0 for any. */
  public int maxLineLength() {
    return values.maxLineLength;
  }

  /** Whether bare line ends in messages are made CRLF. */
  public boolean normalizeLineEnds() {
    return values.normalizeLineEnds;
  }

  /** Whether VRFY is answered with 252 rather than 502. */
  public boolean verify() {
    return values.verify;
  }

  /** Percent of the disk below which new mail is {@code 452 4.3.1}. */
  public int minFreeDisk() {
    return values.minFreeDisk;
  }

  public int maxRecipients() {
    return values.maxRecipients;
  }

  public OutboundOptions outbound() {
    return values.outbound;
  }

  public RetryPolicy retry() {
    return values.retry;
  }

  /** In the order in which they claim mail. */
  public List<SendingZone> zones() {
    return List.copyOf(values.zones);
  }

  /** Empty where nothing is signed. */
  public Optional<DKIMCreator> dkimCreator() {
    return Optional.ofNullable(values.dkimCreator);
  }

  /** Whose keys sign all that is signed, beside those of its authors. */
  public Optional<String> signTransportDomain() {
    return Optional.ofNullable(values.signTransportDomain);
  }

  /** Whose key seals what strangers send and goes on from here; empty for no seals. */
  public Optional<String> sealDomain() {
    return Optional.ofNullable(values.sealDomain);
  }

  /** Where policies of MTA-STS are had from; empty for the domains' hosts, by HTTPS. */
  public Optional<PolicySource> policySource() {
    return Optional.ofNullable(values.policySource);
  }

  /** Whether domains are asked for a policy of MTA-STS (RFC 8461). */
  public boolean mtaSts() {
    return values.mtaSts;
  }

  public InboundPolicy inboundPolicy() {
    return values.inboundPolicy == null ? InboundPolicy.enforce() : values.inboundPolicy;
  }

  /**
   * Whether mail from this machine is checked like that of strangers: where somebody has said so,
   * by an {@link Builder#inboundPolicy} or a {@link Builder#dnsResolver} to ask. No domain
   * authorizes 127.0.0.1.
   */
  boolean checksLoopback() {
    return values.inboundPolicy != null || values.dnsResolver != null;
  }

  public boolean zoneHeaderOfAnybody() {
    return values.zoneHeaderOfAnybody;
  }

  public Receivers receivers() {
    return values.receivers;
  }

  /** Where small values are kept; in memory where none was given and there is no data directory. */
  public StorageManager storageManager() {
    var given = values.storageManager;
    if (given != null) {
      return given;
    }
    return dataDirectory()
        .map(directory -> StorageManager.directory(directory.resolve("values")))
        .orElseGet(StorageManager::inMemory);
  }

  public Optional<Path> dataDirectory() {
    return Optional.ofNullable(values.dataDirectory);
  }

  public Optional<QueueStore> queueStore() {
    return Optional.ofNullable(values.queueStore);
  }

  /** The database with the outbox, if there is one. */
  public Optional<DataSource> outbox() {
    return Optional.ofNullable(values.outbox);
  }

  public Optional<DnsResolver> dnsResolver() {
    return Optional.ofNullable(values.dnsResolver);
  }

  public Optional<MailHandler> mailHandler() {
    return Optional.ofNullable(values.mailHandler);
  }

  public List<Hook> hooks() {
    return List.copyOf(values.hooks);
  }

  public Metrics metrics() {
    return values.metrics;
  }

  public Timer timer() {
    return values.timer;
  }

  public Duration shutdownTimeout() {
    return values.shutdownTimeout;
  }

  /** Who may say whom they speak for, by PROXY header, XCLIENT or XFORWARD. */
  public List<Network> trustedProxies() {
    return List.copyOf(values.trustedProxies);
  }

  public List<Network> trustedNetworks() {
    return List.copyOf(values.trustedNetworks);
  }

  /** Who reports failures; {@code Mail Delivery System <MAILER-DAEMON@hostname>} unless given. */
  public Mailbox mailerDaemon() {
    return values.mailerDaemon == null
        ? new Mailbox("Mail Delivery System", new EmailAddress("MAILER-DAEMON", hostname()))
        : values.mailerDaemon;
  }

  public int mxPort() {
    return values.mxPort;
  }

  public boolean allowPrivateTargets() {
    return values.allowPrivateTargets;
  }

  public long bufferMemory() {
    return values.bufferMemory;
  }

  /** What EHLO does not offer. */
  public Set<Extension> withoutExtensions() {
    return Set.copyOf(values.withoutExtensions);
  }

  public int maxAttempts() {
    return values.maxAttempts;
  }

  ChannelSeam channelSeam() {
    return values.channelSeam;
  }

  /** Collects settings. */
  public static final class Builder {
    private static final int SMTPS = 465;
    static final Limits STANDARD_LIMITS =
        Limits.unlimited().withMaxAuthFailuresPerIP(20).withBlockDuration(Duration.ofMinutes(10));

    private String hostname = "";
    private List<Listener> listeners = new ArrayList<>();
    private List<DomainConfig> domains = new ArrayList<>();
    private List<Route> routes = new ArrayList<>();
    private @Nullable Auth auth;
    private boolean authWithoutTls;
    private @Nullable TlsConfig tls;
    private long maxMessageSize = 25L * 1024 * 1024;
    private int maxClients = 500;
    private int maxRecipients = 1_000;
    private int minFreeDisk = 5;
    private Duration commandTimeout = Duration.ofMinutes(5); // RFC 5321 4.5.3.2.7
    private Duration dataTimeout = Duration.ofMinutes(3); // RFC 5321 4.5.3.2.5
    private Duration messageTimeout = Duration.ofHours(1);
    private int minDataRate = 100;
    private Duration sessionTimeout = Duration.ofDays(1);
    private Duration greetingDelay = Duration.ZERO;
    private Duration failedLoginDelay = Duration.ofMillis(500);
    private Limits rateLimits = STANDARD_LIMITS;
    private @Nullable UnifiedRateLimiter rateLimiter;
    private int maxLineLength;
    private boolean normalizeLineEnds;
    private boolean verify = true;
    private OutboundOptions outbound = OutboundOptions.standard();
    private RetryPolicy retry = RetryPolicy.standard();
    private List<SendingZone> zones = new ArrayList<>();
    private boolean zoneHeaderOfAnybody;
    private @Nullable InboundPolicy inboundPolicy;
    private boolean mtaSts = true;
    private @Nullable PolicySource policySource;
    private @Nullable DKIMCreator dkimCreator;
    private @Nullable String signTransportDomain;
    private @Nullable String sealDomain;
    private Receivers receivers = Receivers.standard();
    private @Nullable StorageManager storageManager;
    private @Nullable Path dataDirectory;
    private @Nullable QueueStore queueStore;
    private @Nullable DataSource outbox;
    private @Nullable DnsResolver dnsResolver;
    private @Nullable MailHandler mailHandler;
    private List<Hook> hooks = new ArrayList<>();
    private Metrics metrics = Metrics.none();
    private Timer timer = Timer.system();
    private Duration shutdownTimeout = Duration.ofSeconds(30);
    private List<Network> trustedNetworks = new ArrayList<>();
    private List<Network> trustedProxies = new ArrayList<>();
    private @Nullable Mailbox mailerDaemon;
    private int mxPort = 25;
    private boolean allowPrivateTargets;
    private int maxAttempts = 500;
    private long bufferMemory = Math.min(64L * 1024 * 1024, Runtime.getRuntime().maxMemory() / 4);
    private Set<Extension> withoutExtensions = new HashSet<>();
    private ChannelSeam channelSeam = ChannelSeam.none();
    private final List<String> problems = new ArrayList<>();

    private Builder() {}

    private Builder(Builder other) {
      hostname = other.hostname;
      listeners = new ArrayList<>(other.listeners);
      domains = new ArrayList<>(other.domains);
      routes = new ArrayList<>(other.routes);
      auth = other.auth;
      authWithoutTls = other.authWithoutTls;
      tls = other.tls;
      maxMessageSize = other.maxMessageSize;
      maxClients = other.maxClients;
      maxRecipients = other.maxRecipients;
      minFreeDisk = other.minFreeDisk;
      commandTimeout = other.commandTimeout;
      dataTimeout = other.dataTimeout;
      messageTimeout = other.messageTimeout;
      minDataRate = other.minDataRate;
      sessionTimeout = other.sessionTimeout;
      greetingDelay = other.greetingDelay;
      failedLoginDelay = other.failedLoginDelay;
      rateLimits = other.rateLimits;
      rateLimiter = other.rateLimiter;
      maxLineLength = other.maxLineLength;
      normalizeLineEnds = other.normalizeLineEnds;
      verify = other.verify;
      outbound = other.outbound;
      retry = other.retry;
      zones = new ArrayList<>(other.zones);
      zoneHeaderOfAnybody = other.zoneHeaderOfAnybody;
      inboundPolicy = other.inboundPolicy;
      mtaSts = other.mtaSts;
      policySource = other.policySource;
      dkimCreator = other.dkimCreator;
      signTransportDomain = other.signTransportDomain;
      sealDomain = other.sealDomain;
      receivers = other.receivers;
      storageManager = other.storageManager;
      dataDirectory = other.dataDirectory;
      queueStore = other.queueStore;
      outbox = other.outbox;
      dnsResolver = other.dnsResolver;
      mailHandler = other.mailHandler;
      hooks = new ArrayList<>(other.hooks);
      metrics = other.metrics;
      timer = other.timer;
      shutdownTimeout = other.shutdownTimeout;
      trustedNetworks = new ArrayList<>(other.trustedNetworks);
      trustedProxies = new ArrayList<>(other.trustedProxies);
      mailerDaemon = other.mailerDaemon;
      mxPort = other.mxPort;
      allowPrivateTargets = other.allowPrivateTargets;
      maxAttempts = other.maxAttempts;
      bufferMemory = other.bufferMemory;
      withoutExtensions = new HashSet<>(other.withoutExtensions);
      channelSeam = other.channelSeam;
    }

    /** The server's name, in greetings, trace fields and reports. */
    public Builder hostname(String name) {
      hostname = name;
      return this;
    }

    /**
     * Listens on all addresses: implicit TLS on 465, STARTTLS on others where {@link #tls} is
     * given; 0 for an ephemeral port.
     */
    public Builder ports(int... ports) {
      for (int port : ports) {
        if (port < 0 || port > 65535) {
          problems.add("ports: no port: " + port);
        } else {
          listeners.add(
              Listener.of(
                  "smtp-" + port,
                  new InetSocketAddress(port),
                  port == SMTPS ? Mode.IMPLICIT_TLS : Mode.STARTTLS));
        }
      }
      return this;
    }

    public Builder listen(Listener listener) {
      listeners.add(listener);
      return this;
    }

    /** Domains that are ours; appends. */
    public Builder domains(DomainConfig... configs) {
      domains.addAll(List.of(configs));
      return this;
    }

    /** In place of those given before. */
    public Builder routes(Route... all) {
      return routes(List.of(all));
    }

    public Builder routes(List<Route> all) {
      routes = new ArrayList<>(all);
      return this;
    }

    public Builder auth(Auth users) {
      auth = users;
      return this;
    }

    /**
     * Whether logins are offered before TLS too. Default false: passwords, and the mail of whoever
     * has logged in, could be read on the way.
     */
    public Builder authWithoutTls(boolean offered) {
      authWithoutTls = offered;
      return this;
    }

    public Builder tls(TlsConfig config) {
      tls = config;
      return this;
    }

    /** Octets; default 25 MB. */
    public Builder maxMessageSize(long octets) {
      maxMessageSize = octets;
      return this;
    }

    /** Connections at a time; default 500. */
    public Builder maxClients(int clients) {
      maxClients = clients;
      return this;
    }

    /** For a whole command line of a client. Default 5 minutes. */
    public Builder commandTimeout(Duration timeout) {
      commandTimeout = timeout;
      return this;
    }

    /** For the next octets of message data. Default 3 minutes. */
    public Builder dataTimeout(Duration timeout) {
      dataTimeout = timeout;
      return this;
    }

    /** For all data of one message, however slowly it flows. Default 1 hour. */
    public Builder messageTimeout(Duration timeout) {
      messageTimeout = timeout;
      return this;
    }

    /**
     * Octets a second that message data must flow with, once {@link #dataTimeout} has passed; 0 for
     * any. Default 100.
     */
    public Builder minDataRate(int octets) {
      minDataRate = octets;
      return this;
    }

    /** For a session between messages; the next MAIL is {@code 421 4.7.0}. Default a day. */
    public Builder sessionTimeout(Duration timeout) {
      sessionTimeout = timeout;
      return this;
    }

    /** Before the greeting: who speaks in it is {@code 554 5.5.1}. Default none. */
    public Builder greetingDelay(Duration delay) {
      greetingDelay = delay;
      return this;
    }

    /** Before the reply to a failed login, times the session's failures. Default 500 ms. */
    public Builder failedLoginDelay(Duration delay) {
      failedLoginDelay = delay;
      return this;
    }

    /**
     * What one address may do; those in {@link #trustedNetworks} may do anything. Beyond it {@code
     * 421 4.7.0} to a connection, {@code 450 4.7.1} to a message, {@code 452 4.5.3} to a recipient.
     * Domains have limits of their own in {@link DomainConfig}. Default: 20 failed logins,
     * forgotten evenly within the 10 minutes for which they block an address.
     */
    public Builder rateLimits(Limits limits) {
      rateLimits = limits;
      return this;
    }

    /** A limiter of the host's, in place of one made of {@link #rateLimits} and the domains. */
    public Builder rateLimiter(UnifiedRateLimiter limiter) {
      rateLimiter = limiter;
      return this;
    }

    /**
     * Octets of a line of a message, beyond which it is {@code 554 5.6.0}. Default 0: any length is
     * taken and passed on as it is.
     */
    public Builder maxLineLength(int octets) {
      maxLineLength = octets;
      return this;
    }

    /**
     * Whether a bare CR or LF in a message becomes CRLF and a NUL goes, for devices that know no
     * better, rather than {@code 521 5.5.2} and the end of the session. Default false.
     */
    public Builder normalizeLineEnds(boolean normalized) {
      normalizeLineEnds = normalized;
      return this;
    }

    /** Whether VRFY is answered with {@code 252} rather than {@code 502}. Default true. */
    public Builder verify(boolean answered) {
      verify = answered;
      return this;
    }

    /**
     * Percent of the data directory's disk below which new mail is {@code 452 4.3.1}, but never
     * more than 1 GB; 0 for no such bound. Default 5.
     */
    public Builder minFreeDisk(int percent) {
      minFreeDisk = percent;
      return this;
    }

    /** Of one message; default 1,000. */
    public Builder maxRecipients(int recipients) {
      maxRecipients = recipients;
      return this;
    }

    /** How hosts are spoken to where a route does not say. */
    public Builder outbound(OutboundOptions options) {
      outbound = options;
      return this;
    }

    /** Ways out, in the order in which they claim mail; mail that none claims has the default. */
    public Builder zones(SendingZone... all) {
      return zones(List.of(all));
    }

    public Builder zones(List<SendingZone> all) {
      zones = new ArrayList<>(all);
      return this;
    }

    /**
     * Whether {@code X-Sending-Zone} names the zone whoever the client is; else it does only for
     * one that has logged in or is in a trusted network.
     */
    public Builder zoneHeaderOfAnybody(boolean counts) {
      zoneHeaderOfAnybody = counts;
      return this;
    }

    /**
     * The keys that sign what is submitted, by clients that have logged in or in process: when the
     * server starts, each of {@code domains} gets one that has none. Nothing is signed unless told.
     */
    public Builder dkimCreator(DKIMCreator keys) {
      dkimCreator = keys;
      return this;
    }

    /**
     * What is signed at all is signed with the keys of this domain too, whoever its author is: the
     * domain of whoever runs the server, which earns a name of its own at receivers. It gets keys
     * like {@code domains}.
     *
     * @throws IllegalArgumentException if that is no domain
     */
    public Builder signTransportDomain(String domain) {
      signTransportDomain = Domains.toAscii(domain);
      return this;
    }

    /**
     * Mail of strangers that goes on to other hosts gets an ARC set (RFC 8617), made with this
     * domain's key of RSA, so that whoever gets it can see what was found of it here. The domain
     * gets keys like {@code domains}. Needs {@link #dkimCreator}, and mail that is checked.
     *
     * @throws IllegalArgumentException if that is no domain
     */
    public Builder sealDomain(String domain) {
      sealDomain = Domains.toAscii(domain);
      return this;
    }

    /**
     * Whether mail to a domain with a policy of MTA-STS (RFC 8461) goes only where that wants it
     * to; true unless told. Policies are kept in the storage manager.
     */
    public Builder mtaSts(boolean asked) {
      mtaSts = asked;
      return this;
    }

    /** Where policies of MTA-STS are had from, in place of the domains' hosts. */
    public Builder policySource(PolicySource source) {
      policySource = source;
      return this;
    }

    /**
     * What is done with what SPF, DKIM and DMARC find of mail from strangers; {@link
     * InboundPolicy#enforce} unless told, and then clients on loopback addresses are no strangers
     * unless there is a {@link #dnsResolver}.
     */
    public Builder inboundPolicy(InboundPolicy policy) {
      inboundPolicy = policy;
      return this;
    }

    /**
     * How much is sent to whom, and what their replies mean; {@link Receivers#standard} unless
     * told.
     */
    public Builder receivers(Receivers known) {
      receivers = known;
      return this;
    }

    /**
     * Where small values are kept, such as which address rests for which receiver; {@code values}
     * in the data directory unless told.
     */
    public Builder storageManager(StorageManager storage) {
      storageManager = storage;
      return this;
    }

    /** Default {@link RetryPolicy#standard}; a zone may have its own. */
    public Builder retry(RetryPolicy policy) {
      retry = policy;
      return this;
    }

    /**
     * Where the durable queue is; made if absent. Without it and without {@link #queueStore}, mail
     * is in memory only and ends with the process, which the log says.
     */
    public Builder dataDirectory(Path directory) {
      dataDirectory = directory;
      return this;
    }

    /**
     * The database of {@link UnifiedEmailServer#enqueue}: its table {@code mta_outbox} is emptied
     * into the queue while the server runs, and made where it is missing. Servers that share it
     * have different hostnames. PostgreSQL and H2 are tested. One connection is taken about every
     * second, and given back.
     */
    public Builder outbox(DataSource database) {
      outbox = database;
      return this;
    }

    /** A store of the host's own, which it closes itself. */
    public Builder queueStore(QueueStore store) {
      queueStore = store;
      return this;
    }

    /** Default: the system's. Not closed. */
    public Builder dnsResolver(DnsResolver resolver) {
      dnsResolver = resolver;
      return this;
    }

    /** Local delivery; without it nobody but postmaster is here. */
    public Builder mailHandler(MailHandler handler) {
      mailHandler = handler;
      return this;
    }

    /** Appends a hook. */
    public Builder hook(Hook hook) {
      hooks.add(hook);
      return this;
    }

    public Builder metrics(Metrics port) {
      metrics = port;
      return this;
    }

    /** What all waiting hangs on; default the machine's clock. */
    public Builder timer(Timer source) {
      timer = source;
      return this;
    }

    /** For what runs when the server is stopped; default 30 seconds. */
    public Builder shutdownTimeout(Duration timeout) {
      shutdownTimeout = timeout;
      return this;
    }

    /** Networks that may relay without login: {@code 10.0.0.0/8}; appends. */
    public Builder trustedNetworks(String... cidr) {
      for (var network : cidr) {
        try {
          trustedNetworks.add(Network.parse(network));
        } catch (IllegalArgumentException e) {
          problems.add("trustedNetworks: " + e.getMessage());
        }
      }
      return this;
    }

    /**
     * Proxies and relays that may say whom they speak for, by PROXY header, XCLIENT or XFORWARD;
     * appends. Default nobody.
     */
    public Builder trustedProxies(String... cidr) {
      for (var network : cidr) {
        try {
          trustedProxies.add(Network.parse(network));
        } catch (IllegalArgumentException e) {
          problems.add("trustedProxies: " + e.getMessage());
        }
      }
      return this;
    }

    /** The author of reports of failure. */
    public Builder mailerDaemon(Mailbox mailbox) {
      mailerDaemon = mailbox;
      return this;
    }

    /** Port of MX hosts; default 25. */
    public Builder mxPort(int port) {
      mxPort = port;
      return this;
    }

    /**
     * Whether MX hosts may be on loopback and private addresses; default false. A host that a route
     * names may always.
     */
    public Builder allowPrivateTargets(boolean allow) {
      allowPrivateTargets = allow;
      return this;
    }

    /**
     * Delivery attempts at a time; default 500. Those that have gone on for ten seconds do not
     * count, up to 2,000. With 0 mail is taken and kept, never tried.
     */
    public Builder maxAttempts(int attempts) {
      maxAttempts = attempts;
      return this;
    }

    /** Octets for message data in memory; default 64 MB or a quarter of the heap if less. */
    public Builder bufferMemory(long octets) {
      bufferMemory = octets;
      return this;
    }

    /** Does not offer these in EHLO, nor take their commands and parameters; appends. */
    public Builder withoutExtensions(Extension... extensions) {
      withoutExtensions.addAll(List.of(extensions));
      return this;
    }

    /** For tests: faults between the socket and the server. */
    public Builder channelSeam(ChannelSeam seam) {
      channelSeam = seam;
      return this;
    }

    /**
     * The configuration.
     *
     * @throws ConfigException with every problem found
     */
    public UnifiedEmailServerConfig build() {
      var found = new ArrayList<>(problems);
      try {
        hostname = Domains.toAscii(hostname);
      } catch (IllegalArgumentException e) {
        found.add("hostname: " + e.getMessage() + ": '" + hostname + "'");
      }
      listeners(found);
      unique(found, "routes: two by the name ", routes.stream().map(Route::name).toList());
      unique(found, "zones: two by the name ", zones.stream().map(SendingZone::name).toList());
      unique(found, "domains: twice ", domains.stream().map(DomainConfig::domain).toList());
      if (signTransportDomain != null && dkimCreator == null) {
        found.add("signTransportDomain: there are no keys without dkimCreator");
      }
      if (sealDomain != null && dkimCreator == null) {
        found.add("sealDomain: there are no keys without dkimCreator");
      }
      if (sealDomain != null
          && inboundPolicy != null
          && !(inboundPolicy.checks() && inboundPolicy.checksArc())) {
        found.add("sealDomain: an unchecked chain cannot be sealed; see inboundPolicy");
      }
      if (auth != null) {
        for (var method : auth.methods()) {
          if (SaslMechanism.ofName(method).isEmpty()) {
            found.add("auth: unknown method " + method);
          }
        }
        if (tls == null && !authWithoutTls) {
          found.add("auth: needs tls, since nobody can log in without");
        }
      }
      positive(found, "commandTimeout", commandTimeout.toMillis());
      positive(found, "dataTimeout", dataTimeout.toMillis());
      positive(found, "messageTimeout", messageTimeout.toMillis());
      positive(found, "sessionTimeout", sessionTimeout.toMillis());
      if (minDataRate < 0 || greetingDelay.isNegative() || failedLoginDelay.isNegative()) {
        found.add("minDataRate, greetingDelay and failedLoginDelay must not be negative");
      }
      positive(found, "maxMessageSize", maxMessageSize);
      positive(found, "maxClients", maxClients);
      positive(found, "maxRecipients", maxRecipients);
      if (minFreeDisk < 0 || minFreeDisk > 99) {
        found.add("minFreeDisk must be a percentage: " + minFreeDisk);
      }
      positive(found, "bufferMemory", bufferMemory);
      if (maxAttempts < 0) {
        found.add("maxAttempts: negative: " + maxAttempts);
      }
      if (mxPort < 1 || mxPort > 65535) {
        found.add("mxPort: no port: " + mxPort);
      }
      if (shutdownTimeout.isNegative()) {
        found.add("shutdownTimeout: negative");
      }
      if (dataDirectory != null && queueStore != null) {
        found.add("dataDirectory and queueStore: only one of them");
      }
      if (!found.isEmpty()) {
        throw new ConfigException(found);
      }
      return new UnifiedEmailServerConfig(new Builder(this));
    }

    private void listeners(List<String> found) {
      unique(found, "listeners: two by the name ", names());
      for (var listener : listeners) {
        boolean needsTls =
            listener.mode() == Mode.REQUIRE_STARTTLS || listener.mode() == Mode.IMPLICIT_TLS;
        if (needsTls && tls == null) {
          found.add("listener " + listener.name() + ": needs tls");
        }
        if ((listener.requireAuth() || (auth != null && auth.required()))
            && (auth == null || (listener.mode() == Mode.PLAIN && !authWithoutTls))) {
          found.add("listener " + listener.name() + ": requires a login that nobody can make");
        }
        if (listener.proxyProtocol() && trustedProxies.isEmpty()) {
          found.add("listener " + listener.name() + ": proxyProtocol needs trustedProxies");
        }
      }
    }

    /** Several ephemeral ports are several listeners. */
    private List<String> names() {
      return listeners.stream()
          .filter(listener -> listener.bind().getPort() != 0)
          .map(Listener::name)
          .toList();
    }

    private static void unique(List<String> found, String problem, List<String> names) {
      var seen = new HashSet<String>();
      for (var name : names) {
        if (!seen.add(name)) {
          found.add(problem + name);
        }
      }
    }

    private static void positive(List<String> found, String name, long value) {
      if (value <= 0) {
        found.add(name + ": must be positive: " + value);
      }
    }
  }
}
