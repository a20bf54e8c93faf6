package org.unifiedmta.delivery.server;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.SystemDnsResolver;
import org.unifiedmta.core.event.EventBus;
import org.unifiedmta.core.limit.UnifiedRateLimiter;
import org.unifiedmta.delivery.attempt.DeliveryAttempt;
import org.unifiedmta.delivery.attempt.Sources;
import org.unifiedmta.delivery.bounce.BounceReporter;
import org.unifiedmta.delivery.hook.Hooks;
import org.unifiedmta.delivery.inbound.InboundReception;
import org.unifiedmta.delivery.inbound.PeerLimits;
import org.unifiedmta.delivery.inbound.Sealing;
import org.unifiedmta.delivery.queue.MemoryQueueStore;
import org.unifiedmta.delivery.queue.QueueStore;
import org.unifiedmta.delivery.queue.QueuedRow;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue;
import org.unifiedmta.delivery.schedule.Deliveries;
import org.unifiedmta.delivery.schedule.MultiModeDeliverySystem;
import org.unifiedmta.delivery.schedule.Traffic;
import org.unifiedmta.delivery.server.UnifiedEmailServer.BoundListener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.store.log.LogQueueStore;
import org.unifiedmta.delivery.submission.Outbox;
import org.unifiedmta.delivery.submission.Signing;
import org.unifiedmta.delivery.submission.Submission;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Destinations;
import org.unifiedmta.routing.route.MxResolver;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.routing.zone.Receivers;
import org.unifiedmta.routing.zone.Routing;
import org.unifiedmta.routing.zone.SmartHost;
import org.unifiedmta.security.arc.ArcVerifier;
import org.unifiedmta.security.authres.MessageAuthentication;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMVerifier;
import org.unifiedmta.security.dkim.PublishedKeys;
import org.unifiedmta.security.dmarc.DmarcVerifier;
import org.unifiedmta.security.spf.SpfVerifier;
import org.unifiedmta.security.transport.HttpsPolicySource;
import org.unifiedmta.security.transport.MtaStsPolicies;
import org.unifiedmta.security.transport.TlsPolicyResolver;
import org.unifiedmta.security.transport.TlsResults;
import org.unifiedmta.smtp.codec.Extension;
import org.unifiedmta.smtp.pool.SmtpClientPool;
import org.unifiedmta.smtp.server.ServerOptions;
import org.unifiedmta.smtp.server.SmtpListener;
import org.unifiedmta.smtp.server.SmtpServer;

/** Everything that a running server consists of, and the order in which it begins and ends. */
final class RunningServer {
  private static final Logger log = LoggerFactory.getLogger(RunningServer.class);
  private static final Duration HOOK_BUDGET = Duration.ofSeconds(30);
  private static final Duration IDLE_CONNECTION = Duration.ofSeconds(5);
  private static final int MESSAGES_PER_CONNECTION = 100;
  private static final Duration LAST_SETTLEMENTS = Duration.ofSeconds(5);

  private final UnifiedEmailServerConfig config;
  private final EventBus events;
  private final QueueStore store;
  private final DnsResolver dns;
  private final Signing signing;
  private final UnifiedDeliveryQueue queue;
  private final Submission submission;
  private final SmtpClientPool pool;
  private final TlsResults tlsResults;
  private final Deliveries deliveries;
  private final MultiModeDeliverySystem schedule;
  private final UnifiedRateLimiter limiter;
  private final SmtpServer smtp;
  private @Nullable Outbox outbox;
  private @Nullable KeyRotations rotations;
  private final List<BoundListener> listeners = new ArrayList<>();

  /** What we opened, the last first. */
  private final Deque<AutoCloseable> ours;

