package org.unifiedmta.delivery.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.delivery.testing.VirtualTime;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.zone.RetryPolicy;

/** Runs what docs/delivery.md shows, and holds the two together. */
class DeliveryDocTest {
  @Test
  void everythingThatIsShownIsCompiled() {
    Snippets.areCompiled("docs/delivery.md", 3, DeliveryDocTest.class);
  }

  @Test
  void destinationsAreSuspendedAndMessagesHaveTheirOwnPolicy() {
    var time = VirtualTime.startingAt(Instant.parse("2026-01-05T10:00:00Z"));
    var email =
        Email.builder()
            .from("ann@example.com")
            .to("bob@example.org")
            .subject("x")
            .text("x")
            .build();
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname("mail.example.com")
            .timer(time)
            .dnsResolver(ZoneResolver.builder().build())
            .build();
    List<String> log = new ArrayList<>();
    try (var server = new UnifiedEmailServer(config).start()) {
      time.follow(server);
      var deliveries = server.deliverySystem();
      deliveries.suspend("example.org", Duration.ofHours(2)); // or null: until resumed
      deliveries.suspend("smart.example.com:25", null);
      deliveries.resume("example.org"); // ends a rest, too
      deliveries.destinations().forEach((name, state) -> log.add(name + ": " + state));
      assertThat(log).singleElement().asString().startsWith("smart.example.com:25");

      deliveries.suspend("example.org", Duration.ofDays(9));
      var policy =
          RetryPolicy.exponential(Duration.ofMinutes(1), 2, Duration.ofHours(4), Duration.ofDays(5))
              .withDelayNoticeAfter(Duration.ofHours(1));
      server.sendEmail(email, SubmitOptions.builder().retry(policy).build());
      time.advance(Duration.ofDays(5).minusMillis(1));
      assertThat(server.deliveryQueue().list(null, 10))
          .singleElement()
          .satisfies(item -> assertThat(item.recipient().address()).hasToString("bob@example.org"));
      time.advance(Duration.ofMillis(1));
      assertThat(server.deliveryQueue().list(null, 10))
          .noneSatisfy(
              item -> assertThat(item.recipient().address()).hasToString("bob@example.org"));
    }
  }

  @Test
  void mailIsWrittenInATransaction() throws Exception {
    var database = new JdbcDataSource();
    database.setURL("jdbc:h2:mem:doc;DB_CLOSE_DELAY=-1");
    var email =
        Email.builder()
            .from("ann@example.com")
            .to("bob@example.com")
            .subject("x")
            .text("x")
            .build();
    var arrived = new LinkedBlockingQueue<String>();
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname("mail.example.com")
            .outbox(database)
            .domains(DomainConfig.of("example.com"))
            .mailHandler((recipient, mail) -> {
              arrived.add(recipient.address().toString());
              return RecipientVerdict.delivered();
            })
            .build();
    try (var server = new UnifiedEmailServer(config).start()) {
      try (Connection connection = database.getConnection()) {
        connection.setAutoCommit(false);
        // what the application itself writes
        server.enqueue(connection, email);
        connection.commit();
      }
      assertThat(arrived.poll(20, TimeUnit.SECONDS)).isEqualTo("bob@example.com");
    }
  }
}
