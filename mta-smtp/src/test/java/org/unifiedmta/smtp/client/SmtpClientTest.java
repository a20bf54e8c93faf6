package org.unifiedmta.smtp.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.security.sasl.ClientLogin;
import org.unifiedmta.security.transport.TlsPolicy;
import org.unifiedmta.smtp.client.ClientOptions.Timeouts;
import org.unifiedmta.smtp.client.SmtpException.Phase;
import org.unifiedmta.smtp.testing.ScriptedSmtpServer;

class SmtpClientTest {
  private static final Envelope ONE = Envelope.of("a@x.test", "b@y.test");
  private static final Envelope TWO = Envelope.of("a@x.test", "b@y.test", "c@y.test");
  private static final ByteSource MESSAGE = message("Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n");

  private static final TlsPolicy OPPORTUNISTIC = new TlsPolicy.Opportunistic();
  private static final TlsPolicy VERIFIED = new TlsPolicy.Verified();

  private static ByteSource message(String text) {
    return ByteSource.of(text.getBytes(StandardCharsets.UTF_8));
  }

  private static Endpoint endpoint(ScriptedSmtpServer server) {
    return new Endpoint("host.test", InetAddress.getLoopbackAddress(), server.port());
  }

  private static ClientOptions options(
      TlsPolicy tls, @Nullable SSLContext trust, @Nullable ClientLogin login) {
    return ClientOptions.of("me.test")
        .withTls(tls)
        .withTrust(trust)
        .withLogin(login)
        .withTimeouts(Timeouts.of(Duration.ofSeconds(5), Duration.ofSeconds(5)));
  }

  private static SmtpClient open(ScriptedSmtpServer server) {
    return SmtpClient.open(endpoint(server), options(OPPORTUNISTIC, null, null), Timer.system());
  }

  private static List<String> replies(RecipientReplies replies) {
    return replies.replies().stream().map(Object::toString).toList();
  }

  private static List<String> said(ScriptedSmtpServer server) {
    return server.transcripts().get(0).lines().stream()
        .filter(line -> line.startsWith("C: "))
        .map(line -> line.substring(3))
        .toList();
  }

  @Test
  void aMessageForTwoGoesInOneTransactionDotsStuffed() {
    try (var server = ScriptedSmtpServer.script().start();
        var client = open(server)) {
      var replies = client.send(TWO, MESSAGE);
      assertThat(replies(replies)).containsOnly("250 2.0.0 Ok: queued");
      assertThat(replies.reusable()).isTrue();
      client.quit();
      assertThat(said(server))
          .containsExactly(
              "EHLO me.test",
              "MAIL FROM:<a@x.test>",
              "RCPT TO:<b@y.test>",
              "RCPT TO:<c@y.test>",
              "DATA",
              "QUIT");
      assertThat(server.messages())
          .singleElement()
          .isEqualTo("Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n".getBytes(StandardCharsets.UTF_8));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"PIPELINING", "8BITMIME"})
  void eachRecipientHasItsOwnReply(String extension) {
    try (var server =
            ScriptedSmtpServer.script()
                .extensions(extension)
                .reply("RCPT", "250 ok", "550 5.1.1 nobody", "450 4.2.2 full", "250 ok")
                .start();
        var client = open(server)) {
      var envelope = Envelope.of("a@x.test", "1@y.test", "2@y.test", "3@y.test", "4@y.test");
      assertThat(replies(client.send(envelope, MESSAGE)))
          .containsExactly(
              "250 2.0.0 Ok: queued", "550 5.1.1 nobody", "450 4.2.2 full", "250 2.0.0 Ok: queued");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "PIPELINING, MAIL, 550 5.7.1 no",
    "SIZE, MAIL, 550 5.7.1 no",
    "PIPELINING, MAIL, 451 4.3.0 later",
    "PIPELINING, DATA, 451 4.3.0 later",
    "SIZE, DATA, 554 5.5.0 never",
    "PIPELINING, END, 554 5.7.1 spam",
    "SIZE, END, 452 4.3.1 full",
  })
  void aRefusalIsForEverybodyAndTheConnectionLives(String extension, String event, String reply) {
    try (var server =
            ScriptedSmtpServer.script()
                .extensions(extension)
                .reply(event, reply, event.equals("DATA") ? "354 go" : "250 ok")
                .start();
        var client = open(server)) {
      var refused = client.send(TWO, MESSAGE);
      assertThat(replies(refused)).containsExactly(reply, reply);
      assertThat(refused.reusable()).isTrue();
      assertThat(replies(client.send(TWO, MESSAGE))).allMatch(text -> text.startsWith("250"));
    }
  }

