package org.unifiedmta.smtp.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.security.sasl.CredentialStore;
import org.unifiedmta.security.sasl.SaslContext;
import org.unifiedmta.security.sasl.SaslExchange;
import org.unifiedmta.security.sasl.SaslMechanism;
import org.unifiedmta.security.transport.TlsFacts;
import org.unifiedmta.smtp.codec.LineFramer.Line;
import org.unifiedmta.smtp.server.SmtpListener.Mode;
import org.unifiedmta.smtp.server.SmtpListener.Protocol;

/**
 * Random events by the hundred thousand, and what must hold whatever happens: one reply for each
 * command, in order; no message without MAIL and an accepted RCPT; nothing of what was said before
 * RSET, TLS or the next message; nothing after the end. {@code -Dfuzz.sessions=1000000} for more.
 */
class SessionFuzzTest {
  private static final InetSocketAddress ADDRESS = new InetSocketAddress("192.0.2.1", 25);
  private static final Instant NOW = Instant.parse("2026-01-02T03:04:05Z");
  private static final TlsConfig CERTIFICATE = TlsConfig.selfSigned("mx.test");
  private static final TlsFacts TLS = new TlsFacts("TLSv1.3", "x", null, null);
  private static final CredentialStore USERS = CredentialStore.ofUsers(Map.of("ann", "secret"));
  private static final String[] LINES = {
    "EHLO a.test",
    "HELO a.test",
    "LHLO a.test",
    "MAIL FROM:<a@b.test>",
    "MAIL FROM:<>",
    "MAIL FROM:<a@b.test> SIZE=2000",
    "MAIL FROM:<a@b.test> BODY=BINARYMIME RET=HDRS ENVID=x",
    "MAIL FROM:<a@b.test> REQUIRETLS HOLDFOR=5",
    "MAIL FROM:<a@b.test> BY=-5;NT",
    "RCPT TO:<u1@c.test>",
    "RCPT TO:<u2@c.test> NOTIFY=NEVER",
    "RCPT TO:<no@c.test>",
    "DATA",
    "BDAT 0 LAST",
    "BDAT 10",
    "BDAT 10 LAST",
    "BDAT 5000",
    "BDAT x",
    "RSET",
    "NOOP",
    "HELP",
    "VRFY x",
    "STARTTLS",
    "AUTH PLAIN AGFubgBzZWNyZXQ=",
    "AUTH PLAIN AGFubgB3cm9uZw==",
    "AUTH LOGIN",
    "AUTH XYZ",
    "YW5u",
    "c2VjcmV0",
    "*",
    "",
    "FOO",
    "GET / HTTP/1.1",
    "XCLIENT ADDR=198.51.100.1",
    "XFORWARD ADDR=198.51.100.1",
    "QUIT"
  };

  @Test
  void whateverHappensTheRulesHold() {
    int sessions = Integer.getInteger("fuzz.sessions", 100_000);
    var random = new Random(20261126);
    long messages = 0;
    for (int i = 0; i < sessions; i++) {
      var run = new Run(random);
      try {
        messages += run.play(10 + random.nextInt(30));
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("session " + i + ":\n" + String.join("\n", run.log), e);
      }
    }
    assertThat(messages).isGreaterThan(sessions / 10);
  }

  /** One session, and what we know of it by its replies alone. */
  private static final class Run {
    private final Random random;
    private final boolean lmtp;
    private final SmtpSession session;
    private final List<String> log = new ArrayList<>();
    private @Nullable SaslExchange login;
    private final Deque<Runnable> outstanding = new ArrayDeque<>(); // answers that are awaited

    // The model.
    private boolean closed;
    private boolean sender;
    private final List<String> recipients = new ArrayList<>();
    private boolean receiving;
    private boolean handshake;
    private int owed; // replies
    private int heard;
    private int messages;

