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
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.QueuedMessage;
import org.unifiedmta.delivery.queue.QueuedRow;
import org.unifiedmta.routing.route.Destinations.Target;
import org.unifiedmta.routing.route.MxResolver;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.routing.zone.Receivers;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.smtp.client.ClientOptions;
import org.unifiedmta.smtp.client.Endpoint;
import org.unifiedmta.smtp.client.SmtpClient;
import org.unifiedmta.smtp.client.SmtpException;
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
      @Nullable MailHandler handler) {}

  private final Parts parts;
  private final DownHosts down;
  private final Paths paths;

  public DeliveryAttempt(Parts parts, Timer timer) {
    this.parts = parts;
    this.down = new DownHosts(timer);
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
    return switch (find(target)) {
      case MxResolver.Result.Failed(var reply) ->
          Collections.nCopies(
              rows.size(), reply.isPermanent() ? Outcome.of(reply) : Outcome.notReached(reply));
      case MxResolver.Result.Hosts(var hosts) ->
          remote(message, rows, target, hosts, body, passage, handOver);
    };
  }

  /** What stays the same from host to host. */
  private record Sending(
      QueuedMessage message,
      ByteSource body,
      int messagesPerConnection,
      Consumer<List<Integer>> handOver) {}

  private List<Outcome> remote(
      QueuedMessage message,
      List<QueuedRow> rows,
      Target target,
      List<MxResolver.Host> hosts,
      ByteSource body,
      Passage passage,
      Consumer<List<Integer>> handOver) {
    var zone = parts.zones().apply(rows.getFirst().zone());
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
    var sending = new Sending(message, body, most, handOver);
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

  private MxResolver.Result find(Target target) {
    return switch (target) {
      case Target.Host(var host, var port) -> parts.hosts().address(host);
      case Target.Mx(var domain) -> parts.hosts().resolve(domain);
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
      try {
        remaining = host(sending, remaining, path, outcomes);
        down.remove(path.endpoint());
      } catch (SmtpException e) {
        log.debug("{} {}", sending.message.id(), e.getMessage());
        if (isOfTheHost(e) && e.reply().isEmpty()) {
          down.add(path.endpoint());
        }
        unreachable(remaining, path, e, outcomes);
      }
    }
  }

  /** The rows that the next host is to be asked about. */
  private List<QueuedRow> host(
      Sending sending, List<QueuedRow> rows, Path path, Map<Integer, Outcome> outcomes) {
    var envelope =
        sending.message.envelope().withRecipients(rows.stream().map(QueuedRow::recipient).toList());
    var options =
        path.applyTo(clientOptions(parts.heloName(), parts.options().apply(rows.getFirst())));
    path.used(parts.sources());
    var sent =
        send(
            sending,
            path.endpoint(),
            demanding(options, envelope),
            envelope,
            places ->
                sending.handOver.accept(places.stream().map(i -> rows.get(i).number()).toList()));
    var replies = sent.replies();
    var next = new ArrayList<QueuedRow>();
    for (int i = 0; i < rows.size(); i++) {
      var outcome =
          new Outcome(
              replies.replies().get(i),
              path.endpoint().host(),
              path.address(),
              sent.tls(),
              replies.reports(),
              !replies.unanswered());
      outcomes.put(rows.get(i).number(), outcome);
      // What may have been accepted is not given to another host at once: it would come twice.
      if (outcome.isTransient() && !replies.reusable() && !replies.uncertain()) {
        next.add(rows.get(i));
      }
    }
    return next;
  }

  private SmtpClientPool.Sent send(
      Sending sending,
      Endpoint endpoint,
      ClientOptions options,
      Envelope envelope,
      SmtpClient.HandOver handOver) {
    int most = sending.messagesPerConnection;
    try {
      var key = new PoolKey(endpoint, options);
      return parts.pool().send(key, most, envelope, sending.body, handOver);
    } catch (SmtpException e) {
      if (e.phase() != SmtpException.Phase.STARTTLS
          || options.tls() != ClientOptions.Tls.OPPORTUNISTIC) {
        throw e;
      }
      // RFC 7435 3: encryption that cannot be had is no reason to keep the mail.
      log.info("{}; sending in plain text", e.getMessage());
      var plain = new PoolKey(endpoint, options.withTls(ClientOptions.Tls.NONE));
      return parts.pool().send(plain, most, envelope, sending.body, handOver);
    }
  }

  /** A host that refuses for good counts only if no other host is in trouble for a while. */
  private static void unreachable(
      List<QueuedRow> rows, Path path, SmtpException e, Map<Integer, Outcome> outcomes) {
    var reply =
        e.reply()
            .filter(said -> said.isTransient() || said.isPermanent())
            // A refused login says that our password is wrong, nothing about the message.
            .filter(said -> e.phase() != SmtpException.Phase.AUTH)
            .orElseGet(() -> SmtpReply.of(451, "4.4.1", printable(String.valueOf(e.getMessage()))));
    for (var row : rows) {
      var before = outcomes.get(row.number());
      if (before == null || before.reply().isPermanent() || reply.isTransient()) {
        boolean reached = !isOfTheHost(e) || (before != null && before.reached());
        outcomes.put(
            row.number(),
            new Outcome(reply, path.endpoint().host(), path.address(), false, false, reached));
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

  /** RFC 8689 4.2.1: what must not go in plain text goes to a host that proves its name. */
  private static ClientOptions demanding(ClientOptions options, Envelope envelope) {
    return envelope.requireTls() && !options.tls().isChecked()
        ? options.withTls(ClientOptions.Tls.REQUIRED)
        : options;
  }

  /** The same options in the client's words. */
  public static ClientOptions clientOptions(String heloName, OutboundOptions options) {
    return new ClientOptions(
        heloName,
        null,
        switch (options.tls()) {
          case NONE -> ClientOptions.Tls.NONE;
          case OPPORTUNISTIC -> ClientOptions.Tls.OPPORTUNISTIC;
          case REQUIRED -> ClientOptions.Tls.REQUIRED;
          case IMPLICIT -> ClientOptions.Tls.IMPLICIT;
        },
        options.trust().orElse(null),
        options
            .login()
            .map(login -> new ClientOptions.Login(login.user(), login.password()))
            .orElse(null),
        options.connectTimeout(),
        options.commandTimeout());
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
