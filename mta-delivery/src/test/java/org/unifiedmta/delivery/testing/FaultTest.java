package org.unifiedmta.delivery.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.unifiedmta.delivery.testing.Fault.BadTls;
import org.unifiedmta.delivery.testing.Fault.Stage;

class FaultTest {
  @RegisterExtension
  static final MailFixtureExtension MAIL =
      new MailFixtureExtension(MailFixture.builder().user("ann", "secret"));

  /** The replies of a session that does everything, until one of them ends it. */
  private static List<String> session(MailFixture mail, boolean overTls) throws IOException {
    var replies = new ArrayList<String>();
    try (var client = overTls ? Conversation.overTls(mail) : Conversation.with(mail)) {
      replies.add("CONNECT " + client.reply());
      replies.add("EHLO " + client.say("EHLO client.test"));
      if (overTls) {
        replies.add("AUTH " + client.login("ann", "secret"));
      } else {
        var reply = client.say("STARTTLS");
        replies.add("STARTTLS " + reply);
        if (reply != null && reply.startsWith("220")) {
          client.secure(mail.clientSslContext());
          replies.add("EHLO " + client.say("EHLO client.test"));
        }
      }
      replies.add("MAIL " + client.say("MAIL FROM:<ann@example.org>"));
      replies.add("RCPT " + client.say("RCPT TO:<bob@example.com>"));
      replies.add("DATA " + client.say("DATA"));
      if (replies.getLast().startsWith("DATA 354")) {
        replies.add("END_OF_DATA " + client.say("Subject: x\r\n\r\nx\r\n."));
      }
      replies.add("QUIT " + client.say("QUIT"));
    }
    return replies;
  }

  @ParameterizedTest
  @CsvSource({
    "EHLO,451 4.3.0,true",
    "STARTTLS,454 4.3.0,false",
    "AUTH,454 4.7.0,true",
    "MAIL,451 4.3.0,true",
    "RCPT,451 4.3.0,true",
    "DATA,451 4.3.0,true",
    "DATA,451 4.3.0,false",
    "END_OF_DATA,451 4.3.0,true",
    "QUIT,451 4.3.0,true"
  })
  void aCommandFailsForAWhileAsOftenAsTold(
      Stage stage, String reply, boolean overTls, MailFixture mail) throws IOException {
    mail.inject(Fault.tempFail(stage, 2));
    for (int i = 0; i < 2; i++) {
      assertThat(session(mail, overTls)).anyMatch(line -> line.startsWith(stage + " " + reply));
    }
    assertThat(session(mail, overTls)).noneMatch(line -> line.startsWith(stage + " 4"));
    assertThat(mail.transcript()).contains("C: QUIT").noneMatch(line -> line.contains("NOOP"));
  }

  @Test
  void aConnectionIsRefusedForAWhile(MailFixture mail) throws IOException {
    mail.inject(Fault.tempFail(Stage.CONNECT));
    try (var client = Conversation.with(mail)) {
      assertThat(client.reply()).startsWith("421 4.3.2");
      assertThat(client.reply()).isNull();
    }
    assertThat(session(mail, false)).noneMatch(line -> line.contains(" 421"));
  }

  @Test
  void whatFailedAtTheEndOfDataWasNotTaken(MailFixture mail) throws IOException {
    mail.inject(Fault.tempFail(Stage.END_OF_DATA));
    try (var client = Conversation.introduced(mail)) {
      assertThat(client.message("bob@example.com", "First")).startsWith("451");
      assertThat(client.message("bob@example.com", "Second")).startsWith("250");
    }
    assertThat(mail.awaitMessage().email().subject()).isEqualTo("Second");
    assertThat(mail.messages()).hasSize(1);
  }

  @ParameterizedTest
  @EnumSource(Stage.class)
  void theConnectionEndsOnceInPlaceOfAReply(Stage stage, MailFixture mail) throws IOException {
    mail.inject(Fault.disconnect(stage));
    boolean overTls = stage != Stage.STARTTLS && stage != Stage.CONNECT;
    assertThatThrownBy(
            () -> {
              var replies = session(mail, overTls);
              if (replies.contains(stage + " null")) {
                throw new IOException("connection ended");
              }
            })
        .isInstanceOf(IOException.class);
    assertThat(session(mail, overTls)).noneMatch(line -> line.endsWith(" null"));
    // The message of a session that failed with QUIT had been taken before.
    int taken = stage == Stage.QUIT ? 2 : 1;
    assertThat(mail.awaitMessages(taken)).hasSize(taken);
  }

  @ParameterizedTest
  @EnumSource(Stage.class)
  void whatIsSlowComesInTheEnd(Stage stage, MailFixture mail) throws IOException {
    mail.inject(Fault.slow(stage, Duration.ofMillis(30)));
    assertThat(session(mail, true)).noneMatch(line -> line.endsWith(" null"));
    assertThat(session(mail, false)).noneMatch(line -> line.endsWith(" null"));
    assertThat(mail.awaitMessages(2)).hasSize(2);
  }