  @Test
  void dataThatGoesThroughForNobodyEndsInAnEmptyMessage() {
    try (var server =
            ScriptedSmtpServer.script()
                .reply("RCPT", "550 5.1.1 nobody")
                .reply("DATA", "354 go")
                .start();
        var client = open(server)) {
      var replies = client.send(TWO, MESSAGE);
      assertThat(replies(replies)).containsOnly("550 5.1.1 nobody");
      assertThat(replies.reusable()).isTrue();
      assertThat(server.messages()).singleElement().isEqualTo(new byte[0]); // RFC 2920 3.1
    }
  }

  @Test
  void aThousandRecipientsGoInGroups() {
    try (var server = ScriptedSmtpServer.script().start();
        var client = open(server)) {
      var recipients =
          IntStream.range(0, 1000).mapToObj(i -> "r" + i + "@y.test").toArray(String[]::new);
      assertThat(client.send(Envelope.of("a@x.test", recipients), MESSAGE).replies())
          .hasSize(1000)
          .allMatch(reply -> reply.code() == 250);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "MAIL, true, false",
    "RCPT, false, false",
    "DATA, false, false",
    "END, false, true",
  })
  void aLostConnectionIsTemporaryAndSaysHowFarItGot(
      String event, boolean unanswered, boolean uncertain) {
    try (var server = ScriptedSmtpServer.script().drop(event).start();
        var client = open(server)) {
      var replies = client.send(TWO, MESSAGE);
      assertThat(replies.replies()).allMatch(reply -> reply.isTransient());
      assertThat(replies.reusable()).isFalse();
      assertThat(replies.unanswered()).isEqualTo(unanswered);
      assertThat(replies.uncertain()).isEqualTo(uncertain);
    }
  }

  @Test
  void after421TheConnectionIsOfNoMoreUse() {
    try (var server = ScriptedSmtpServer.script().reply("MAIL", "421 4.3.2 closing").start();
        var client = open(server)) {
      var replies = client.send(ONE, MESSAGE);
      assertThat(replies(replies).get(0)).startsWith("4");
      assertThat(replies.reusable()).isFalse();
    }
  }

