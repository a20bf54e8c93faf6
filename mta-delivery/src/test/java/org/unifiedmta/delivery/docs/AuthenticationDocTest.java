package org.unifiedmta.delivery.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.inbound.InboundPolicy;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.arc.ArcSealer;
import org.unifiedmta.security.arc.ArcVerifier;
import org.unifiedmta.security.authres.AuthenticationResults;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMVerifier;
import org.unifiedmta.security.dkim.DkimKeyStore;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.dmarc.DmarcVerifier;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.spf.SpfVerifier;

/** Runs what docs/authentication.md shows, and holds the two together. */
class AuthenticationDocTest {
  private final Map<String, String> published = new ConcurrentHashMap<>();

  @Test
  void everythingThatIsShownIsCompiled() {
    Snippets.areCompiled("docs/authentication.md", 8, AuthenticationDocTest.class);
  }

  @Test
  void theVerifiersWorkAlone() throws NoSuchAlgorithmException {
    var dns =
        ZoneResolver.builder()
            .txt("example.org", "v=spf1 ip4:127.0.0.0/8 ip6:::1 -all")
            .txt("_dmarc.example.org", "v=DMARC1; p=reject")
            .build();
    var client = InetAddress.getLoopbackAddress();
    var message = "From: <ann@example.org>\r\n\r\nHello\r\n".getBytes(StandardCharsets.US_ASCII);
    var spf =
        new SpfVerifier(dns)
            .verify(EmailAddress.parse("ann@example.org"), client, "mail.example.org");
    List<DkimResult> dkim = new DKIMVerifier(dns).verify(message);
    DmarcResult dmarc = new DmarcVerifier(dns).verify(Email.parse(message), spf, dkim);
    ArcResult arc =
        new ArcVerifier(dns, Clock.systemUTC(), DKIMVerifier.Policy.rfc8301()).verify(message);
    assertThat(dmarc.action()).isEqualTo(DmarcResult.Action.PASS);
    assertThat(arc).isEqualTo(ArcResult.none());
    assertThat(new String(sealed(message, spf, dkim, dmarc, arc), StandardCharsets.US_ASCII))
        .startsWith("ARC-Seal: a=ed25519-sha256;")
        .contains("ARC-Authentication-Results: i=1; mx.example.com; spf=pass");
  }

  private static byte[] sealed(
      byte[] changed, SpfResult spf, List<DkimResult> dkim, DmarcResult dmarc, ArcResult arc)
      throws NoSuchAlgorithmException {
    var key = KeyPairGenerator.getInstance("Ed25519").generateKeyPair().getPrivate();
    var results = new AuthenticationResults(spf, dkim, arc, dmarc);
    byte[] sealed =
        ArcSealer.builder("lists.example.com", "s1", key)
            .build()
            .seal(changed, "mx.example.com", results.results(), arc);
    return sealed;
  }

  /** Compiled only: it would make a directory. */
  static UnifiedEmailServerConfig.Builder configured(UnifiedEmailServerConfig.Builder config) {
    config.inboundPolicy(InboundPolicy.report()); // or off(), or enforce(), the default
    config.dkimCreator(new DKIMCreator(Path.of("/var/lib/mta/keys")));
    var dkim = DomainConfig.Dkim.standard().withRotation(90); // days
    config.domains(DomainConfig.of("example.com").withDkim(dkim));
    return config;
  }

  /** Compiled only. */
  static void signed(
      UnifiedEmailServerConfig.Builder config, UnifiedEmailServer server, Email email) {
    config.sealDomain("mx.example.com");
    config.signTransportDomain("esp.example.net");
    config.domains(
        DomainConfig.of("example.org")
            .withDkim(DomainConfig.Dkim.standard().withLifetime(Duration.ofDays(14))));
    config.routes(
        Route.of(
            "branch", 10, Match.senders("*@branch.example.org"), Action.process().withDkim(true)));
    server.sendEmail(email, SubmitOptions.builder().dkimDomain("example.org").build());
  }

  @Test
  void whatTheDnsLacksIsToldToWhoeverPublishesIt() {
    var keys = new DKIMCreator(DkimKeyStore.in(StorageManager.inMemory()), Clock.systemUTC());
    try (var server =
        new UnifiedEmailServer(
            UnifiedEmailServerConfig.builder()
                .hostname("mail.example.com")
                .domains(DomainConfig.of("example.com"))
                .dkimCreator(keys)
                .dnsResolver(ZoneResolver.builder().build())
                .build())) {
      server.on(
          MailEvent.KeyNotPublished.class,
          missing -> publish(missing.name(), missing.record())); // of a TXT record
      server.start();
      assertThat(server.awaitQuiet(Duration.ofSeconds(10))).isTrue();
    }
    assertThat(published)
        .containsKeys("default._domainkey.example.com", "default-ed._domainkey.example.com");
  }

  private void publish(String name, String record) {
    published.put(name, record);
  }
}
