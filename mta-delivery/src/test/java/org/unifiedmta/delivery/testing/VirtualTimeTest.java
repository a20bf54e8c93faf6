package org.unifiedmta.delivery.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.smtp.testing.ScriptedSmtpServer;

class VirtualTimeTest {
  private static final Instant START = Instant.parse("2026-01-05T10:00:00Z");

  private final VirtualTime time = VirtualTime.startingAt(START);

  private void record(List<Object> told, int seconds) {
    time.at(START.plusSeconds(seconds), () -> told.add(Duration.between(START, time.now())));
  }

  @Test
  void whatIsToHappenHappensInItsOrderAndAtItsTime() {
    var told = new ArrayList<>();
    record(told, 3);
    record(told, 1);
    time.at(START.plusSeconds(2), () -> record(told, 2)).cancel();
    time.at(START.plusSeconds(1), () -> record(told, 2));
    time.advance(Duration.ofSeconds(2));
    assertThat(told).containsExactly(Duration.ofSeconds(1), Duration.ofSeconds(2));
    assertThat(time.now()).isEqualTo(START.plusSeconds(2));
    time.jump(Duration.ofSeconds(10));
    assertThat(told).last().isEqualTo(Duration.ofSeconds(12)); // late, and all at once
    assertThatThrownBy(() -> time.advance(Duration.ofSeconds(-1)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void whatIsPastHappensSoonAndNotInsideTheCaller() throws Exception {
    var ran = new CountDownLatch(1);
    var inside = new AtomicBoolean();
    var caller = Thread.currentThread();
    time.at(
        START.minusSeconds(1),
        () -> {
          inside.set(Thread.currentThread() == caller);
          ran.countDown();
        });
    assertThat(ran.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(inside).isFalse();
  }

  @Test
  void aTaskThatFailsKeepsNoOtherFromRunning() {
    var told = new ArrayList<>();
    time.at(
        START.plusSeconds(1),
        () -> {
          throw new IllegalStateException("failed");
        });
    record(told, 1);
    time.advance(Duration.ofSeconds(1));
    assertThat(told).hasSize(1);
  }

  @Test
  void timePassesNoFurtherThanNeeded() {
    var told = new ArrayList<>();
    record(told, 1);
    record(told, 2);
    time.advanceUntil(() -> told.size() == 1, Duration.ofHours(1));
    assertThat(time.now()).isEqualTo(START.plusSeconds(1));
    assertThatThrownBy(() -> time.advanceUntil(() -> told.size() == 3, Duration.ofHours(1)))
        .isInstanceOf(AssertionError.class);
    assertThat(time.now()).isEqualTo(START.plusSeconds(3601));
  }

  @Test
  void whatAListenerSendsIsDeliveredBeforeTimePasses() {
    var delivered = new CopyOnWriteArrayList<Instant>();
    try (var host = ScriptedSmtpServer.script().start();
        var server = server(host)) {
      server.on(
          MailEvent.Delivered.class,
          event -> {
            delivered.add(event.at());
            if (delivered.size() < 5) {
              server.sendEmail(email());
            }
          });
      server.sendEmail(email());
      time.advance(Duration.ofDays(1));
      assertThat(delivered).hasSize(5).containsOnly(START);
    }
  }

  @Test
  void aHostThatDoesNotAnswerIsGivenUpByAJump() throws Exception {
    try (var host =
            ScriptedSmtpServer.script().silence("MAIL").reply("MAIL", "250 2.1.0 ok").start();
        var server = server(host)) {
      var deferred = new CountDownLatch(1);
      server.on(MailEvent.Deferred.class, event -> deferred.countDown());
      server.sendEmail(email());
      while (host.transcripts().stream().noneMatch(said -> said.toString().contains("MAIL"))) {
        Thread.onSpinWait();
      }
      while (!deferred.await(10, TimeUnit.MILLISECONDS)) {
        time.jump(Duration.ofMinutes(10)); // the deadline may not have been set the first time
      }
    }
  }

  private UnifiedEmailServer server(ScriptedSmtpServer host) {
    var server =
        new UnifiedEmailServer(
            UnifiedEmailServerConfig.builder()
                .hostname("mail.example.test")
                .timer(time)
                .routes(Route.of("far", 10, Match.any(), Action.forward("127.0.0.1", host.port())))
                .build());
    time.follow(server.start());
    return server;
  }

  private static Email email() {
    return Email.builder().from("a@example.test").to("b@far.test").subject("x").text("x").build();
  }
}
