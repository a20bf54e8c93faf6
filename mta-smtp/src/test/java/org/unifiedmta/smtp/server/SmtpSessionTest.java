package org.unifiedmta.smtp.server;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.smtp.codec.Extension;
import org.unifiedmta.smtp.server.SmtpListener.Mode;

class SmtpSessionTest {

  /** A session inside TLS that has said EHLO. */
  @Test
  void aMessageIsTakenForTheRecipientsThatWereAccepted() {
    var dialogue = Dialogue.plain();
    dialogue.play(
        """
        ! connect
        S: 220 mx.local.test ESMTP
        C: EHLO client.test
        S: 250-mx.local.test
        S: 250-PIPELINING
        S: 250-SIZE 1000
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-DSN
        S: 250-LIMITS RCPTMAX=1000
        S: 250 MT-PRIORITY
        C> MAIL FROM:<ann@example.org> SIZE=500 BODY=8BITMIME
        S: 250 2.1.0 Sender OK
        C> RCPT TO:<user@local.test>
        S: 250 2.1.5 Recipient OK
        C> RCPT TO:<bob@example.com>
        S: 550 5.7.1 Relaying denied
        C: DATA
        S: 354 End data with <CR><LF>.<CR><LF>
        C: Subject: x
        C: .
        S: 250 2.0.0 queued
        C: QUIT
        S: 221 2.0.0 Bye
        S.
        """);
    var envelope = dialogue.postmaster.mails.getFirst().envelope();
    assertThat(envelope)
        .isEqualTo(
            Envelope.of("ann@example.org", "user@local.test")
                .withBody(Envelope.Body.EIGHT_BIT_MIME));
  }

  @Test
  void commandsHaveTheirTurn() {
    Dialogue.plain()
        .play(
            """
            ! connect
            S: 220 mx.local.test ESMTP
            C: MAIL FROM:<ann@example.org>
            S: 503 5.5.1 Send EHLO or HELO first
            C: HELO client.test
            S: 250 mx.local.test
            C: RCPT TO:<user@local.test>
            S: 503 5.5.1 Send MAIL first
            C: DATA
            S: 503 5.5.1 Send MAIL first
            C: MAIL FROM:<>
            S: 250 2.1.0 Sender OK
            C: MAIL FROM:<bob@example.org>
            S: 503 5.5.1 Sender already given
            C: DATA
            S: 554 5.5.1 No valid recipients
            C: RCPT TO:<postmaster>
            S: 250 2.1.5 Recipient OK
            C: RSET
            S: 250 2.0.0 OK
            C: RCPT TO:<postmaster>
            S: 503 5.5.1 Send MAIL first
            """);
  }

  @Test
  void helloForgetsTheTransaction() {
    Dialogue.greeted(Dialogue.plain())
        .play(
            """
            C: MAIL FROM:<ann@example.org>
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<user@local.test>
            S: 250 2.1.5 Recipient OK
            C: HELO again.test
            S: 250 mx.local.test
            C: DATA
            S: 503 5.5.1 Send MAIL first
            """);
  }

  @Test
  void nothingIsToldAboutUsers() {
    Dialogue.greeted(Dialogue.plain())
        .play(
            """
            C: VRFY user
            S: 252 2.1.5 Cannot verify, but will take mail and try
            C: EXPN staff
            S: 502 5.5.1 Command not implemented
            C: HELP
            S: 214 2.0.0 See RFC 5321
            C: NOOP
            S: 250 2.0.0 OK
            """);
  }

  @Test
  void whatIsTooLargeIsRefusedAsSoonAsItIsKnown() {
    Dialogue.greeted(Dialogue.plain())
        .play(
            """
            C: MAIL FROM:<ann@example.org> SIZE=1001
            S: 552 5.3.4 Message size exceeds the maximum
            C: MAIL FROM:<ann@example.org> SIZE=1000
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<user@local.test>
            S: 250 2.1.5 Recipient OK
            C: DATA
            S: 354 End data with <CR><LF>.<CR><LF>
            ! message too large
            C: .
            S: 552 5.3.4 Message size exceeds the maximum
            C: MAIL FROM:<ann@example.org>
            S: 250 2.1.0 Sender OK
            """);
  }

  @Test
  void aFullSpoolIsSaidBeforeTheDataAndTheTransactionStays() {
    Dialogue.greeted(Dialogue.plain())
        .play(
            """
            C: MAIL FROM:<ann@example.org>
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<user@local.test>
            S: 250 2.1.5 Recipient OK
            ! spool full
            C: DATA
            S: 452 4.3.1 Insufficient storage, try later
            C: DATA
            S: 452 4.3.1 Insufficient storage, try later
            """);
  }

