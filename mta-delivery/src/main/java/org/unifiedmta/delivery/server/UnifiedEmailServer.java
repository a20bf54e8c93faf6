package org.unifiedmta.delivery.server;

import java.io.InputStream;
import java.net.InetSocketAddress;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.event.EventBus;
import org.unifiedmta.core.event.MtaEvent;
import org.unifiedmta.core.event.Subscription;
import org.unifiedmta.core.limit.UnifiedRateLimiter;
import org.unifiedmta.delivery.attempt.DirectSending;
import org.unifiedmta.delivery.attempt.SendResult;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue;
import org.unifiedmta.delivery.schedule.MultiModeDeliverySystem;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.delivery.submission.Outbox;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.routing.domain.DomainRegistry;
import org.unifiedmta.routing.route.EmailRouter;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.routing.zone.Receivers;
import org.unifiedmta.routing.zone.Routing;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.routing.zone.ZoneSelector;
import org.unifiedmta.security.transport.TlsResults;
import org.unifiedmta.smtp.server.SessionFacts;

/**
 * A mail server in the host's process: receives, routes, queues, delivers and bounces. It is
 * started once; stopped is final. Everything that waits blocks; thread-safe.
 */
public final class UnifiedEmailServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(UnifiedEmailServer.class);

  /** Where a server stands. */
  public enum State {
    NEW,
    STARTING,
    RUNNING,
    STOPPING,
    STOPPED
  }

  /** A listener as it was got, with its real port. */
  public record BoundListener(String name, InetSocketAddress address, Mode mode) {}

  private final UnifiedEmailServerConfig config;
  private final EventBus events = new EventBus();
  private final DomainRegistry domains;
  private final AtomicReference<Routing> routing;
  private final AtomicReference<Receivers> receivers;
  private final AtomicReference<State> state = new AtomicReference<>(State.NEW);
  private final DirectSending direct;
  private volatile @Nullable RunningServer runtime;

  /** Starts nothing; an unstarted server sends with {@link #sendOutboundEmail}. */
  public UnifiedEmailServer(UnifiedEmailServerConfig config) {
    this.config = config;
    domains = new DomainRegistry(config.domains());
    routing =
        new AtomicReference<>(
            new Routing(
                new EmailRouter(config.routes(), domains),
                new ZoneSelector(config.zones(), config.zoneHeaderOfAnybody())));
    receivers = new AtomicReference<>(config.receivers());
    direct =
        new DirectSending(
            config.hostname(), config.dnsResolver(), config.dkimCreator(), config.timer());
  }

  /**
   * Opens the queue and binds every listener, on the calling thread, or none of them.
   *
   * @return this
   * @throws org.unifiedmta.core.ConfigException if the data directory cannot be used
   * @throws org.unifiedmta.core.MtaException if a port cannot be had, with host, port and cause
   * @throws IllegalStateException if it was started before
   */
  public UnifiedEmailServer start() {
    if (!state.compareAndSet(State.NEW, State.STARTING)) {
      throw new IllegalStateException("the server is " + state.get() + "; it is started once");
    }
    try {
      runtime = RunningServer.start(config, events, routing::get, receivers::get);
    } catch (RuntimeException e) {
      events.close();
      state.set(State.STOPPED);
      throw e;
    }
    state.set(State.RUNNING);
    events.publish(MailEvent.Started.class, () -> new MailEvent.Started(config.timer().now()));
    log.info("{} listens on {}", config.hostname(), listeners());
    return this;
  }

  /** Stops within the configured time, see {@link #stop(Duration)}. */
  public void stop() {
    stop(config.shutdownTimeout());
  }

  /**
   * Takes no new work; sessions and attempts may finish within the time, then they are ended and
   * what was being tried stays in the queue.
   *
   * @return whether everything had finished in time
   */
  public boolean stop(Duration timeout) {
    if (state.compareAndSet(State.NEW, State.STOPPED)) {
      events.close();
      return true;
    }
    if (!state.compareAndSet(State.RUNNING, State.STOPPING)) {
      return state.get() == State.STOPPED;
    }
    var running = runtime;
    boolean inTime = running == null || running.stop(timeout);
    state.set(State.STOPPED);
    events.publish(MailEvent.Stopped.class, () -> new MailEvent.Stopped(config.timer().now()));
    events.close();
    return inTime;
  }

  /** As {@link #stop()}. */
  @Override
  public void close() {
    stop();
  }

  public State state() {
    return state.get();
  }

  /**
   * The port of the first listener.
   *
   * @throws IllegalStateException if there is none, or the server does not run
   */
  public int port() {
    var bound = listeners();
    if (bound.isEmpty()) {
      throw new IllegalStateException("the server has no listener");
    }
    return bound.get(0).address().getPort();
  }

  /** In the order of the configuration; empty unless it runs. */
  public List<BoundListener> listeners() {
    var running = runtime;
    return running == null || state.get() == State.STOPPED ? List.of() : running.listeners();
  }

  /**
   * Sends a message to one host now, without the queue.
   *
   * @throws org.unifiedmta.smtp.client.SmtpException if nobody was accepted
   */
  public SendResult sendOutboundEmail(String host, int port, Email email) {
    return sendOutboundEmail(host, port, email, config.outbound());
  }

  public SendResult sendOutboundEmail(String host, int port, Email email, OutboundOptions options) {
    return direct.send(host, port, email, options);
  }

  /** As {@link #sendOutboundEmail(String, int, Email)}, on a virtual thread. */
  public CompletableFuture<SendResult> sendOutboundEmailAsync(String host, int port, Email email) {
    return sendOutboundEmailAsync(host, port, email, config.outbound());
  }

  public CompletableFuture<SendResult> sendOutboundEmailAsync(
      String host, int port, Email email, OutboundOptions options) {
    return CompletableFuture.supplyAsync(
        () -> sendOutboundEmail(host, port, email, options),
        task -> Thread.ofVirtual().name("mta-send").start(task));
  }

  /**
   * Queues a message for everybody in To, Cc and Bcc; it is on stable storage when this returns.
   *
   * @return its id, one for all recipients
   * @throws IllegalStateException unless the server runs
   * @throws org.unifiedmta.delivery.submission.SubmissionException if it is for nobody, or refused
   * @throws org.unifiedmta.core.spool.InsufficientStorageException if there is no room
   */
  public String sendEmail(Email email) {
    return sendEmail(email, SubmitOptions.none());
  }

  public String sendEmail(Email email, SubmitOptions options) {
    return running().submission().submit(email, options);
  }

  /** As {@link #sendEmail(Email)}, for a message as it is; the stream is read and closed. */
  public String submit(Envelope envelope, InputStream message, SubmitOptions options) {
    return running().submission().submit(envelope, message, options);
  }

  /**
   * Queues a message in a transaction of the host's own: a row of the outbox table, written through
   * this connection and neither committed nor closed here. Once the transaction is committed the
   * message moves into the queue, within about a second, while a server with this outbox runs; it
   * need not be this one, nor be running yet. Routes are asked then: a row that is refused stays in
   * the table, with the reason.
   *
   * @param transaction to the database of {@link UnifiedEmailServerConfig.Builder#outbox}
   * @param email is written into the row; its attachments are in memory for that
   * @return the row's id, which is the message's {@link SubmitOptions.Builder#idempotencyKey}
   * @throws IllegalStateException if no outbox is configured
   * @throws org.unifiedmta.delivery.submission.SubmissionException if it is for nobody
   * @throws org.unifiedmta.core.MtaException if the database refuses the row
   */
  public String enqueue(Connection transaction, Email email) {
    if (config.outbox().isEmpty()) {
      throw new IllegalStateException("no outbox is configured");
    }
    return Outbox.enqueue(transaction, email, config.timer().now());
  }

  /**
   * Replaces all routes at once; what is routed already stays as it is.
   *
   * @throws IllegalArgumentException if two share a name
   */
  public void updateRoutes(List<Route> routes) {
    var router = new EmailRouter(routes, domains);
    routing.updateAndGet(before -> new Routing(router, before.zones()));
    drainConnections();
  }

  /**
   * Replaces all sending zones at once: mail that comes in is claimed by the new ones, and each
   * attempt that begins obeys the bounds, addresses and retry policy that its zone has now. Mail of
   * a zone that is gone leaves by the default one.
   *
   * @throws IllegalArgumentException if two share a name
   */
  public void updateZones(List<SendingZone> zones) {
    var selector = new ZoneSelector(zones, config.zoneHeaderOfAnybody());
    routing.updateAndGet(before -> new Routing(before.router(), selector));
    drainConnections();
  }

  /** Replaces what is known of receivers; holds for each attempt that begins. */
  public void updateReceivers(Receivers known) {
    receivers.set(known);
    drainConnections();
  }

  /** What was opened as it was wanted before serves no further message. */
  private void drainConnections() {
    var running = runtime;
    if (running != null) {
      running.drainConnections();
    }
  }

  /** Hears all events of a class, on a thread of its own, until the subscription is closed. */
  public <E extends MtaEvent> Subscription on(Class<E> type, Consumer<? super E> listener) {
    return events.on(type, listener);
  }

  public EmailRouter router() {
    return routing.get().router();
  }

  public DomainRegistry domainRegistry() {
    return domains;
  }

  /**
   * @throws IllegalStateException unless the server runs
   */
  public UnifiedDeliveryQueue deliveryQueue() {
    return running().queue();
  }

  /**
   * Waits until everything that was taken in has been tried, as far as it is due, and listeners
   * have heard of it: until nothing can happen before time passes or something comes in. Sessions
   * with clients are not waited for. For tests, above all.
   *
   * @return false if the time ran out first
   * @throws IllegalStateException unless the server runs
   */
  public boolean awaitQuiet(Duration timeout) {
    return running().awaitQuiet(timeout);
  }

  /**
   * Decides what is tried when; suspends and resumes destinations.
   *
   * @throws IllegalStateException unless the server runs
   */
  public MultiModeDeliverySystem deliverySystem() {
    return running().schedule();
  }

  /**
   * How TLS went with the hosts of other domains, today and yesterday.
   *
   * @throws IllegalStateException unless the server runs
   */
  public TlsResults tlsResults() {
    return running().tlsResults();
  }

  /**
   * Counts what clients do.
   *
   * @throws IllegalStateException unless the server runs
   */
  public UnifiedRateLimiter rateLimiter() {
    return running().limiter();
  }

  /**
   * Tells what clients and this server say from now on, on sessions that have begun too: {@code ID
   * C: MAIL FROM:<>}, {@code ID S: 250 2.1.0 Sender OK}, {@code ID ! closed}. Passwords are masked,
   * of messages the length is told.
   *
   * @param wanted which sessions; asked for each line
   * @param lines must not block; what it throws is logged
   * @return ends it
   * @throws IllegalStateException unless the server runs
   */
  public AutoCloseable transcribe(Predicate<SessionFacts> wanted, Consumer<String> lines) {
    return running().smtp().transcribe(wanted, lines);
  }

  private RunningServer running() {
    var running = runtime;
    if (running == null || state.get() != State.RUNNING) {
      throw new IllegalStateException("the server is " + state.get() + ", not running");
    }
    return running;
  }
}
