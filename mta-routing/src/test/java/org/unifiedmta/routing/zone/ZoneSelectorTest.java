package org.unifiedmta.routing.zone;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.email.Headers;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.domain.DomainRegistry;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.EmailContext;
import org.unifiedmta.routing.route.EmailRouter;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;

class ZoneSelectorTest {
  private static final List<SendingZone> ZONES =
      List.of(
          zone("first", Claims.none().withRoutingHeader("X-User-Id", "123")),
          zone("senders", Claims.none().withSenderDomains("sender.test", "both.test")),
          zone("recipients", Claims.none().withRecipientDomains("rcpt.test", "bücher.test")),
          zone("origins", Claims.none().withOriginAddresses("192.0.2.0/24", "2001:db8::1")),
          zone(
              "late",
              Claims.none()
                  .withRoutingHeader("x-user-id", "123")
                  .withRoutingHeader("X-Class", "Bulk")
                  .withSenderDomains("both.test")));

  private static SendingZone zone(String name, Claims claims) {
    return SendingZone.builder(name).claims(claims).build();
  }

  private static EmailContext context(String header, String sender, String client, boolean login) {
    var section = header == null ? "" : header.replace("|", "\r\n") + "\r\n";
    return EmailContext.builder()
        .sender(sender)
        .recipients("ann@rcpt.test")
        .clientIp(Objects.requireNonNull(Literals.ip(client)))
        .authenticated(login)
        .headers(Headers.of(HeaderSection.of((section + "\r\n").getBytes(StandardCharsets.UTF_8))))
        .build();
  }

  @ParameterizedTest
  @CsvSource({
    "X-Sending-Zone: origins, x@sender.test, 203.0.113.1, true, ann@rcpt.test, origins",
    "X-SENDING-zone:  ORIGINS , x@sender.test, 203.0.113.1, true, ann@rcpt.test, origins",
    "X-Sending-Zone: origins, x@sender.test, 203.0.113.1, false, ann@rcpt.test, senders",
    "X-Sending-Zone: unknown, x@sender.test, 203.0.113.1, true, ann@rcpt.test, senders",
    "X-Sending-Zone: default, x@sender.test, 203.0.113.1, true, ann@rcpt.test, default",
    "x-user-id: 123, x@sender.test, 203.0.113.1, false, ann@rcpt.test, first",
    "X-User-ID: 1234, x@sender.test, 203.0.113.1, false, ann@rcpt.test, senders",
    "X-Class: bulk|X-User-Id: 123, x@sender.test, 203.0.113.1, false, ann@rcpt.test, first",
    "X-Class: BULK, x@sender.test, 203.0.113.1, false, ann@rcpt.test, late",
    "From: A <a@sender.test>, x@else.test, 203.0.113.1, false, ann@else.test, senders",
    "From: A <a@else.test>, x@sender.test, 203.0.113.1, false, ann@else.test, default",
    "From: nobody, x@sender.test, 203.0.113.1, false, ann@else.test, senders",
    "From: A <a@BOTH.test>, x@else.test, 203.0.113.1, false, ann@else.test, senders",
    ", x@else.test, 192.0.2.7, false, ann@rcpt.test, recipients",
    ", x@else.test, 192.0.2.7, false, ann@xn--bcher-kva.test, recipients",
    ", x@else.test, 192.0.2.7, false, ann@else.test, origins",
    ", x@else.test, 2001:db8::1, false, ann@else.test, origins",
    ", x@else.test, 203.0.113.1, false, ann@else.test, default",
    ", , 203.0.113.1, false, ann@else.test, default",
  })
  void theFirstClaimInTheirOrderDecides(
      String header, String sender, String client, boolean login, String recipient, String zone) {
    var selector = new ZoneSelector(ZONES, false);
    var found =
        selector.select(context(header, sender, client, login), EmailAddress.parse(recipient));
    assertThat(found.name()).isEqualTo(zone);
  }

  @Test
  void whereThatIsSwitchedOnAnybodyNamesTheZone() {
    var selector = new ZoneSelector(ZONES, true);
    var context = context("X-Sending-Zone: late", "x@sender.test", "203.0.113.1", false);
    assertThat(selector.select(context, EmailAddress.parse("ann@rcpt.test")).name())
        .isEqualTo("late");
  }

  @Test
  void aZoneThatIsGoneIsTheDefaultOne() {
    var selector = new ZoneSelector(ZONES, false);
    assertThat(selector.zone("gone").name()).isEqualTo("default");
    assertThat(selector.zone("LATE").name()).isEqualTo("late");
    assertThat(selector.find("gone")).isEmpty();
  }

  @Test
  void twoZonesByOneNameAreRefused() {
    var twice = List.of(zone("one", Claims.none()), zone("ONE", Claims.none()));
    assertThatThrownBy(() -> new ZoneSelector(twice, false)).hasMessageContaining("one");
  }

  @ParameterizedTest
  @CsvSource({
    "ann@example.com, local, default",
    "ann@forward.test, next.test:26, smart",
    "ann@else.test, smart.test:587, smart",
  })
  void aSmartHostTakesThePlaceOfMxHostsOnly(String to, String destination, String zone) {
    var smart =
        SendingZone.builder("smart")
            .smartHost(SmartHost.of("smart.test", 587))
            .claims(Claims.none().withSenderDomains("sender.test"))
            .build();
    var router =
        new EmailRouter(
            List.of(
                Route.of(
                    "r", 1, Match.recipients("*@forward.test"), Action.forward("next.test", 26))),
            new DomainRegistry(List.of(DomainConfig.of("example.com"))));
    var routing = new Routing(router, new ZoneSelector(List.of(smart), false));
    var recipient = Recipient.of(to);
    var context =
        EmailContext.builder()
            .sender("x@sender.test")
            .recipients(List.of(recipient.address()))
            .authenticated(true)
            .build();
    var decision = routing.route(context, recipient);
    assertThat(decision.destination()).isEqualTo(destination);
    assertThat(decision.zone()).isEqualTo(zone);
    var told = routing.in("default", decision);
    assertThat(told.zone()).isEqualTo("default");
    assertThat(told.destination())
        .isEqualTo(to.equals("ann@else.test") ? "else.test" : destination);
    assertThat(routing.in("unknown", decision)).isEqualTo(decision);
  }
}
