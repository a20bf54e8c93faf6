package org.unifiedmta.smtp.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.smtp.codec.Extension;
import org.unifiedmta.smtp.server.SmtpListener.Mode;

class SmtpSessionTest {
  private static final TlsConfig TLS = TlsConfig.selfSigned("mx.local.test");

  private static ServerOptions.Builder options() {
    return ServerOptions.builder("mx.local.test").maxMessageSize(1_000);
  }

  private static ServerOptions.Builder secureOptions() {
    return options().tls(TLS).authMechanisms(List.of("PLAIN", "LOGIN"));
  }

  private static Dialogue plain() {
    return new Dialogue(options().build(), Mode.PLAIN, false);
  }

  /** A session inside TLS that has said EHLO. */
  private static Dialogue secure() {
    var dialogue = new Dialogue(secureOptions().build(), Mode.IMPLICIT_TLS, true);
    dialogue.play(
        """
        ! handshake
        ! connect
        S: 220 mx.local.test ESMTP
        C: EHLO client.test
        S: 250-mx.local.test
        S: 250-PIPELINING
        S: 250-SIZE 1000
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250 AUTH PLAIN LOGIN
        """);
    return dialogue;
  }

  private static Dialogue greeted(Dialogue dialogue) {
    dialogue.play(
        """
        ! connect
        S: 220 mx.local.test ESMTP
        C: HELO client.test
        S: 250 mx.local.test
        """);
    return dialogue;
  }

  @Test
  void aMessageIsTakenForTheRecipientsThatWereAccepted() {
    var dialogue = plain();
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
        S: 250 ENHANCEDSTATUSCODES
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
    plain()
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
    greeted(plain())
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
    greeted(plain())
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
    greeted(plain())
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
    greeted(plain())
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
    greeted(new Dialogue(options().maxRecipients(1).build(), Mode.PLAIN, false))
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
    greeted(plain())
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
    var few = options().without(Extension.SIZE, Extension.SMTPUTF8, Extension.PIPELINING).build();
    new Dialogue(few, Mode.PLAIN, false)
        .play(
            """
            ! connect
            S: 220 mx.local.test ESMTP
            C: EHLO client.test
            S: 250-mx.local.test
            S: 250-8BITMIME
            S: 250 ENHANCEDSTATUSCODES
            C: MAIL FROM:<ann@example.org> SIZE=1
            S: 555 5.5.4 Parameter SIZE not recognized
            """);
  }

  @Test
  void startTlsForgetsWhatWasSaidBefore() {
    new Dialogue(secureOptions().build(), Mode.STARTTLS, false)
        .play(
            """
            ! connect
            S: 220 mx.local.test ESMTP
            C: STARTTLS
            S: 503 5.5.1 Bad sequence of commands
            C: EHLO client.test
            S: 250-mx.local.test
            S: 250-PIPELINING
            S: 250-SIZE 1000
            S: 250-8BITMIME
            S: 250-SMTPUTF8
            S: 250-ENHANCEDSTATUSCODES
            S: 250 STARTTLS
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            S: 538 5.7.11 Encryption required for authentication
            C: STARTTLS
            S: 220 2.0.0 Ready to start TLS
            ! handshake
            C: MAIL FROM:<ann@example.org>
            S: 503 5.5.1 Send EHLO or HELO first
            C: EHLO client.test
            S: 250-mx.local.test
            S: 250-PIPELINING
            S: 250-SIZE 1000
            S: 250-8BITMIME
            S: 250-SMTPUTF8
            S: 250-ENHANCEDSTATUSCODES
            S: 250 AUTH PLAIN LOGIN
            C: STARTTLS
            S: 503 5.5.1 Bad sequence of commands
            """);
  }

  @Test
  void startTlsIsNotOfferedWhereThereIsNoCertificate() {
    greeted(new Dialogue(options().build(), Mode.STARTTLS, false))
        .play(
            """
            C: STARTTLS
            S: 502 5.5.1 Command not implemented
            """);
  }

  @Test
  void whereTlsIsRequiredNothingElseComesBefore() {
    new Dialogue(secureOptions().build(), Mode.REQUIRE_STARTTLS, false)
        .play(
            """
            ! connect
            S: 220 mx.local.test ESMTP
            C: MAIL FROM:<ann@example.org>
            S: 530 5.7.0 Must issue a STARTTLS command first
            C: HELO client.test
            S: 250 mx.local.test
            C: MAIL FROM:<ann@example.org>
            S: 530 5.7.0 Must issue a STARTTLS command first
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            S: 530 5.7.0 Must issue a STARTTLS command first
            C: VRFY ann
            S: 530 5.7.0 Must issue a STARTTLS command first
            C: NOOP
            S: 250 2.0.0 OK
            C: STARTTLS
            S: 220 2.0.0 Ready to start TLS
            ! handshake
            C: HELO client.test
            S: 250 mx.local.test
            C: MAIL FROM:<ann@example.org>
            S: 250 2.1.0 Sender OK
            """);
  }

