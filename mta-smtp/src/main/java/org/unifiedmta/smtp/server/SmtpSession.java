package org.unifiedmta.smtp.server;

import java.net.InetSocketAddress;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.security.sasl.SaslExchange;
import org.unifiedmta.security.transport.TlsFacts;
import org.unifiedmta.smtp.codec.CommandParser;
import org.unifiedmta.smtp.codec.Extension;
import org.unifiedmta.smtp.codec.LineFramer;
import org.unifiedmta.smtp.codec.LineFramer.Line;
import org.unifiedmta.smtp.codec.MailParameters;
import org.unifiedmta.smtp.codec.SmtpCommand;
import org.unifiedmta.smtp.codec.SmtpCommand.Verb;
import org.unifiedmta.smtp.server.SessionFacts.Hello;

/**
 * The server's side of one session (RFC 5321 3 and 4) as a pure function: what happened goes in,
 * what is to be done comes out. It owns no socket, thread or clock. Whoever drives it hands in no
 * line while an answer is outstanding.
 */
final class SmtpSession {
  private static final List<Action> NOTHING = List.of();
  private static final Action CLOSE = new Action.Close();
  private static final Envelope NO_ENVELOPE = Envelope.of(null, List.of());
  // RFC 2920 3.1: these end a group of commands, as their replies decide what may follow.
  private static final Set<Verb> LAST_IN_GROUP =
      EnumSet.of(Verb.EHLO, Verb.HELO, Verb.LHLO, Verb.DATA, Verb.STARTTLS, Verb.AUTH);
  private static final Set<Verb> BEFORE_TLS =
      EnumSet.of(Verb.EHLO, Verb.HELO, Verb.LHLO, Verb.NOOP, Verb.STARTTLS, Verb.QUIT, Verb.NONE);

  // A few guesses at a password are enough (RFC 4954 9).
  private static final int WEIGHT_OF_FAILED_LOGIN = 4;

  private final ServerOptions options;
  private final SmtpListener listener;
  private final Set<Extension> extensions;
  private final CommandParser parser;
  private final long maxMessageSize;
  private SessionFacts facts;
  private Phase phase = Phase.CONNECTING;
  private Envelope envelope = NO_ENVELOPE;
  private long announcedSize = -1;
  private @Nullable Question asked;
  private @Nullable SmtpReply afterSkip;
  private boolean lastChunk;
  private int commands;
  private int errors;
  private Verb lastVerb = Verb.NONE;
  private int recipients; // who are owed a reply, over LMTP
  private boolean stopping;
  private @Nullable Instant began; // its first command

  /**
   * What the handler is deciding.
   *
   * @param ordinary the reply if it has no other
   * @param effect what a positive verdict does
   * @param otherwise the phase after a negative one
   */
  private record Question(SmtpReply ordinary, Runnable effect, Phase otherwise) {}

  SmtpSession(ServerOptions options, SmtpListener listener, SessionFacts facts) {
    this.options = options;
    this.listener = listener;
    this.extensions = EnumSet.copyOf(options.extensions());
    extensions.removeAll(listener.withoutExtensions());
    if (isLmtp()) {
      extensions.remove(Extension.DSN); // what a reply says needs no report
    }
    this.parser = new CommandParser(extensions);
    this.maxMessageSize = listener.maxMessageSizeWithin(options);
    this.facts = facts;
  }

  SessionFacts facts() {
    return facts;
  }

  Phase phase() {
    return phase;
  }

  /** The command that is being answered; NONE for what is no command, and for the greeting. */
  Verb lastVerb() {
    return lastVerb;
  }

  /** Octets that a line may have now. */
  int lineLimit() {
    return phase == Phase.AUTHENTICATING || (phase == Phase.READY && offersAuth())
        ? LineFramer.AUTH_LINE
        : LineFramer.COMMAND_LINE;
  }

  // ---- events

  /** The client is there, under implicit TLS with its handshake done. */
  List<Action> connected() {
    return greet();
  }

