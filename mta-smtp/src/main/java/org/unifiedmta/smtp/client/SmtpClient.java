package org.unifiedmta.smtp.client;

import java.io.IOException;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.security.sasl.ClientLogin;
import org.unifiedmta.security.transport.DaneVerifier;
import org.unifiedmta.security.transport.TlsFacts;
import org.unifiedmta.security.transport.TlsPolicy;
import org.unifiedmta.smtp.client.Capabilities.Limit;
import org.unifiedmta.smtp.client.SmtpException.Phase;
import org.unifiedmta.smtp.codec.Extension;

/**
 * One connection to a server, greeted, under TLS and logged in as demanded. Blocks; used by one
 * thread at a time.
 */
public final class SmtpClient implements AutoCloseable {
  private static final int MOST_CHALLENGES = 5;
  private static final SmtpReply NOT_ASKED =
      SmtpReply.of(451, "4.4.2", "the connection ended before it came to this recipient");

  private final Endpoint endpoint;
  private final ClientOptions options;
  private final Wire wire;
  private Capabilities capabilities = Capabilities.none();
  private final Timer timer;
  private final Stopwatch stopwatch;
  private @Nullable TlsFacts tls;

  private SmtpClient(Endpoint endpoint, ClientOptions options, Wire wire, Timer timer) {
    this.timer = timer;
    this.stopwatch = new Stopwatch(timer);
    this.endpoint = endpoint;
    this.options = options;
    this.wire = wire;
  }

  /**
   * Connects.
   *
   * @throws SmtpException if the session cannot be had as demanded
   */
  public static SmtpClient open(Endpoint endpoint, ClientOptions options, Timer timer) {
    Wire wire;
    var since = timer.now();
    try {
      wire = Wire.dial(endpoint, options, timer);
    } catch (IOException e) {
      throw new SmtpException(
          Phase.CONNECT, "cannot connect to " + endpoint + ": " + e.getMessage(), null, e);
    }
    var client = new SmtpClient(endpoint, options, wire, timer);
    client.stopwatch.took(Phase.CONNECT, since);
    try {
      client.begin();
      return client;
    } catch (RuntimeException e) {
      wire.abort();
      throw e;
    }
  }

  public Endpoint endpoint() {
    return endpoint;
  }

  public Capabilities capabilities() {
    return capabilities;
  }

  public Optional<TlsFacts> tls() {
    return Optional.ofNullable(tls);
  }

  /** What was waited for until the connection could be used, by phase. */
  public Map<Phase, Duration> times() {
    return stopwatch.times();
  }

  private void begin() {
    if (options.implicitTls()) {
      handshake();
    }
    var greeting = exchange(Phase.GREETING, null);
    if (greeting.code() != 220) {
      throw refused(Phase.GREETING, greeting);
    }
    hello();
    if (wantsStartTls()) {
      startTls();
      helloUnderTls();
    }
    if (options.login() != null) {
      login(options.login());
    }
  }

  /** RFC 3207 4.2: what was said before is forgotten. */
  private void helloUnderTls() {
    try {
      hello();
    } catch (SmtpException e) {
      if (e.reply().isPresent()) {
        throw e;
      }
      // Some servers break off only now: with TLS 1.3 a handshake is over for one side first.
      throw new SmtpException(
          Phase.STARTTLS, "TLS with " + endpoint + " failed: " + e.getMessage(), null, e);
    }
  }

  private boolean wantsStartTls() {
    return !options.implicitTls()
        && switch (options.tls()) {
          case TlsPolicy.None none -> false;
          case TlsPolicy.Opportunistic opportunistic -> capabilities.has(Extension.STARTTLS);
          case TlsPolicy.Encrypted encrypted -> true;
          case TlsPolicy.Verified verified -> true;
          case TlsPolicy.Testing testing -> true;
          case TlsPolicy.Dane dane -> true;
        };
  }

  /** EHLO, and HELO for who does not know it (RFC 5321 3.2); LHLO (RFC 2033 4.1). */
  private void hello() {
    boolean lmtp = options.protocol() == ClientOptions.Protocol.LMTP;
    var ehlo = exchange(Phase.EHLO, (lmtp ? "LHLO " : "EHLO ") + options.heloName());
    if (ehlo.isPositive()) {
      capabilities = Capabilities.of(ehlo);
      return;
    }
    if (!ehlo.isPermanent() || lmtp) {
      throw refused(Phase.EHLO, ehlo);
    }
    var helo = exchange(Phase.EHLO, "HELO " + options.heloName());
    if (!helo.isPositive()) {
      throw refused(Phase.EHLO, helo);
    }
    capabilities = Capabilities.none();
  }

