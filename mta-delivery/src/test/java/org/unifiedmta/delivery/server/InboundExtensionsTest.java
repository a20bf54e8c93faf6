package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.smtp.testing.ScriptedSmtpServer;

/** What extensions of SMTP do beyond the session. */
class InboundExtensionsTest {
  private static final InetSocketAddress LOOPBACK = new InetSocketAddress("127.0.0.1", 0);

  private final LinkedBlockingQueue<MailEvent> events = new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<String> handled = new LinkedBlockingQueue<>();

  private UnifiedEmailServerConfig.Builder config() {
    return UnifiedEmailServerConfig.builder()
        .hostname("mail.example.test")
        .shutdownTimeout(Duration.ofSeconds(2))
        .domains(DomainConfig.of("example.test"))
        .mailHandler((recipient, mail) -> {
          handled.add(recipient.address() + " " + mail.email().subject());
          return switch (recipient.address().localPart()) {
            case "full" ->
                new RecipientVerdict.Deferred(SmtpReply.of(452, "4.2.2", "mailbox full"));
            case "gone" -> new RecipientVerdict.Rejected(SmtpReply.of(550, "5.1.1", "gone"));
            case "broken" -> throw new IllegalStateException("as it should be");
            default -> RecipientVerdict.delivered();
          };
        });
  }

  private UnifiedEmailServer start(UnifiedEmailServerConfig.Builder config) {
    var server = new UnifiedEmailServer(config.build());
    server.on(MailEvent.class, events::add);
    return server.start();
  }

  private static Listener listener() {
    return Listener.of("in", LOOPBACK, Mode.PLAIN);
  }

  /** Sends it all, each part when the reply to the one before is there; gives the last replies. */
  private static List<String> talk(int port, int replies, String... parts) throws IOException {
    try (var socket = new Socket("127.0.0.1", port)) {
      socket.setSoTimeout(20_000);
      var in =
          new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
      reply(in);
      for (int i = 0; i < parts.length; i++) {
        socket.getOutputStream().write(parts[i].getBytes(StandardCharsets.UTF_8));
        if (i < parts.length - 1) {
          reply(in);
        }
      }
      var last = new ArrayList<String>();
      while (last.size() < replies) {
        last.add(reply(in));
      }
      return last;
    }
  }

