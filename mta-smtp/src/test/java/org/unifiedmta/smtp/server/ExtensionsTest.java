package org.unifiedmta.smtp.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient.Notify;
import org.unifiedmta.smtp.codec.Extension;
import org.unifiedmta.smtp.server.SmtpListener.Mode;
import org.unifiedmta.smtp.server.SmtpListener.Protocol;

/** What the service extensions add to a session. */
class ExtensionsTest {
  private static final InetSocketAddress ADDRESS = new InetSocketAddress("192.0.2.1", 25);

  private static SmtpListener listener() {
    return SmtpListener.of("test", ADDRESS, Mode.PLAIN);
  }

  private static Dialogue ready() {
    return Dialogue.greeted(Dialogue.plain());
  }

  /** RFC 3030 4.2. */
  @Test
  void aMessageMayComeInChunks() {
    var dialogue = ready();
    dialogue.play(
        """
        C> MAIL FROM:<ann@example.org> BODY=BINARYMIME
        S: 250 2.1.0 Sender OK
        C> RCPT TO:<user@local.test>
        S: 250 2.1.5 Recipient OK
        C> BDAT 86
        > 86 octets kept
        S: 250 2.0.0 86 octets received
        C: NOOP
        S: 250 2.0.0 OK
        C> BDAT 0 LAST
        > 0 octets kept
        S: 250 2.0.0 queued
        C: BDAT 5 LAST
        > 5 octets skipped
        S: 503 5.5.1 Send MAIL first
        """);
    assertThat(dialogue.postmaster.mails.getFirst().envelope().body())
        .isEqualTo(Envelope.Body.BINARY_MIME);
  }

  @Test
  void chunksAndDataDoNotMix() {
    ready()
        .play(
            """
            C: BDAT 3
            > 3 octets skipped
            S: 503 5.5.1 Send MAIL first
            C: MAIL FROM:<ann@example.org>
            S: 250 2.1.0 Sender OK
            C: BDAT 3 LAST
            > 3 octets skipped
            S: 554 5.5.1 No valid recipients
            C: RCPT TO:<user@local.test>
            S: 250 2.1.5 Recipient OK
            C: BDAT 3
            > 3 octets kept
            S: 250 2.0.0 3 octets received
            C: DATA
            S: 503 5.5.1 Bad sequence of commands
            C: RCPT TO:<user@local.test>
            S: 503 5.5.1 Bad sequence of commands
            C: MAIL FROM:<ann@example.org>
            S: 503 5.5.1 Sender already given
            C: RSET
            > chunks abandoned
            S: 250 2.0.0 OK
            C: BDAT 0 LAST
            > 0 octets skipped
            S: 503 5.5.1 Send MAIL first
            """);
  }

  @Test
  void aNewGreetingAbandonsChunks() {
    var dialogue = ready();
    dialogue.play(
        """
        C: MAIL FROM:<ann@example.org>
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<user@local.test>
        S: 250 2.1.5 Recipient OK
        C: BDAT 3
        > 3 octets kept
        S: 250 2.0.0 3 octets received
        C: HELO client.test
        > chunks abandoned
        S: 250 mx.local.test
        C: BDAT 1 LAST
        > 1 octets skipped
        S: 503 5.5.1 Send MAIL first
        """);
    assertThat(dialogue.postmaster.mails).isEmpty();
  }

  @Test
  void binaryMailGoesByChunksOnly() {
    ready()
        .play(
            """
            C: MAIL FROM:<ann@example.org> BODY=BINARYMIME
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<user@local.test>
            S: 250 2.1.5 Recipient OK
            C: DATA
            S: 503 5.5.1 BINARYMIME goes by BDAT only
            """);
  }

  @Test
  void aChunkThatIsNotWorthReadingEndsTheSession() {
    ready()
        .play(
            """
            C: BDAT 1001
            S: 552 5.3.4 Message size exceeds the maximum
            S.
            """);
    ready()
        .play(
            """
            C: BDAT x
            S: 501 5.5.4 BDAT <octets> [LAST] expected, closing connection
            S.
            """);
  }

