package org.unifiedmta.delivery.server;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.address.Recipient.Notify;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.smtp.testing.ScriptedSmtpServer;

/** What senders asked to hear of their mail: success, delay (RFC 3461), and in time (RFC 2852). */
class NotificationsTest {
  private static final Instant START = Instant.parse("2026-01-05T10:00:00Z");

  private final ManualTimer timer = new ManualTimer(START);
  private final LinkedBlockingQueue<MailEvent> events = new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<Email> reports = new LinkedBlockingQueue<>();

  private UnifiedEmailServer server(@Nullable ScriptedSmtpServer host) {
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname("mail.example.test")
            .timer(timer)
            .domains(DomainConfig.of("example.test"))
            .mailHandler((recipient, mail) -> {
              if (mail.envelope().mailFrom() == null) {
                reports.add(mail.email());
              }
              return RecipientVerdict.delivered();
            });
    if (host != null) {
      config.routes(
          Route.of(
              "far", 10, Match.recipients("*@far.test"), Action.forward("127.0.0.1", host.port())));
    }
    var server = new UnifiedEmailServer(config.build());
    server.on(MailEvent.class, events::add);
    return server.start();
  }

  private void submit(
      UnifiedEmailServer server, String to, Envelope.@Nullable DeliverBy by, Notify... wanted) {
    var notify = EnumSet.noneOf(Notify.class);
    notify.addAll(List.of(wanted));
    var recipient = new Recipient(EmailAddress.parse(to), notify, "rfc822;" + to);
    var envelope =
        new Envelope(
            EmailAddress.parse("ann@example.test"),
            List.of(recipient),
            "envelope-7",
            Envelope.Ret.FULL,
            Envelope.Body.SEVEN_BIT,
            false,
            false,
            0,
            null,
            by);
    var message = "From: ann@example.test\r\nSubject: x\r\n\r\nbody of it\r\n";
    server.submit(
        envelope, new ByteArrayInputStream(message.getBytes(US_ASCII)), SubmitOptions.none());
  }

  private <E extends MailEvent> E await(Class<E> type) throws InterruptedException {
    while (true) {
      var event = events.poll(10, TimeUnit.SECONDS);
      assertThat(event).as("an event, while waiting for %s", type.getSimpleName()).isNotNull();
      if (type.isInstance(event)) {
        return type.cast(event);
      }
    }
  }

  private String report() throws InterruptedException {
    var report = reports.poll(10, TimeUnit.SECONDS);
    assertThat(report).as("a report").isNotNull();
    assertThat(report.headers().first("Content-Type").orElse(""))
        .contains("multipart/report", "delivery-status");
    return new String(bytes(report), US_ASCII);
  }

  private static byte[] bytes(Email email) {
    var out = new ByteArrayOutputStream();
    email.writeTo(out);
    return out.toByteArray();
  }