  private void startTls() {
    if (!capabilities.has(Extension.STARTTLS)) {
      throw new SmtpException(
          Phase.STARTTLS, endpoint + " does not offer STARTTLS, which is required", null, null);
    }
    var reply = exchange(Phase.STARTTLS, "STARTTLS");
    if (reply.code() != 220) {
      // An opportunistic session that stays plain is a new one: RFC 3207 4.2 leaves this undefined.
      throw new SmtpException(
          Phase.STARTTLS,
          endpoint + " refused STARTTLS: " + reply,
          options.tls().isMandatory() && reply.isPermanent() ? reply : null,
          null);
    }
    if (wire.hasUnread()) {
      throw new SmtpException(
          Phase.STARTTLS, endpoint + " sent plain text behind STARTTLS", null, null);
    }
    handshake();
  }

  private void handshake() {
    var since = timer.now();
    var policy = options.tls();
    try {
      var context =
          switch (policy) {
            case TlsPolicy.Dane dane -> new DaneVerifier(timer::now).context(dane);
            case TlsPolicy.Verified verified -> trust();
            case TlsPolicy.Testing testing -> trust();
            case TlsPolicy.None none -> AnyCertificate.sharedContext();
            case TlsPolicy.Opportunistic opportunistic -> AnyCertificate.sharedContext();
            case TlsPolicy.Encrypted encrypted -> AnyCertificate.sharedContext();
          };
      // RFC 7672 8.1: the server is asked for the name that its records are at.
      var name = policy instanceof TlsPolicy.Dane dane ? dane.names().getFirst() : endpoint.host();
      boolean checkName = policy.isChecked() && !(policy instanceof TlsPolicy.Dane);
      var socket =
          wire.within(options.timeouts().command(), () -> wire.startTls(context, name, checkName));
      tls = facts(socket, name);
      stopwatch.took(Phase.STARTTLS, since);
    } catch (IOException e) {
      throw new SmtpException(
          Phase.STARTTLS, "TLS with " + endpoint + " failed: " + e.getMessage(), null, e);
    }
  }