  /** Gives 500 octets of 1,000, then ends, or fails. */
  private static ByteSource broken(boolean fails) {
    return new ByteSource() {
      @Override
      public InputStream open() {
        return new ByteArrayInputStream(new byte[500]) {
          @Override
          public int read(byte[] into) throws IOException {
            if (fails && available() == 0) {
              throw new IOException("disk");
            }
            return super.read(into);
          }
        };
      }

      @Override
      public long size() {
        return 1000;
      }
    };
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aSourceThatFailsOrIsTooShortNeverEndsTheMessage(boolean fails) {
    try (var server = ScriptedSmtpServer.script().start();
        var client = open(server)) {
      assertThatThrownBy(() -> client.send(ONE, broken(fails)))
          .isInstanceOf(SmtpException.class)
          .hasMessageContaining("cannot read the message");
      assertThat(server.messages()).isEmpty();
    }
  }

  @Test
  void whomTheServerAcceptedIsToldBeforeTheFinalDot() {
    try (var server = ScriptedSmtpServer.script().reply("RCPT", "550 no", "250 ok").start();
        var client = open(server)) {
      var told = new ArrayList<Object>();
      client.send(
          TWO,
          MESSAGE,
          accepted -> {
            told.add(accepted);
            told.add(server.messages().size());
          });
      assertThat(told).containsExactly(List.of(1), 0);
      assertThat(server.messages()).hasSize(1);
      client.send(TWO, MESSAGE, told::add);
      assertThat(told).endsWith(List.of(0, 1));
    }
  }

  /** RFC 3030: what is announced as the last chunk may be delivered as soon as it is there. */
  @Test
  void whomTheServerAcceptedIsToldBeforeTheLastChunk() {
    try (var server = ScriptedSmtpServer.script().extensions("CHUNKING", "BINARYMIME").start();
        var client = open(server)) {
      var told = new ArrayList<Object>();
      client.send(
          TWO.withBody(Envelope.Body.BINARY_MIME),
          MESSAGE,
          accepted -> {
            told.add(accepted);
            told.add(String.join(" ", said(server)).contains("BDAT"));
          });
      assertThat(told).containsExactly(List.of(0, 1), false);
      assertThat(server.messages()).hasSize(1);
    }
  }

  @Test
  void whatMustNotBeHandedOverIsNot() {
    try (var server = ScriptedSmtpServer.script().start();
        var client = open(server)) {
      assertThatThrownBy(() ->
              client.send(
                  ONE,
                  MESSAGE,
                  accepted -> {
                    throw new IllegalStateException("the disk is broken");
                  }))
          .isInstanceOf(SmtpException.class)
          .hasMessageContaining("the disk is broken");
      assertThat(server.messages()).isEmpty();
    }
  }

  @Test
  void whoDoesNotKnowEhloIsGreetedWithHelo() {
    try (var server = ScriptedSmtpServer.script().reply("EHLO", "502 what?").start();
        var client = open(server)) {
      assertThat(replies(client.send(ONE, MESSAGE))).allMatch(text -> text.startsWith("250"));
      assertThat(said(server)).startsWith("EHLO me.test", "HELO me.test", "MAIL FROM:<a@x.test>");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "CONNECT, 554 5.3.2 no, GREETING, false",
    "CONNECT, 421 4.3.2 later, GREETING, true",
    "CONNECT, hello there, GREETING, true",
    "EHLO, 421 4.3.2 later, EHLO, true",
  })
  void aSessionThatCannotBeHadSaysWhereAndWhy(
      String event, String reply, Phase phase, boolean isTransient) {
    try (var server = ScriptedSmtpServer.script().reply(event, reply).start()) {
      assertThatThrownBy(() -> open(server))
          .isInstanceOfSatisfying(
              SmtpException.class,
              e -> {
                assertThat(e.phase()).isEqualTo(phase);
                assertThat(e.isTransient()).isEqualTo(isTransient);
              });
    }
  }

  @Test
  void aServerThatSaysNothingIsGivenUp() {
    try (var server = ScriptedSmtpServer.script().silence("MAIL").start()) {
      var impatient =
          ClientOptions.of("me.test")
              .withTimeouts(Timeouts.of(Duration.ofSeconds(5), Duration.ofMillis(200)));
      try (var client = SmtpClient.open(endpoint(server), impatient, Timer.system())) {
        assertThat(replies(client.send(ONE, MESSAGE)).get(0)).contains("no answer within");
      }
    }
  }

  @Test
  void aReplyWithoutEndIsGivenUp() {
    var flood = "250-more\n".repeat(1000) + "250 end";
    try (var server = ScriptedSmtpServer.script().reply("EHLO", flood).start()) {
      assertThatThrownBy(() -> open(server)).isInstanceOf(SmtpException.class);
    }
  }

  @Test
  void whatTheServerCannotTakeIsNotTried() {
    try (var server = ScriptedSmtpServer.script().extensions("SIZE 20").start();
        var client = open(server)) {
      assertThat(replies(client.send(ONE, MESSAGE)).get(0)).startsWith("552 5.3.4");
      assertThat(replies(client.send(Envelope.of("ä@x.test", "b@y.test"), message("x\r\n"))).get(0))
          .startsWith("553 5.6.7");
      assertThat(said(server)).containsExactly("EHLO me.test");
    }
  }

  @Test
  void sizeAndBodyAreSaidWhereTheyAreKnown() {
    try (var server = ScriptedSmtpServer.script().extensions("SIZE", "8BITMIME").start();
        var client = open(server)) {
      client.send(ONE.withBody(Envelope.Body.EIGHT_BIT_MIME), message("ä\r\n"));
      assertThat(said(server)).contains("MAIL FROM:<a@x.test> SIZE=4 BODY=8BITMIME");
    }
  }

  // ---- TLS

  @Test
  void opportunisticTlsTakesAnyCertificate() throws Exception {
    try (var server =
            ScriptedSmtpServer.script().tls(Certificate.of("other.test").server()).start();
        var client = open(server)) {
      assertThat(client.tls()).isPresent();
      client.send(ONE, MESSAGE);
      assertThat(said(server)).startsWith("EHLO me.test", "STARTTLS", "EHLO me.test");
    }
  }

  @Test
  void requiredTlsTakesOnlyACertificateForTheHost() throws Exception {
    var right = Certificate.of("host.test");
    var wrong = Certificate.of("other.test");
    try (var server = ScriptedSmtpServer.script().tls(right.server()).start();
        var client =
            SmtpClient.open(
                endpoint(server), options(VERIFIED, right.trust(), null), Timer.system())) {
      assertThat(client.tls()).isPresent();
    }
    for (var trust : List.of(wrong.trust(), right.trust())) {
      try (var server = ScriptedSmtpServer.script().tls(wrong.server()).start()) {
        assertThatThrownBy(() ->
                SmtpClient.open(endpoint(server), options(VERIFIED, trust, null), Timer.system()))
            .isInstanceOfSatisfying(
                SmtpException.class, e -> assertThat(e.phase()).isEqualTo(Phase.STARTTLS));
      }
    }
  }

  @Test
  void requiredTlsThatIsNotOfferedIsNoSession() {
    try (var server = ScriptedSmtpServer.script().start()) {
      assertThatThrownBy(() ->
              SmtpClient.open(endpoint(server), options(VERIFIED, null, null), Timer.system()))
          .isInstanceOf(SmtpException.class)
          .hasMessageContaining("does not offer STARTTLS");
      assertThat(said(server)).containsExactly("EHLO me.test");
    }
  }

  @Test
  void plainTextBehindStartTlsIsAnAttack() throws Exception {
    try (var server =
        ScriptedSmtpServer.script()
            .tls(Certificate.of("host.test").server())
            .reply("STARTTLS", "220 go\n250 injected")
            .start()) {
      assertThatThrownBy(() -> open(server))
          .isInstanceOf(SmtpException.class)
          .hasMessageContaining("plain text behind STARTTLS");
    }
  }

  // ---- logins

  @ParameterizedTest
  @CsvSource({"AUTH PLAIN LOGIN, AUTH PLAIN AHUAcA==", "AUTH=PLAIN, AUTH PLAIN AHUAcA=="})
  void aLoginIsMadeUnderTls(String offered, String said) throws Exception {
    var certificate = Certificate.of("host.test");
    try (var server =
            ScriptedSmtpServer.script().extensions(offered).tls(certificate.server()).start();
        var client =
            SmtpClient.open(
                endpoint(server),
                options(VERIFIED, certificate.trust(), new ClientLogin.Password("u", "p")),
                Timer.system())) {
      assertThat(client.tls()).isPresent();
      assertThat(said(server)).endsWith(said);
    }
  }

  @Test
  void loginSpeaksInTwoLines() throws Exception {
    var certificate = Certificate.of("host.test");
    try (var server =
            ScriptedSmtpServer.script()
                .extensions("AUTH LOGIN")
                .tls(certificate.server())
                .reply("AUTH", "334 VXNlcm5hbWU6")
                .reply("AUTH-LINE", "334 UGFzc3dvcmQ6", "235 2.7.0 in")
                .start();
        var client =
            SmtpClient.open(
                endpoint(server),
                options(VERIFIED, certificate.trust(), new ClientLogin.Password("u", "p")),
                Timer.system())) {
      assertThat(client.tls()).isPresent();
      assertThat(said(server)).endsWith("AUTH LOGIN", "dQ==", "cA==");
    }
  }

  @Test
  void aRefusedLoginIsPermanent() throws Exception {
    var certificate = Certificate.of("host.test");
    try (var server =
        ScriptedSmtpServer.script()
            .extensions("AUTH PLAIN")
            .tls(certificate.server())
            .reply("AUTH", "535 5.7.8 no")
            .start()) {
      assertThatThrownBy(() ->
              SmtpClient.open(
                  endpoint(server),
                  options(VERIFIED, certificate.trust(), new ClientLogin.Password("u", "p")),
                  Timer.system()))
          .isInstanceOfSatisfying(
              SmtpException.class,
              e -> {
                assertThat(e.phase()).isEqualTo(Phase.AUTH);
                assertThat(e.isTransient()).isFalse();
              });
    }
  }

  @Test
  void aPasswordNeverGoesWithoutACheckedCertificate() {
    assertThatThrownBy(() -> options(OPPORTUNISTIC, null, new ClientLogin.Password("u", "p")))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(new ClientLogin.Password("u", "secret").toString()).doesNotContain("secret");
  }
}