  @Test
  void theRecipientBeyondTheBoundMayComeLater() {
    Dialogue.greeted(new Dialogue(Dialogue.options().maxRecipients(1).build(), Mode.PLAIN, false))
        .play(
            """
            C: MAIL FROM:<ann@example.org>
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<user@local.test>
            S: 250 2.1.5 Recipient OK
            C: RCPT TO:<postmaster>
            S: 452 4.5.3 Too many recipients
            C: DATA
            S: 354 End data with <CR><LF>.<CR><LF>
            C: .
            S: 250 2.0.0 queued
            """);
  }

  @Test
  void anInternationalAddressNeedsSmtpUtf8() {
    Dialogue.greeted(Dialogue.plain())
        .play(
            """
            C: MAIL FROM:<dörte@example.org>
            S: 553 5.6.7 Address needs SMTPUTF8
            C: MAIL FROM:<ann@example.org>
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<dörte@local.test>
            S: 553 5.6.7 Address needs SMTPUTF8
            C: RSET
            S: 250 2.0.0 OK
            C: MAIL FROM:<dörte@example.org> SMTPUTF8
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<dörte@local.test>
            S: 550 5.7.1 Relaying denied
            """);
  }

  @Test
  void anExtensionThatIsSwitchedOffIsNotOffered() {
    var few =
        Dialogue.options()
            .without(
                Extension.SIZE,
                Extension.SMTPUTF8,
                Extension.PIPELINING,
                Extension.CHUNKING,
                Extension.LIMITS,
                Extension.MT_PRIORITY)
            .build();
    new Dialogue(few, Mode.PLAIN, false)
        .play(
            """
            ! connect
            S: 220 mx.local.test ESMTP
            C: EHLO client.test
            S: 250-mx.local.test
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250 DSN
            C: MAIL FROM:<ann@example.org> SIZE=1
            S: 555 5.5.4 Parameter SIZE not recognized
            """);
  }

  @Test
  void theHandlerDecides() {
    var dialogue = Dialogue.greeted(Dialogue.plain());
    dialogue.postmaster.onMail = () -> Answer.reply(450, "4.2.0", "Greylisted");
    dialogue.play(
        """
        C: MAIL FROM:<ann@example.org>
        S: 450 4.2.0 Greylisted
        C: RCPT TO:<user@local.test>
        S: 503 5.5.1 Send MAIL first
        """);
    dialogue.postmaster.onMail = () -> Answer.reply(250, "2.1.0", "Hello again");
    dialogue.postmaster.onMessage = () -> Verdict.reply(550, "5.7.1", "Spam");
    dialogue.play(
        """
        C: MAIL FROM:<ann@example.org>
        S: 250 2.1.0 Hello again
        C: RCPT TO:<user@local.test>
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 End data with <CR><LF>.<CR><LF>
        C: .
        S: 550 5.7.1 Spam
        """);
    dialogue.postmaster.onMail = () -> new Answer.Now(new Verdict.Disconnect(Replies.LOCAL_ERROR));
    dialogue.play(
        """
        C: MAIL FROM:<ann@example.org>
        S: 451 4.3.0 Local error in processing, try later
        S.
        """);
  }

  @Test
  void aHandlerThatForgetsToAnswerAMessageHasNotTakenIt() {
    var dialogue = Dialogue.greeted(Dialogue.plain());
    dialogue.postmaster.onMessage = Verdict::proceed;
    dialogue.play(
        """
        C: MAIL FROM:<ann@example.org>
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<user@local.test>
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 End data with <CR><LF>.<CR><LF>
        C: .
        S: 451 4.3.0 Local error in processing, try later
        """);
  }

  @Test
  void aRefusedClientMayOnlyLeave() {
    var dialogue = Dialogue.plain();
    dialogue.postmaster.onConnect = () -> Answer.reply(554, "5.7.1", "Not you");
    dialogue.play(
        """
        ! connect
        S: 554 5.7.1 Not you
        C: EHLO client.test
        S: 503 5.5.1 Bad sequence of commands
        C: QUIT
        S: 221 2.0.0 Bye
        S.
        """);
  }

  @Test
  void aReplyThatSaysTheChannelClosesClosesIt() {
    var dialogue = Dialogue.plain();
    dialogue.postmaster.onConnect = () -> Answer.reply(421, "4.7.0", "Too many of you");
    dialogue.play(
        """
        ! connect
        S: 421 4.7.0 Too many of you
        S.
        """);
  }

  @Test
  void errorsAreCountedButRefusedRecipientsAreNot() {
    var dialogue =
        Dialogue.greeted(new Dialogue(Dialogue.options().maxErrors(3).build(), Mode.PLAIN, false));
    dialogue.play(
        """
        C: MAIL FROM:<ann@example.org>
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<a@example.com>
        S: 550 5.7.1 Relaying denied
        C: RCPT TO:<b@example.com>
        S: 550 5.7.1 Relaying denied
        C: DATA
        S: 554 5.5.1 No valid recipients
        C: FOO
        S: 500 5.5.1 Command not recognized
        ! long line
        S: 500 5.5.2 Line too long
        C: EHLO
        S: 421 4.7.0 Too many errors
        S.
        """);
  }