  private List<Action> greet() {
    var greeting = SmtpReply.of(220, "", options.hostname() + (isLmtp() ? " LMTP" : " ESMTP"));
    return ask(h -> h.connected(facts), greeting, () -> phase = Phase.GREETED, Phase.REFUSED);
  }

  /** The handshake is done: under implicit TLS {@link #connected} follows. */
  List<Action> secured(TlsFacts tls) {
    facts = facts.withTls(tls);
    if (phase != Phase.SECURING) {
      return NOTHING;
    }
    phase = Phase.GREETED; // RFC 3207 4.2: all else is forgotten
    return stopping ? goodbye(Replies.SHUTTING_DOWN) : NOTHING;
  }

  /** Something came before the greeting: no SMTP client, or one that does not wait. */
  List<Action> spokeTooEarly() {
    return goodbye(Replies.TOO_EARLY);
  }

  /**
   * A line.
   *
   * @param followed whether more octets came with it
   * @param now for what is said of time
   */
  List<Action> line(Line line, boolean followed, Instant now) {
    return switch (line) {
      case Line.Text(var text) ->
          phase == Phase.AUTHENTICATING ? response(text) : command(text, followed, now);
      case Line.TooLong() -> tooLong();
      case Line.Endless() -> goodbye(Replies.LINE_TOO_LONG);
    };
  }

  /** The handler's verdict on the last {@link Action.Ask} or {@link Action.Deliver}. */
  List<Action> verdict(Verdict verdict) {
    var question = asked;
    if (question == null || phase == Phase.CLOSED) {
      return NOTHING;
    }
    asked = null;
    return switch (verdict) {
      case Verdict.Continue() -> decided(question, question.ordinary);
      case Verdict.Reply(var reply) -> decided(question, reply);
      case Verdict.Disconnect(var reply) -> goodbye(reply);
    };
  }

  private List<Action> decided(Question question, SmtpReply reply) {
    if (reply.code() == 421) { // RFC 5321 3.8: says that the channel is closed
      return goodbye(reply);
    }
    if (reply.isPositive()) {
      question.effect.run();
    } else {
      phase = question.otherwise;
    }
    return stopping && phase.isIdle() ? lastReply(reply) : send(reply);
  }

  /** What the server's side of the login answers, or null if the mechanism cannot be had. */
  List<Action> login(SaslExchange.@Nullable Step step) {
    if (phase == Phase.CLOSED) {
      return NOTHING;
    }
    return switch (step) {
      case null -> loginEnded(Replies.MECHANISM_UNKNOWN, 1);
      case SaslExchange.Step.Challenge(var data) ->
          send(SmtpReply.of(334, "", Base64.getEncoder().encodeToString(data)));
      case SaslExchange.Step.Success(var user) -> {
        facts = facts.withUser(user);
        yield loginEnded(Replies.AUTHENTICATED, 0);
      }
      case SaslExchange.Step.Failure f ->
          loginEnded(Replies.CREDENTIALS_INVALID, WEIGHT_OF_FAILED_LOGIN);
    };
  }

  /** The login broke on our side. */
  List<Action> loginFailed() {
    return phase == Phase.CLOSED ? NOTHING : loginEnded(Replies.LOGIN_UNAVAILABLE, 0);
  }

  private List<Action> loginEnded(SmtpReply reply, int weight) {
    phase = Phase.READY;
    return stopping ? lastReply(reply) : error(reply, weight);
  }

  /** There is a place for the data, or, with a refusal, there is none. */
  List<Action> spoolOpened(@Nullable SmtpReply refusal) {
    if (refusal != null) {
      return send(refusal);
    }
    phase = Phase.RECEIVING;
    return send(Replies.START_MAIL);
  }