  @Test
  void successIsToldByWhoeverDeliversForGood() throws Exception {
    try (var server = server(null)) {
      submit(server, "bob@example.test", null, Notify.SUCCESS);
      assertThat(report())
          .contains(
              "Subject: Mail has been delivered",
              "Original-Envelope-Id: envelope-7",
              "Original-Recipient: rfc822;bob@example.test",
              "Final-Recipient: rfc822; bob@example.test",
              "Action: delivered",
              "Status: 2.0.0",
              "Subject: x")
          .doesNotContain("body of it");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"DSN", "SIZE"})
  void successIsToldByUsWhereTheNextHostDoesNotTell(String extension) throws Exception {
    try (var host = ScriptedSmtpServer.script().extensions(extension).start();
        var server = server(host)) {
      submit(server, "bob@far.test", null, Notify.SUCCESS, Notify.FAILURE);
      await(MailEvent.Delivered.class);
      if (extension.equals("DSN")) {
        server.stop();
        assertThat(reports).isEmpty();
      } else {
        assertThat(report()).contains("Action: relayed", "passed on to a host that sends no such");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "NEVER", "FAILURE"})
  void whoDidNotAskHearsNothingOfSuccessOrDelay(String wanted) throws Exception {
    var notify = wanted.isEmpty() ? new Notify[0] : new Notify[] {Notify.valueOf(wanted)};
    try (var host =
            ScriptedSmtpServer.script().reply("RCPT", "450 4.2.1 busy", "250 2.1.5 ok").start();
        var server = server(host)) {
      submit(server, "bob@example.test", null, notify);
      await(MailEvent.Delivered.class);
      submit(server, "bob@far.test", null, notify);
      await(MailEvent.Deferred.class);
      timer.advance(Duration.ofHours(5));
      await(MailEvent.Delivered.class);
      server.stop();
      assertThat(reports).isEmpty();
    }
  }

  @Test
  void delayIsToldOnceWhenItIsCertain() throws Exception {
    try (var host = ScriptedSmtpServer.script().reply("RCPT", "450 4.2.1 busy").start();
        var server = server(host)) {
      submit(server, "bob@far.test", null, Notify.DELAY, Notify.FAILURE);
      var age = Duration.ZERO;
      while (age.compareTo(Duration.ofHours(20)) < 0) {
        var next = await(MailEvent.Deferred.class).next();
        age = Duration.between(START, next);
        timer.advance(Duration.between(timer.now(), next));
      }
      assertThat(report()).contains("Action: delayed", "Status: 4.2.1", "450 4.2.1 busy");
      assertThat(reports).isEmpty();
    }
  }

  @Test
  void whatIsToComeBackComesBackInTime() throws Exception {
    try (var host =
            ScriptedSmtpServer.script()
                .extensions("DELIVERBY")
                .reply("RCPT", "450 4.2.1 busy")
                .start();
        var server = server(host)) {
      submit(server, "bob@far.test", new Envelope.DeliverBy(START.plusSeconds(1_800), true, false));
      for (int minutes : new int[] {5, 12, 20, 30}) {
        var next = await(MailEvent.Deferred.class).next();
        assertThat(next).isEqualTo(START.plus(Duration.ofMinutes(minutes)));
        timer.advance(Duration.between(timer.now(), next));
      }
      assertThat(await(MailEvent.Bounced.class).reply().toString())
          .startsWith("554 5.4.7 not delivered within 30 minutes");
      assertThat(report()).contains("Action: failed", "body of it");
      assertThat(host.transcripts().getFirst().toString())
          .contains("MAIL FROM:<ann@example.test> BY=1800;R");
    }
  }

  @Test
  void whatIsLateIsToldAndGoesOn() throws Exception {
    try (var host =
            ScriptedSmtpServer.script()
                .extensions("DELIVERBY 60")
                .reply("RCPT", "450 4.2.1 busy", "450 4.2.1 busy", "250 2.1.5 ok")
                .start();
        var server = server(host)) {
      submit(server, "bob@far.test", new Envelope.DeliverBy(START.plusSeconds(600), false, true));
      timer.advance(Duration.between(START, await(MailEvent.Deferred.class).next()));
      var second = await(MailEvent.Deferred.class).next();
      assertThat(report()).contains("Action: delayed");
      timer.advance(Duration.between(timer.now(), second));
      assertThat(report()).as("the trace that was asked for").contains("Action: relayed");
      assertThat(host.transcripts().getLast().toString()).contains(" BY=-120;NT");
    }
  }

  @Test
  void whatIsToComeBackInTimeDoesNotGoToAHostThatDoesNotKnow() throws Exception {
    try (var host = ScriptedSmtpServer.script().start();
        var server = server(host)) {
      submit(server, "bob@far.test", new Envelope.DeliverBy(START.plusSeconds(600), true, false));
      assertThat(await(MailEvent.Bounced.class).reply().status()).hasToString("5.3.3");
      assertThat(host.messages()).isEmpty();
    }
  }
}