  @Test
  void aSessionHasAnEnd() {
    Dialogue.greeted(new Dialogue(Dialogue.options().maxCommands(2).build(), Mode.PLAIN, false))
        .play(
            """
            C: NOOP
            S: 250 2.0.0 OK
            C: NOOP
            S: 421 4.7.0 Too many commands
            S.
            """);
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET / HTTP/1.1", "POST / HTTP/1.1"})
  void aBrowserIsSentAway(String request) {
    var dialogue = Dialogue.plain();
    dialogue.play(
        """
        ! connect
        S: 220 mx.local.test ESMTP
        C> %s
        S: 554 5.5.1 This is an SMTP server
        S.
        """
            .formatted(request));
  }

  @Test
  void whoSpeaksBeforeTheGreetingIsSentAway() {
    Dialogue.plain()
        .play(
            """
            ! early input
            S: 554 5.5.1 Client must wait for the greeting
            S.
            """);
  }

  @Test
  void aLineWithoutEndEndsTheSession() {
    Dialogue.greeted(Dialogue.plain())
        .play(
            """
            ! endless line
            S: 500 5.5.2 Line too long
            S.
            """);
  }

  @Test
  void aBareLineFeedInTheDataEndsTheSession() {
    Dialogue.greeted(Dialogue.plain())
        .play(
            """
            C: MAIL FROM:<ann@example.org>
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<user@local.test>
            S: 250 2.1.5 Recipient OK
            C: DATA
            S: 354 End data with <CR><LF>.<CR><LF>
            ! bare LF in the data
            S: 521 5.5.2 Bare CR, bare LF or NUL in the message, closing connection
            S.
            """);
  }

  @Test
  void aSlowClientIsTold() {
    Dialogue.greeted(Dialogue.plain())
        .play(
            """
            ! timeout
            S: 421 4.4.2 Timeout, closing connection
            S.
            """);
  }

  @Test
  void anIdleClientIsSentAwayWhenTheServerStops() {
    Dialogue.greeted(Dialogue.plain())
        .play(
            """
            ! stop
            S: 421 4.3.2 Service shutting down
            S.
            """);
  }

  @Test
  void aTransactionMayFinishWhenTheServerStops() {
    var dialogue = Dialogue.greeted(Dialogue.plain());
    dialogue.play(
        """
        C: MAIL FROM:<ann@example.org>
        S: 250 2.1.0 Sender OK
        ! stop
        C: RCPT TO:<user@local.test>
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 End data with <CR><LF>.<CR><LF>
        C: .
        S: 250 2.0.0 queued
        S: 421 4.3.2 Service shutting down
        S.
        """);
    assertThat(dialogue.postmaster.mails).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"RSET", "EHLO client.test"})
  void aTransactionThatIsGivenUpWhenTheServerStopsIsTheLast(String command) {
    Dialogue.greeted(Dialogue.plain())
        .play(
            """
            C: MAIL FROM:<ann@example.org>
            S: 250 2.1.0 Sender OK
            ! stop
            C: %s
            S: 421 4.3.2 Service shutting down
            S.
            """
                .formatted(command));
  }

  @Test
  void recipientsKeepTheirOrder() {
    var dialogue = Dialogue.greeted(Dialogue.plain());
    dialogue.play(
        """
        C: MAIL FROM:<>
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<user@local.test>
        S: 250 2.1.5 Recipient OK
        C: RCPT TO:<postmaster>
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 End data with <CR><LF>.<CR><LF>
        C: .
        S: 250 2.0.0 queued
        """);
    assertThat(dialogue.postmaster.mails.getFirst().envelope().recipients())
        .extracting(Recipient::address)
        .extracting(Object::toString)
        .containsExactly("user@local.test", "postmaster@");
  }

  @Test
  void aClientThatPipelinesIsNotBlamedForWhatItCouldNotKnow() {
    var dialogue =
        Dialogue.greeted(new Dialogue(Dialogue.options().maxErrors(1).build(), Mode.PLAIN, false));
    dialogue.postmaster.onMail = () -> Answer.reply(450, "4.2.0", "Greylisted");
    dialogue.play(
        """
        C> MAIL FROM:<ann@example.org>
        S: 450 4.2.0 Greylisted
        C> RCPT TO:<user@local.test>
        S: 503 5.5.1 Send MAIL first
        C: DATA
        S: 503 5.5.1 Send MAIL first
        C: NOOP
        S: 250 2.0.0 OK
        """);
  }
}