  private SSLContext trust() {
    try {
      return options.trust() == null ? SSLContext.getDefault() : options.trust();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private TlsFacts facts(SSLSocket socket, String name) {
    var session = socket.getSession();
    String peer;
    try {
      peer = session.getPeerPrincipal().getName();
    } catch (SSLPeerUnverifiedException e) {
      peer = null;
    }
    return new TlsFacts(session.getProtocol(), session.getCipherSuite(), peer, name);
  }

  private void login(ClientLogin login) {
    var exchange = begin(login);
    var initial = exchange.initialResponse();
    // RFC 4954 4: an empty one is written as "=".
    var reply =
        exchange(
            Phase.AUTH,
            "AUTH " + exchange.mechanism() + (initial == null ? "" : " " + base64(initial)));
    for (int i = 0; i < MOST_CHALLENGES && reply.code() == 334; i++) {
      var answer = exchange.answer(challenge(reply));
      // RFC 4954 4: a line with a "*" gives up.
      reply = exchange(Phase.AUTH, answer == null ? "*" : base64(answer));
    }
    if (reply.code() != 235) {
      throw refused(Phase.AUTH, reply);
    }
    if (!exchange.isComplete()) {
      throw new SmtpException(
          Phase.AUTH, endpoint + " has not shown that it knows the password", null, null);
    }
  }

  private ClientLogin.Exchange begin(ClientLogin login) {
    var mechanisms = capabilities.authMechanisms();
    Optional<ClientLogin.Exchange> exchange;
    try {
      exchange = login.begin(mechanisms);
    } catch (RuntimeException e) {
      throw new SmtpException(
          Phase.AUTH, "no token for " + login.user() + ": " + e.getMessage(), null, e);
    }
    return exchange.orElseThrow(() ->
        new SmtpException(
            Phase.AUTH, endpoint + " offers no login that we know: " + mechanisms, null, null));
  }

  private static byte[] challenge(SmtpReply reply) {
    try {
      return Base64.getDecoder().decode(reply.text().strip());
    } catch (IllegalArgumentException e) {
      return new byte[0]; // LOGIN asks in all kinds of words
    }
  }

  private static String base64(byte[] octets) {
    return Base64.getEncoder().encodeToString(octets);
  }

  /**
   * Sends one message. What goes wrong is in the replies; the connection is then not reusable.
   *
   * @throws SmtpException only if the message could not be read
   */
  public RecipientReplies send(Envelope envelope, ByteSource message) {
    return send(envelope, message, recipients -> {});
  }

  /**
   * Tells when there is no way back: the server may deliver the message from then on, whatever
   * becomes of the connection.
   */
  public interface HandOver {

    /**
     * The final dot, or the last chunk (RFC 3030), is about to be sent. May block; where it throws,
     * nothing is handed over, and the connection is lost.
     *
     * @param recipients places in the envelope of those whom the server has accepted
     */
    void begins(List<Integer> recipients);
  }

  /**
   * The same, and tells before the content is complete. Where the server takes fewer recipients at
   * once than there are (RFC 9422, RFC 5321 4.5.3.1.10), the message is sent several times.
   *
   * @throws SmtpException only if the message could not be read, or {@code handOver} threw
   */
  public RecipientReplies send(Envelope envelope, ByteSource message, HandOver handOver) {
    var watch = new Stopwatch(timer);
    var recipients = envelope.recipients();
    var replies = new SmtpReply[recipients.size()];
    var waiting = new ArrayList<Integer>();
    for (int i = 0; i < recipients.size(); i++) {
      waiting.add(i);
    }
    boolean unanswered = false;
    for (boolean first = true; ; first = false) {
      var now = together(recipients, waiting);
      Transaction.Result result;
      try {
        result = transaction(envelope, now, message, handOver, watch);
      } catch (SmtpException e) {
        if (first) {
          throw e;
        }
        // What was handed over before our side broke stays handed over.
        result = Transaction.Result.broken(now.size());
      }
      var again = new ArrayList<Integer>();
      boolean someAccepted = result.replies().stream().anyMatch(SmtpReply::isPositive);
      for (int i = 0; i < now.size(); i++) {
        var reply = result.replies().get(i);
        replies[now.get(i)] = reply;
        if (someAccepted && isTooMany(reply)) {
          again.add(now.get(i));
        }
      }
      unanswered |= first && result.unanswered();
      waiting.subList(0, now.size()).clear();
      waiting.addAll(again);
      if (waiting.isEmpty() || !result.reusable() || result.needsSevenBits()) {
        // Nobody who was not asked about has been refused, or accepted.
        var rest = result.needsSevenBits() ? result.replies().getFirst() : NOT_ASKED;
        for (int i : waiting) {
          replies[i] = replies[i] == null ? rest : replies[i];
        }
        return new RecipientReplies(
            List.of(replies),
            result.reusable(),
            unanswered,
            result.uncertain(),
            capabilities.has(Extension.DSN),
            result.needsSevenBits(),
            watch.times());
      }
    }
  }

  private Transaction.Result transaction(
      Envelope envelope,
      List<Integer> places,
      ByteSource message,
      HandOver handOver,
      Stopwatch watch) {
    boolean secured = tls != null && options.tls().isMandatory() && options.tls().isChecked();
    var part =
        envelope.withRecipients(places.stream().map(i -> envelope.recipients().get(i)).toList());
    return new Transaction(wire, endpoint, capabilities, options, secured, watch)
        .run(
            part,
            message,
            accepted -> handOver.begins(accepted.stream().map(places::get).toList()));
  }

  /** As many of those that wait as the server takes at once. */
  private List<Integer> together(List<Recipient> recipients, List<Integer> waiting) {
    int most = capabilities.most(Limit.RCPTMAX);
    int mostDomains = capabilities.most(Limit.RCPTDOMAINMAX);
    if (waiting.size() <= most && mostDomains == Integer.MAX_VALUE) {
      return List.copyOf(waiting);
    }
    var domains = new HashSet<String>();
    int taken = 0;
    for (int place : waiting) {
      var domain = recipients.get(place).address().domain();
      if (taken == most || (domains.size() == mostDomains && !domains.contains(domain))) {
        break;
      }
      domains.add(domain);
      taken++;
    }
    return List.copyOf(waiting.subList(0, taken));
  }

  /** RFC 5321 4.5.3.1.10: the others go in another transaction. */
  private static boolean isTooMany(SmtpReply reply) {
    var status = reply.status();
    return reply.code() == 452
        && (status == null || (status.subject() == 5 && status.detail() == 3));
  }

  /** Says goodbye and closes; the answer is waited for, but not for long. */
  public void quit() {
    try {
      wire.command("QUIT");
      wire.within(
          Duration.ofSeconds(5),
          () -> {
            wire.flush();
            return wire.reply();
          });
    } catch (IOException e) {
      // it is gone already
    }
    close();
  }

  /** Ends whatever goes on, from any thread. */
  public void abort() {
    wire.abort();
  }

  @Override
  public void close() {
    wire.close();
  }

  private SmtpReply exchange(Phase phase, @Nullable String command) {
    try {
      if (command != null) {
        wire.command(command);
      }
      var since = timer.now();
      var reply =
          wire.within(
              options.timeouts().command(),
              () -> {
                wire.flush();
                return wire.reply();
              });
      stopwatch.took(phase, since);
      return reply;
    } catch (IOException e) {
      throw new SmtpException(
          phase, "lost " + endpoint + " at " + phase + ": " + e.getMessage(), null, e);
    }
  }

  private SmtpException refused(Phase phase, SmtpReply reply) {
    return new SmtpException(phase, endpoint + " refused " + phase + ": " + reply, reply, null);
  }
}