  /**
   * The end of data.
   *
   * @param refusal why the message was not kept, or null if it is to be delivered
   */
  List<Action> endOfData(@Nullable SmtpReply refusal) {
    var received = envelope;
    reset();
    if (isLmtp()) {
      recipients = received.recipients().size();
      return refusal == null
          ? List.of(new Action.DeliverEach(received))
          : delivered(Collections.nCopies(recipients, refusal));
    }
    asked = new Question(Replies.LOCAL_ERROR, () -> {}, Phase.READY);
    return refusal == null
        ? List.of(new Action.Deliver(received))
        : verdict(new Verdict.Reply(refusal));
  }

  /** What became of the message for each recipient, over LMTP (RFC 2033 4.2). */
  List<Action> delivered(List<SmtpReply> replies) {
    if (phase == Phase.CLOSED) {
      return NOTHING;
    }
    var actions = new ArrayList<Action>();
    for (int i = 0; i < recipients; i++) {
      actions.add(new Action.Send(i < replies.size() ? replies.get(i) : Replies.LOCAL_ERROR));
    }
    if (stopping) {
      actions.addAll(goodbye(Replies.SHUTTING_DOWN));
    }
    return actions;
  }

  /**
   * A chunk is here (RFC 3030 2).
   *
   * @param octets of it
   * @param refusal why the message cannot be kept, or null
   */
  List<Action> chunkReceived(long octets, @Nullable SmtpReply refusal) {
    if (lastChunk) {
      return endOfData(refusal);
    }
    return send(
        refusal == null ? SmtpReply.of(250, "2.0.0", octets + " octets received") : refusal);
  }

  /** A chunk that nobody wanted is through. */
  List<Action> chunkSkipped() {
    var reply = afterSkip;
    afterSkip = null;
    return reply == null ? NOTHING : error(reply);
  }

  /** A bare CR or LF, or a NUL, in the data. */
  List<Action> dataViolated() {
    return goodbye(Replies.BARE_LINE_END);
  }

  /** The client took too long. */
  List<Action> timedOut() {
    return phase == Phase.CLOSED ? NOTHING : goodbye(Replies.TIMED_OUT);
  }

  /** The server stops: at once if nothing has begun here, else when that is done. */
  List<Action> stop() {
    stopping = true;
    return phase.isIdle() && asked == null ? goodbye(Replies.SHUTTING_DOWN) : NOTHING;
  }

  // ---- commands

  private List<Action> command(String text, boolean followed, Instant now) {
    var command = parser.parse(text);
    var verb = command.verb();
    lastVerb = verb;
    if (++commands > options.maxCommands()) {
      return goodbye(Replies.TOO_MANY_COMMANDS);
    }
    if (began == null) {
      began = now;
    } else if (phase.isIdle() && now.isAfter(began.plus(options.sessionTimeout()))) {
      return goodbye(Replies.SESSION_TOO_LONG);
    }
    if (listener.mode() == SmtpListener.Mode.REQUIRE_STARTTLS
        && facts.tls() == null
        && !BEFORE_TLS.contains(verb)) {
      return error(Replies.STARTTLS_FIRST); // RFC 3207 4
    }
    if (followed && LAST_IN_GROUP.contains(verb)) {
      // The client does not wait for replies, so it is a blind script, or somebody injects
      // plaintext before TLS (RFC 3207 6). What follows is no command.
      return goodbye(Replies.SYNCHRONIZATION);
    }
    if (verb == Verb.BDAT) {
      return bdat((SmtpCommand.Bdat) command); // whose data follows, whatever we think of it
    }
    if (!phase.allows(verb)) {
      var reply = outOfTurn(verb);
      // A client that pipelines can't know that its sender or its recipients were refused.
      return verb == Verb.RCPT || verb == Verb.DATA ? send(reply) : error(reply);
    }
    return switch (command) {
      case SmtpCommand.Ehlo(var name) ->
          isLmtp() ? error(Replies.NO_SMTP) : hello(facts.withHelo(name, Hello.EHLO), now);
      case SmtpCommand.Helo(var name) ->
          isLmtp() ? error(Replies.NO_SMTP) : hello(facts.withHelo(name, Hello.HELO), now);
      case SmtpCommand.Lhlo(var name) ->
          isLmtp() ? hello(facts.withHelo(name, Hello.LHLO), now) : error(Replies.NOT_IMPLEMENTED);
      case SmtpCommand.Mail mail -> mail(mail, now);
      case SmtpCommand.Bdat bdat -> bdat(bdat);
      case SmtpCommand.Proxied proxied -> proxied(proxied);
      case SmtpCommand.Endless() -> goodbye(Replies.CHUNK_ENDLESS);
      case SmtpCommand.Rcpt rcpt -> rcpt(rcpt);
      case SmtpCommand.Auth auth -> auth(auth);
      case SmtpCommand.Simple(var simple) -> simple(simple);
      case SmtpCommand.Invalid(var reply) -> error(reply);
      case SmtpCommand.Foreign() -> goodbye(Replies.FOREIGN);
    };
  }

