package org.unifiedmta.delivery.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.unifiedmta.delivery.testing.MailAssertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.docs.Snippets;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.routing.zone.RetryPolicy;

/** Runs what docs/testing.md shows, and holds the two together. */
@MailTest
class TestingDocTest {
  private final List<Email> reports = new CopyOnWriteArrayList<>();

  private static Email email(String to) {
    return Email.builder().from("shop@example.com").to(to).subject("x").text("x").build();
  }

  @Test
  void everythingThatIsShownIsCompiled() {
    Snippets.areCompiled("docs/testing.md", 4, TestingDocTest.class);
  }

  @Test
  void aCustomerIsWelcomed(MailFixture mail) throws Exception {
    new Signup(mail.host(), mail.port(), mail.clientSslContext()).register("ann@example.org");
    assertThat(mail.awaitMessage())
        .hasRecipients("ann@example.org")
        .hasSubject("Welcome, Ann!")
        .wasSentOverTls();
  }

  @Test
  void aFixtureIsStartedByHand() {
    try (var mail = MailFixture.builder().user("shop", "secret").requireTls().start()) {
      System.setProperty("shop.mail.port", Integer.toString(mail.port()));
    }
    assertThat(System.clearProperty("shop.mail.port")).isNotNull();
  }

  @Test
  void thingsGoWrong(MailFixture mail) {
    mail.inject(Fault.tempFail(Fault.Stage.RCPT, 2)); // 4yz, twice
    mail.inject(Fault.mailboxFull("*@full.example")); // 452 4.2.2
    mail.inject(Fault.disconnect(Fault.Stage.END_OF_DATA)); // accepted or not?
    mail.inject(Fault.slow(Fault.Stage.DATA, Duration.ofSeconds(2)));
    assertThat(mail.messages()).isEmpty();
  }

  @Test
  void fiveDaysPassInAMoment(MailFixture mail) {
    var time = VirtualTime.startingAt(Instant.parse("2026-01-05T10:00:00Z"));
    var server =
        new UnifiedEmailServer(
            UnifiedEmailServerConfig.builder()
                .hostname("mail.example.com")
                .timer(time)
                .retry(
                    RetryPolicy.exponential(
                        Duration.ofMinutes(1), 2, Duration.ofHours(4), Duration.ofDays(5)))
                .domains(DomainConfig.of("example.com"))
                .mailHandler((recipient, message) -> {
                  reports.add(message.email());
                  return RecipientVerdict.delivered();
                })
                .routes(
                    Route.of(
                        "out",
                        10,
                        Match.recipients("*@example.org"),
                        Action.forward(mail.host(), mail.port())))
                .build());
    time.follow(server.start());
    time.follow(mail.server());

    mail.inject(Fault.mailboxFull("ann@example.org"));
    server.sendEmail(email("ann@example.org"));
    time.advance(Duration.ofDays(4));
    assertThat(reports).isEmpty();
    time.advance(Duration.ofDays(1));
    assertThat(reports).hasSize(1);

    mail.inject(Fault.tempFail(Fault.Stage.RCPT, 3));
    server.sendEmail(email("bob@example.org"));
    time.advanceUntil(() -> !mail.messages().isEmpty(), Duration.ofHours(1));
    server.stop();
  }
}