    Run(Random random) {
      this.random = random;
      this.lmtp = random.nextInt(4) == 0;
      var mode = Mode.values()[random.nextInt(Mode.values().length)];
      var options =
          ServerOptions.builder("mx.test")
              .maxMessageSize(1_000)
              .maxRecipients(3)
              .maxErrors(15)
              .tls(CERTIFICATE)
              .authMechanisms(List.of("PLAIN", "LOGIN"))
              .trustedPeers(peer -> random.nextBoolean())
              .build();
      var listener =
          SmtpListener.of("test", ADDRESS, mode)
              .withProtocol(lmtp ? Protocol.LMTP : Protocol.SMTP)
              .withRequireAuth(mode != Mode.PLAIN && random.nextInt(4) == 0);
      session =
          new SmtpSession(
              options,
              listener,
              new SessionFacts(
                  "1", ADDRESS, ADDRESS, null, null, null, "test", SessionFacts.Hello.HELO));
    }

    int play(int events) {
      if (random.nextBoolean()) {
        perform(session.secured(TLS));
      }
      owed = 1; // the greeting
      perform(session.connected());
      settle();
      check();
      for (int i = 0; i < events && !closed; i++) {
        event();
        settle();
        check();
      }
      return messages;
    }

    private void event() {
      if (handshake) {
        handshake = false;
        forget();
        log.add("! handshake");
        perform(session.secured(TLS));
        assertThat(session.facts().authenticatedUser()).isNull();
        assertThat(session.facts().helo()).isNull();
        return;
      }
      if (receiving) {
        receiving = false;
        boolean kept = random.nextInt(5) > 0;
        if (random.nextInt(20) == 0) {
          log.add("! violation");
          owed = 1;
          perform(session.dataViolated());
          assertThat(closed).isTrue();
          return;
        }
        log.add("! end of data " + kept);
        owed = lmtp ? recipients.size() : 1;
        perform(session.endOfData(kept ? null : Replies.TOO_LARGE));
        forget();
        return;
      }
      switch (random.nextInt(60)) {
        case 0 -> {
          log.add("! timeout");
          owed = 1;
          perform(session.timedOut());
          assertThat(closed).isTrue();
        }
        case 1 -> {
          log.add("! stop");
          perform(session.stop());
          owed = heard; // a 421 at once, or with the next reply
        }
        case 2 -> line(new Line.TooLong(), "(long)");
        case 3 -> line(new Line.Endless(), "(endless)");
        default -> {
          var text = random.nextInt(3) > 0 ? sensible() : LINES[random.nextInt(LINES.length)];
          line(new Line.Text(text), text);
        }
      }
    }

    /** What a client would say next. */
    private String sensible() {
      if (session.facts().helo() == null) {
        return lmtp ? "LHLO a.test" : "EHLO a.test";
      }
      if (!sender) {
        return session.facts().tls() != null && random.nextInt(4) == 0
            ? "AUTH PLAIN AGFubgBzZWNyZXQ="
            : random.nextInt(8) == 0 ? "STARTTLS" : "MAIL FROM:<a@b.test>";
      }
      return recipients.isEmpty() || random.nextInt(3) == 0
          ? "RCPT TO:<u1@c.test>"
          : random.nextBoolean() ? "DATA" : random.nextBoolean() ? "BDAT 10" : "BDAT 10 LAST";
    }

    private void line(Line line, String text) {
      boolean followed = random.nextInt(15) == 0;
      log.add("C: " + text + (followed ? " +" : ""));
      owed = 1;
      perform(session.line(line, followed, NOW));
    }

    private void settle() {
      while (!outstanding.isEmpty()) {
        outstanding.remove().run();
      }
    }

    /** One reply for each command, but for a 421 or goodbye behind it. */
    private void check() {
      if (!closed) {
        assertThat(heard).as("replies").isEqualTo(owed);
      } else {
        assertThat(heard).as("replies").isBetween(0, owed + 1);
      }
      heard = 0;
      owed = 0;
    }

    private void forget() {
      sender = false;
      recipients.clear();
    }