  @Test
  void aRefusedChunkIsRefusedUntilTheLastOne() {
    ready()
        .play(
            """
            C: MAIL FROM:<ann@example.org>
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<user@local.test>
            S: 250 2.1.5 Recipient OK
            ! message too large
            C: BDAT 9
            > 9 octets kept
            S: 552 5.3.4 Message size exceeds the maximum
            C: BDAT 9 LAST
            > 9 octets kept
            S: 552 5.3.4 Message size exceeds the maximum
            C: BDAT 9 LAST
            > 9 octets skipped
            S: 503 5.5.1 Send MAIL first
            """);
  }

  /** RFC 3461 4. */
  @Test
  void whatASenderWantsToHearIsKept() {
    var dialogue = ready();
    dialogue.play(
        """
        C: MAIL FROM:<ann@example.org> RET=HDRS ENVID=QQ314159
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<user@local.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;user+40old.test@local.test
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 End data with <CR><LF>.<CR><LF>
        C: .
        S: 250 2.0.0 queued
        """);
    var envelope = dialogue.postmaster.mails.getFirst().envelope();
    assertThat(envelope.ret()).isEqualTo(Envelope.Ret.HEADERS);
    assertThat(envelope.envelopeId()).isEqualTo("QQ314159");
    var recipient = envelope.recipients().getFirst();
    assertThat(recipient.notifyOn()).isEqualTo(Set.of(Notify.SUCCESS, Notify.DELAY));
    assertThat(recipient.originalRecipient()).isEqualTo("rfc822;user@old.test@local.test");
  }

  /** RFC 4865, RFC 6710, RFC 8689. */
  @Test
  void onlyWhoHasLoggedInMayAskForTime() {
    ready()
        .play(
            """
            C: MAIL FROM:<ann@example.org> REQUIRETLS
            S: 530 5.7.0 REQUIRETLS needs TLS on this session
            C: MAIL FROM:<ann@example.org> HOLDFOR=60
            S: 555 5.5.4 Parameter HOLDFOR not recognized
            C: MAIL FROM:<ann@example.org> BY=60;N
            S: 555 5.5.4 Parameter BY not recognized
            """);
    var dialogue = new Dialogue(Dialogue.secureOptions().build(), Mode.IMPLICIT_TLS, false);
    dialogue.session.secured(
        new org.unifiedmta.security.transport.TlsFacts("TLSv1.3", "x", null, null));
    Dialogue.greeted(dialogue)
        .play(
            """
            C: MAIL FROM:<ann@example.org> HOLDFOR=60
            S: 530 5.7.0 Authentication required
            C: MAIL FROM:<ann@example.org> BY=60;N
            S: 530 5.7.0 Authentication required
            C: MAIL FROM:<ann@example.org> MT-PRIORITY=5
            S: 250 2.1.0 Sender OK
            C: RSET
            S: 250 2.0.0 OK
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            S: 235 2.7.0 Authentication succeeded
            C: MAIL FROM:<ann@example.org> HOLDFOR=604801
            S: 501 5.5.4 The message cannot be held that long
            C: MAIL FROM:<ann@example.org> BY=0;R
            S: 501 5.5.4 BY must be seconds;R or seconds;N
            C: MAIL FROM:<ann@example.org> BY=60;X
            S: 501 5.5.4 BY must be seconds;R or seconds;N
            C: MAIL FROM:<ann@example.org> HOLDFOR=3600 BY=7200;RT MT-PRIORITY=5 REQUIRETLS
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<user@local.test>
            S: 250 2.1.5 Recipient OK
            C: DATA
            S: 354 End data with <CR><LF>.<CR><LF>
            C: .
            S: 250 2.0.0 queued
            """);
    var envelope = dialogue.postmaster.mails.getFirst().envelope();
    assertThat(envelope.holdUntil()).isEqualTo(Instant.parse("2026-01-02T04:04:05Z"));
    assertThat(envelope.deliverBy())
        .isEqualTo(new Envelope.DeliverBy(Instant.parse("2026-01-02T05:04:05Z"), true, true));
    assertThat(envelope.priority()).isEqualTo(5);
    assertThat(envelope.requireTls()).isTrue();
  }