  @ParameterizedTest
  @ValueSource(strings = {"EHLO client.test", "HELO client.test", "STARTTLS", "AUTH PLAIN"})
  void aClientThatDoesNotWaitForTheReplyIsCutOff(String command) {
    greeted(new Dialogue(secureOptions().build(), Mode.STARTTLS, false))
        .play(
            """
            C> %s
            S: 554 5.5.0 Client must wait for the reply to this command
            S.
            """
                .formatted(command));
  }

  @Test
  void plainLogsIn() {
    var dialogue = secure();
    dialogue.play(
        """
        C: MAIL FROM:<ann@example.org>
        S: 530 5.7.0 Authentication required
        C: AUTH PLAIN AGFubgBzZWNyZXQ=
        S: 235 2.7.0 Authentication succeeded
        C: AUTH PLAIN AGFubgBzZWNyZXQ=
        S: 503 5.5.1 Bad sequence of commands
        C: MAIL FROM:<ann@example.org>
        S: 250 2.1.0 Sender OK
        """);
    assertThat(dialogue.session.facts().authenticatedUser()).isEqualTo("ann");
  }

  @Test
  void loginAsksForNameAndPassword() {
    secure()
        .play(
            """
            C: AUTH LOGIN
            S: 334 VXNlcm5hbWU6
            C: YW5u
            S: 334 UGFzc3dvcmQ6
            C: c2VjcmV0
            S: 235 2.7.0 Authentication succeeded
            """);
  }

  @Test
  void plainWithoutAnInitialResponseIsAskedForIt() {
    secure()
        .play(
            """
            C: AUTH PLAIN
            S: 334 \n\
            C: AGFubgBzZWNyZXQ=
            S: 235 2.7.0 Authentication succeeded
            """);
  }

  @Test
  void aLoginMayBeCancelledOrBroken() {
    secure()
        .play(
            """
            C: AUTH LOGIN
            S: 334 VXNlcm5hbWU6
            C: *
            S: 501 5.7.0 Authentication cancelled
            C: AUTH LOGIN
            S: 334 VXNlcm5hbWU6
            C: !!!
            S: 501 5.5.2 Invalid base64
            C: AUTH PLAIN AAA
            S: 501 5.5.2 Invalid base64
            C: AUTH PLAIN
            S: 334 \n\
            ! long line
            S: 500 5.5.6 Line too long
            C: AUTH CRAM-MD5
            S: 504 5.5.4 Authentication mechanism not supported
            C: NOOP
            S: 250 2.0.0 OK
            """);
  }

  @Test
  void guessingPasswordsEnds() {
    secure()
        .play(
            """
            C: AUTH PLAIN AGFubgB3cm9uZw==
            S: 535 5.7.8 Authentication credentials invalid
            C: AUTH PLAIN AGJvYgB3cm9uZw==
            S: 535 5.7.8 Authentication credentials invalid
            C: AUTH PLAIN cm9vdABhbm4Ac2VjcmV0
            S: 535 5.7.8 Authentication credentials invalid
            C: AUTH PLAIN YW5u
            S: 535 5.7.8 Authentication credentials invalid
            C: AUTH PLAIN AGFubgB3cm9uZw==
            S: 421 4.7.0 Too many errors
            S.
            """);
  }

  @Test
  void noLoginDuringATransaction() {
    greeted(new Dialogue(secureOptions().build(), Mode.STARTTLS, false))
        .play(
            """
            C: MAIL FROM:<ann@example.org>
            S: 250 2.1.0 Sender OK
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            S: 503 5.5.1 Bad sequence of commands
            C: STARTTLS
            S: 503 5.5.1 Bad sequence of commands
            """);
  }

  @Test
  void theHandlerDecides() {
    var dialogue = greeted(plain());
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
    var dialogue = greeted(plain());
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
    var dialogue = plain();
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
    var dialogue = plain();
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
    var dialogue = greeted(new Dialogue(options().maxErrors(3).build(), Mode.PLAIN, false));
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
    greeted(new Dialogue(options().maxCommands(2).build(), Mode.PLAIN, false))
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
    var dialogue = plain();
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
    plain()
        .play(
            """
            ! early input
            S: 554 5.5.1 Client must wait for the greeting
            S.
            """);
  }

  @Test
  void aLineWithoutEndEndsTheSession() {
    greeted(plain())
        .play(
            """
            ! endless line
            S: 500 5.5.2 Line too long
            S.
            """);
  }

  @Test
  void aBareLineFeedInTheDataEndsTheSession() {
    greeted(plain())
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
    greeted(plain())
        .play(
            """
            ! timeout
            S: 421 4.4.2 Timeout, closing connection
            S.
            """);
  }

  @Test
  void anIdleClientIsSentAwayWhenTheServerStops() {
    greeted(plain())
        .play(
            """
            ! stop
            S: 421 4.3.2 Service shutting down
            S.
            """);
  }

  @Test
  void aTransactionMayFinishWhenTheServerStops() {
    var dialogue = greeted(plain());
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
    greeted(plain())
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
    var dialogue = greeted(plain());
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
}
