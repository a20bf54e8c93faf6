package org.unifiedmta.delivery.testing;

import io.netty.handler.traffic.ChannelTrafficShapingHandler;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.limit.UnifiedRateLimiter.Limits;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.inbound.InboundPolicy;
import org.unifiedmta.delivery.queue.MemoryQueueStore;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Auth;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.smtp.codec.Extension;
import org.unifiedmta.smtp.server.ChannelSeam;
import org.unifiedmta.smtp.server.TlsConfig;

/**
 * A real mail server on loopback that takes everything for everybody, keeps it in memory for the
 * test to look at, and fails as it is told. It never asks the system's DNS and never sends mail.
 * Thread-safe.
 */
public final class MailFixture implements AutoCloseable {
  private static final String HOST = "localhost";
  private static final long SHAPING_INTERVAL = 50; // milliseconds
  private static final Duration STOPPING = Duration.ofMillis(200);

  private final Builder settings;
  private final Faults faults;
  private final Dialogues dialogues = new Dialogues();
  private final MemoryQueueStore store = new MemoryQueueStore(Timer.system());
  private final FixtureCertificates certificates = new FixtureCertificates();
  private final Inbox inbox;
  private final UnifiedEmailServer server;
  private final Path caCertificate;

  private MailFixture(Builder settings) {
    this.settings = settings;
    faults = new Faults(!settings.without.contains(Extension.ENHANCED_STATUS_CODES));
    inbox = new Inbox(settings.dns != null);
    server = new UnifiedEmailServer(config());
    caCertificate = writeCertificate(certificates.pem());
    try {
      server.start();
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private UnifiedEmailServerConfig config() {
    var loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    var mode = settings.requireTls ? Mode.REQUIRE_STARTTLS : Mode.STARTTLS;
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname(HOST)
            .listen(Listener.of("smtp", loopback, mode))
            .listen(Listener.of("smtps", loopback, Mode.IMPLICIT_TLS))
            .routes(
                Route.of(
                    "everybody", 0, Match.any().clientIp("127.0.0.0/8", "::1"), Action.deliver()))
            .tls(TlsConfig.ofContext(this::serverContext))
            .queueStore(store)
            .dnsResolver(settings.dns == null ? ZoneResolver.builder().build() : settings.dns)
            .inboundPolicy(settings.dns == null ? InboundPolicy.off() : InboundPolicy.report())
            .mailHandler(inbox)
            .hook(faults)
            .maxMessageSize(settings.maxMessageSize)
            .rateLimits(Limits.unlimited())
            .failedLoginDelay(Duration.ZERO)
            .withoutExtensions(settings.without.toArray(Extension[]::new))
            .channelSeam(seam());
    if (!settings.users.isEmpty()) {
      config.auth(Auth.users(settings.users));
    }
    return config.build();
  }

  private SSLContext serverContext() {
    return faults.badTls().map(certificates::server).orElseGet(certificates::server);
  }

  private ChannelSeam seam() {
    return pipeline -> {
      faults
          .bytesPerSecond()
          .ifPresent(rate ->
              pipeline.addLast(new ChannelTrafficShapingHandler(rate, rate, SHAPING_INTERVAL)));
      pipeline.addLast(new Tap(dialogues.open(), faults));
    };
  }

  private static Path writeCertificate(String pem) {
    try {
      return Files.writeString(Files.createTempFile("mail-fixture-ca-", ".pem"), pem);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Starts a fixture with nothing set. */
  public static MailFixture start() {
    return builder().start();
  }

  public static Builder builder() {
    return new Builder();
  }

  /** What clients connect to, and what the certificate is for. */
  public String host() {
    return HOST;
  }

  /** Where plain SMTP with STARTTLS is spoken. */
  public int port() {
    return server.listeners().get(0).address().getPort();
  }

  /** Where TLS is spoken from the first octet. */
  public int smtpsPort() {
    return server.listeners().get(1).address().getPort();
  }

  /** Trusts this fixture's certificate and no other. */
  public SSLContext clientSslContext() {
    return certificates.client();
  }

  /** The authority that signed the fixture's certificate, in PEM; gone after {@link #close}. */
  public Path caCertificate() {
    return caCertificate;
  }

  /**
   * Properties for a {@code jakarta.mail.Session}: STARTTLS is required, and the certificate taken
   * without a look, as no property can name an authority; where the check matters, give Jakarta
   * Mail the socket factory of {@link #clientSslContext}. With a {@link Builder#user}, the first
   * one is {@code mail.smtp.user}; Jakarta Mail takes its password from an Authenticator or from
   * the call that connects.
   */
  public Map<String, String> jakartaMailProperties() {
    var properties = new LinkedHashMap<String, String>();
    properties.put("mail.transport.protocol", "smtp");
    properties.put("mail.smtp.host", host());
    properties.put("mail.smtp.port", Integer.toString(port()));
    properties.put("mail.smtp.starttls.enable", "true");
    properties.put("mail.smtp.starttls.required", "true");
    properties.put("mail.smtp.ssl.trust", host());
    settings.users.keySet().stream()
        .findFirst()
        .ifPresent(user -> {
          properties.put("mail.smtp.auth", "true");
          properties.put("mail.smtp.user", user);
        });
    return Map.copyOf(properties);
  }

  /**
   * Properties for Spring Boot: {@code spring.mail.host} and so on, and what {@link
   * #jakartaMailProperties} says as {@code spring.mail.properties.*}.
   */
  public Map<String, String> springMailProperties() {
    var properties = new LinkedHashMap<String, String>();
    properties.put("spring.mail.host", host());
    properties.put("spring.mail.port", Integer.toString(port()));
    properties.put("spring.mail.protocol", "smtp");
    settings.users.entrySet().stream()
        .findFirst()
        .ifPresent(user -> {
          properties.put("spring.mail.username", user.getKey());
          properties.put("spring.mail.password", user.getValue());
        });
    jakartaMailProperties()
        .forEach((name, value) -> properties.put("spring.mail.properties." + name, value));
    return Map.copyOf(properties);
  }

  /** What has arrived since the start or the last {@link #reset}, in the order of arrival. */
  public List<ReceivedMessage> messages() {
    return inbox.messages();
  }

  /**
   * The first message, as soon as there is one.
   *
   * @throws AssertionError with the transcript if none comes in time
   */
  public ReceivedMessage awaitMessage() {
    return awaitMessage(message -> true);
  }

  /**
   * The first message that meets the condition, as soon as there is one.
   *
   * @throws AssertionError with what came instead and the transcript if none comes in time
   */
  public ReceivedMessage awaitMessage(Predicate<ReceivedMessage> wanted) {
    var found =
        inbox.<ReceivedMessage>await(
            settings.maxWait,
            messages -> messages.stream().filter(wanted).findFirst().orElse(null));
    if (found == null) {
      throw failure("no such message within " + settings.maxWait);
    }
    return found;
  }

  /**
   * All messages, as soon as there are at least that many.
   *
   * @throws AssertionError with what came and the transcript if too few come in time
   */
  public List<ReceivedMessage> awaitMessages(int count) {
    var found =
        inbox.<List<ReceivedMessage>>await(
            settings.maxWait, messages -> messages.size() >= count ? messages : null);
    if (found == null) {
      throw failure("not " + count + " messages within " + settings.maxWait);
    }
    return List.copyOf(found);
  }

  /**
   * Waits that long for something not to happen.
   *
   * @throws AssertionError at once if there is a message, or one comes
   */
  public void assertNoMessageFor(Duration time) {
    var found =
        inbox.<ReceivedMessage>await(time, messages -> messages.isEmpty() ? null : messages.get(0));
    if (found != null) {
      throw failure("there should be no message");
    }
  }

  private AssertionError failure(String what) {
    var arrived =
        messages().stream().map(message -> "\n  " + message).collect(Collectors.joining());
    var said = transcript().stream().map(line -> "\n  " + line).collect(Collectors.joining());
    return new AssertionError(
        what
            + "\narrived:"
            + (arrived.isEmpty() ? " nothing" : arrived)
            + "\ntranscript:"
            + (said.isEmpty() ? " nobody connected" : said));
  }

  /**
   * What was said, in plain text also where TLS was used: lines {@code C: …} and {@code S: …}, one
   * connection after the other. Of message data there is only how much it was; there are bounds,
   * beyond which the oldest is forgotten.
   */
  public List<String> transcript() {
    return dialogues.lines();
  }

  /** From now on this goes wrong too. */
  public void inject(Fault fault) {
    faults.inject(fault);
  }

  /**
   * Forgets messages, also those accepted but still on their way here, faults and the transcript.
   * Connections stay.
   */
  public void reset() {
    faults.clear();
    inbox.forget(store.newId());
    dialogues.clear();
  }

  /** The server behind it all. */
  public UnifiedEmailServer server() {
    return server;
  }

  /** Stops the server; connections are ended. */
  @Override
  public void close() {
    server.stop(STOPPING);
    store.close();
    try {
      Files.deleteIfExists(caCertificate);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Collects what a fixture is to be like. */
  public static final class Builder {
    private final Map<String, String> users = new LinkedHashMap<>();
    private final List<Extension> without = new ArrayList<>();
    private boolean requireTls;
    private long maxMessageSize = 25L * 1024 * 1024;
    private Duration maxWait = Duration.ofSeconds(10);
    private @Nullable ZoneResolver dns;

    private Builder() {}

    private Builder(Builder other) {
      users.putAll(other.users);
      without.addAll(other.without);
      requireTls = other.requireTls;
      maxMessageSize = other.maxMessageSize;
      maxWait = other.maxWait;
      dns = other.dns;
    }

    /** Who can log in, after TLS; nobody has to. */
    public Builder user(String name, String password) {
      users.put(name, password);
      return this;
    }

    /** Nothing is taken before STARTTLS. */
    public Builder requireTls() {
      requireTls = true;
      return this;
    }

    /**
     * EHLO does not offer this.
     *
     * @param keyword such as {@code SMTPUTF8}
     * @throws IllegalArgumentException if it is unknown
     */
    public Builder withoutExtension(String keyword) {
      without.add(
          Extension.ofKeyword(keyword)
              .orElseThrow(() -> new IllegalArgumentException("no such extension: " + keyword)));
      return this;
    }

    /** Octets; default 25 MB. */
    public Builder maxMessageSize(long octets) {
      maxMessageSize = octets;
      return this;
    }

    /** How long the methods called await wait at most; default 10 seconds. */
    public Builder maxWait(Duration time) {
      maxWait = time;
      return this;
    }

    /** Switches authentication checks on, which look here only; they are reported, not enforced. */
    public Builder dns(ZoneResolver records) {
      dns = records;
      return this;
    }

    /** Starts a fixture; when this returns, clients can connect. */
    public MailFixture start() {
      return new MailFixture(new Builder(this));
    }
  }
}
