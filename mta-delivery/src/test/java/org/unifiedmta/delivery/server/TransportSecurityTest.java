package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMVerifier;
import org.unifiedmta.security.dkim.DkimKeyStore;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.transport.TlsPolicyResolver.Origin;
import org.unifiedmta.security.transport.TlsResults;
import org.unifiedmta.smtp.testing.ScriptedSmtpServer;

/** What domains want TLS to be like, and what becomes of mail where that cannot be had. */
class TransportSecurityTest {
  private static final String POLICY =
      "version: STSv1\r\nmode: %s\r\nmx: %s\r\nmax_age: 604800\r\n";

  private final LinkedBlockingQueue<MailEvent> events = new LinkedBlockingQueue<>();
  private TestCertificate right;
  private TestCertificate wrong;

  @BeforeEach
  void certificates() throws Exception {
    right = TestCertificate.of("mx.far.test");
    wrong = TestCertificate.of("other.test");
  }

  private static ZoneResolver.Builder zone() {
    return ZoneResolver.builder().mx("far.test", 10, "mx.far.test").a("mx.far.test", "127.0.0.1");
  }

  private static ZoneResolver.Builder withSts(ZoneResolver.Builder zone) {
    return zone.txt("_mta-sts.far.test", "v=STSv1; id=1;");
  }

  private static String tlsa(ScriptedSmtpServer host) {
    return "_" + host.port() + "._tcp.mx.far.test";
  }

  private UnifiedEmailServerConfig.Builder config(
      ScriptedSmtpServer host, ZoneResolver.Builder zone, @Nullable String policy) {
    return UnifiedEmailServerConfig.builder()
        .hostname("mail.example.test")
        .shutdownTimeout(Duration.ofSeconds(2))
        .dnsResolver(zone.build())
        .allowPrivateTargets(true)
        .mxPort(host.port())
        .outbound(OutboundOptions.builder().trust(right.trust()).build())
        .policySource(name -> {
          if (policy == null) {
            throw new IOException("no policy there");
          }
          return policy.getBytes(StandardCharsets.US_ASCII);
        });
  }

  private UnifiedEmailServer start(UnifiedEmailServerConfig.Builder config) {
    var server = new UnifiedEmailServer(config.build());
    server.on(MailEvent.AttemptFinished.class, events::add);
    return server.start();
  }