  @Test
  void repliesToPipelinedCommandsStayInOrder(MailFixture mail) throws IOException {
    mail.inject(Fault.tempFail(Stage.DATA));
    mail.inject(Fault.slow(Stage.RCPT, Duration.ofMillis(30)));
    try (var client = Conversation.introduced(mail)) {
      client.send(
          "MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.com>\r\n"
              + "RCPT TO:<cid@example.com>\r\nDATA\r\n");
      assertThat(List.of(client.reply(), client.reply(), client.reply(), client.reply()))
          .containsExactly(
              "250 2.1.0 Sender OK",
              "250 2.1.5 Recipient OK",
              "250 2.1.5 Recipient OK",
              "451 4.3.0 Try again later");
    }
  }

  @Test
  void withoutEnhancedStatusCodesThereAreNoneInFaults() throws IOException {
    try (var mail = MailFixture.builder().withoutExtension("ENHANCEDSTATUSCODES").start()) {
      mail.inject(Fault.tempFail(Stage.MAIL));
      mail.inject(Fault.tempFail(Stage.DATA));
      try (var client = Conversation.introduced(mail)) {
        assertThat(client.say("MAIL FROM:<ann@example.org>")).isEqualTo("451 Try again later");
        assertThat(client.say("MAIL FROM:<ann@example.org>")).startsWith("250");
        client.say("RCPT TO:<bob@example.com>");
        assertThat(client.say("DATA")).isEqualTo("451 Try again later");
      }
    }
  }

  @Test
  void recipientsAreRefusedByPattern(MailFixture mail) throws IOException {
    mail.inject(Fault.reject("gone@*"));
    mail.inject(Fault.mailboxFull("*@full.test"));
    try (var client = Conversation.introduced(mail)) {
      client.say("MAIL FROM:<ann@example.org>");
      for (int i = 0; i < 2; i++) {
        assertThat(client.say("RCPT TO:<gone@example.com>")).startsWith("550 5.1.1");
        assertThat(client.say("RCPT TO:<bob@full.test>")).startsWith("452 4.2.2");
      }
      assertThat(client.say("RCPT TO:<bob@example.com>")).startsWith("250");
    }
  }

  @Test
  void greylistingTurnsEachSenderAndRecipientAwayOnce(MailFixture mail) throws IOException {
    mail.inject(Fault.greylist());
    try (var client = Conversation.introduced(mail)) {
      client.say("MAIL FROM:<ann@example.org>");
      assertThat(client.say("RCPT TO:<bob@example.com>")).startsWith("451 4.7.1");
      assertThat(client.say("RCPT TO:<bob@example.com>")).startsWith("250");
      assertThat(client.say("RCPT TO:<cid@example.com>")).startsWith("451 4.7.1");
      client.say("RSET");
      client.say("MAIL FROM:<eve@example.org>");
      assertThat(client.say("RCPT TO:<bob@example.com>")).startsWith("451 4.7.1");
    }
  }

  @Test
  void noPasswordIsGoodEnough(MailFixture mail) throws IOException {
    try (var client = Conversation.secured(mail)) {
      assertThat(client.login("ann", "wrong")).startsWith("535 5.7.8");
      mail.inject(Fault.authFails());
      assertThat(client.login("ann", "secret")).startsWith("535 5.7.8");
      mail.reset();
      assertThat(client.login("ann", "secret")).startsWith("235");
    }
  }

  @ParameterizedTest
  @EnumSource(BadTls.class)
  void aBadCertificateIsNotTaken(BadTls kind, MailFixture mail) throws IOException {
    try (var client = Conversation.secured(mail)) {
      client.say("QUIT");
    }
    mail.inject(Fault.badTls(kind));
    assertThatThrownBy(() -> Conversation.secured(mail)).isInstanceOf(SSLHandshakeException.class);
    assertThatThrownBy(() -> Conversation.overTls(mail)).isInstanceOf(SSLHandshakeException.class);
    mail.reset();
    Conversation.secured(mail).close();
  }

  @Test
  void aThrottledConnectionStillDelivers(MailFixture mail) throws IOException {
    mail.inject(Fault.throttle(20_000));
    try (var client = Conversation.secured(mail)) {
      assertThat(client.message("bob@example.com", "x".repeat(900))).startsWith("250");
    }
    mail.awaitMessage();
  }

  @Test
  void aFaultWithoutSenseIsRefusedWhenItIsMade() {
    assertThatThrownBy(() -> Fault.tempFail(Stage.MAIL, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Fault.throttle(0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Fault.reject(" ")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Fault.slow(Stage.MAIL, Duration.ofMillis(-1)))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
