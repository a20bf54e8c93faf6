package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.queue.Mail;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.smtp.testing.ScriptedSmtpServer;

/** What a process that is started after a crash makes of what the one before has left. */
class CrashTest {
  @TempDir Path place;

  private UnifiedEmailServer server(Path queue, ScriptedSmtpServer host) {
    return new UnifiedEmailServer(
        UnifiedEmailServerConfig.builder()
            .hostname("mail.example.test")
            .shutdownTimeout(Duration.ofMillis(1))
            .dataDirectory(queue)
            .routes(Route.of("all", 0, Match.any(), Action.forward("127.0.0.1", host.port())))
            .build());
  }

  private static Email email() {
    return Email.builder()
        .from("ann@example.test")
        .to("bob@far.test", "cyd@far.test")
        .subject("x")
        .text("x")
        .build();
  }

  /** A directory as a crash would leave it now. */
  private Path copy(Path directory) throws IOException {
    var copy = Files.createDirectory(place.resolve("copy"));
    try (var files = Files.list(directory)) {
      for (var file : files.toList()) {
        try {
          Files.copy(file, copy.resolve(file.getFileName()));
        } catch (NoSuchFileException e) {
          assertThat(file.toString()).doesNotEndWith(".log"); // a spare one got another name
        }
      }
    }
    return copy;
  }

  private List<MailEvent> eventsUntilBothAreDelivered(Path queue, ScriptedSmtpServer host)
      throws Exception {
    try (var server = server(queue, host)) {
      var events = new LinkedBlockingQueue<MailEvent>();
      server.on(MailEvent.class, events::add);
      server.start();
      var all = new ArrayList<MailEvent>();
      while (all.stream().filter(MailEvent.Delivered.class::isInstance).count() < 2) {
        var event = events.poll(20, TimeUnit.SECONDS);
        assertThat(event).as("after %s", all).isNotNull();
        all.add(event);
      }
      return all;
    }
  }

  @Test
  void anAttemptThatACrashEndedBehindTheFinalDotIsToldOfAndRepeated() throws Exception {
    var queue = place.resolve("queue");
    try (var host =
            ScriptedSmtpServer.script()
                .reply("RCPT", "250 ok", "450 4.2.0 not you", "250 ok")
                .silence("END")
                .reply("END", "250 2.0.0 ok")
                .start();
        var server = server(queue, host).start()) {
      var id = server.sendEmail(email());
      Mail.await(() -> !host.messages().isEmpty());
      var events = eventsUntilBothAreDelivered(copy(queue), host);
      assertThat(events.getFirst()).isInstanceOf(MailEvent.PossibleDuplicate.class);
      assertThat(events)
          .filteredOn(MailEvent.PossibleDuplicate.class::isInstance)
          .extracting(MailEvent::queueId, event -> recipient(event))
          .containsExactly(tuple(id, "bob@far.test"));
    }
  }

  private static String recipient(MailEvent event) {
    return ((MailEvent.PossibleDuplicate) event).recipient().toString();
  }

  @Test
  void beforeTheContentIsCompleteNothingIsInDoubt() throws Exception {
    var queue = place.resolve("queue");
    try (var host = ScriptedSmtpServer.script().silence("DATA").reply("DATA", "354 go").start();
        var server = server(queue, host).start()) {
      server.sendEmail(email());
      Mail.await(() -> host.transcripts().stream().anyMatch(t -> t.toString().contains("DATA")));
      assertThat(eventsUntilBothAreDelivered(copy(queue), host))
          .noneMatch(MailEvent.PossibleDuplicate.class::isInstance);
    }
  }
}
