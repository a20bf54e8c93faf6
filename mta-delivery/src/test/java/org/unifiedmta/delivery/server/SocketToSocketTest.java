package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.smtp.testing.ScriptedSmtpServer;

class SocketToSocketTest {
  private static final InetSocketAddress LOOPBACK = new InetSocketAddress("127.0.0.1", 0);

  @TempDir Path directory;

  private static UnifiedEmailServerConfig.Builder config() {
    return UnifiedEmailServerConfig.builder()
        .hostname("mail.example.test")
        .listen(Listener.of("smtp", LOOPBACK, Mode.PLAIN));
  }

  @Test
  void whatIsSentToAServerReachesItsHandler() throws Exception {
    var received = new LinkedBlockingQueue<String>();
    var config =
        config()
            .dataDirectory(directory.resolve("queue"))
            .domains(DomainConfig.of("example.test"))
            .mailHandler((recipient, mail) -> {
              received.add(recipient.address() + " " + mail.email().subject());
              return RecipientVerdict.delivered();
            })
            .build();
    try (var server = new UnifiedEmailServer(config).start()) {
      var email =
          Email.builder()
              .from("a@sender.test")
              .to("b@example.test")
              .subject("Hé")
              .text("x")
              .build();
      var result = server.sendOutboundEmail("127.0.0.1", server.port(), email);
      assertThat(result.isComplete()).isTrue();
      assertThat(result.response()).contains("queued as");
      assertThat(received.poll(10, TimeUnit.SECONDS)).isEqualTo("b@example.test Hé");
    }
  }

  @Test
  void mailIsRelayedToTheHostThatTheDnsNamesAndRefusalsComeBackAsReports() throws Exception {
    var received = new LinkedBlockingQueue<Email>();
    var events = new LinkedBlockingQueue<MailEvent>();
    try (var sink =
        ScriptedSmtpServer.script().reply("RCPT", "250 ok", "550 5.1.1 nobody").start()) {
      var dns =
          ZoneResolver.builder().mx("far.test", 10, "mx.far.test").a("mx.far.test", "127.0.0.1");
      var config =
          config()
              .dnsResolver(dns.build())
              .mxPort(sink.port())
              .allowPrivateTargets(true)
              .domains(DomainConfig.of("example.test"))
              .mailHandler((recipient, mail) -> {
                received.add(mail.email());
                return RecipientVerdict.delivered();
              })
              .build();
      try (var server = new UnifiedEmailServer(config).start()) {
        server.on(MailEvent.class, events::add);
        server.sendEmail(
            Email.builder()
                .from("ann@example.test")
                .to("one@far.test", "two@far.test")
                .subject("Two")
                .text("x")
                .build());
        var report = received.poll(10, TimeUnit.SECONDS);
        assertThat(report).isNotNull();
        assertThat(report.subject()).isEqualTo("Undelivered mail returned to sender");
        assertThat(report.text().orElse("")).contains("two@far.test", "550 5.1.1 nobody");
        assertThat(report.attachments())
            .extracting(a -> a.contentType().split(";")[0])
            .containsExactly("message/delivery-status", "text/rfc822-headers");
        assertThat(sink.messages()).hasSize(1);
        assertThat(new String(sink.messages().get(0), StandardCharsets.UTF_8))
            .contains("Subject: Two");
        assertThat(sink.transcripts()).hasSize(1);
      }
      assertThat(events.stream().map(e -> e.getClass().getSimpleName()).toList())
          .containsAll(List.of("Accepted", "Routed", "AttemptFinished", "Delivered", "Bounced"));
    }
  }
}
