package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.smtp.testing.ScriptedSmtpServer;

/** Retries in virtual time: days pass whenever a test says so. */
class DeliveryOverTimeTest {
  private static final Instant START = Instant.parse("2026-01-05T10:00:00Z");

  private final ManualTimer timer = new ManualTimer(START);
  private final LinkedBlockingQueue<MailEvent> events = new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<Email> reports = new LinkedBlockingQueue<>();

  private UnifiedEmailServer server(ScriptedSmtpServer host) {
    var dns =
        ZoneResolver.builder().mx("far.test", 10, "mx.far.test").a("mx.far.test", "127.0.0.1");
    var server =
        new UnifiedEmailServer(
            UnifiedEmailServerConfig.builder()
                .hostname("mail.example.test")
                .timer(timer)
                .dnsResolver(dns.build())
                .mxPort(host.port())
                .allowPrivateTargets(true)
                .domains(DomainConfig.of("example.test"))
                .mailHandler((recipient, mail) -> {
                  reports.add(mail.email());
                  return RecipientVerdict.delivered();
                })
                .build());
    server.on(MailEvent.class, events::add);
    return server.start();
  }

  private static Email email(String from) {
    return Email.builder().from(from).to("bob@far.test").subject("x").text("x").build();
  }

  private <E extends MailEvent> E await(Class<E> type) throws InterruptedException {
    for (int i = 0; i < 1_000; i++) {
      var event = events.poll(10, TimeUnit.SECONDS);
      assertThat(event).as("an event, while waiting for %s", type.getSimpleName()).isNotNull();
      if (type.isInstance(event)) {
        return type.cast(event);
      }
    }
    throw new AssertionError("no " + type.getSimpleName());
  }

  @Test
  void aHostThatSays450TwiceGetsTheMailAfterFiveAndTwelveMinutes() throws Exception {
    try (var host =
            ScriptedSmtpServer.script()
                .reply("RCPT", "450 4.2.1 busy", "450 4.2.1 busy", "250 2.1.5 ok")
                .start();
        var server = server(host)) {
      server.sendEmail(email("ann@example.test"));
      assertThat(await(MailEvent.Deferred.class).next()).isEqualTo(START.plusSeconds(5 * 60));
      timer.advance(Duration.ofMinutes(5).minusMillis(1));
      timer.advance(Duration.ofMillis(1));
      assertThat(await(MailEvent.Deferred.class).next()).isEqualTo(START.plusSeconds(12 * 60));
      timer.advance(Duration.ofMinutes(7));
      assertThat(await(MailEvent.Delivered.class).at()).isEqualTo(START.plusSeconds(12 * 60));
      assertThat(host.messages()).hasSize(1);
    }
  }

  @Test
  void fortyEightHoursOf450GiveExactlyOneReport() throws Exception {
    try (var host = ScriptedSmtpServer.script().reply("RCPT", "450 4.2.1 busy").start();
        var server = server(host)) {
      var id = server.sendEmail(email("ann@example.test"));
      var times = new ArrayList<Duration>();
      var attempt = await(MailEvent.AttemptFinished.class);
      for (;
          attempt.at().isBefore(START.plus(Duration.ofHours(48)));
          attempt = await(MailEvent.AttemptFinished.class)) {
        times.add(Duration.between(START, attempt.at()));
        timer.advance(Duration.between(timer.now(), await(MailEvent.Deferred.class).next()));
      }
      // The report may have been delivered before its message's end is told.
      MailEvent.Bounced bounced = null;
      boolean reported = false; // or the report's lease could run out below
      while (bounced == null || !reported) {
        var event = await(MailEvent.class);
        bounced = event instanceof MailEvent.Bounced end ? end : bounced;
        reported |= event instanceof MailEvent.Delivered;
      }
      assertThat(bounced.reply().status()).hasToString("5.4.7");
      assertThat(times.subList(0, 8).stream().map(Duration::toMinutes).toList())
          .isEqualTo(List.of(0L, 5L, 12L, 20L, 45L, 120L, 240L, 480L));
      var report = reports.poll(10, TimeUnit.SECONDS);
      assertThat(report).isNotNull();
      assertThat(report.text().orElse("")).contains("bob@far.test", "450 4.2.1 busy");
      timer.advance(Duration.ofDays(5));
      server.stop();
      assertThat(reports).isEmpty();
      assertThat(id).hasSize(16);
    }
  }

  @Test
  void mailWithoutASenderIsNeverReported() throws Exception {
    try (var host = ScriptedSmtpServer.script().reply("RCPT", "550 5.1.1 nobody").start();
        var server = server(host)) {
      server.submit(
          Envelope.of((String) null, "bob@far.test"),
          new ByteArrayInputStream("Subject: x\r\n\r\nx\r\n".getBytes(StandardCharsets.US_ASCII)),
          SubmitOptions.none());
      await(MailEvent.Bounced.class);
      server.stop();
      assertThat(reports).isEmpty();
      assertThat(events.stream().filter(e -> e instanceof MailEvent.Accepted)).isEmpty();
    }
  }

  @Test
  void theEventsOfAMessageComeInTheirOrder() throws Exception {
    try (var host = ScriptedSmtpServer.script().start();
        var server = server(host)) {
      var id = server.sendEmail(email("ann@example.test"));
      await(MailEvent.Started.class);
      for (var type :
          List.of(
              MailEvent.Accepted.class,
              MailEvent.Routed.class,
              MailEvent.AttemptFinished.class,
              MailEvent.Delivered.class)) {
        var event = events.poll(10, TimeUnit.SECONDS);
        assertThat(event).isInstanceOf(type);
        assertThat(event.queueId()).isEqualTo(id);
      }
      server.stop();
      assertThat(events.poll(10, TimeUnit.SECONDS)).isInstanceOf(MailEvent.Stopped.class);
    }
  }

  @Test
  void aServerNeedsNoListenerToSend() {
    try (var host = ScriptedSmtpServer.script().start()) {
      var config = UnifiedEmailServerConfig.builder().hostname("mail.example.test").build();
      var unstarted = new UnifiedEmailServer(config);
      var result = unstarted.sendOutboundEmail("127.0.0.1", host.port(), email("ann@example.test"));
      assertThat(result.accepted()).containsExactly("bob@far.test");
      assertThat(result.response()).isEqualTo("2.0.0 Ok: queued");
    }
  }
}
