package org.unifiedmta.delivery.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.LocalDate;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.routing.zone.Claims;
import org.unifiedmta.routing.zone.DestinationPolicy;
import org.unifiedmta.routing.zone.IpPool;
import org.unifiedmta.routing.zone.IpPool.Source;
import org.unifiedmta.routing.zone.IpPool.Warmup;
import org.unifiedmta.routing.zone.Rate;
import org.unifiedmta.routing.zone.Receivers;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.routing.zone.SmartHost;

/** Runs what docs/zones.md shows, and holds the two together. */
class ZonesDocTest {
  @Test
  void everythingThatIsShownIsCompiled() {
    Snippets.areCompiled("docs/zones.md", 2, ZonesDocTest.class);
  }

  @Test
  void zonesAndReceiversAreConfigured() {
    var config = UnifiedEmailServerConfig.builder().hostname("mail.example.com");
    var pool =
        new IpPool(
            "news",
            List.of(
                Source.of("192.0.2.10").withShare(3), // three messages of four
                Source.of("192.0.2.11")
                    .withHeloName("out11.example.com")
                    .withWarmup(new Warmup(LocalDate.of(2026, 3, 1), 50, 1.5)))); // 50 a day × 1.5
    var news =
        SendingZone.builder("news")
            .pool(pool)
            .connections(50)
            .rate(Rate.parse("2000/hour"))
            .claims(Claims.none().withSenderDomains("news.example.com"))
            .destination("google", DestinationPolicy.builder().connections(5).build())
            .build();
    var partner =
        SendingZone.builder("partner")
            .smartHost(SmartHost.of("smart.example.net", 587)) // in place of MX hosts
            .claims(Claims.none().withRecipientDomains("partner.example"))
            .build();
    config.zones(news, partner);
    var own =
        Receivers.parse(
            """
            receiver example
            hosts mx.example.org example.net          # MX hosts, or domains that they are in
            connections 10
            messages-per-connection 50
            messages 1000/hour
            recipients 5000/day
            on "*too many connections*" connections 1 for 1h after 2/hour
            on "*4.7.28*" slow 10/min for 30m
            on "*come back tomorrow*" suspend for 4h
            on "*is on our block list*" rest-source for 4h
            """);
    config.receivers(Receivers.standard().with(own));
    var built = config.build();
    assertThat(built.zones()).containsExactly(news, partner);
    assertThat(built.receivers().behind(List.of("a.mx.example.org")).name()).isEqualTo("example");
    assertThat(built.receivers().behind(List.of("aspmx.l.google.com")).name()).isEqualTo("google");
  }
}