  private SmtpReply outOfTurn(Verb verb) {
    return switch (verb) {
      case MAIL -> phase == Phase.GREETED ? Replies.HELLO_FIRST : Replies.NESTED_MAIL;
      case RCPT -> phase == Phase.CHUNKING ? Replies.BAD_SEQUENCE : Replies.MAIL_FIRST;
      // RFC 5321 3.3: never 354 without a recipient.
      case DATA, BDAT ->
          switch (phase) {
            // RFC 2033 4.2: a count of replies hangs on it.
            case MAIL_GIVEN -> isLmtp() ? Replies.BAD_SEQUENCE : Replies.NO_RECIPIENTS;
            case CHUNKING -> Replies.BAD_SEQUENCE; // RFC 3030 2
            default -> Replies.MAIL_FIRST;
          };
      default -> Replies.BAD_SEQUENCE;
    };
  }

  private List<Action> hello(SessionFacts introduced, Instant now) {
    if (stopping) {
      return goodbye(Replies.SHUTTING_DOWN);
    }
    var abandoned = abandonChunks();
    var reply =
        introduced.hello() != Hello.HELO
            ? new SmtpReply(250, null, capabilities(now))
            : SmtpReply.of(250, "", options.hostname());
    return behind(
        abandoned,
        ask(
            h -> h.helo(introduced),
            reply,
            () -> {
              facts = introduced;
              reset(); // RFC 5321 4.1.4: as by RSET
            },
            phase));
  }

  private List<String> capabilities(Instant now) {
    var lines = new ArrayList<String>();
    lines.add(options.hostname());
    for (var extension : extensions) {
      switch (extension) {
        case SIZE -> lines.add("SIZE " + maxMessageSize);
        case STARTTLS -> {
          if (offersStartTls()) {
            lines.add("STARTTLS");
          }
        }
        case AUTH -> {
          var mechanisms = options.authMechanisms().stream().filter(this::isAvailable).toList();
          if (offersAuth() && !mechanisms.isEmpty()) {
            lines.add("AUTH " + String.join(" ", mechanisms));
          }
        }
        case REQUIRETLS -> { // RFC 8689 4.2.1
          if (facts.tls() != null) {
            lines.add("REQUIRETLS");
          }
        }
        case LIMITS -> lines.add("LIMITS RCPTMAX=" + options.maxRecipients()); // RFC 9422 4
        case FUTURERELEASE -> {
          if (isSubmission()) { // RFC 4865 3
            var latest = now.plus(options.maxHold()).truncatedTo(ChronoUnit.SECONDS);
            lines.add("FUTURERELEASE " + options.maxHold().toSeconds() + " " + latest);
          }
        }
        case DELIVERBY -> {
          if (isSubmission()) {
            lines.add("DELIVERBY"); // RFC 2852 3
          }
        }
        case XCLIENT -> {
          if (isTrustedPeer()) {
            lines.add("XCLIENT NAME ADDR PORT PROTO HELO LOGIN");
          }
        }
        case XFORWARD -> {
          if (isTrustedPeer()) {
            lines.add("XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE");
          }
        }
        default -> lines.add(extension.keyword());
      }
    }
    return lines;
  }