  private static InputStream message(String subject) {
    var text = "Subject: " + subject + "\r\n\r\nx";
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String reply(BufferedReader in) throws IOException {
    var line = in.readLine();
    while (line != null && line.length() > 3 && line.charAt(3) == '-') {
      line = in.readLine();
    }
    return String.valueOf(line);
  }

  private <E extends MailEvent> E await(Class<E> type) throws InterruptedException {
    while (true) {
      var event = events.poll(10, TimeUnit.SECONDS);
      assertThat(event).as("an event, while waiting for %s", type.getSimpleName()).isNotNull();
      if (type.isInstance(event)) {
        return type.cast(event);
      }
    }
  }

  /** RFC 2033 4.2. */
  @Test
  void overLmtpEachRecipientGetsTheHandlersOwnReply() throws Exception {
    try (var host = ScriptedSmtpServer.script().start();
        var server =
            start(
                config()
                    .listen(listener().withLmtp(true))
                    .routes(
                        Route.of(
                            "away",
                            10,
                            Match.recipients("away@example.test"),
                            Action.forward("127.0.0.1", host.port())),
                        Route.of(
                            "no",
                            10,
                            Match.recipients("no@example.test"),
                            Action.reject(550, "not here"))))) {
      var replies =
          talk(
              server.port(),
              5,
              "LHLO client.test\r\n",
              "MAIL FROM:<ann@far.test>\r\n",
              "RCPT TO:<bob@example.test>\r\n",
              "RCPT TO:<full@example.test>\r\n",
              "RCPT TO:<gone@example.test>\r\n",
              "RCPT TO:<broken@example.test>\r\n",
              "RCPT TO:<no@example.test>\r\n",
              "RCPT TO:<away@example.test>\r\n",
              "DATA\r\n",
              "Subject: x\r\n\r\nx\r\n.\r\n");
      assertThat(replies.get(0)).startsWith("250 2.0.0");
      assertThat(replies.get(1)).isEqualTo("452 4.2.2 mailbox full");
      assertThat(replies.get(2)).isEqualTo("550 5.1.1 gone");
      assertThat(replies.get(3)).startsWith("451 4.3.0");
      assertThat(replies.get(4)).startsWith("250 2.0.0 Ok: queued as");
      assertThat(handled)
          .containsExactly(
              "bob@example.test x",
              "full@example.test x",
              "gone@example.test x",
              "broken@example.test x");
      await(MailEvent.Delivered.class);
      assertThat(host.messages()).hasSize(1);
    }
  }

  /** RFC 4865. */
  @Test
  void whatIsToBeHeldIsNotTriedBefore() throws Exception {
    var timer = new ManualTimer(Instant.parse("2026-01-02T03:04:05Z"));
    try (var server = start(config().timer(timer))) {
      var envelope = Envelope.of("ann@far.test", "bob@example.test");
      var held =
          new Envelope(
              envelope.mailFrom(),
              envelope.recipients(),
              null,
              Envelope.Ret.UNSET,
              Envelope.Body.SEVEN_BIT,
              false,
              false,
              0,
              timer.now().plusSeconds(3_600),
              null);
      server.submit(held, message("later"), SubmitOptions.none());
      await(MailEvent.Accepted.class);
      timer.advance(Duration.ofMinutes(59));
      assertThat(handled).isEmpty();
      timer.advance(Duration.ofMinutes(2));
      assertThat(handled.poll(10, TimeUnit.SECONDS)).isEqualTo("bob@example.test later");
    }
  }

  private static final String HOST = "EHLO client.test\r\n";

  /** RFC 3461 5.2.1. */
  @Test
  void whatTheSenderWantsToHearGoesOnToAHostThatCanTell() throws Exception {
    for (boolean able : new boolean[] {true, false}) {
      try (var host =
              ScriptedSmtpServer.script()
                  .extensions(able ? new String[] {"DSN", "MT-PRIORITY"} : new String[] {"SIZE"})
                  .start();
          var server = start(config().listen(listener()).routes(to(host)))) {
        talk(
            server.port(),
            1,
            HOST,
            "MAIL FROM:<ann@far.test> RET=HDRS ENVID=a+2Bb MT-PRIORITY=-4\r\n",
            "RCPT TO:<bob@example.test> NOTIFY=DELAY,SUCCESS ORCPT=rfc822;b+3Db@old.test\r\n",
            "DATA\r\n",
            "Subject: x\r\n\r\nx\r\n.\r\n");
        await(MailEvent.Delivered.class);
        var said = host.transcripts().getFirst().toString();
        assertThat(said.contains("MAIL FROM:<ann@far.test> MT-PRIORITY=-4 RET=HDRS ENVID=a+2Bb"))
            .isEqualTo(able);
        assertThat(
                said.contains(
                    "RCPT TO:<bob@example.test> NOTIFY=DELAY,SUCCESS ORCPT=rfc822;b+3Db@old.test"))
            .isEqualTo(able);
      }
    }
  }

  private static Route to(ScriptedSmtpServer host) {
    return Route.of("out", 0, Match.any(), Action.forward("127.0.0.1", host.port()));
  }

  /** RFC 3030 3. */
  @Test
  void binaryMailGoesOnInOneChunkOrInBase64() throws Exception {
    var message = "Subject: x\r\n\r\na\nb\rc\0";
    for (boolean able : new boolean[] {true, false}) {
      try (var host =
              ScriptedSmtpServer.script()
                  .extensions("PIPELINING", "8BITMIME", able ? "CHUNKING" : "SIZE", "BINARYMIME")
                  .start();
          var server = start(config().listen(listener()).routes(to(host)))) {
        talk(
            server.port(),
            1,
            HOST,
            "MAIL FROM:<ann@far.test> BODY=BINARYMIME\r\n",
            "RCPT TO:<bob@example.test>\r\n",
            "BDAT " + message.length() + " LAST\r\n" + message);
        if (able) {
          await(MailEvent.Delivered.class);
          var sent = new String(host.messages().getFirst(), StandardCharsets.ISO_8859_1);
          assertThat(sent).endsWith(message).startsWith("Received: ");
        } else {
          await(MailEvent.Delivered.class);
          var sent = new String(host.messages().getFirst(), StandardCharsets.ISO_8859_1);
          assertThat(sent).contains("Content-Transfer-Encoding: base64\r\n\r\nYQpiDWMA");
        }
      }
    }
  }

  /** RFC 8689 4.2.1. */
  @Test
  void whatRequiresTlsDoesNotGoInPlainText() throws Exception {
    try (var host = ScriptedSmtpServer.script().extensions("REQUIRETLS").start();
        var server = start(config().routes(to(host)))) {
      var envelope =
          new Envelope(
              null,
              List.of(Recipient.of("bob@example.test")),
              null,
              Envelope.Ret.UNSET,
              Envelope.Body.SEVEN_BIT,
              false,
              true,
              0,
              null,
              null);
      server.submit(envelope, message("x"), SubmitOptions.none());
      await(MailEvent.Deferred.class);
      assertThat(host.messages()).isEmpty();
      assertThat(host.transcripts().getFirst().toString()).doesNotContain("MAIL FROM");
    }
  }

  @Test
  void aListenerBehindAProxyNeedsToKnowTheProxy() {
    assertThatThrownBy(() -> config().listen(listener().withProxyProtocol(true)).build())
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("trustedProxies");
  }

  @Test
  void theClientThatAProxyNamesIsInTheTrace() throws Exception {
    try (var server =
        start(
            config()
                .listen(listener().withProxyProtocol(true))
                .trustedProxies("127.0.0.0/8")
                .mailHandler((recipient, mail) -> {
                  handled.add(mail.email().headers().first("Received").orElse(""));
                  return RecipientVerdict.delivered();
                }))) {
      try (var socket = new Socket("127.0.0.1", server.port())) {
        socket
            .getOutputStream()
            .write(
                ("PROXY TCP4 198.51.100.7 192.0.2.1 4711 25\r\n").getBytes(StandardCharsets.UTF_8));
        var in =
            new BufferedReader(
                new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
        for (var part :
            List.of(
                "",
                HOST,
                "MAIL FROM:<ann@far.test>\r\n",
                "RCPT TO:<bob@example.test>\r\n",
                "DATA\r\n",
                "Subject: x\r\n\r\nx\r\n.\r\n")) {
          socket.getOutputStream().write(part.getBytes(StandardCharsets.UTF_8));
          assertThat(reply(in)).matches("[23].*");
        }
      }
      assertThat(handled.poll(10, TimeUnit.SECONDS)).contains("198.51.100.7");
    }
  }
}
