package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.email.Headers;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.hook.Hook;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.delivery.testing.VirtualTime;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.zone.Claims;
import org.unifiedmta.routing.zone.IpPool;
import org.unifiedmta.routing.zone.IpPool.Source;
import org.unifiedmta.routing.zone.IpPool.Warmup;
import org.unifiedmta.routing.zone.Rate;
import org.unifiedmta.routing.zone.Receivers;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.routing.zone.SmartHost;
import org.unifiedmta.smtp.server.SessionFacts;
import org.unifiedmta.smtp.server.Verdict;

/** Zones seen by whoever receives their mail. */
class SendingZonesTest {
  private static final Instant START = Instant.parse("2026-01-05T10:00:00Z");

  /** What came in, as the receiver saw it. */
  private record Seen(String client, String helo, Email email) {}

  private final VirtualTime time = VirtualTime.startingAt(START);
  private final List<Seen> seen = new CopyOnWriteArrayList<>();
  private final List<MailEvent> events = new CopyOnWriteArrayList<>();
  private final List<String> sessions = new CopyOnWriteArrayList<>();
  private final List<String> fields = new CopyOnWriteArrayList<>();
  private volatile @Nullable String blocked;
  private UnifiedEmailServer receiver;
  @TempDir Path data;

  @BeforeEach
  void startReceiver() {
    var hook =
        new Hook() {
          @Override
          public Verdict onHeaders(SessionFacts session, Envelope envelope, Headers headers) {
            headers.fields().forEach(field -> fields.add(field.name()));
            sessions.add(session.id());
            return Verdict.proceed();
          }

          @Override
          public Verdict onMail(SessionFacts session, Envelope envelope) {
            return session.remote().getAddress().getHostAddress().equals(blocked)
                ? new Verdict.Reply(
                    SmtpReply.of(
                        554,
                        "5.7.1",
                        "Service unavailable; Client host blocked using zen.spamhaus.org"))
                : Verdict.proceed();
          }
        };
    receiver =
        new UnifiedEmailServer(
                UnifiedEmailServerConfig.builder()
                    .hostname("mx.far.test")
                    .listen(
                        new Listener(
                            "in", new InetSocketAddress("127.0.0.1", 0), Mode.PLAIN, false, false))
                    .domains(DomainConfig.of("far.test"), DomainConfig.of("other.test"))
                    .hook(hook)
                    .mailHandler((recipient, mail) -> {
                      var session = Objects.requireNonNull(mail.session());
                      seen.add(
                          new Seen(
                              session.remote().getAddress().getHostAddress(),
                              String.valueOf(session.helo()),
                              mail.email()));
                      return RecipientVerdict.delivered();
                    })
                    .build())
            .start();
  }

  @AfterEach
  void stopReceiver() {
    receiver.close();
  }

  private UnifiedEmailServerConfig.Builder config(SendingZone... zones) {
    var dns =
        ZoneResolver.builder()
            .mx("far.test", 5, "mx.far.test")
            .mx("other.test", 5, "mx.far.test")
            .a("mx.far.test", "127.0.0.1")
            .ptr("127.0.0.3", "three.example.test");
    return UnifiedEmailServerConfig.builder()
        .hostname("mail.example.test")
        .timer(time)
        .dnsResolver(dns.build())
        .mxPort(receiver.port())
        .allowPrivateTargets(true)
        .zones(zones)
        .dataDirectory(data);
  }

  private UnifiedEmailServer server(SendingZone... zones) {
    return start(config(zones));
  }

  private UnifiedEmailServer start(UnifiedEmailServerConfig.Builder config) {
    var server = new UnifiedEmailServer(config.build());
    server.on(MailEvent.class, events::add);
    time.follow(server.start());
    return server;
  }

  private static SendingZone.Builder zone(String name, String... addresses) {
    return SendingZone.builder(name).pool(IpPool.of(name, addresses));
  }

