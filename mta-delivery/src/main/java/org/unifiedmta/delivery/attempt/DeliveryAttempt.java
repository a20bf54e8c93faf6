package org.unifiedmta.delivery.attempt;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.mime.SevenBit;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.event.HostSession;
import org.unifiedmta.delivery.queue.QueuedMessage;
import org.unifiedmta.delivery.queue.QueuedRow;
import org.unifiedmta.routing.route.Destinations.Target;
import org.unifiedmta.routing.route.MxResolver;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.routing.zone.Receivers;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.transport.TlsFacts;
import org.unifiedmta.security.transport.TlsPolicy;
import org.unifiedmta.security.transport.TlsPolicyResolver;
import org.unifiedmta.security.transport.TlsResults;
import org.unifiedmta.smtp.client.ClientOptions;
import org.unifiedmta.smtp.client.SmtpClient;
import org.unifiedmta.smtp.client.SmtpException;
import org.unifiedmta.smtp.client.SmtpException.Phase;
import org.unifiedmta.smtp.pool.PoolKey;
import org.unifiedmta.smtp.pool.SmtpClientPool;

/**
 * Tries the rows of one lease: the hosts of their destination in order, or the mail handler, and
 * says what each recipient met. Blocks.
 */
public final class DeliveryAttempt {
  private static final Logger log = LoggerFactory.getLogger(DeliveryAttempt.class);

  /** RFC 5321 4.5.3.1.8: as many as every server takes. */
  private static final int RECIPIENTS = 100;

  /** How long a message is young; signatures are good for longer. */
  private static final Duration FRESH = Duration.ofHours(1);

  private static final SmtpReply TAKEN = SmtpReply.of(250, "2.0.0", "taken by the mail handler");
  private static final SmtpReply NO_HANDLER =
      SmtpReply.of(451, "4.3.5", "no mail handler for local delivery");
  private static final SmtpReply HANDLER_FAILED =
      SmtpReply.of(451, "4.3.0", "the mail handler failed");

  /**
   * What attempts are made of.
   *
   * @param heloName our name, where the address that is sent from has none of its own
   * @param mxPort of MX hosts, where a zone says nothing else
   * @param dns for the names of addresses that are sent from
   * @param zones by name
   * @param options for a recipient
   * @param tls what domains want TLS to be like
   * @param tlsResults how that goes
   * @param keys of our own domains, or null where nothing is signed
   * @param handler null without local delivery
   */
  public record Parts(
      String heloName,
      int mxPort,
      MxResolver hosts,
      DnsResolver dns,
      SmtpClientPool pool,
      Function<String, SendingZone> zones,
      Supplier<Receivers> receivers,
      Sources sources,
      Function<QueuedRow, OutboundOptions> options,
      TlsPolicyResolver tls,
      TlsResults tlsResults,
      @Nullable DKIMCreator keys,
      @Nullable MailHandler handler) {}

  private final Parts parts;
  private final DownHosts down;
  private final BrokenTls brokenTls;
  private final Downgrade downgrade;
  private final FreshSignatures signatures;
  private final Timer timer;
  private final Paths paths;

  public DeliveryAttempt(Parts parts, Timer timer) {
    this.parts = parts;
    this.down = new DownHosts(timer);
    this.brokenTls = new BrokenTls(timer);
    this.downgrade = new Downgrade(parts.keys());
    this.signatures = new FreshSignatures(parts.keys());
    this.timer = timer;
    this.paths = new Paths(parts.sources(), parts.dns(), parts.heloName());
  }

  /**
   * Tries some rows of a message.
   *
   * @param rows all of one destination and zone
   * @param passage asked whether it is to be now, and told what was met
   * @param handOver hears the numbers of the rows for which the content is about to be handed over
   *     to another host
   * @return one outcome for each row, in their order; none if it is not to be now
   */
  public List<Outcome> run(
      QueuedMessage message,
      List<QueuedRow> rows,
      Target target,
      ByteSource body,
      Passage passage,
      Consumer<List<Integer>> handOver) {
    if (target instanceof Target.Local) {
      return rows.stream().map(row -> local(message, row, body)).toList();
    }
    var zone = parts.zones().apply(rows.getFirst().zone());
    return switch (find(target, zone)) {
      case MxResolver.Result.Failed(var reply) ->
          Collections.nCopies(
              rows.size(), reply.isPermanent() ? Outcome.of(reply) : Outcome.notReached(reply));
      case MxResolver.Result.Hosts(var hosts) ->
          remote(message, rows, target, zone, hosts, body, passage, handOver);
    };
  }