  private List<Action> mail(SmtpCommand.Mail mail, Instant now) {
    if (stopping) {
      return goodbye(Replies.SHUTTING_DOWN);
    }
    boolean anonymous = facts.authenticatedUser() == null;
    if ((listener.requireAuth() || options.requireAuth()) && anonymous) {
      return error(Replies.AUTH_FIRST);
    }
    var said = mail.parameters();
    if ((said.hold() != null || said.by() != null) && anonymous) {
      return error(Replies.AUTH_FIRST); // RFC 4865 3: for submission
    }
    if (said.size() > maxMessageSize) {
      return send(Replies.TOO_LARGE); // RFC 1870 6.1
    }
    if (said.requireTls() && facts.tls() == null) {
      return error(Replies.NO_TLS_TO_REQUIRE); // RFC 8689 4.2.1
    }
    var holdUntil = holdUntil(said.hold(), now);
    if (holdUntil != null && holdUntil.isAfter(now.plus(options.maxHold()))) {
      return send(Replies.HOLD_TOO_LONG);
    }
    var by = said.by();
    var started =
        new Envelope(
            mail.reversePath(),
            List.of(),
            said.envelopeId(),
            said.ret(),
            said.body(),
            said.smtpUtf8(),
            said.requireTls(),
            // RFC 6710 5: nobody whom we don't know is more urgent than others.
            anonymous ? Math.min(0, said.priority()) : said.priority(),
            holdUntil,
            by == null
                ? null
                : new Envelope.DeliverBy(
                    now.plusSeconds(by.seconds()), by.returnIfLate(), by.trace()));
    return ask(
        h -> h.mail(facts, started, said.size()),
        Replies.SENDER_OK,
        () -> {
          envelope = started;
          announcedSize = said.size();
          phase = Phase.MAIL_GIVEN;
        },
        phase);
  }

  private static @Nullable Instant holdUntil(MailParameters.@Nullable Hold hold, Instant now) {
    return switch (hold) {
      case null -> null;
      case MailParameters.Hold.For(var seconds) -> now.plusSeconds(seconds);
      case MailParameters.Hold.Until(var time) -> time.isAfter(now) ? time : null;
    };
  }

  private List<Action> rcpt(SmtpCommand.Rcpt rcpt) {
    if (!rcpt.ascii() && !envelope.smtpUtf8()) {
      return error(Replies.NEEDS_SMTPUTF8);
    }
    if (envelope.recipients().size() >= options.maxRecipients()) {
      return send(Replies.TOO_MANY_RECIPIENTS); // RFC 5321 4.5.3.1.10
    }
    var recipient = new Recipient(rcpt.forwardPath(), rcpt.notifyOn(), rcpt.originalRecipient());
    return ask(
        h -> h.recipient(facts, envelope, recipient),
        Replies.RECIPIENT_OK,
        () -> {
          var recipients = new ArrayList<>(envelope.recipients());
          recipients.add(recipient);
          envelope = envelope.withRecipients(recipients);
          phase = Phase.RCPT_GIVEN;
        },
        phase);
  }

  /** RFC 3030 2: the data follows the command at once, so it is read whatever the reply will be. */
  private List<Action> bdat(SmtpCommand.Bdat bdat) {
    if (bdat.size() > maxMessageSize) {
      return goodbye(Replies.TOO_LARGE); // not worth reading
    }
    if (!extensions.contains(Extension.CHUNKING) || !phase.allows(Verb.BDAT)) {
      afterSkip =
          extensions.contains(Extension.CHUNKING) ? outOfTurn(Verb.BDAT) : Replies.NOT_IMPLEMENTED;
      return List.of(new Action.SkipChunk(bdat.size()));
    }
    phase = Phase.CHUNKING;
    lastChunk = bdat.last();
    boolean binary = envelope.body() == Envelope.Body.BINARY_MIME;
    return List.of(
        new Action.ReceiveChunk(envelope, announcedSize, bdat.size(), bdat.last(), binary));
  }