  private static Email.Builder email(String from) {
    return Email.builder().from(from).to("bob@far.test").subject("x").text("x");
  }

  private void awaitMessages(int count) {
    time.advance(Duration.ZERO);
    assertThat(receiver.awaitQuiet(Duration.ofSeconds(10))).isTrue();
    assertThat(seen).hasSize(count);
  }

  @Test
  void mailLeavesFromTheAddressAndByTheNameOfItsZone() {
    try (var server =
        server(
            zone("two", "127.0.0.2").claims(Claims.none().withSenderDomains("two.test")).build(),
            zone("three", "127.0.0.3")
                .claims(Claims.none().withSenderDomains("three.test"))
                .build(),
            SendingZone.builder("four")
                .pool(
                    new IpPool(
                        "four", List.of(Source.of("127.0.0.4").withHeloName("four.example.test"))))
                .build())) {
      server.sendEmail(email("a@two.test").build());
      awaitMessages(1);
      server.sendEmail(email("a@three.test").build());
      awaitMessages(2);
      server.sendEmail(email("a@two.test").build(), SubmitOptions.builder().zone("four").build());
      awaitMessages(3);
      server.sendEmail(email("a@else.test").build());
      awaitMessages(4);
      assertThat(seen)
          .extracting(mail -> mail.client() + " " + mail.helo())
          .containsExactly(
              "127.0.0.2 mail.example.test",
              "127.0.0.3 three.example.test",
              "127.0.0.4 four.example.test",
              "127.0.0.1 mail.example.test");
    }
  }

  @Test
  void theHeaderThatNamesAZoneIsTakenOut() {
    try (var server = server(zone("two", "127.0.0.2").build())) {
      server.sendEmail(email("a@x.test").header("X-Sending-Zone", "Two").build());
      awaitMessages(1);
      assertThat(seen.getFirst().client()).isEqualTo("127.0.0.2");
      assertThat(fields).contains("Subject").doesNotContain("X-Sending-Zone");
    }
  }

  @Test
  void aZoneMayHandAllItsMailToOneHost() {
    var smart = SmartHost.of("127.0.0.1", receiver.port());
    try (var server =
        start(
            config(zone("smart", "127.0.0.2").smartHost(smart).build())
                .mxPort(1))) { // nobody there
      server.sendEmail(email("a@x.test").build(), SubmitOptions.builder().zone("smart").build());
      awaitMessages(1);
      assertThat(seen.getFirst().client()).isEqualTo("127.0.0.2");
    }
  }

  @Test
  void anAddressThatIsBlockedRestsAndTheMailLeavesFromAnotherAlsoAfterARestart() {
    var pool = zone("default", "127.0.0.2", "127.0.0.3").build();
    blocked = "127.0.0.2";
    try (var server = server(pool)) {
      for (int i = 0; i < 10; i++) {
        server.sendEmail(email("a@x.test").build());
      }
      time.advance(Duration.ofMinutes(10));
      awaitMessages(10);
      assertThat(seen).extracting(Seen::client).containsOnly("127.0.0.3");
      assertThat(events).noneMatch(MailEvent.Bounced.class::isInstance);
    }
    blocked = null;
    try (var server = server(pool)) {
      for (int i = 0; i < 10; i++) {
        server.sendEmail(email("a@x.test").build());
      }
      awaitMessages(20);
      assertThat(seen).extracting(Seen::client).containsOnly("127.0.0.3");
      time.advance(Duration.ofHours(4));
      for (int i = 0; i < 10; i++) {
        server.sendEmail(email("a@x.test").build());
      }
      awaitMessages(30);
      assertThat(seen).extracting(Seen::client).contains("127.0.0.2");
    }
  }

  @Test
  void whereNoOtherAddressIsLeftARefusalForGoodIsOne() {
    blocked = "127.0.0.2";
    try (var server = server(zone("default", "127.0.0.2").build())) {
      server.sendEmail(email("a@x.test").build());
      time.advance(Duration.ZERO);
      assertThat(events).hasAtLeastOneElementOfType(MailEvent.Bounced.class);
    }
  }

