package org.unifiedmta.delivery.testing;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.unifiedmta.delivery.testing.MailAssertions.assertThat;

import jakarta.mail.Message;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Properties;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.email.Attachment;
import org.unifiedmta.core.email.Email;

class MailFixtureTest {
  private static final Duration AT_ONCE = Duration.ZERO;

  @Test
  void aMessageComesOnceForAllItsRecipients() throws Exception {
    try (var mail = MailFixture.start();
        var client = Conversation.introduced(mail)) {
      client.say("MAIL FROM:<ann@example.org>");
      client.say("RCPT TO:<bob@example.com>");
      client.say("RCPT TO:<cid@elsewhere.test>");
      client.say("DATA");
      client.say("To: bob@example.com\r\nSubject: Two\r\n\r\n..x\r\n.");
      var message = mail.awaitMessage();
      assertThat(message)
          .hasRecipients("cid@elsewhere.test", "bob@example.com")
          .hasHiddenRecipient("cid@elsewhere.test")
          .hasSubject("Two")
          .textContains(".x");
      Assertions.assertThat(new String(message.raw(), StandardCharsets.US_ASCII))
          .startsWith("Received: ")
          .endsWith("\r\n\r\n.x\r\n");
      client.message("bob@example.com", "Next");
      Assertions.assertThat(mail.awaitMessages(2)).hasSize(2);
    }
  }

  @Test
  void whatIsSaidBehindTlsIsInTheTranscriptInPlainText() throws Exception {
    try (var mail = MailFixture.start();
        var client = Conversation.secured(mail)) {
      client.message("bob@example.com", "Hello");
      client.say("QUIT");
      assertThat(mail.awaitMessage()).wasSentOverTls();
      Assertions.assertThat(mail.transcript())
          .containsSubsequence(
              "S: 220 localhost ESMTP",
              "C: EHLO client.test",
              "S: 250-STARTTLS",
              "C: STARTTLS",
              "S: 220 2.0.0 Ready to start TLS",
              "C: EHLO client.test",
              "C: MAIL FROM:<ann@example.org>",
              "S: 250 2.1.0 Sender OK",
              "C: RCPT TO:<bob@example.com>",
              "S: 250 2.1.5 Recipient OK",
              "C: DATA",
              "S: 354 End data with <CR><LF>.<CR><LF>",
              "C: (23 octets)",
              "C: .",
              "C: QUIT",
              "S: 221 2.0.0 Bye");
    }
  }

  @Test
  void passwordsAreNotInTheTranscript() throws Exception {
    try (var mail = MailFixture.builder().user("ann", "secret").start();
        var client = Conversation.secured(mail)) {
      Assertions.assertThat(client.login("ann", "wrong")).startsWith("535");
      client.say("AUTH LOGIN");
      client.say("YW5u");
      Assertions.assertThat(client.say("c2VjcmV0")).startsWith("235");
      Assertions.assertThat(mail.transcript())
          .endsWith(
              "C: AUTH PLAIN (response)",
              "S: 535 5.7.8 Authentication credentials invalid",
              "C: AUTH LOGIN",
              "S: 334 VXNlcm5hbWU6",
              "C: (response)",
              "S: 334 UGFzc3dvcmQ6",
              "C: (response)",
              "S: 235 2.7.0 Authentication succeeded");
    }
  }

  @Test
  void implicitTlsIsSpokenOnThePortForIt() throws Exception {
    try (var mail = MailFixture.start();
        var client = Conversation.overTls(mail)) {
      Assertions.assertThat(client.reply()).isEqualTo("220 localhost ESMTP");
      client.say("EHLO client.test");
      client.message("bob@example.com", "Hello");
      assertThat(mail.awaitMessage()).wasSentOverTls();
      Assertions.assertThat(mail.transcript()).contains("C: EHLO client.test");
    }
  }

  @Test
  void jakartaMailNeedsNothingButTheProperties() throws Exception {
    try (var mail = MailFixture.builder().user("ann", "secret").start()) {
      var properties = new Properties();
      properties.putAll(mail.jakartaMailProperties());
      var message = new MimeMessage(Session.getInstance(properties));
      message.setFrom("ann@example.org");
      message.setRecipient(Message.RecipientType.TO, new InternetAddress("bob@example.com"));
      message.setSubject("Grüße");
      message.setText("x");
      Transport.send(message, "ann", "secret");
      assertThat(mail.awaitMessage())
          .hasFrom("ann@example.org")
          .hasSubject("Grüße")
          .wasSentOverTls()
          .wasAuthenticatedAs("ann");
    }
  }

  @Test
  void springFindsHostPortAndLoginUnderItsOwnNames() {
    try (var mail = MailFixture.builder().user("ann", "secret").start()) {
      Assertions.assertThat(mail.springMailProperties())
          .containsEntry("spring.mail.host", "localhost")
          .containsEntry("spring.mail.port", Integer.toString(mail.port()))
          .containsEntry("spring.mail.username", "ann")
          .containsEntry("spring.mail.password", "secret")
          .containsEntry("spring.mail.properties.mail.smtp.starttls.required", "true")
          .containsEntry("spring.mail.properties.mail.smtp.auth", "true");
    }
  }