  private RunningServer(
      UnifiedEmailServerConfig config,
      EventBus events,
      Supplier<Routing> routing,
      Supplier<Receivers> receivers,
      Deque<AutoCloseable> ours) {
    this.config = config;
    this.events = events;
    this.ours = ours;
    var timer = config.timer();
    store = openStore(config);
    dns = dns(config);
    queue = new UnifiedDeliveryQueue(store, events, timer, this::whyNotTried);
    signing =
        new Signing(
            config.dkimCreator().orElse(null),
            config.signTransportDomain().orElse(null),
            lifetimes(config.domains()));
    submission = new Submission(store, queue, routing, signing, timer);
    tlsResults = new TlsResults(timer);
    pool = new SmtpClientPool(timer, IDLE_CONNECTION, MESSAGES_PER_CONNECTION);
    var hosts =
        new MxResolver(
            dns,
            config.allowPrivateTargets(),
            Set.of(config.hostname().toLowerCase(Locale.ROOT)),
            new OwnAddresses(() -> listeners, timer)::contains,
            new Random());
    var sources = new Sources(config.storageManager(), timer);
    ours.push(sources);
    var attempts =
        new DeliveryAttempt(
            new DeliveryAttempt.Parts(
                config.hostname(),
                config.mxPort(),
                hosts,
                dns,
                pool,
                zone -> routing.get().zones().zone(zone),
                receivers,
                sources,
                row -> options(routing.get(), row),
                new TlsPolicyResolver(dns, policies(config)),
                tlsResults,
                config.dkimCreator().orElse(null),
                config.mailHandler().orElse(null)),
            timer);
    var reporter =
        new BounceReporter(config.hostname(), config.mailerDaemon(), store, queue, routing, timer);
    deliveries =
        new Deliveries(
            store,
            attempts,
            reporter,
            zone -> routing.get().zones().zone(zone).retry().orElse(config.retry()),
            events,
            config.metrics(),
            timer);
    schedule =
        new MultiModeDeliverySystem(
            store,
            deliveries,
            MultiModeDeliverySystem.Limits.of(config.maxAttempts()),
            new Traffic(() -> routing.get().zones(), timer),
            timer);
    limiter =
        config
            .rateLimiter()
            .orElseGet(
                () -> PeerLimits.limiter(config.rateLimits(), config.domains(), clock(config)));
    ExecutorService threads =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("mta-inbound-", 0).factory());
    ours.push(threads::shutdownNow);
    smtp =
        new SmtpServer(
            options(config), reception(routing, threads), store.spool(), config.metrics());
  }

  /** Nothing is left open if it throws. */
  static RunningServer start(
      UnifiedEmailServerConfig config,
      EventBus events,
      Supplier<Routing> routing,
      Supplier<Receivers> receivers) {
    var opened = new ArrayDeque<AutoCloseable>();
    RunningServer runtime;
    try {
      runtime = new RunningServer(config, events, routing, receivers, opened);
    } catch (RuntimeException e) {
      closeAll(opened);
      throw e;
    }
    try {
      for (var listener : config.listeners()) {
        var bound = runtime.smtp.bind(inServerWords(listener));
        runtime.listeners.add(new BoundListener(listener.name(), bound, listener.mode()));
      }
      runtime.makeKeys();
      runtime.queue.tellInterrupted();
      runtime.schedule.start();
      config.outbox().ifPresent(runtime::startOutbox);
      return runtime;
    } catch (RuntimeException e) {
      runtime.stop(Duration.ZERO);
      throw e;
    }
  }

  /** Of signatures, by domain; only those that end. */
  private static Map<String, Duration> lifetimes(List<DomainConfig> domains) {
    var lifetimes = new HashMap<String, Duration>();
    for (var domain : domains) {
      var lifetime = domain.dkim().lifetime();
      if (lifetime != null) {
        lifetimes.put(domain.domain(), lifetime);
      }
    }
    return lifetimes;
  }

  private Optional<String> whyNotTried(String zone, String destination) {
    return schedule.whyNot(zone, destination);
  }

  /** For each of our domains, where there are none yet; from now on they follow each other. */
  private void makeKeys() {
    var keys = config.dkimCreator().orElse(null);
    if (keys == null) {
      return;
    }
    var domains = new ArrayList<>(config.domains());
    Stream.of(config.signTransportDomain(), config.sealDomain())
        .flatMap(Optional::stream)
        .distinct()
        .filter(domain -> config.domains().stream().noneMatch(d -> d.domain().equals(domain)))
        .forEach(domain -> domains.add(DomainConfig.of(domain)));
    for (var domain : domains) {
      var wanted = domain.dkim();
      if (wanted.ed25519()) {
        keys.handleDKIMKeysOfBothTypes(domain.domain(), wanted.selector(), wanted.keySize());
      } else {
        keys.handleDKIMKeysForDomain(
            domain.domain(), wanted.selector(), DKIMCreator.KeyType.RSA, wanted.keySize());
      }
    }
    var started = KeyRotations.start(keys, domains, PublishedKeys.in(dns), events, config.timer());
    ours.push(started);
    rotations = started;
  }

  private void startOutbox(DataSource database) {
    outbox = Outbox.start(database, config.hostname(), submission, config.timer());
  }

  private QueueStore openStore(UnifiedEmailServerConfig config) {
    var given = config.queueStore().orElse(null);
    if (given != null) {
      return given;
    }
    var directory = config.dataDirectory().orElse(null);
    QueueStore opened;
    if (directory == null) {
      log.warn("no data directory: mail is in memory only and ends with this process");
      opened = new MemoryQueueStore(config.timer());
    } else {
      opened =
          LogQueueStore.open(
              directory,
              config.timer(),
              config.metrics(),
              config.bufferMemory(),
              config.minFreeDisk());
    }
    ours.push(opened);
    return opened;
  }

  private DnsResolver dns(UnifiedEmailServerConfig config) {
    var given = config.dnsResolver().orElse(null);
    if (given != null) {
      return given;
    }
    var resolver = SystemDnsResolver.builder().metrics(config.metrics()).build();
    ours.push(resolver);
    return resolver;
  }

  private @Nullable MtaStsPolicies policies(UnifiedEmailServerConfig config) {
    if (!config.mtaSts()) {
      return null;
    }
    var timer = config.timer();
    var source = config.policySource().orElseGet(() -> new HttpsPolicySource(dns, timer));
    var policies =
        new MtaStsPolicies(dns, source, config.storageManager(), timer, config.metrics());
    ours.push(policies);
    return policies;
  }

  private static Clock clock(UnifiedEmailServerConfig config) {
    InstantSource time = config.timer()::now;
    return time.withZone(ZoneOffset.UTC);
  }

  private InboundReception reception(Supplier<Routing> routing, ExecutorService threads) {
    return new InboundReception(
        new InboundReception.Parts(
            config.hostname(),
            config.auth().map(UnifiedEmailServerConfig.Auth::users).orElse(null),
            config.trustedNetworks(),
            PeerLimits.of(limiter, config.domains(), config.trustedNetworks(), clock(config)),
            routing,
            config.mailHandler().orElse(null),
            config.inboundPolicy(),
            authentication(threads),
            config.checksLoopback(),
            signing,
            sealing(),
            new Hooks(config.hooks(), HOOK_BUDGET),
            store,
            queue,
            threads,
            config.timer()));
  }

  private @Nullable Sealing sealing() {
    var domain = config.sealDomain().orElse(null);
    var keys = config.dkimCreator().orElse(null);
    return domain == null || keys == null
        ? null
        : new Sealing(keys, domain, config.hostname(), clock(config));
  }

  private @Nullable MessageAuthentication authentication(ExecutorService threads) {
    var policy = config.inboundPolicy();
    return policy.checks()
        ? new MessageAuthentication(
            new SpfVerifier(dns, clock(config), config.hostname()),
            new DKIMVerifier(dns, clock(config), DKIMVerifier.Policy.rfc8301()),
            new DmarcVerifier(dns),
            policy.checksArc()
                ? new ArcVerifier(dns, clock(config), DKIMVerifier.Policy.rfc8301())
                : null,
            threads,
            policy.budget())
        : null;
  }

  /** A route or smart host that is gone, or says nothing, leaves the server's own options. */
  private OutboundOptions options(Routing routing, QueuedRow row) {
    return Optional.ofNullable(row.route())
        .flatMap(wanted ->
            routing.router().routes().stream()
                .filter(route -> route.name().equals(wanted))
                .findFirst())
        .map(route -> route.action() instanceof Action.Forward to ? to.options() : null)
        .or(() ->
            routing
                .zones()
                .zone(row.zone())
                .smartHost()
                .filter(
                    host -> row.destination().equals(Destinations.host(host.host(), host.port())))
                .map(SmartHost::options))
        .orElse(config.outbound());
  }

  private static ServerOptions options(UnifiedEmailServerConfig config) {
    return ServerOptions.builder(config.hostname())
        .maxMessageSize(config.maxMessageSize())
        .maxRecipients(maxRecipients(config))
        .maxClients(config.maxClients())
        .authMechanisms(config.auth().map(UnifiedEmailServerConfig.Auth::methods).orElse(List.of()))
        .requireAuth(config.auth().map(UnifiedEmailServerConfig.Auth::required).orElse(false))
        .authWithoutTls(config.authWithoutTls())
        .tls(config.tls().orElse(null))
        .timer(config.timer())
        .commandTimeout(config.commandTimeout())
        .dataTimeout(config.dataTimeout())
        .messageTimeout(config.messageTimeout())
        .minDataRate(config.minDataRate())
        .sessionTimeout(config.sessionTimeout())
        .greetingDelay(config.greetingDelay())
        .failedLoginDelay(config.failedLoginDelay())
        .maxLineLength(config.maxLineLength())
        .normalizeLineEnds(config.normalizeLineEnds())
        .verify(config.verify())
        .trustedPeers(
            peer -> config.trustedProxies().stream().anyMatch(network -> network.contains(peer)))
        .without(config.withoutExtensions().toArray(Extension[]::new))
        .channelSeam(config.channelSeam())
        .build();
  }

  private static int maxRecipients(UnifiedEmailServerConfig config) {
    var limit = config.rateLimits().maxRecipientsPerMessage();
    return limit == null ? config.maxRecipients() : Math.min(limit, config.maxRecipients());
  }

  private static SmtpListener inServerWords(Listener listener) {
    return SmtpListener.of(
            listener.name(),
            listener.bind(),
            switch (listener.mode()) {
              case PLAIN -> SmtpListener.Mode.PLAIN;
              case STARTTLS -> SmtpListener.Mode.STARTTLS;
              case REQUIRE_STARTTLS -> SmtpListener.Mode.REQUIRE_STARTTLS;
              case IMPLICIT_TLS -> SmtpListener.Mode.IMPLICIT_TLS;
            })
        .withRequireAuth(listener.requireAuth())
        .withProxyProtocol(listener.proxyProtocol())
        .withProtocol(listener.lmtp() ? SmtpListener.Protocol.LMTP : SmtpListener.Protocol.SMTP)
        .withoutExtensions(listener.withoutExtensions().toArray(Extension[]::new))
        .withMaxClients(listener.maxClients())
        .withMaxMessageSize(listener.maxMessageSize());
  }

  List<BoundListener> listeners() {
    return List.copyOf(listeners);
  }

  UnifiedDeliveryQueue queue() {
    return queue;
  }

  MultiModeDeliverySystem schedule() {
    return schedule;
  }

  TlsResults tlsResults() {
    return tlsResults;
  }

  void drainConnections() {
    pool.drain();
  }

  UnifiedRateLimiter limiter() {
    return limiter;
  }

  SmtpServer smtp() {
    return smtp;
  }

  Submission submission() {
    return submission;
  }

  /** Whether nothing happens any more, not even because a listener heard of it. */
  boolean awaitQuiet(Duration timeout) {
    var deadline = Instant.now().plus(timeout);
    long before;
    do {
      before = events.published();
      if (!awaitRotations(left(deadline))
          || !schedule.awaitQuiet(left(deadline))
          || !events.awaitHeard(left(deadline))
          || !schedule.awaitQuiet(left(deadline))) {
        return false;
      }
    } while (events.published() != before); // a listener may have sent something
    return true;
  }

  /** Not where the system's resolver is asked, which may take long, and which nothing waits for. */
  private boolean awaitRotations(Duration timeout) {
    return rotations == null || config.dnsResolver().isEmpty() || rotations.awaitIdle(timeout);
  }

  /** What came in is finished before what goes out, and the store is closed last. */
  boolean stop(Duration timeout) {
    var deadline = Instant.now().plus(timeout);
    if (outbox != null) {
      outbox.close();
    }
    smtp.stopAccepting();
    schedule.stopClaiming();
    boolean quiet = smtp.awaitIdle(left(deadline));
    smtp.close();
    quiet &= schedule.awaitIdle(left(deadline));
    deliveries.abort();
    pool.close();
    schedule.awaitIdle(LAST_SETTLEMENTS);
    closeAll(ours);
    schedule.close();
    return quiet;
  }

  private static Duration left(Instant deadline) {
    var left = Duration.between(Instant.now(), deadline);
    return left.isNegative() ? Duration.ZERO : left;
  }

  private static void closeAll(Deque<AutoCloseable> resources) {
    while (!resources.isEmpty()) {
      close(resources.pop());
    }
  }

  private static void close(AutoCloseable resource) {
    try {
      resource.close();
    } catch (Exception e) {
      log.error("could not be closed: {}", resource, e);
    }
  }
}
