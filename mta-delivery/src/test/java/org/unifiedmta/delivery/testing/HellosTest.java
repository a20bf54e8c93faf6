package org.unifiedmta.delivery.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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
import org.unifiedmta.smtp.client.SmtpException;
import org.unifiedmta.smtp.server.TlsConfig;

/** The first steps that the documentation shows, on loopback. */
class HellosTest {
  @TempDir Path directory;

  private UnifiedEmailServer mailExampleCom(MailFixture inside) {
    return new UnifiedEmailServer(
        UnifiedEmailServerConfig.builder()
            .hostname("mail.example.com")
            .ports(0)
            .dataDirectory(directory.resolve("mta"))
            .tls(TlsConfig.selfSigned("mail.example.com"))
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
                    Action.forward(inside.host(), inside.port())))
            .build());
  }

  private static Email from(String sender) {
    return Email.builder()
        .from(sender)
        .to("recipient@example.com")
        .subject("Hello")
        .text("Plain text body")
        .build();
  }

  @Test
  void aGatewayForwardsInsideAndRefusesSpam() {
    try (var inside = MailFixture.start();
        var server = mailExampleCom(inside).start()) {
      var sent = server.sendOutboundEmail("127.0.0.1", server.port(), from("sender@example.org"));
      assertThat(sent.isComplete()).isTrue();
      MailAssertions.assertThat(inside.awaitMessage())
          .hasFrom("sender@example.org")
          .hasRecipients("recipient@example.com")
          .textContains("Plain text body")
          .wasSentOverTls();
      assertThatThrownBy(
              () -> server.sendOutboundEmail("127.0.0.1", server.port(), from("x@spamdomain.com")))
          .isInstanceOf(SmtpException.class)
          .hasMessageContaining("Sender rejected by policy");
      assertThat(inside.messages()).hasSize(1);
    }
  }

  @Test
  void anEmailIsSentToAHostWithALogin() throws Exception {
    var report = Files.writeString(directory.resolve("report.pdf"), "%PDF-1.7");
    var server =
        new UnifiedEmailServer(
            UnifiedEmailServerConfig.builder().hostname("mail.example.com").build());
    try (server;
        var remote = MailFixture.builder().user("sender@example.com", "your-password").start()) {
      Email email =
          Email.builder()
              .from("Sender <sender@example.com>")
              .to("recipient@example.org")
              .subject("Hello")
              .text("Plain text body")
              .html("<h1>Hello!</h1>")
              .attachment(Attachment.of(report))
              .build();
      SendResult result =
          server.sendOutboundEmail(
              remote.host(),
              remote.port(),
              email,
              OutboundOptions.builder()
                  .auth("sender@example.com", "your-password")
                  .trust(remote.clientSslContext())
                  .build());
      assertThat(result.accepted()).containsExactly("recipient@example.org");
      assertThat(result.tls()).isTrue();
      MailAssertions.assertThat(remote.awaitMessage())
          .hasFrom("sender@example.com")
          .hasRecipients("recipient@example.org")
          .hasSubject("Hello")
          .textContains("Plain text body")
          .htmlContains("<h1>Hello!</h1>")
          .hasAttachment("report.pdf")
          .wasSentOverTls()
          .wasAuthenticatedAs("sender@example.com");
    }
  }

  @Test
  void aHostWhoseCertificateIsNotForItGetsNoPassword() {
    var server =
        new UnifiedEmailServer(
            UnifiedEmailServerConfig.builder().hostname("mail.example.com").build());
    try (server;
        var remote = MailFixture.builder().user("sender@example.com", "your-password").start()) {
      remote.inject(Fault.badTls(Fault.BadTls.WRONG_HOST));
      var options =
          OutboundOptions.builder()
              .auth("sender@example.com", "your-password")
              .trust(remote.clientSslContext())
              .build();
      var email = from("sender@example.com");
      assertThatThrownBy(
              () -> server.sendOutboundEmail(remote.host(), remote.port(), email, options))
          .isInstanceOf(SmtpException.class);
      assertThat(remote.transcript()).noneMatch(line -> line.startsWith("C: AUTH"));
      assertThat(remote.messages()).isEmpty();
    }
  }
}