  @Test
  void whatTheServerItselfSubmitsComesToTheFixtureToo() {
    try (var mail = MailFixture.start()) {
      mail.server()
          .sendEmail(
              Email.builder()
                  .from("ann@example.org")
                  .to("bob@example.com")
                  .subject("Report")
                  .text("see")
                  .html("<p>see</p>")
                  .header("X-Kind", "report")
                  .attachment(Attachment.of("a.csv", "text/csv", new byte[] {'1'}))
                  .build());
      assertThat(mail.awaitMessage())
          .hasHeader("X-Kind", "report")
          .htmlContains("<p>see")
          .hasAttachment("a.csv");
    }
  }

  @Test
  void anAssertionThatDoesNotHoldSaysWhatThereIs() throws Exception {
    try (var mail = MailFixture.start();
        var client = Conversation.introduced(mail)) {
      client.message("bob@example.com", "Hello");
      var assertion = assertThat(mail.awaitMessage());
      assertThatThrownBy(() -> assertion.hasSubject("Bye"))
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("Bye")
          .hasMessageContaining("Hello");
      assertThatThrownBy(assertion::wasSentOverTls).isInstanceOf(AssertionError.class);
      assertThatThrownBy(() -> assertion.wasAuthenticatedAs("ann"))
          .isInstanceOf(AssertionError.class);
      assertThatThrownBy(() -> assertion.hasRecipients("cid@example.com"))
          .hasMessageContaining("bob@example.com");
      assertThatThrownBy(() -> assertion.hasAttachment("a.csv")).isInstanceOf(AssertionError.class);
    }
  }

  @Test
  void aWaitThatIsInVainTellsWhatArrivedAndWhatWasSaid() throws Exception {
    try (var mail = MailFixture.builder().maxWait(Duration.ofMillis(50)).start();
        var client = Conversation.introduced(mail)) {
      assertThatThrownBy(mail::awaitMessage)
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("nothing")
          .hasMessageContaining("C: EHLO client.test");
      client.message("bob@example.com", "Hello");
      assertThatThrownBy(() -> mail.awaitMessages(2))
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("<ann@example.org> to <bob@example.com> \"Hello\"");
    }
  }

  @Test
  void aMessageThatShouldNotComeIsReported() throws Exception {
    try (var mail = MailFixture.start();
        var client = Conversation.introduced(mail)) {
      mail.assertNoMessageFor(AT_ONCE);
      client.message("bob@example.com", "Hello");
      mail.awaitMessage();
      assertThatThrownBy(() -> mail.assertNoMessageFor(AT_ONCE))
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("Hello");
    }
  }

  @Test
  void aResetForgetsMessagesFaultsAndTheTranscriptButNoConnection() throws Exception {
    try (var mail = MailFixture.start();
        var client = Conversation.introduced(mail)) {
      mail.inject(Fault.reject("*"));
      mail.reset();
      client.message("bob@example.com", "Before");
      mail.reset(); // "Before" may still be on its way
      Assertions.assertThat(mail.transcript()).isEmpty();
      Assertions.assertThat(client.message("bob@example.com", "After")).startsWith("250");
      assertThat(mail.awaitMessage()).hasSubject("After");
      Assertions.assertThat(mail.messages()).hasSize(1);
      Assertions.assertThat(mail.transcript()).first().isEqualTo("C: MAIL FROM:<ann@example.org>");
    }
  }

  @Test
  void nothingIsTakenBeforeTlsIfTlsIsRequired() throws Exception {
    try (var mail = MailFixture.builder().requireTls().start();
        var plain = Conversation.introduced(mail);
        var secured = Conversation.secured(mail)) {
      Assertions.assertThat(plain.say("MAIL FROM:<ann@example.org>")).startsWith("530 5.7.0");
      Assertions.assertThat(secured.say("MAIL FROM:<ann@example.org>")).startsWith("250");
    }
  }

  @Test
  void anExtensionCanBeTakenAwayAndAMessageBeTooLarge() throws Exception {
    try (var mail = MailFixture.builder().withoutExtension("smtputf8").maxMessageSize(100).start();
        var client = Conversation.introduced(mail)) {
      Assertions.assertThat(mail.transcript())
          .contains("S: 250-SIZE 100", "S: 250-8BITMIME")
          .noneMatch(line -> line.contains("SMTPUTF8"));
      Assertions.assertThat(client.message("bob@example.com", "x".repeat(100)))
          .startsWith("552 5.3.4");
      mail.assertNoMessageFor(AT_ONCE);
    }
    assertThatThrownBy(() -> MailFixture.builder().withoutExtension("NONE"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("NONE");
  }

  @Test
  void theAuthoritysCertificateIsAFileAsLongAsTheFixtureIsThere() throws Exception {
    var mail = MailFixture.start();
    var file = mail.caCertificate();
    try (mail;
        var in = Files.newInputStream(file)) {
      Assertions.assertThat(CertificateFactory.getInstance("X.509").generateCertificate(in))
          .isNotNull();
    }
    Assertions.assertThat(file).doesNotExist();
  }
}
