package org.unifiedmta.smtp.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.security.sasl.ClientLogin;
import org.unifiedmta.security.transport.EgressProxy;
import org.unifiedmta.security.transport.TlsPolicy;
import org.unifiedmta.smtp.client.ClientOptions.Protocol;
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

  /** The DNS lets a host be called anything (RFC 2181 11), the certificate and the mail do not. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "mx_1.far.test",
        "*.far.test",
        "-mx.far.test",
        "a b.far.test",
        "m\\195\\164.far.test",
        "203.0.113.9",
        "localhost"
      })
  void aHostThatTlsHasNoNameForIsSpokenToWithout(String host) throws Exception {
    var certificate = Certificate.of("other.test");
    try (var server = ScriptedSmtpServer.script().tls(certificate.server()).start()) {
      var endpoint = new Endpoint(host, endpoint(server).address(), server.port());
      try (var client =
          SmtpClient.open(endpoint, options(OPPORTUNISTIC, null, null), Timer.system())) {
        assertThat(client.tls()).isPresent();
      }
      var checked = options(VERIFIED, certificate.trust(), null);
      assertThatThrownBy(() -> SmtpClient.open(endpoint, checked, Timer.system()))
          .isInstanceOfSatisfying(
              SmtpException.class, e -> assertThat(e.phase()).isEqualTo(Phase.STARTTLS));
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

  @Test
  void aTokenIsShownAsTheServerKnowsIt() throws Exception {
    var certificate = Certificate.of("host.test");
    var login = new ClientLogin.Token("u", () -> "t0ken");
    for (var expected :
        Map.of(
                "AUTH XOAUTH2 PLAIN", "AUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQwa2VuAQE=",
                "AUTH XOAUTH2 OAUTHBEARER", "AUTH OAUTHBEARER bixhPXUsAWF1dGg9QmVhcmVyIHQwa2VuAQE=")
            .entrySet()) {
      try (var server =
              ScriptedSmtpServer.script()
                  .extensions(expected.getKey())
                  .tls(certificate.server())
                  .start();
          var client =
              SmtpClient.open(
                  endpoint(server),
                  options(VERIFIED, certificate.trust(), login),
                  Timer.system())) {
        assertThat(client.tls()).isPresent();
        assertThat(said(server)).endsWith(expected.getValue());
      }
    }
  }

  /** What the server says of a token is answered, and then it refuses (RFC 7628 3.2.3). */
  @Test
  void aTokenThatIsRefusedIsAPermanentFailureAndOneThatCannotBeHadIsNot() throws Exception {
    var certificate = Certificate.of("host.test");
    try (var server =
        ScriptedSmtpServer.script()
            .extensions("AUTH XOAUTH2")
            .tls(certificate.server())
            .reply("AUTH", "334 eyJzdGF0dXMiOiI0MDEifQ==")
            .reply("AUTH-LINE", "535 5.7.8 no")
            .start()) {
      for (boolean known : new boolean[] {true, false}) {
        var login =
            new ClientLogin.Token(
                "u",
                () -> {
                  if (known) {
                    return "t";
                  }
                  throw new IllegalStateException("no network");
                });
        assertThatThrownBy(() ->
                SmtpClient.open(
                    endpoint(server),
                    options(VERIFIED, certificate.trust(), login),
                    Timer.system()))
            .isInstanceOfSatisfying(
                SmtpException.class,
                e -> {
                  assertThat(e.phase()).isEqualTo(Phase.AUTH);
                  assertThat(e.isTransient()).isEqualTo(!known);
                });
      }
    }
  }

  /** Whoever answers any password with yes may want the mail. */
  @Test
  void aServerThatDoesNotShowThatItKnowsThePasswordIsLeft() throws Exception {
    var certificate = Certificate.of("host.test");
    try (var server =
        ScriptedSmtpServer.script()
            .extensions("AUTH SCRAM-SHA-256 PLAIN")
            .tls(certificate.server())
            .start()) {
      assertThatThrownBy(() ->
              SmtpClient.open(
                  endpoint(server),
                  options(VERIFIED, certificate.trust(), new ClientLogin.Password("u", "p")),
                  Timer.system()))
          .isInstanceOf(SmtpException.class)
          .hasMessageContaining("has not shown that it knows the password");
    }
  }

  // ---- how much at once

  /** RFC 9422. */
  @ParameterizedTest
  @CsvSource({
    "LIMITS RCPTMAX=2, 3",
    "LIMITS MAILMAX=5 RCPTMAX=2, 3",
    "LIMITS RCPTDOMAINMAX=1, 2",
    "LIMITS RCPTMAX=0, 5",
    "LIMITS RCPTMAX=x RCPTDOMAINMAX, 1",
    "LIMITS, 1"
  })
  void noMoreRecipientsGoAtOnceThanTheServerTakes(String limits, int transactions) {
    var envelope =
        Envelope.of("a@x.test", "1@y.test", "2@y.test", "3@y.test", "4@z.test", "5@z.test");
    try (var server = ScriptedSmtpServer.script().extensions("PIPELINING", limits).start();
        var client = open(server)) {
      var told = new ArrayList<Integer>();
      var replies = client.send(envelope, MESSAGE, told::addAll);
      assertThat(replies(replies)).hasSize(5).allMatch(text -> text.startsWith("250"));
      assertThat(server.messages()).hasSize(transactions);
      assertThat(told).containsExactly(0, 1, 2, 3, 4);
    }
  }

  /** RFC 5321 4.5.3.1.10. */
  @Test
  void whomTheServerHasNoRoomForGoesInAnotherTransaction() {
    var envelope = Envelope.of("a@x.test", "1@y.test", "2@y.test", "3@y.test");
    try (var server =
            ScriptedSmtpServer.script()
                .reply("RCPT", "250 ok", "452 4.5.3 too many", "452 too many", "250 ok")
                .start();
        var client = open(server)) {
      assertThat(replies(client.send(envelope, MESSAGE)))
          .hasSize(3)
          .allMatch(text -> text.startsWith("250"));
      assertThat(server.messages()).hasSize(2);
    }
  }

  @Test
  void aMailboxThatIsFullIsNotTriedAtOnceAgain() {
    try (var server =
            ScriptedSmtpServer.script()
                .reply("RCPT", "250 ok", "452 4.2.2 full", "250 ok")
                .start();
        var client = open(server)) {
      assertThat(replies(client.send(TWO, MESSAGE)))
          .containsExactly("250 2.0.0 Ok: queued", "452 4.2.2 full");
      assertThat(server.messages()).hasSize(1);
    }
  }

  @Test
  void whenTheConnectionEndsBetweenTwoTransactionsTheRestIsTemporary() {
    try (var server =
            ScriptedSmtpServer.script()
                .extensions("PIPELINING", "LIMITS RCPTMAX=1")
                .reply("MAIL", "250 ok", "421 4.3.2 closing")
                .start();
        var client = open(server)) {
      var envelope = Envelope.of("a@x.test", "1@y.test", "2@y.test", "3@y.test");
      var replies = client.send(envelope, MESSAGE);
      assertThat(replies(replies).get(0)).startsWith("250");
      assertThat(replies.replies().subList(1, 3)).allMatch(reply -> reply.isTransient());
      assertThat(replies.reusable()).isFalse();
      assertThat(replies.unanswered()).isFalse();
      assertThat(replies.uncertain()).isFalse();
    }
  }

  /** A reply to one recipient says nothing of another who was never asked about. */
  @Test
  void whoWasNotAskedAboutWhenTheConnectionEndedIsTriedAgain() {
    var envelope = Envelope.of("a@x.test", "1@y.test", "2@y.test", "3@y.test");
    try (var server =
            ScriptedSmtpServer.script()
                .extensions("SIZE", "LIMITS RCPTMAX=2")
                .reply("RCPT", "550 5.1.1 nobody", "421 4.3.2 closing")
                .start();
        var client = open(server)) {
      var replies = client.send(envelope, MESSAGE);
      assertThat(replies(replies).get(0)).isEqualTo("550 5.1.1 nobody");
      assertThat(replies.replies().get(2).isTransient()).as("%s", replies.replies()).isTrue();
    }
  }

  @Test
  void byLmtpNobodyIsTakenForDeliveredWhoWasNotAskedAbout() {
    var envelope = Envelope.of("a@x.test", "1@y.test", "2@y.test", "3@y.test");
    try (var server =
            ScriptedSmtpServer.script()
                .extensions("SIZE", "LIMITS RCPTMAX=2")
                .reply("END", "250 2.0.0 saved", "421 4.3.2 closing")
                .start();
        var client =
            SmtpClient.open(
                endpoint(server),
                options(OPPORTUNISTIC, null, null).withProtocol(Protocol.LMTP),
                Timer.system())) {
      var replies = client.send(envelope, MESSAGE);
      assertThat(replies(replies).get(0)).isEqualTo("250 2.0.0 saved");
      assertThat(replies.replies().get(2).isTransient()).as("%s", replies.replies()).isTrue();
    }
  }

  /** What was handed over before our side broke stays handed over. */
  @Test
  void whatFailsInASecondTransactionDoesNotUndoTheFirst() {
    try (var server =
            ScriptedSmtpServer.script().extensions("PIPELINING", "LIMITS RCPTMAX=1").start();
        var client = open(server)) {
      var begun = new ArrayList<Object>();
      var replies =
          client.send(
              TWO,
              MESSAGE,
              accepted -> {
                if (!begun.isEmpty()) {
                  throw new IllegalStateException("the disk is broken");
                }
                begun.addAll(accepted);
              });
      assertThat(replies(replies).get(0)).startsWith("250");
      assertThat(replies.replies().get(1).isTransient()).isTrue();
      assertThat(replies.reusable()).isFalse();
      assertThat(server.messages()).hasSize(1);
    }
  }

  // ---- LMTP

  @Test
  void byLmtpEachRecipientHasItsOwnReplyAtTheEnd() {
    try (var server =
            ScriptedSmtpServer.script()
                .reply("RCPT", "250 ok", "550 5.1.1 nobody", "250 ok")
                .reply("END", "250 2.0.0 saved", "452 4.2.2 full")
                .start();
        var client =
            SmtpClient.open(
                endpoint(server),
                options(OPPORTUNISTIC, null, null).withProtocol(Protocol.LMTP),
                Timer.system())) {
      var envelope = Envelope.of("a@x.test", "1@y.test", "2@y.test", "3@y.test");
      assertThat(replies(client.send(envelope, MESSAGE)))
          .containsExactly("250 2.0.0 saved", "550 5.1.1 nobody", "452 4.2.2 full");
      assertThat(said(server)).startsWith("LHLO me.test");
    }
  }

  @Test
  void byLmtpWhoeverHasNoReplyWhenTheConnectionBreaksMayHaveTheMessage() {
    try (var server =
            ScriptedSmtpServer.script().reply("END", "250 2.0.0 saved").drop("END").start();
        var client =
            SmtpClient.open(
                endpoint(server),
                options(OPPORTUNISTIC, null, null).withProtocol(Protocol.LMTP),
                Timer.system())) {
      var replies = client.send(TWO, MESSAGE);
      assertThat(replies(replies).get(0)).isEqualTo("250 2.0.0 saved");
      assertThat(replies.replies().get(1).isTransient()).isTrue();
      assertThat(replies.uncertain()).isTrue();
    }
  }

  // ---- chunks

  @Test
  void textGoesInChunksOfExactlyTheLengthThatIsSaid() {
    try (var server = ScriptedSmtpServer.script().extensions("PIPELINING", "CHUNKING").start();
        var client = open(server)) {
      var text = "Subject: x\n\r\n.dot\rbare\n\0nul" + "line\r\n".repeat(50_000);
      assertThat(replies(client.send(ONE, message(text)))).containsExactly("250 2.0.0 Ok: queued");
      var sent = new StringBuilder();
      server.messages().forEach(piece -> sent.append(new String(piece, StandardCharsets.US_ASCII)));
      // No CR, LF or NUL by itself leaves, by whatever way: the next host may use DATA.
      assertThat(sent.toString())
          .isEqualTo("Subject: x\r\n\r\n.dot\r\nbare\r\nnul" + "line\r\n".repeat(50_000));
      assertThat(said(server).stream().filter(line -> line.startsWith("BDAT")))
          .hasSize(server.messages().size())
          .last()
          .asString()
          .endsWith(" LAST");
      assertThat(server.messages()).hasSizeGreaterThan(3);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"PIPELINING", "SIZE"})
  void aChunkThatIsRefusedRefusesTheMessage(String extension) {
    try (var server =
            ScriptedSmtpServer.script()
                .extensions("CHUNKING", extension)
                .reply("BDAT", "250 ok", "554 5.6.0 no")
                .start();
        var client = open(server)) {
      var told = new ArrayList<Integer>();
      var replies = client.send(TWO, message("line\r\n".repeat(200_000)), told::addAll);
      assertThat(replies(replies)).containsOnly("554 5.6.0 no");
      assertThat(replies.reusable()).isTrue();
      assertThat(said(server).stream().filter(line -> line.endsWith("LAST"))).isEmpty();
      assertThat(told).isEmpty();
    }
  }

  /** What was refused is not ended, so that no reply is left for the next message to read. */
  @Test
  void aChunkThatIsRefusedLateStillRefusesTheMessage() {
    try (var server =
            ScriptedSmtpServer.script()
                .extensions("PIPELINING", "CHUNKING")
                .reply("BDAT", "554 5.6.0 no", "250 2.0.0 taken after all")
                .start();
        var client = open(server)) {
      var told = new ArrayList<Integer>();
      var replies = client.send(ONE, message("line\r\n".repeat(15_000)), told::addAll);
      assertThat(replies(replies)).containsExactly("554 5.6.0 no");
      assertThat(told).isEmpty();
      assertThat(said(server).stream().filter(line -> line.endsWith("LAST"))).isEmpty();
    }
  }

  @Test
  void aReplyThatIsThereBeforeTheLastChunkIsNone() {
    try (var server =
            ScriptedSmtpServer.script()
                .extensions("SIZE", "CHUNKING")
                .reply("RCPT", "250 2.1.5 ok\n250 2.0.0 Ok: queued")
                .start();
        var client = open(server)) {
      var replies = client.send(ONE, MESSAGE);
      assertThat(replies.replies().get(0).isTransient()).isTrue();
      assertThat(server.messages()).isEmpty();
    }
  }

  // ---- what a host cannot take

  @ParameterizedTest
  @CsvSource({"EIGHT_BIT_MIME, PIPELINING", "BINARY_MIME, BINARYMIME", "BINARY_MIME, 8BITMIME"})
  void whatTakesOnlySevenBitsIsAskedAgainInAnotherForm(Envelope.Body body, String offered) {
    try (var server = ScriptedSmtpServer.script().extensions(offered).start();
        var client = open(server)) {
      var replies = client.send(ONE.withBody(body), MESSAGE);
      assertThat(replies.needsSevenBits()).isTrue();
      assertThat(replies(replies).get(0)).startsWith("554 5.6.3");
      assertThat(replies.reusable()).isTrue();
      assertThat(said(server)).containsExactly("EHLO me.test");
    }
  }

  /** RFC 6531 3.4: what was sent to us with SMTPUTF8 need not need it. */
  @ParameterizedTest
  @CsvSource({"Subject: x, true", "Subject: \u00e4, false"})
  void asciiMailGoesToAHostThatKnowsNoSmtpUtf8(String field, boolean goes) {
    var envelope =
        new Envelope(
            ONE.mailFrom(),
            ONE.recipients(),
            null,
            Envelope.Ret.UNSET,
            Envelope.Body.SEVEN_BIT,
            true,
            false,
            0,
            null,
            null);
    try (var server = ScriptedSmtpServer.script().start();
        var client = open(server)) {
      var reply = replies(client.send(envelope, message(field + "\r\n\r\nä\r\n"))).get(0);
      assertThat(reply).startsWith(goes ? "250" : "553 5.6.7");
    }
  }

  /** What comes before the end of the message cannot be about it. */
  @Test
  void aReplyThatIsThereBeforeTheEndOfTheMessageIsNone() {
    try (var server =
            ScriptedSmtpServer.script()
                .extensions("SIZE")
                .reply("DATA", "354 go\n250 2.0.0 Ok: queued")
                .start();
        var client = open(server)) {
      var replies = client.send(ONE, MESSAGE);
      assertThat(replies.replies().get(0).isTransient()).isTrue();
      assertThat(replies.reusable()).isFalse();
      assertThat(server.messages()).isEmpty();
    }
  }

  // ---- proxies

  @Test
  void socksIsToldTheAddressAndTheLogin() throws Exception {
    try (var server = ScriptedSmtpServer.script().start();
        var proxy = new SocksProxy("u", "p")) {
      var options =
          ClientOptions.of("me.test")
              .from(null, new EgressProxy.Socks5("127.0.0.1", proxy.port(), "u", "p"));
      try (var client = SmtpClient.open(endpoint(server), options, Timer.system())) {
        assertThat(replies(client.send(ONE, MESSAGE))).allMatch(text -> text.startsWith("250"));
      }
      assertThat(proxy.asked()).containsExactly("/127.0.0.1:" + server.port());
      var wrong = options.from(null, new EgressProxy.Socks5("127.0.0.1", proxy.port(), "u", "x"));
      assertThatThrownBy(() -> SmtpClient.open(endpoint(server), wrong, Timer.system()))
          .isInstanceOf(SmtpException.class)
          .hasMessageContaining("the proxy refused the login");
    }
  }

  @Test
  void aProxyThatCannotConnectSaysWhy() throws Exception {
    try (var proxy = new SocksProxy("u", "p")) {
      var nobody = new Endpoint("host.test", InetAddress.getLoopbackAddress(), proxy.closedPort());
      var options =
          ClientOptions.of("me.test")
              .from(null, new EgressProxy.Socks5("127.0.0.1", proxy.port(), "u", "p"));
      assertThatThrownBy(() -> SmtpClient.open(nobody, options, Timer.system()))
          .isInstanceOfSatisfying(
              SmtpException.class, e -> assertThat(e.phase()).isEqualTo(Phase.CONNECT))
          .hasMessageContaining("connection refused");
    }
  }

  /** The PROXY protocol, version 2, 2.2. */
  @Test
  void anHaProxyIsToldFromWhereAndWhereTo() throws Exception {
    try (var proxy = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      var header = new byte[28];
      Thread.ofVirtual()
          .start(() -> {
            try (var socket = proxy.accept()) {
              socket.getInputStream().readNBytes(header, 0, header.length);
              socket.getOutputStream().write("554 enough\r\n".getBytes(StandardCharsets.US_ASCII));
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
      var options =
          ClientOptions.of("me.test")
              .from(
                  InetAddress.getByName("192.0.2.7"),
                  new EgressProxy.HaProxy("127.0.0.1", proxy.getLocalPort()));
      var far = new Endpoint("far.test", InetAddress.getByName("203.0.113.9"), 25);
      assertThatThrownBy(() -> SmtpClient.open(far, options, Timer.system()))
          .hasMessageContaining("554 enough");
      assertThat(header)
          .startsWith(0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A)
          .containsSequence(0x21, 0x11, 0, 12, 192, 0, 2, 7, 203, 0, 113, 9)
          .endsWith(0, 25);
    }
  }

  // ---- DANE

  private static TlsPolicy.Dane dane(int usage, byte[] data) {
    return new TlsPolicy.Dane(
        List.of(new DnsResolver.Tlsa(usage, 1, 1, data)), List.of("host.test"));
  }

  @Test
  void aCertificateThatTheZoneNamesNeedsNoAuthority() throws Exception {
    var certificate = Certificate.of("other.test");
    var key = MessageDigest.getInstance("SHA-256").digest(certificate.publicKey());
    try (var server = ScriptedSmtpServer.script().tls(certificate.server()).start()) {
      try (var client =
          SmtpClient.open(endpoint(server), options(dane(3, key), null, null), Timer.system())) {
        assertThat(client.tls()).isPresent();
      }
      key[0]++;
      for (var policy : List.of(dane(3, key), dane(2, key))) {
        assertThatThrownBy(() ->
                SmtpClient.open(endpoint(server), options(policy, null, null), Timer.system()))
            .isInstanceOfSatisfying(
                SmtpException.class,
                e -> {
                  assertThat(e.phase()).isEqualTo(Phase.STARTTLS);
                  assertThat(e.isTransient()).isTrue();
                });
      }
    }
  }

  @Test
  void recordsThatNobodyCanUseStillDemandEncryption() throws Exception {
    var encrypted = options(new TlsPolicy.Encrypted(), null, null);
    try (var server = ScriptedSmtpServer.script().tls(Certificate.of("o.test").server()).start();
        var client = SmtpClient.open(endpoint(server), encrypted, Timer.system())) {
      assertThat(client.tls()).isPresent();
    }
    try (var server = ScriptedSmtpServer.script().start()) {
      assertThatThrownBy(() -> SmtpClient.open(endpoint(server), encrypted, Timer.system()))
          .hasMessageContaining("does not offer STARTTLS");
    }
  }

  @Test
  void whatWasWaitedForIsToldByPhase() {
    try (var server = ScriptedSmtpServer.script().start();
        var client = open(server)) {
      assertThat(client.times()).containsOnlyKeys(Phase.CONNECT, Phase.GREETING, Phase.EHLO);
      assertThat(client.send(ONE, MESSAGE).times())
          .containsOnlyKeys(Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.END_OF_DATA);
    }
  }
}