  private MailEvent.AttemptFinished send(UnifiedEmailServer server, Envelope envelope, String text)
      throws InterruptedException {
    var id =
        server.submit(
            envelope,
            new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)),
            SubmitOptions.none());
    while (true) {
      var event = events.poll(10, TimeUnit.SECONDS);
      assertThat(event).as("an attempt").isNotNull();
      if (event instanceof MailEvent.AttemptFinished attempt && attempt.queueId().equals(id)) {
        return attempt; // not one of a report
      }
    }
  }

  private MailEvent.AttemptFinished send(UnifiedEmailServer server) throws InterruptedException {
    return send(
        server,
        Envelope.of("ann@example.test", "bob@far.test"),
        "From: ann@example.test\r\nSubject: x\r\n\r\nx\r\n");
  }

  private static List<TlsResults.Summary> results(UnifiedEmailServer server) {
    return server.tlsResults().of(LocalDate.now(ZoneOffset.UTC));
  }

  private static void isDeferredUnsaid(
      MailEvent.AttemptFinished attempt, ScriptedSmtpServer host, String status) {
    assertThat(attempt.reply().toString()).startsWith("451 " + status);
    assertThat(host.transcripts())
        .allSatisfy(transcript ->
            assertThat(transcript.lines()).noneMatch(line -> line.startsWith("C: MAIL")));
  }

  // ---- DANE, RFC 7672

  @Test
  void aHostWithTheKeyThatItsZoneNamesGetsTheMail() throws Exception {
    try (var host = ScriptedSmtpServer.script().tls(wrong.server()).start();
        var server =
            start(
                config(
                    host,
                    zone().signed("far.test").tlsa(tlsa(host), 3, 1, 1, wrong.keyHash()),
                    null))) {
      var attempt = send(server);
      assertThat(attempt.reply().isPositive()).isTrue();
      assertThat(attempt.session().tlsPolicy()).isEqualTo("dane");
      assertThat(attempt.session().tls().protocol()).isEqualTo("TLSv1.3");
      assertThat(attempt.session().times()).isNotEmpty();
      assertThat(results(server))
          .singleElement()
          .satisfies(summary -> {
            assertThat(summary.origin()).isEqualTo(Origin.TLSA);
            assertThat(summary.successes()).isEqualTo(1);
          });
    }
  }

  @Test
  void aHostWithAnotherKeyGetsNothing() throws Exception {
    try (var host = ScriptedSmtpServer.script().tls(right.server()).start();
        var server =
            start(
                config(
                    host,
                    zone().signed("far.test").tlsa(tlsa(host), 3, 1, 1, wrong.keyHash()),
                    null))) {
      isDeferredUnsaid(send(server), host, "4.7.5");
      assertThat(results(server).getFirst().failures().keySet())
          .extracting(failure -> failure.type().keyword())
          .containsExactly("validation-failure");
    }
  }

  @Test
  void aHostThatHasRecordsAndNoTlsGetsNothing() throws Exception {
    for (int usage : new int[] {1, 3}) {
      try (var host = ScriptedSmtpServer.script().start();
          var server =
              start(
                  config(
                      host,
                      zone().signed("far.test").tlsa(tlsa(host), usage, 1, 1, wrong.keyHash()),
                      null))) {
        isDeferredUnsaid(send(server), host, "4.7.5");
      }
    }
  }

  @Test
  void recordsThatSpeakOfPublicAuthoritiesAskForEncryptionOnly() throws Exception {
    try (var host = ScriptedSmtpServer.script().tls(wrong.server()).start();
        var server =
            start(
                config(
                    host,
                    zone().signed("far.test").tlsa(tlsa(host), 1, 1, 1, right.keyHash()),
                    null))) {
      var attempt = send(server);
      assertThat(attempt.reply().isPositive()).isTrue();
      assertThat(attempt.session().tlsPolicy()).isEqualTo("encrypted");
    }
  }

  @Test
  void recordsThatCannotBeHadKeepTheMail() throws Exception {
    try (var host = ScriptedSmtpServer.script().tls(right.server()).start();
        var server =
            start(
                config(
                    host,
                    zone().signed("far.test").fail(tlsa(host), "TLSA", Status.SERVFAIL),
                    null))) {
      isDeferredUnsaid(send(server), host, "4.7.5");
      assertThat(host.transcripts()).isEmpty();
    }
  }

  @Test
  void recordsBehindMxThatAnybodyCouldHaveForgedAreNotAskedFor() throws Exception {
    try (var host = ScriptedSmtpServer.script().tls(right.server()).start();
        var server =
            start(
                config(
                    host,
                    zone().signed("mx.far.test").tlsa(tlsa(host), 3, 1, 1, wrong.keyHash()),
                    null))) {
      var attempt = send(server);
      assertThat(attempt.reply().isPositive()).isTrue();
      assertThat(attempt.session().tlsPolicy()).isEqualTo("opportunistic");
    }
  }

  // ---- MTA-STS, RFC 8461

  @Test
  void anEnforcedPolicyIsMetByTheRightCertificate() throws Exception {
    try (var host = ScriptedSmtpServer.script().tls(right.server()).start();
        var server =
            start(config(host, withSts(zone()), POLICY.formatted("enforce", "*.far.test")))) {
      var attempt = send(server);
      assertThat(attempt.reply().isPositive()).isTrue();
      assertThat(attempt.session().tlsPolicy()).isEqualTo("verified");
      assertThat(results(server).getFirst().policy()).contains("mode: enforce");
    }
  }

  @Test
  void anEnforcedPolicyIsMetByNothingElse() throws Exception {
    for (var tls : new @Nullable TestCertificate[] {null, wrong}) {
      var script = ScriptedSmtpServer.script();
      try (var host = (tls == null ? script : script.tls(tls.server())).start();
          var server =
              start(config(host, withSts(zone()), POLICY.formatted("enforce", "mx.far.test")))) {
        isDeferredUnsaid(send(server), host, "4.7.5");
      }
    }
  }

  @Test
  void aHostThatThePolicyDoesNotNameIsNotDialled() throws Exception {
    try (var host = ScriptedSmtpServer.script().tls(right.server()).start();
        var server =
            start(config(host, withSts(zone()), POLICY.formatted("enforce", "mx2.far.test")))) {
      isDeferredUnsaid(send(server), host, "4.7.5");
      assertThat(host.transcripts()).isEmpty();
    }
  }

  @Test
  void aHostThatIsDownDoesNotHideWhatAnotherOneLacks() throws Exception {
    var zone = withSts(zone()).a("mx.far.test", "127.0.0.99"); // nobody there
    try (var host = ScriptedSmtpServer.script().tls(wrong.server()).start();
        var server = start(config(host, zone, POLICY.formatted("enforce", "mx.far.test")))) {
      isDeferredUnsaid(send(server), host, "4.7.5");
    }
  }

  @Test
  void aPolicyOnTrialOnlyCounts() throws Exception {
    try (var host = ScriptedSmtpServer.script().tls(wrong.server()).start();
        var server =
            start(config(host, withSts(zone()), POLICY.formatted("testing", "mx.far.test")))) {
      var attempt = send(server);
      assertThat(attempt.reply().isPositive()).isTrue();
      assertThat(attempt.session().tls()).isNotNull();
      assertThat(attempt.session().tlsPolicy()).isEqualTo("opportunistic");
      assertThat(results(server).getFirst().failures().keySet())
          .extracting(failure -> failure.type().keyword())
          .containsExactly("certificate-not-trusted");
    }
  }

  @Test
  void aPolicyThatCannotBeFetchedIsCountedAndMailGoesOn() throws Exception {
    try (var host = ScriptedSmtpServer.script().tls(wrong.server()).start();
        var server = start(config(host, withSts(zone()), null))) {
      assertThat(send(server).reply().isPositive()).isTrue();
      assertThat(results(server))
          .anySatisfy(summary ->
              assertThat(summary.failures().keySet())
                  .extracting(failure -> failure.type().keyword())
                  .containsExactly("sts-policy-fetch-error"));
    }
  }

  /** RFC 8461 2. */
  @Test
  void whereBothSpeakDaneDecides() throws Exception {
    var zone = withSts(zone()).signed("far.test");
    try (var host = ScriptedSmtpServer.script().tls(wrong.server()).start();
        var server =
            start(
                config(
                    host,
                    zone.tlsa(tlsa(host), 3, 1, 1, wrong.keyHash()),
                    POLICY.formatted("enforce", "mx2.far.test")))) {
      assertThat(send(server).session().tlsPolicy()).isEqualTo("dane");
    }
  }

  // ---- without a policy

  @Test
  void brokenTlsIsTriedOnceAndThenLeftAloneForAWhile() throws Exception {
    try (var host =
            ScriptedSmtpServer.script()
                .tls(right.server())
                .reply("STARTTLS", "454 4.7.0 not now")
                .start();
        var server = start(config(host, zone(), null))) {
      assertThat(send(server).session().tlsPolicy()).isEqualTo("none");
      assertThat(send(server).session().tlsPolicy()).isEqualTo("none");
      var said =
          host.transcripts().stream().flatMap(transcript -> transcript.lines().stream()).toList();
      assertThat(said).filteredOn(line -> line.equals("C: STARTTLS")).hasSize(1);
      assertThat(host.messages()).hasSize(2);
      // One session that failed; the plain ones behind it are no further failures.
      assertThat(results(server).getFirst().failures().values()).containsExactly(1L);
    }
  }

  // ---- RFC 8689

  private static Envelope requiringTls() {
    var envelope = Envelope.of("ann@example.test", "bob@far.test");
    return new Envelope(
        envelope.mailFrom(),
        envelope.recipients(),
        null,
        Envelope.Ret.UNSET,
        Envelope.Body.SEVEN_BIT,
        false,
        true,
        0,
        null,
        null);
  }

  @Test
  void whatRequiresTlsGoesOnlyWhereSomebodyVouchesForTheHost() throws Exception {
    var script = ScriptedSmtpServer.script().extensions("REQUIRETLS").tls(right.server());
    try (var host = script.start()) {
      try (var server = start(config(host, zone(), null))) {
        assertThat(send(server, requiringTls(), "Subject: x\r\n\r\nx\r\n").reply().toString())
            .startsWith("550 5.7.30");
        assertThat(host.transcripts()).isEmpty();
      }
      var enforced = POLICY.formatted("enforce", "mx.far.test");
      try (var server = start(config(host, withSts(zone()), enforced))) {
        assertThat(send(server, requiringTls(), "Subject: x\r\n\r\nx\r\n").reply().isPositive())
            .isTrue();
      }
      try (var server = start(config(host, zone().signed("far.test"), null))) {
        var attempt = send(server, requiringTls(), "Subject: x\r\n\r\nx\r\n");
        assertThat(attempt.reply().isPositive()).isTrue();
        assertThat(attempt.session().tlsPolicy()).isEqualTo("verified");
      }
    }
  }

  @Test
  void anAuthorWhoWouldRatherHaveItArriveIsHeard() throws Exception {
    try (var host = ScriptedSmtpServer.script().tls(wrong.server()).start();
        var server =
            start(config(host, withSts(zone()), POLICY.formatted("enforce", "mx2.far.test")))) {
      var attempt =
          send(
              server,
              Envelope.of("ann@example.test", "bob@far.test"),
              "Subject: x\r\nTLS-Required: No\r\n\r\nx\r\n");
      assertThat(attempt.reply().isPositive()).isTrue();
    }
  }

  // ---- hosts that take seven bits, RFC 6152 3

  private static final String EIGHT_BIT =
      "From: ann@example.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
          + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
          + "hello dörte, hello, hello\r\n";

  private static Envelope eightBit() {
    return Envelope.of("ann@example.test", "bob@far.test").withBody(Envelope.Body.EIGHT_BIT_MIME);
  }

  @Test
  void ourSignaturesAreMadeAnewForWhatIsEncodedOnTheWay() throws Exception {
    var keys = new DKIMCreator(DkimKeyStore.in(StorageManager.inMemory()), Clock.systemUTC());
    keys.handleDKIMKeysForDomain("example.test");
    var record = keys.getDNSRecordForDomain("example.test");
    var zone = zone().txt(record.name(), record.value());
    try (var host = ScriptedSmtpServer.script().extensions("SIZE").start();
        var server = start(config(host, zone, null).dkimCreator(keys))) {
      assertThat(send(server, eightBit(), EIGHT_BIT).reply().isPositive()).isTrue();
      var message = host.messages().getFirst();
      assertThat(new String(message, StandardCharsets.US_ASCII))
          .contains("Content-Transfer-Encoding: quoted-printable", "d=C3=B6rte")
          .containsOnlyOnce("DKIM-Signature:");
      assertThat(new DKIMVerifier(zone.build()).verify(message))
          .extracting(DkimResult::status)
          .containsExactly(DkimResult.Status.PASS);
    }
  }

  /** He could have us sign in anybody's name. */
  @Test
  void whoOnlyWritesASignatureOfOursDoesNotGetOne() throws Exception {
    var keys = new DKIMCreator(DkimKeyStore.in(StorageManager.inMemory()), Clock.systemUTC());
    keys.handleDKIMKeysForDomain("example.test");
    try (var host = ScriptedSmtpServer.script().extensions("SIZE").start();
        var server = start(config(host, zone(), null).dkimCreator(keys))) {
      var forged =
          "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.test; s=default;\r\n"
              + "\th=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=eA==\r\n"
              + EIGHT_BIT;
      for (var message : List.of(forged, forged.replace("ann@example.test", "eve@evil.test"))) {
        assertThat(send(server, eightBit(), message).reply().toString()).startsWith("554 5.6.3");
      }
      assertThat(host.messages()).isEmpty();
    }
  }

  @Test
  void whatSomebodyElseHasSignedComesBack() throws Exception {
    try (var host = ScriptedSmtpServer.script().extensions("SIZE").start();
        var server = start(config(host, zone(), null))) {
      var signed =
          "DKIM-Signature: v=1; a=rsa-sha256; d=far.test; s=x; h=from; bh=x; b=x\r\n" + EIGHT_BIT;
      assertThat(send(server, eightBit(), signed).reply().toString()).startsWith("554 5.6.3");
      assertThat(host.messages()).isEmpty();
    }
  }
}