    private void perform(List<Action> actions) {
      for (var action : actions) {
        assertThat(closed).as("nothing after the end: %s", action).isFalse();
        switch (action) {
          case Action.Erred() -> {}
          case Action.Send(var reply) -> heard(reply);
          case Action.Ask(var question) -> ask(question);
          case Action.Login(var mechanism, var response) -> {
            assertThat(session.facts().tls()).isNotNull();
            login =
                SaslMechanism.ofName(mechanism)
                    .map(m -> m.exchange(SaslContext.of(USERS)))
                    .orElse(null);
            later(() -> session.login(login == null ? null : login.next(response)));
          }
          case Action.Respond(var response) -> later(() -> session.login(login.next(response)));
          case Action.OpenSpool(var envelope, var size) -> {
            assertThat(sender && !recipients.isEmpty()).as("354 without envelope").isTrue();
            boolean room = random.nextInt(10) > 0;
            receiving = room;
            perform(session.spoolOpened(room ? null : Replies.NO_ROOM));
          }
          case Action.ReceiveChunk chunk -> {
            assertThat(sender && !recipients.isEmpty()).as("chunk without envelope").isTrue();
            var refusal = random.nextInt(10) == 0 ? Replies.TOO_LARGE : null;
            owed = chunk.last() && lmtp ? recipients.size() : 1;
            perform(session.chunkReceived(chunk.size(), refusal));
            if (chunk.last()) {
              forget();
            }
          }
          case Action.SkipChunk(var size) -> perform(session.chunkSkipped());
          case Action.AbandonChunks() -> forget();
          case Action.Deliver(var envelope) -> {
            delivered(envelope);
            later(() ->
                session.verdict(Verdict.reply(random.nextInt(5) > 0 ? 250 : 451, "2.0.0", "x")));
          }
          case Action.DeliverEach(var envelope) -> {
            assertThat(lmtp).isTrue();
            int all = envelope.recipients().size();
            delivered(envelope);
            later(
                () -> session.delivered(Collections.nCopies(random.nextInt(all + 1), Replies.OK)));
          }
          case Action.StartTls() -> {
            assertThat(session.facts().tls()).isNull();
            handshake = true;
          }
          case Action.Close() -> closed = true;
        }
      }
    }

    private void later(Supplier<List<Action>> answer) {
      outstanding.add(() -> {
        if (!closed) {
          perform(answer.get());
        }
      });
    }

    private void ask(Function<SessionHandler, Answer> question) {
      var asked = new Asked();
      question.apply(asked);
      int dice = random.nextInt(20);
      boolean refusedRecipient = asked.recipient != null && asked.recipient.startsWith("no@");
      var verdict =
          dice == 0
              ? Verdict.reply(451, "4.3.0", "x")
              : dice == 1
                  ? new Verdict.Disconnect(null)
                  : refusedRecipient ? Verdict.reply(550, "5.1.1", "x") : Verdict.proceed();
      later(() -> {
        boolean goes = verdict instanceof Verdict.Continue;
        if (goes && asked.mail) {
          sender = true;
          recipients.clear();
        } else if (goes && asked.recipient != null) {
          assertThat(sender).isTrue();
          recipients.add(asked.recipient);
        } else if (goes && asked.hello) {
          forget();
        }
        return session.verdict(verdict);
      });
    }

    private void delivered(Envelope envelope) {
      assertThat(sender).as("MAIL").isTrue();
      assertThat(envelope.recipients().stream().map(r -> r.address().toString()).toList())
          .isNotEmpty()
          .isEqualTo(recipients);
      messages++;
      forget();
    }

    private void heard(SmtpReply reply) {
      heard++;
      log.add("S: " + reply);
      assertThat(reply.code()).isBetween(200, 599);
      if (reply == Replies.OK && log.get(log.size() - 2).startsWith("C: RSET")) {
        forget();
      }
    }
  }

  /** Finds out what was asked. */
  private static final class Asked implements SessionHandler {
    private boolean mail;
    private boolean hello;
    private @Nullable String recipient;

    @Override
    public Answer connected(SessionFacts session) {
      return Answer.proceed();
    }

    @Override
    public Answer helo(SessionFacts session) {
      hello = true;
      return Answer.proceed();
    }

    @Override
    public @Nullable SaslExchange login(SessionFacts session, String mechanism) {
      return null;
    }

    @Override
    public Answer mail(SessionFacts session, Envelope envelope, long announcedSize) {
      mail = true;
      return Answer.proceed();
    }

    @Override
    public Answer recipient(SessionFacts session, Envelope envelope, Recipient asked) {
      recipient = asked.address().toString();
      return Answer.proceed();
    }

    @Override
    public MessageReceiver data(SessionFacts session, Envelope envelope) {
      return (message, reply) -> {};
    }

    @Override
    public void disconnected(SessionFacts session) {}
  }
}
