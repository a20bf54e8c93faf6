package org.unifiedmta.smtp.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.security.sasl.SaslExchange;
import org.unifiedmta.security.transport.TlsFacts;
import org.unifiedmta.smtp.codec.LineFramer.Line;

/**
 * Plays a transcript against a session without socket, thread or clock, and compares what it says.
 * {@code C:} is a line of the client, {@code C>} one with more behind it in the same segment,
 * {@code !} an event, {@code S:} what the session says, and {@code S.} its end.
 */
final class Dialogue {
  private static final TlsConfig CERTIFICATE = TlsConfig.selfSigned("mx.local.test");
  private static final TlsFacts TLS = new TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", null, null);
  private static final Instant NOW = Instant.parse("2026-01-02T03:04:05Z");
  private static final InetSocketAddress ADDRESS = new InetSocketAddress("192.0.2.1", 25);

  final Postmaster postmaster = new Postmaster();
  final SmtpSession session;
  private final ReplyWriter replies = new ReplyWriter(true);
  private final StringBuilder heard = new StringBuilder();
  private @Nullable SaslExchange login;
  private @Nullable SmtpReply spoolRefusal;
  private @Nullable SmtpReply messageRefusal;
  private boolean handshake;

  Dialogue(ServerOptions options, SmtpListener.Mode mode, boolean requireAuth) {
    this(options, SmtpListener.of("test", ADDRESS, mode).withRequireAuth(requireAuth));
  }

  Dialogue(ServerOptions options, SmtpListener listener) {
    var facts =
        new SessionFacts("1", ADDRESS, ADDRESS, null, null, null, "test", SessionFacts.Hello.HELO);
    session = new SmtpSession(options, listener, facts);
  }

  static ServerOptions.Builder options() {
    return ServerOptions.builder("mx.local.test").maxMessageSize(1_000);
  }

  static ServerOptions.Builder secureOptions() {
    return options().tls(CERTIFICATE).authMechanisms(List.of("PLAIN", "LOGIN"));
  }

  static Dialogue plain() {
    return new Dialogue(options().build(), SmtpListener.Mode.PLAIN, false);
  }

  static Dialogue greeted(Dialogue dialogue) {
    dialogue.play(
        """
        ! connect
        S: 220 mx.local.test ESMTP
        C: HELO client.test
        S: 250 mx.local.test
        """);
    return dialogue;
  }

  /** Plays the client's part of the transcript; the whole must come out as it is written. */
  void play(String transcript) {
    heard.setLength(0);
    transcript.lines().forEach(this::step);
    assertThat(heard.toString()).isEqualTo(transcript);
  }

  private void step(String step) {
    var said = step.length() > 3 ? step.substring(3) : "";
    switch (step.substring(0, Math.min(2, step.length()))) {
      case "C:" -> line(step, said, false);
      case "C>" -> line(step, said, true);
      case "! " -> {
        heard.append(step).append('\n');
        event(step.substring(2));
      }
      default -> {}
    }
  }

  private void line(String step, String text, boolean followed) {
    heard.append(step).append('\n');
    if (session.phase() != Phase.RECEIVING) {
      perform(session.line(new Line.Text(text), followed, NOW));
    } else if (text.equals(".")) {
      perform(session.endOfData(messageRefusal));
    }
  }

  private void event(String event) {
    switch (event) {
      case "connect" -> perform(session.connected());
      case "early input" -> perform(session.spokeTooEarly());
      case "handshake" -> {
        assertThat(handshake || session.phase() == Phase.CONNECTING).isTrue();
        perform(session.secured(TLS));
      }
      case "timeout" -> perform(session.timedOut());
      case "stop" -> perform(session.stop());
      case "long line" -> perform(session.line(new Line.TooLong(), false, NOW));
      case "endless line" -> perform(session.line(new Line.Endless(), false, NOW));
      case "bare LF in the data" -> perform(session.dataViolated());
      case "spool full" -> spoolRefusal = Replies.NO_ROOM;
      case "message too large" -> messageRefusal = Replies.TOO_LARGE;
      default -> throw new IllegalArgumentException(event);
    }
  }

  private void perform(List<Action> actions) {
    for (var action : actions) {
      switch (action) {
        case Action.Erred() -> {}
        case Action.Send(var reply) -> say(reply);
        case Action.Ask(var question) -> {
          var answer = (Answer.Now) question.apply(postmaster);
          perform(session.verdict(answer.verdict()));
        }
        case Action.Login(var mechanism, var response) -> {
          login = postmaster.login(session.facts(), mechanism);
          perform(session.login(login == null ? null : login.next(response)));
        }
        case Action.Respond(var response) -> {
          assertThat(login).isNotNull();
          perform(session.login(login.next(response)));
        }
        case Action.OpenSpool(var envelope, var size) -> perform(session.spoolOpened(spoolRefusal));
        case Action.ReceiveChunk wanted -> {
          heard.append("> ").append(wanted.size()).append(" octets kept\n");
          perform(session.chunkReceived(wanted.size(), messageRefusal));
        }
        case Action.SkipChunk(var size) -> {
          heard.append("> ").append(size).append(" octets skipped\n");
          perform(session.chunkSkipped());
        }
        case Action.AbandonChunks() -> heard.append("> chunks abandoned\n");
        case Action.DeliverEach(var envelope) -> {
          postmaster.mails.add(new Postmaster.Mail(session.facts(), envelope, ""));
          perform(
              session.delivered(
                  envelope.recipients().stream()
                      .map(r -> SmtpReply.of(250, "2.1.5", r.address() + " has it"))
                      .toList()));
        }
        case Action.Deliver(var envelope) -> {
          postmaster.mails.add(new Postmaster.Mail(session.facts(), envelope, ""));
          perform(session.verdict(postmaster.onMessage.get()));
        }
        case Action.StartTls() -> handshake = true;
        case Action.Close() -> heard.append("S.\n");
      }
    }
  }

  private void say(SmtpReply reply) {
    var wire = Unpooled.buffer();
    replies.write(reply, wire);
    var text = wire.toString(StandardCharsets.US_ASCII);
    assertThat(text).endsWith("\r\n");
    text.lines().forEach(line -> heard.append("S: ").append(line).append('\n'));
  }
}