  @Test
  void aNewAddressSendsFewMessagesADayAndTheOthersTheRest() {
    var today = LocalDate.ofInstant(START, ZoneOffset.UTC);
    var pool =
        new IpPool(
            "pool",
            List.of(
                Source.of("127.0.0.2").withShare(1000).withWarmup(new Warmup(today, 3, 2)),
                Source.of("127.0.0.3")));
    try (var server = server(SendingZone.builder("default").pool(pool).build())) {
      for (int day = 0; day < 2; day++) {
        for (int i = 0; i < 10; i++) {
          server.sendEmail(email("a@x.test").build());
        }
        awaitMessages(10 + 10 * day);
        var fromNew = seen.stream().filter(mail -> mail.client().equals("127.0.0.2"));
        assertThat(fromNew).hasSize(day == 0 ? 3 : 3 + 6);
        time.advance(Duration.ofDays(1));
      }
    }
  }

  @Test
  void aZoneSendsNoFasterThanItsRate() {
    try (var server = server(SendingZone.builder("default").rate(Rate.parse("2/min")).build())) {
      for (int i = 0; i < 6; i++) {
        var to = i % 2 == 0 ? "ann@other.test" : "ann@far.test";
        server.sendEmail(Email.builder().from("a@x.test").to(to).text("x").build());
      }
      time.advance(Duration.ofMinutes(5));
      assertThat(
              events.stream()
                  .filter(MailEvent.Delivered.class::isInstance)
                  .map(event -> Duration.between(START, event.at()).toSeconds()))
          .containsExactly(0L, 0L, 30L, 60L, 90L, 120L);
    }
  }

  @Test
  void aConnectionServesAsManyMessagesAsTheReceiverTakesOverOne() {
    var known = Receivers.parse("receiver far\nhosts far.test\nmessages-per-connection 1");
    try (var server = start(config().receivers(known))) {
      for (int i = 0; i < 3; i++) {
        server.sendEmail(email("a@x.test").build());
        time.advance(Duration.ZERO);
      }
      awaitMessages(3);
      assertThat(sessions).doesNotHaveDuplicates().hasSize(3);
    }
  }

  @Test
  void zonesMayChangeWhileTheServerRuns() {
    try (var server = server(zone("default", "127.0.0.2").build())) {
      server.sendEmail(email("a@x.test").build());
      awaitMessages(1);
      server.updateZones(List.of(zone("default", "127.0.0.3").build()));
      server.sendEmail(email("a@x.test").build());
      awaitMessages(2);
      assertThat(seen).extracting(Seen::client).containsExactly("127.0.0.2", "127.0.0.3");
    }
  }

  @Test
  void aZoneForOneVersionOfIpHasNoWayToAHostThatHasOnlyTheOther() {
    try (var server =
        server(SendingZone.builder("default").family(SendingZone.IpFamily.V6).build())) {
      server.sendEmail(email("a@x.test").build());
      time.advance(Duration.ZERO);
      assertThat(events)
          .filteredOn(MailEvent.Deferred.class::isInstance)
          .singleElement()
          .satisfies(event ->
              assertThat(((MailEvent.Deferred) event).reply().text()).contains("no address"));
    }
  }

  @Test
  void explainSaysThatTheRateIsUsedUp() {
    try (var server = server(SendingZone.builder("default").rate(Rate.parse("1/hour")).build())) {
      server.sendEmail(email("a@x.test").build());
      var id = server.sendEmail(email("a@x.test").build());
      time.advance(Duration.ZERO);
      assertThat(server.deliveryQueue().explain(id).recipients().getFirst().reason())
          .isEqualTo("the rate for the zone default is used up until 2026-01-05T11:00:00Z");
    }
  }
}
