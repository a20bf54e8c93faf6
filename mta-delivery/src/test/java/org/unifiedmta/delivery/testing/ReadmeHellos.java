package org.unifiedmta.delivery.testing;

import static org.unifiedmta.delivery.testing.MailAssertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.email.Attachment;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.attempt.SendResult;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Auth;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.smtp.server.TlsConfig;

/** What the README shows, to be compiled; {@link ReadmeTest} holds the two together. */
final class ReadmeHellos {
  private ReadmeHellos() {}

  static UnifiedEmailServer receive() {
    var server =
        new UnifiedEmailServer(
                UnifiedEmailServerConfig.builder()
                    .hostname("mail.example.com")
                    .ports(25, 587, 465)
                    .dataDirectory(Path.of("/var/lib/mta"))
                    .tls(TlsConfig.ofPem(Path.of("mail.crt"), Path.of("mail.key")))
                    .domains(DomainConfig.of("example.com"))
                    .auth(Auth.users(Map.of("outbound", "secret")))
                    .routes(
                        Route.of(
                            "spam",
                            100,
                            Match.senders("*@spamdomain.com"),
                            Action.reject(550, "Sender rejected by policy")),
                        Route.of(
                            "inside",
                            10,
                            Match.recipients("*@example.com"),
                            Action.forward("internal-mail.example.com", 25)))
                    .build())
            .start();
    return server;
  }

  static SendResult send(UnifiedEmailServer server) {
    Email email =
        Email.builder()
            .from("Sender <sender@example.com>")
            .to("recipient@example.org")
            .subject("Hello")
            .text("Plain text body")
            .html("<h1>Hello!</h1>")
            .attachment(Attachment.of(Path.of("report.pdf")))
            .build();
    String id = server.sendEmail(email); // queued: on stable storage, tried until delivered
    SendResult result =
        server.sendOutboundEmail( // or at once, to one host
            "smtp.example.org",
            587,
            email,
            OutboundOptions.builder().auth("sender@example.com", "your-password").build());
    assert !id.isEmpty();
    return result;
  }

  @MailTest
  static class WelcomeTest {
    @Test
    void welcomeMailSurvivesATemporaryFailure(MailFixture mail) throws Exception {
      mail.inject(Fault.tempFail(Fault.Stage.RCPT));
      new Signup(mail.host(), mail.port(), mail.clientSslContext()).register("ann@example.org");
      assertThat(mail.awaitMessage())
          .hasRecipients("ann@example.org")
          .hasSubject("Welcome, Ann!")
          .wasSentOverTls();
    }
  }
}
