package org.unifiedmta.smtp.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.smtp.codec.Extension;
import org.unifiedmta.smtp.server.SmtpListener.Mode;

/** TLS and login. */
class SecureSessionTest {

  private static Dialogue secure() {
    var dialogue = new Dialogue(Dialogue.secureOptions().build(), Mode.IMPLICIT_TLS, true);
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
        S: 250-AUTH PLAIN LOGIN
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-DSN
        S: 250-REQUIRETLS
        S: 250-LIMITS RCPTMAX=1000
        S: 250-FUTURERELEASE 604800 2026-01-09T03:04:05Z
        S: 250-DELIVERBY
        S: 250 MT-PRIORITY
        """);
    return dialogue;
  }

  @Test
  void startTlsForgetsWhatWasSaidBefore() {
    new Dialogue(Dialogue.secureOptions().build(), Mode.STARTTLS, false)
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
            S: 250-STARTTLS
            S: 250-CHUNKING
            S: 250-BINARYMIME
            S: 250-DSN
            S: 250-LIMITS RCPTMAX=1000
            S: 250 MT-PRIORITY
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
            S: 250-AUTH PLAIN LOGIN
            S: 250-CHUNKING
            S: 250-BINARYMIME
            S: 250-DSN
            S: 250-REQUIRETLS
            S: 250-LIMITS RCPTMAX=1000
            S: 250-FUTURERELEASE 604800 2026-01-09T03:04:05Z
            S: 250-DELIVERBY
            S: 250 MT-PRIORITY
            C: STARTTLS
            S: 503 5.5.1 Bad sequence of commands
            """);
  }

  @Test
  void startTlsIsNotOfferedWhereThereIsNoCertificate() {
    Dialogue.greeted(new Dialogue(Dialogue.options().build(), Mode.STARTTLS, false))
        .play(
            """
            C: STARTTLS
            S: 502 5.5.1 Command not implemented
            """);
  }

  @Test
  void whereTlsIsRequiredNothingElseComesBefore() {
    new Dialogue(Dialogue.secureOptions().build(), Mode.REQUIRE_STARTTLS, false)
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
  @ValueSource(strings = {"EHLO client.test", "HELO client.test", "STARTTLS", "AUTH PLAIN", "DATA"})
  void aClientThatDoesNotWaitForTheReplyIsCutOff(String command) {
    Dialogue.greeted(new Dialogue(Dialogue.secureOptions().build(), Mode.STARTTLS, false))
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
  void whatAMechanismNeedsIsThereOrItIsNotOffered() {
    var options =
        Dialogue.secureOptions()
            .without(
                Extension.CHUNKING,
                Extension.DSN,
                Extension.REQUIRETLS,
                Extension.LIMITS,
                Extension.FUTURERELEASE,
                Extension.DELIVERBY,
                Extension.MT_PRIORITY)
            .authMechanisms(List.of("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "EXTERNAL"));
    var dialogue = new Dialogue(options.build(), Mode.IMPLICIT_TLS, true);
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
        S: 250 AUTH SCRAM-SHA-256
        C: AUTH SCRAM-SHA-256-PLUS
        S: 504 5.5.4 Authentication mechanism not supported
        C: AUTH EXTERNAL =
        S: 504 5.5.4 Authentication mechanism not supported
        """);
  }

  @Test
  void loginsInPlainTextAreOfferedOnlyWhereThatWasAskedFor() {
    var options =
        Dialogue.options()
            .authMechanisms(List.of("PLAIN", "SCRAM-SHA-256-PLUS"))
            .authWithoutTls(true)
            .without(
                Extension.CHUNKING,
                Extension.DSN,
                Extension.LIMITS,
                Extension.FUTURERELEASE,
                Extension.DELIVERBY,
                Extension.MT_PRIORITY);
    var dialogue = new Dialogue(options.build(), Mode.PLAIN, true);
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
        S: 250 AUTH PLAIN
        C: AUTH PLAIN AGFubgBzZWNyZXQ=
        S: 235 2.7.0 Authentication succeeded
        """);
  }

  /** RFC 4954 4: "=" is an empty response; to none the server answers with an empty challenge. */
  @Test
  void anEmptyInitialResponseIsNotTheSameAsNone() {
    var options = Dialogue.secureOptions().authMechanisms(List.of("XOAUTH2"));
    var dialogue = new Dialogue(options.build(), Mode.IMPLICIT_TLS, false);
    dialogue.play(
        """
        ! handshake
        ! connect
        S: 220 mx.local.test ESMTP
        C: HELO client.test
        S: 250 mx.local.test
        C: AUTH XOAUTH2
        S: 334 \n\
        C: *
        S: 501 5.7.0 Authentication cancelled
        C: AUTH XOAUTH2 =
        S: 535 5.7.8 Authentication credentials invalid
        """);
  }

  @Test
  void aTokenThatIsRefusedIsToldSoBeforeTheLoginFails() {
    var options = Dialogue.secureOptions().authMechanisms(List.of("XOAUTH2"));
    var dialogue = new Dialogue(options.build(), Mode.IMPLICIT_TLS, false);
    dialogue.play(
        """
        ! handshake
        ! connect
        S: 220 mx.local.test ESMTP
        C: HELO client.test
        S: 250 mx.local.test
        C: AUTH XOAUTH2 dXNlcj1hbm4BYXV0aD1CZWFyZXIgeAEB
        S: 334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiIifQ==
        C: \n\
        S: 535 5.7.8 Authentication credentials invalid
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
    Dialogue.greeted(new Dialogue(Dialogue.secureOptions().build(), Mode.STARTTLS, false))
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
}
