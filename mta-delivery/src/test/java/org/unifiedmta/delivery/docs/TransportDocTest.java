package org.unifiedmta.delivery.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.unifiedmta.delivery.attempt.HttpPost;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.routing.zone.IpPool;
import org.unifiedmta.routing.zone.IpPool.Source;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.security.transport.EgressProxy.HaProxy;
import org.unifiedmta.security.transport.EgressProxy.Socks5;

/** Compiles what docs/transport.md shows, and holds the two together. */
class TransportDocTest {
  /** Whoever has the application's tokens. */
  private static final class Tokens {
    String fresh() {
      return "token";
    }
  }

  @Test
  void everythingThatIsShownIsCompiled() {
    Snippets.areCompiled("docs/transport.md", 3, TransportDocTest.class);
  }

  @Test
  void whatIsShownMakesAServer() {
    var tokens = new Tokens();
    var options =
        OutboundOptions.builder()
            .auth(
                "user",
                "password") // SCRAM-SHA-256, PLAIN or LOGIN; TLS and the certificate are checked
            .connectTimeout(Duration.ofSeconds(10))
            .commandTimeout(Duration.ofMinutes(2))
            .build();
    var byToken = OutboundOptions.builder().token("user@example.com", tokens::fresh).build();
    var lmtp = OutboundOptions.builder().lmtp().build();
    var routes =
        List.of(
            Route.of(
                "relay",
                10,
                Match.any(),
                Action.forward("smtp.example.net", 587).withOptions(options)),
            Route.of(
                "store",
                20,
                Match.recipients("*@example.com"),
                Action.forward("127.0.0.1", 2003).withOptions(lmtp)));
    var pool =
        new IpPool(
            "far",
            List.of(
                Source.of("192.0.2.20").through(new Socks5("10.0.0.5", 1080, "user", "password")),
                Source.of("192.0.2.21").through(new HaProxy("10.0.0.6", 2526))));
    var handler =
        new HttpPost(
            HttpClient.newHttpClient(),
            URI.create("https://app.example.com/mail"),
            Duration.ofSeconds(30));
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname("mail.example.com")
            .domains(DomainConfig.of("example.com"))
            .routes(routes.toArray(Route[]::new))
            .zones(SendingZone.builder("far").pool(pool).build())
            .mailHandler(handler)
            .outbound(byToken)
            .build();
    assertThat(config.outbound().login()).isPresent();
    assertThat(lmtp.protocol()).isEqualTo(OutboundOptions.Protocol.LMTP);
  }
}