  private List<Action> abandonChunks() {
    if (phase != Phase.CHUNKING) {
      return NOTHING;
    }
    reset();
    return List.of(new Action.AbandonChunks());
  }

  private static List<Action> behind(List<Action> first, List<Action> second) {
    if (first.isEmpty()) {
      return second;
    }
    var both = new ArrayList<>(first);
    both.addAll(second);
    return both;
  }

  /** What a peer that is trusted tells of its own client. */
  private List<Action> proxied(SmtpCommand.Proxied proxied) {
    var extension = proxied.verb() == Verb.XCLIENT ? Extension.XCLIENT : Extension.XFORWARD;
    if (!extensions.contains(extension) || !isTrustedPeer()) {
      return error(Replies.NOT_IMPLEMENTED);
    }
    if (proxied.verb() == Verb.XFORWARD) {
      return send(Replies.OK); // for logs alone
    }
    var attributes = proxied.attributes();
    var client = facts.remote();
    var address = attributes.get("ADDR");
    if (address != null) {
      var parsed =
          Literals.ip(
              address.regionMatches(true, 0, "IPV6:", 0, 5) ? address.substring(5) : address);
      if (parsed == null) {
        return error(Replies.BAD_ATTRIBUTE);
      }
      client = new InetSocketAddress(parsed, 0);
    }
    var port = attributes.get("PORT");
    if (port != null) {
      long number =
          port.length() > 5 || !port.chars().allMatch(c -> c >= '0' && c <= '9')
              ? -1
              : Long.parseLong(port);
      if (number < 0 || number > 65_535) {
        return error(Replies.BAD_ATTRIBUTE);
      }
      client = new InetSocketAddress(client.getAddress(), (int) number);
    }
    facts = facts.withClient(client, attributes.get("HELO"), attributes.get("LOGIN"));
    reset();
    phase = Phase.CONNECTING;
    return greet();
  }

  private List<Action> simple(Verb verb) {
    return switch (verb) {
      case DATA ->
          envelope.body() == Envelope.Body.BINARY_MIME
              ? error(Replies.BINARY_BY_CHUNKS) // RFC 3030 3
              : List.of(new Action.OpenSpool(envelope, announcedSize));
      case RSET -> {
        if (stopping) {
          yield goodbye(Replies.SHUTTING_DOWN);
        }
        var abandoned = abandonChunks();
        if (phase != Phase.GREETED) {
          reset();
        }
        yield behind(abandoned, send(Replies.OK));
      }
      case QUIT -> goodbye(Replies.BYE);
      case STARTTLS -> startTls();
      case VRFY -> // RFC 5321 7.3: tells nothing
          send(options.verify() ? Replies.CANNOT_VERIFY : Replies.NOT_IMPLEMENTED);
      case EXPN -> send(Replies.NOT_IMPLEMENTED);
      case HELP -> send(Replies.HELP);
      default -> send(Replies.OK);
    };
  }

  private List<Action> startTls() {
    if (facts.tls() != null) {
      return error(Replies.BAD_SEQUENCE);
    }
    if (!offersStartTls()) {
      return error(Replies.NOT_IMPLEMENTED);
    }
    phase = Phase.SECURING;
    return List.of(new Action.Send(Replies.READY_FOR_TLS), new Action.StartTls());
  }

  // ---- login, RFC 4954