  private ByteSource fresh(QueuedMessage message, List<QueuedRow> rows, ByteSource body) {
    var now = timer.now();
    return rows.stream().allMatch(row -> row.attempts() == 0)
            && message.queuedAt().plus(FRESH).isAfter(now)
        ? body
        : signatures.of(body, message.queuedAt(), now);
  }

  /** What stays the same from host to host. */
  private record Sending(
      QueuedMessage message,
      ByteSource body,
      TlsDemands tls,
      int messagesPerConnection,
      Consumer<List<Integer>> handOver) {}

  private List<Outcome> remote(
      QueuedMessage message,
      List<QueuedRow> rows,
      Target target,
      SendingZone zone,
      List<MxResolver.Host> hosts,
      ByteSource body,
      Passage passage,
      Consumer<List<Integer>> handOver) {
    var names = hosts.stream().map(host -> host.name().toLowerCase(Locale.ROOT)).toList();
    var receiver = parts.receivers().get().behind(names);
    if (!passage.to(receiver)) {
      return List.of();
    }
    var ways = paths.of(zone, hosts, port(target, zone), message.id(), receiver.name());
    if (ways.isEmpty()) {
      return Collections.nCopies(rows.size(), Outcome.notReached(noAddress(zone, receiver.name())));
    }
    int most = passage.messagesPerConnection().orElse(Integer.MAX_VALUE);
    var policies =
        target instanceof Target.Mx(var domain)
            ? parts.tls().ofDomain(domain)
            : parts.tls().ofHost(hosts.getFirst().name());
    var signed = fresh(message, rows, body);
    var tls = new TlsDemands(policies, parts.tlsResults(), message.envelope(), body);
    var sending = new Sending(message, signed, tls, most, handOver);
    var outcomes = new LinkedHashMap<Integer, Outcome>();
    for (var group : groups(rows)) {
      hosts(sending, group, ways, outcomes);
    }
    var all =
        rows.stream().map(row -> outcomes.get(row.number())).map(DeliveryAttempt::known).toList();
    return learn(passage, all, zone, message.id(), receiver.name());
  }

  private static SmtpReply noAddress(SendingZone zone, String receiver) {
    return SmtpReply.of(
        451,
        "4.4.0",
        "not tried: no address of the zone " + zone.name() + " may send to " + receiver + " now");
  }

  /**
   * What was met means something for what is sent next, and from where. What was refused only
   * because of the address that it came from can be tried from another one.
   */
  private List<Outcome> learn(
      Passage passage, List<Outcome> outcomes, SendingZone zone, String message, String receiver) {
    var resting = new HashMap<SmtpReply, Duration>();
    for (var reply : new LinkedHashSet<>(outcomes.stream().map(Outcome::reply).toList())) {
      passage.met(reply).ifPresent(time -> resting.put(reply, time));
    }
    if (resting.isEmpty()) {
      return outcomes;
    }
    for (var outcome : outcomes) {
      var rest = resting.get(outcome.reply());
      if (rest != null && outcome.source() != null) {
        parts.sources().rest(outcome.source(), receiver, rest);
      }
    }
    return outcomes.stream()
        .map(outcome ->
            resting.containsKey(outcome.reply())
                    && outcome.source() != null
                    && paths.hasSource(zone, message, receiver)
                ? outcome.tryAgain()
                : outcome)
        .toList();
  }

  private static Outcome known(@Nullable Outcome outcome) {
    return outcome == null ? Outcome.of(SmtpReply.of(451, "4.3.0", "not tried")) : outcome;
  }

  /** Rows that can share a transaction: of one route, since that says how to speak to the host. */
  private static List<List<QueuedRow>> groups(List<QueuedRow> rows) {
    Map<String, List<QueuedRow>> byRoute = new LinkedHashMap<>();
    for (var row : rows) {
      var route = row.route() == null ? "" : row.route(); // no route is called that
      byRoute.computeIfAbsent(route, r -> new ArrayList<>()).add(row);
    }
    var groups = new ArrayList<List<QueuedRow>>();
    for (var group : byRoute.values()) {
      for (int from = 0; from < group.size(); from += RECIPIENTS) {
        groups.add(group.subList(from, Math.min(group.size(), from + RECIPIENTS)));
      }
    }
    return groups;
  }

  private MxResolver.Result find(Target target, SendingZone zone) {
    return switch (target) {
      case Target.Host(var host, var port) -> parts.hosts().address(host);
      case Target.Mx(var domain) -> parts.hosts().resolve(domain, port(target, zone));
      case Target.Local local -> throw new IllegalArgumentException("no host: " + target);
      case Target.Report report -> throw new IllegalArgumentException("no host: " + target);
    };
  }

  private int port(Target target, SendingZone zone) {
    return target instanceof Target.Host host ? host.port() : zone.port().orElse(parts.mxPort());
  }