  /** RFC 2033. */
  @Test
  void lmtpHasItsOwnGreetingAndAReplyForEachRecipient() {
    var dialogue = new Dialogue(Dialogue.options().build(), listener().withProtocol(Protocol.LMTP));
    dialogue.play(
        """
        ! connect
        S: 220 mx.local.test LMTP
        C: EHLO client.test
        S: 500 5.5.1 This is LMTP: send LHLO
        C: HELO client.test
        S: 500 5.5.1 This is LMTP: send LHLO
        C: LHLO client.test
        S: 250-mx.local.test
        S: 250-PIPELINING
        S: 250-SIZE 1000
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-LIMITS RCPTMAX=1000
        S: 250 MT-PRIORITY
        C: MAIL FROM:<ann@example.org>
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<nobody@local.test>
        S: 550 5.7.1 Relaying denied
        C: DATA
        S: 503 5.5.1 Bad sequence of commands
        C: RCPT TO:<user@local.test>
        S: 250 2.1.5 Recipient OK
        C: RCPT TO:<postmaster>
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 End data with <CR><LF>.<CR><LF>
        C: .
        S: 250 2.1.5 user@local.test has it
        S: 250 2.1.5 postmaster@ has it
        ! message too large
        C: MAIL FROM:<ann@example.org>
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<user@local.test>
        S: 250 2.1.5 Recipient OK
        C: RCPT TO:<postmaster>
        S: 250 2.1.5 Recipient OK
        C> BDAT 9 LAST
        > 9 octets kept
        S: 552 5.3.4 Message size exceeds the maximum
        S: 552 5.3.4 Message size exceeds the maximum
        C: QUIT
        S: 221 2.0.0 Bye
        S.
        """);
    ready()
        .play(
            """
            C: LHLO client.test
            S: 502 5.5.1 Command not implemented
            """);
  }

  @Test
  void aTrustedPeerSaysWhomItSpeaksFor() {
    var options = Dialogue.options().trustedPeers(peer -> true).build();
    var dialogue = Dialogue.greeted(new Dialogue(options, Mode.PLAIN, false));
    dialogue.play(
        """
        C: XFORWARD NAME=spike.porcupine.org ADDR=168.100.189.2 PROTO=ESMTP
        S: 250 2.0.0 OK
        C: XCLIENT ADDR=198.51.100.7.1
        S: 501 5.5.4 Malformed attribute
        C: XCLIENT PORT=65536
        S: 501 5.5.4 Malformed attribute
        C: XCLIENT ADDR=IPV6:2001:db8::7 PORT=4711 HELO=far.test LOGIN=bob NAME=[UNAVAILABLE]
        S: 220 mx.local.test ESMTP
        C: MAIL FROM:<ann@example.org>
        S: 503 5.5.1 Send EHLO or HELO first
        """);
    var facts = dialogue.session.facts();
    assertThat(facts.remote()).isEqualTo(new InetSocketAddress("2001:db8::7", 4711));
    assertThat(facts.authenticatedUser()).isEqualTo("bob");
    assertThat(facts.helo()).isEqualTo("far.test");
  }

  @Test
  void nobodyElseDoes() {
    var dialogue = ready();
    dialogue.play(
        """
        C: XCLIENT ADDR=10.9.8.7
        S: 502 5.5.1 Command not implemented
        C: XFORWARD ADDR=10.9.8.7
        S: 502 5.5.1 Command not implemented
        """);
    assertThat(dialogue.session.facts().remote()).isEqualTo(ADDRESS);
  }

  @Test
  void aListenerMayOfferLess() {
    var few = listener().withoutExtensions(Extension.CHUNKING, Extension.DSN);
    Dialogue.greeted(new Dialogue(Dialogue.options().build(), few))
        .play(
            """
            C: MAIL FROM:<ann@example.org> RET=FULL
            S: 555 5.5.4 Parameter RET not recognized
            C: BDAT 5 LAST
            > 5 octets skipped
            S: 502 5.5.1 Command not implemented
            """);
  }
}
