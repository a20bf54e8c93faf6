package org.unifiedmta.smtp.client;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.security.transport.TlsFacts;
import org.unifiedmta.smtp.client.SmtpException.Phase;
import org.unifiedmta.smtp.codec.Extension;

/**
 * One connection to a server, greeted, under TLS and logged in as demanded. Blocks; used by one
 * thread at a time.
 */
public final class SmtpClient implements AutoCloseable {
  private final Endpoint endpoint;
  private final ClientOptions options;
  private final Wire wire;
  private Capabilities capabilities = Capabilities.none();
  private final Timer timer;
  private @Nullable TlsFacts tls;

  private SmtpClient(Endpoint endpoint, ClientOptions options, Wire wire, Timer timer) {
    this.timer = timer;
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
    try {
      wire = Wire.dial(endpoint, options, timer);
    } catch (IOException e) {
      throw new SmtpException(
          Phase.CONNECT, "cannot connect to " + endpoint + ": " + e.getMessage(), null, e);
    }
    var client = new SmtpClient(endpoint, options, wire, timer);
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

  private void begin() {
    if (options.tls() == ClientOptions.Tls.IMPLICIT) {
      handshake();
    }
    var greeting = exchange(Phase.GREETING, null);
    if (greeting.code() != 220) {
      throw refused(Phase.GREETING, greeting);
    }
    hello();
    boolean startTls =
        options.tls() == ClientOptions.Tls.REQUIRED
            || (options.tls() == ClientOptions.Tls.OPPORTUNISTIC
                && capabilities.has(Extension.STARTTLS));
    if (startTls) {
      startTls();
      hello(); // RFC 3207 4.2: what was said before is forgotten
    }
    if (options.login() != null) {
      login(options.login());
    }
  }

  /** EHLO, and HELO for who does not know it (RFC 5321 3.2). */
  private void hello() {
    var ehlo = exchange(Phase.EHLO, "EHLO " + options.heloName());
    if (ehlo.isPositive()) {
      capabilities = Capabilities.of(ehlo);
      return;
    }
    if (!ehlo.isPermanent()) {
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
          options.tls().isChecked() && reply.isPermanent() ? reply : null,
          null);
    }
    if (wire.hasUnread()) {
      throw new SmtpException(
          Phase.STARTTLS, endpoint + " sent plain text behind STARTTLS", null, null);
    }
    handshake();
  }

  private void handshake() {
    boolean checked = options.tls().isChecked();
    try {
      var context = checked ? trust() : AnyCertificate.context();
      tls = facts(wire.within(options.replyTimeout(), () -> wire.startTls(context, checked)));
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

  private TlsFacts facts(SSLSocket socket) {
    var session = socket.getSession();
    String peer;
    try {
      peer = session.getPeerPrincipal().getName();
    } catch (SSLPeerUnverifiedException e) {
      peer = null;
    }
    return new TlsFacts(session.getProtocol(), session.getCipherSuite(), peer, endpoint.host());
  }

  private void login(ClientOptions.Login login) {
    var mechanisms = capabilities.authMechanisms();
    SmtpReply reply;
    if (mechanisms.contains("PLAIN")) { // RFC 4616
      reply =
          exchange(
              Phase.AUTH, "AUTH PLAIN " + base64("\0" + login.user() + "\0" + login.password()));
    } else if (mechanisms.contains("LOGIN")) {
      reply = exchange(Phase.AUTH, "AUTH LOGIN");
      if (reply.code() == 334) {
        reply = exchange(Phase.AUTH, base64(login.user()));
      }
      if (reply.code() == 334) {
        reply = exchange(Phase.AUTH, base64(login.password()));
      }
    } else {
      throw new SmtpException(
          Phase.AUTH, endpoint + " offers no login that we know: " + mechanisms, null, null);
    }
    if (reply.code() != 235) {
      throw refused(Phase.AUTH, reply);
    }
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
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
   * The same, and tells before the content is complete.
   *
   * @throws SmtpException only if the message could not be read, or {@code handOver} threw
   */
  public RecipientReplies send(Envelope envelope, ByteSource message, HandOver handOver) {
    boolean secured = tls != null && options.tls().isChecked();
    return new Transaction(wire, endpoint, capabilities, secured, options.replyTimeout())
        .run(envelope, message, timer.now(), handOver);
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
      return wire.within(
          options.replyTimeout(),
          () -> {
            wire.flush();
            return wire.reply();
          });
    } catch (IOException e) {
      throw new SmtpException(
          phase, "lost " + endpoint + " at " + phase + ": " + e.getMessage(), null, e);
    }
  }

  private SmtpException refused(Phase phase, SmtpReply reply) {
    return new SmtpException(phase, endpoint + " refused " + phase + ": " + reply, reply, null);
  }
}