  /**
   * RFC 5321 5.1: one host after the other, until one has answered for every recipient; but those
   * last that did not answer a message before this one.
   */
  private void hosts(
      Sending sending, List<QueuedRow> rows, List<Path> ways, Map<Integer, Outcome> outcomes) {
    var remaining = rows;
    for (var path : down.last(ways)) {
      if (remaining.isEmpty()) {
        return;
      }
      var wanted = parts.options().apply(remaining.getFirst());
      switch (sending.tls.of(path, wanted)) {
        case TlsDemands.Decision.Skip(var reply) ->
            unreachable(
                remaining,
                new Outcome(reply, session(path, "", null, Map.of()), false, true),
                outcomes);
        case TlsDemands.Decision.Speak decision -> {
          try {
            remaining = host(sending, remaining, path, wanted, decision, outcomes);
            down.remove(path.endpoint());
          } catch (SmtpException e) {
            log.debug("{} {}", sending.message.id(), e.getMessage());
            if (isOfTheHost(e) && e.reply().isEmpty()) {
              down.add(path.endpoint());
            }
            unreachable(remaining, path, sending.tls.tried(), e, outcomes);
          }
        }
      }
    }
  }

  /** The rows that the next host is to be asked about. */
  private List<QueuedRow> host(
      Sending sending,
      List<QueuedRow> rows,
      Path path,
      OutboundOptions wanted,
      TlsDemands.Decision.Speak decision,
      Map<Integer, Outcome> outcomes) {
    var envelope =
        sending.message.envelope().withRecipients(rows.stream().map(QueuedRow::recipient).toList());
    var options = path.applyTo(clientOptions(parts.heloName(), wanted, decision.policy()));
    path.used(parts.sources());
    SmtpClient.HandOver handOver =
        places -> sending.handOver.accept(places.stream().map(i -> rows.get(i).number()).toList());
    return spoken(rows, path, send(sending, path, options, decision, envelope, handOver), outcomes);
  }

  /** What was said, with the policy that it was said under. */
  private record Spoken(SmtpClientPool.Sent sent, String tlsPolicy) {}

  private static HostSession session(
      Path path, String tlsPolicy, @Nullable TlsFacts tls, Map<Phase, Duration> times) {
    var to = path.endpoint();
    return new HostSession(
        to.host(), to.address(), to.port(), path.address(), tlsPolicy, tls, times);
  }

  private static List<QueuedRow> spoken(
      List<QueuedRow> rows, Path path, Spoken spoken, Map<Integer, Outcome> outcomes) {
    var replies = spoken.sent.replies();
    var session = session(path, spoken.tlsPolicy, spoken.sent.tls(), spoken.sent.times());
    var next = new ArrayList<QueuedRow>();
    for (int i = 0; i < rows.size(); i++) {
      var outcome =
          new Outcome(replies.replies().get(i), session, replies.reports(), !replies.unanswered());
      outcomes.put(rows.get(i).number(), outcome);
      // What may have been accepted is not given to another host at once: it would come twice.
      if (outcome.isTransient() && !replies.reusable() && !replies.uncertain()) {
        next.add(rows.get(i));
      }
    }
    return next;
  }

  /** Under the policy, or what it lets be done where that cannot be had. */
  private Spoken send(
      Sending sending,
      Path path,
      ClientOptions wanted,
      TlsDemands.Decision.Speak decision,
      Envelope envelope,
      SmtpClient.HandOver handOver) {
    var endpoint = path.endpoint();
    var policy = brokenTls.instead(endpoint, wanted.tls());
    while (true) {
      var key = new PoolKey(endpoint, wanted.withTls(policy));
      sending.tls.tries(policy);
      try {
        var sent = converted(sending, key, envelope, handOver);
        if (sent.times().containsKey(Phase.CONNECT)) {
          sending.tls.opened(decision, path, policy, sent.tls());
        }
        return new Spoken(sent, policy.keyword());
      } catch (SmtpException e) {
        if (e.phase() != Phase.STARTTLS) {
          throw e;
        }
        sending.tls.failed(decision, path, policy, e);
        var next = policy.next().orElse(null);
        if (next == null) {
          throw decision.origin() == TlsPolicyResolver.Origin.NONE
              ? e
              : new SmtpException(Phase.STARTTLS, String.valueOf(e.getMessage()), null, e);
        }
        // RFC 7435 3: encryption that cannot be had is no reason to keep the mail.
        log.info("{}; trying with {}", e.getMessage(), next.keyword());
        brokenTls.failed(endpoint, policy, next);
        policy = next;
      }
    }
  }