  private List<Action> auth(SmtpCommand.Auth auth) {
    if (!extensions.contains(Extension.AUTH)) {
      return error(Replies.NOT_IMPLEMENTED);
    }
    if (facts.authenticatedUser() != null) {
      return error(Replies.BAD_SEQUENCE);
    }
    if (facts.tls() == null && !options.authWithoutTls()) {
      return error(Replies.ENCRYPTION_FIRST);
    }
    if (!options.authMechanisms().contains(auth.mechanism()) || !isAvailable(auth.mechanism())) {
      return error(Replies.MECHANISM_UNKNOWN);
    }
    var given = auth.initialResponse();
    // RFC 4954 4: "=" is an empty response, which is not the same as none.
    var response = given == null ? null : decoded(given.equals("=") ? "" : given);
    if (given != null && response == null) {
      return error(Replies.NO_BASE64);
    }
    phase = Phase.AUTHENTICATING;
    return List.of(new Action.Login(auth.mechanism(), response));
  }

  private List<Action> response(String text) {
    if (text.equals("*")) {
      return loginEnded(Replies.LOGIN_CANCELLED, 1);
    }
    var response = decoded(text);
    return response == null
        ? loginEnded(Replies.NO_BASE64, 1)
        : List.of(new Action.Respond(response));
  }

  private static byte @Nullable [] decoded(String base64) {
    try {
      // The decoder of the JDK takes what lacks its padding; RFC 4648 3.2 wants it.
      return base64.length() % 4 == 0 ? Base64.getDecoder().decode(base64) : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  // ---- the rest

  private boolean isLmtp() {
    return listener.protocol() == SmtpListener.Protocol.LMTP;
  }

  private boolean isTrustedPeer() {
    return options.trustedPeers().test(facts.remote().getAddress());
  }

  /** Whether mail may come here from those who wrote it, rather than from other servers. */
  private boolean isSubmission() {
    return facts.authenticatedUser() != null || offersAuth();
  }

  private boolean offersStartTls() {
    return options.tls() != null
        && facts.tls() == null
        && listener.mode() != SmtpListener.Mode.PLAIN
        && extensions.contains(Extension.STARTTLS);
  }

  private boolean offersAuth() {
    return (facts.tls() != null || options.authWithoutTls())
        && facts.authenticatedUser() == null
        && extensions.contains(Extension.AUTH);
  }

  /** Whether the connection has what the mechanism needs. */
  private boolean isAvailable(String mechanism) {
    var tls = facts.tls();
    if (ServerOptions.isBound(mechanism)) {
      return tls != null && !tls.channelBindings().isEmpty();
    }
    return !mechanism.equals("EXTERNAL") || (tls != null && tls.peerCertificate() != null);
  }

  private List<Action> tooLong() {
    return phase == Phase.AUTHENTICATING
        ? loginEnded(Replies.RESPONSE_TOO_LONG, 1)
        : error(Replies.LINE_TOO_LONG);
  }

  private void reset() {
    envelope = NO_ENVELOPE;
    announcedSize = -1;
    phase = Phase.READY;
  }

  private List<Action> ask(
      Function<SessionHandler, Answer> question,
      SmtpReply ordinary,
      Runnable effect,
      Phase otherwise) {
    asked = new Question(ordinary, effect, otherwise);
    return List.of(new Action.Ask(question));
  }

  private List<Action> error(SmtpReply reply) {
    return error(reply, 1);
  }

  private List<Action> error(SmtpReply reply, int weight) {
    errors += weight;
    if (weight > 0 && errors >= options.maxErrors()) {
      return behind(List.of(new Action.Erred()), goodbye(Replies.TOO_MANY_ERRORS));
    }
    return weight == 1 ? List.of(new Action.Erred(), new Action.Send(reply)) : send(reply);
  }

  /** A reply that is owed, and behind it the end. */
  private List<Action> lastReply(SmtpReply reply) {
    return List.of(new Action.Send(reply), new Action.Send(Replies.SHUTTING_DOWN), closing());
  }

  private static List<Action> send(SmtpReply reply) {
    return List.of(new Action.Send(reply));
  }

  private List<Action> goodbye(@Nullable SmtpReply reply) {
    var close = closing();
    return reply == null ? List.of(close) : List.of(new Action.Send(reply), close);
  }

  private Action closing() {
    phase = Phase.CLOSED;
    return CLOSE;
  }
}