  /** In the form that the host takes (RFC 6152 3). */
  private SmtpClientPool.Sent converted(
      Sending sending, PoolKey key, Envelope envelope, SmtpClient.HandOver handOver) {
    int most = sending.messagesPerConnection;
    var sent = parts.pool().send(key, most, envelope, sending.body, handOver);
    if (!sent.replies().needsSevenBits()) {
      return sent;
    }
    try {
      var body = downgrade.convert(sending.body, timer.now());
      var sevenBit = envelope.withBody(Envelope.Body.SEVEN_BIT);
      return parts.pool().send(key, most, sevenBit, body, handOver);
    } catch (SevenBit.Unconvertible e) {
      log.info("{} not for {}: {}", sending.message.id(), key.endpoint(), e.getMessage());
      return sent;
    }
  }

  private static void unreachable(
      List<QueuedRow> rows,
      Path path,
      String tlsPolicy,
      SmtpException e,
      Map<Integer, Outcome> outcomes) {
    var reply =
        e.reply()
            .filter(said -> said.isTransient() || said.isPermanent())
            // A refused login says that our password is wrong, nothing about the message.
            .filter(said -> e.phase() != Phase.AUTH)
            .orElseGet(() ->
                SmtpReply.of(
                    451,
                    e.phase() == Phase.STARTTLS ? "4.7.5" : "4.4.1",
                    printable(String.valueOf(e.getMessage()))));
    unreachable(
        rows,
        new Outcome(reply, session(path, tlsPolicy, null, Map.of()), false, !isOfTheHost(e)),
        outcomes);
  }

  /** A host that refuses for good counts only if no other host is in trouble for a while. */
  private static void unreachable(
      List<QueuedRow> rows, Outcome met, Map<Integer, Outcome> outcomes) {
    for (var row : rows) {
      var before = outcomes.get(row.number());
      boolean answeredBefore = before != null && before.reached();
      // Of several troubles the one with a host that answered says more.
      if (before == null
          || before.reply().isPermanent()
          || (met.reply().isTransient() && (met.reached() || !answeredBefore))) {
        boolean reached = met.reached() || answeredBefore;
        outcomes.put(row.number(), new Outcome(met.reply(), met.session(), false, reached));
      }
    }
  }

  /** Whether any message would have met this: nobody there, or nobody who has time (421). */
  private static boolean isOfTheHost(SmtpException e) {
    return switch (e.phase()) {
      case CONNECT -> true;
      case GREETING, EHLO -> e.reply().map(reply -> reply.code() == 421).orElse(true);
      default -> false;
    };
  }

  /** The same options in the client's words, under a policy. */
  public static ClientOptions clientOptions(
      String heloName, OutboundOptions options, TlsPolicy policy) {
    var client =
        ClientOptions.of(heloName)
            .withTls(policy)
            .withTrust(options.trust().orElse(null))
            .withLogin(options.login().orElse(null))
            .withTimeouts(
                ClientOptions.Timeouts.of(options.connectTimeout(), options.commandTimeout()))
            .withProtocol(
                switch (options.protocol()) {
                  case SMTP -> ClientOptions.Protocol.SMTP;
                  case LMTP -> ClientOptions.Protocol.LMTP;
                });
    return options.tls() == OutboundOptions.Tls.IMPLICIT ? client.withImplicitTls() : client;
  }

  private Outcome local(QueuedMessage message, QueuedRow row, ByteSource body) {
    var handler = parts.handler();
    if (handler == null) {
      return Outcome.of(NO_HANDLER);
    }
    return Outcome.of(
        handled(
            handler,
            row.recipient(),
            IncomingMail.of(
                message.id(), message.envelope(), message.session(), message.security(), body)));
  }

  /** What a mail handler says, whatever it does. */
  public static SmtpReply handled(MailHandler handler, Recipient recipient, IncomingMail mail) {
    try {
      return switch (handler.handle(recipient, mail)) {
        case RecipientVerdict.Delivered() -> TAKEN;
        case RecipientVerdict.Deferred(var reply) -> transientOnly(reply);
        case RecipientVerdict.Rejected(var reply) -> permanentOnly(reply);
      };
    } catch (Throwable e) { // also checked exceptions, which other languages throw
      log.error("{} the mail handler failed for {}", mail.id(), recipient.address(), e);
      return HANDLER_FAILED;
    }
  }

  private static SmtpReply transientOnly(SmtpReply reply) {
    return reply.isTransient() ? reply : SmtpReply.of(451, "4.3.0", reply.text());
  }

  private static SmtpReply permanentOnly(SmtpReply reply) {
    return reply.isPermanent() ? reply : SmtpReply.of(550, "5.7.1", reply.text());
  }

  private static String printable(String text) {
    return text.replace('\r', ' ').replace('\n', ' ').replace('\0', ' ');
  }
}
