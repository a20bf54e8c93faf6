package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.schedule.DestinationState;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.delivery.testing.VirtualTime;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.zone.RetryPolicy;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMVerifier;
import org.unifiedmta.security.dkim.DkimKeyStore;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.smtp.testing.ScriptedSmtpServer;

/** Retries in virtual time: days pass whenever a test says so. */
class DeliveryOverTimeTest {
  private static final Instant START = Instant.parse("2026-01-05T10:00:00Z");

  private final VirtualTime time = VirtualTime.startingAt(START);
  private final List<MailEvent> events = new CopyOnWriteArrayList<>();
  private final List<Email> reports = new CopyOnWriteArrayList<>();

  private UnifiedEmailServer server(ScriptedSmtpServer host) {
    return server(host.port());
  }

  private UnifiedEmailServer server(int port) {
    return server(port, config -> {});
  }

  private UnifiedEmailServer server(int port, @Nullable Path data) {
    return server(
        port,
        config -> {
          if (data != null) {
            config.dataDirectory(data);
          }
        });
  }

  private UnifiedEmailServer server(int port, Consumer<UnifiedEmailServerConfig.Builder> more) {
    var dns =
        ZoneResolver.builder()
            .mx("far.test", 5, "mute.far.test")
            .a("mute.far.test", "127.0.0.2")
            .mx("far.test", 10, "mx.far.test")
            .a("mx.far.test", "127.0.0.1");
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname("mail.example.test")
            .timer(time)
            .dnsResolver(dns.build())
            .mxPort(port)
            .allowPrivateTargets(true)
            .mailHandler((recipient, mail) -> {
              reports.add(mail.email());
              return RecipientVerdict.delivered();
            });
    more.accept(config);
    if (config.build().domains().isEmpty()) {
      config.domains(DomainConfig.of("example.test"));
    }
    var server = new UnifiedEmailServer(config.build());
    server.on(MailEvent.class, events::add);
    time.follow(server.start());
    return server;
  }

  private static final String EIGHT_BIT =
      "From: ann@example.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
          + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
          + "hello d\u00f6rte, hello, hello\r\n";

  private static Email email(String from) {
    return Email.builder().from(from).to("bob@far.test").subject("x").text("x").build();
  }

  private <E extends MailEvent> List<E> heard(Class<E> type) {
    return events.stream().filter(type::isInstance).map(type::cast).toList();
  }

  /** Ages at which attempts to the other host ended. */
  private List<Duration> attempts() {
    return heard(MailEvent.AttemptFinished.class).stream()
        .filter(attempt -> attempt.recipient().domain().equals("far.test"))
        .map(attempt -> Duration.between(START, attempt.at()))
        .toList();
  }

  private static List<Duration> minutes(long... minutes) {
    return Arrays.stream(minutes).mapToObj(Duration::ofMinutes).toList();
  }

  /** A port where nobody listens. */
  private static int deadPort() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  @Test
  void aHostThatSays450TwiceGetsTheMailAfterFiveAndTwelveMinutes() {
    try (var host =
            ScriptedSmtpServer.script()
                .reply("RCPT", "450 4.2.1 busy", "450 4.2.1 busy", "250 2.1.5 ok")
                .start();
        var server = server(host)) {
      server.sendEmail(email("ann@example.test"));
      time.advance(Duration.ofMinutes(12).minusMillis(1));
      assertThat(heard(MailEvent.Deferred.class).stream().map(MailEvent.Deferred::next))
          .containsExactly(START.plusSeconds(5 * 60), START.plusSeconds(12 * 60));
      assertThat(host.messages()).isEmpty();
      time.advance(Duration.ofMillis(1));
      assertThat(heard(MailEvent.Delivered.class).stream().map(MailEvent.Delivered::at))
          .containsExactly(START.plusSeconds(12 * 60));
      assertThat(host.messages()).hasSize(1);
    }
  }

  /** RFC 6376 3.5: x= is over when the host is there again. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aSignatureThatIsOverIsMadeAnew(boolean sevenBit) {
    InstantSource now = time::now;
    var clock = now.withZone(ZoneOffset.UTC);
    var keys = new DKIMCreator(DkimKeyStore.in(StorageManager.inMemory()), clock);
    var lifetime = DomainConfig.Dkim.standard().withLifetime(Duration.ofHours(5));
    try (var host =
            ScriptedSmtpServer.script()
                .reply("RCPT", "450 4.2.1 busy", "450 4.2.1 busy", "250 2.1.5 ok")
                .extensions(sevenBit ? "SIZE" : "8BITMIME")
                .start();
        var server =
            server(
                host.port(),
                config ->
                    config
                        .dkimCreator(keys)
                        .domains(DomainConfig.of("example.test").withDkim(lifetime)))) {
      var policy =
          RetryPolicy.exponential(Duration.ofHours(6), 2, Duration.ofDays(1), Duration.ofDays(5))
              .withJitter(0);
      server.submit(
          Envelope.of("ann@example.test", "bob@far.test").withBody(Envelope.Body.EIGHT_BIT_MIME),
          new ByteArrayInputStream(EIGHT_BIT.getBytes(StandardCharsets.UTF_8)),
          SubmitOptions.builder().retry(policy).build());
      time.advance(Duration.ofHours(19));
      assertThat(attempts().stream().map(Duration::toHours)).containsExactly(0L, 6L, 18L);
      var zone = ZoneResolver.builder();
      keys.keys("example.test").stream()
          .map(DKIMCreator::dnsRecord)
          .forEach(record -> zone.txt(record.name(), record.value()));
      var verifier = new DKIMVerifier(zone.build(), clock, DKIMVerifier.Policy.rfc8301());
      assertThat(verifier.verify(host.messages().getFirst()))
          .hasSize(2)
          .allMatch(DkimResult::isValid);
      assertThat(new String(host.messages().getFirst(), StandardCharsets.UTF_8))
          .contains(sevenBit ? "d=C3=B6rte" : "d\u00f6rte");
    }
  }

  @Test
  void fortyEightHoursOf450GiveExactlyOneReport() {
    try (var host = ScriptedSmtpServer.script().reply("RCPT", "450 4.2.1 busy").start();
        var server = server(host)) {
      server.sendEmail(email("ann@example.test"));
      time.advance(Duration.ofHours(48).minusMillis(1));
      assertThat(reports).isEmpty();
      assertThat(attempts())
          .startsWith(minutes(0, 5, 12, 20, 45, 120, 240, 480).toArray(new Duration[0]));
      time.advance(Duration.ofDays(5));
      assertThat(heard(MailEvent.Bounced.class))
          .singleElement()
          .satisfies(bounced -> {
            assertThat(bounced.at()).isEqualTo(START.plus(Duration.ofHours(48)));
            assertThat(bounced.reply().status()).hasToString("5.4.7");
          });
      assertThat(reports)
          .singleElement()
          .satisfies(report ->
              assertThat(report.text().orElse("")).contains("bob@far.test", "450 4.2.1 busy"));
      assertThat(server.deliveryQueue().getStats().values()).containsOnly(0L);
    }
  }

  @Test
  void aMessageToADeadHostIsTriedAtTheTimesOfItsPolicy() throws Exception {
    try (var server = server(deadPort())) {
      server.sendEmail(email("ann@example.test"));
      time.advance(Duration.ofHours(4));
      assertThat(attempts()).isEqualTo(minutes(0, 5, 12, 20, 45, 120, 240));
    }
  }

  @Test
  void aMessageGoesByItsOwnPolicy() throws Exception {
    try (var server = server(deadPort())) {
      var policy =
          RetryPolicy.exponential(Duration.ofHours(6), 2, Duration.ofDays(1), Duration.ofDays(5))
              .withJitter(0);
      server.sendEmail(email("ann@example.test"), SubmitOptions.builder().retry(policy).build());
      time.advance(Duration.ofDays(6));
      assertThat(attempts().stream().map(Duration::toHours))
          .containsExactly(0L, 6L, 18L, 42L, 66L, 90L, 114L, 120L);
      assertThat(reports).hasSize(1);
    }
  }

  @Test
  void manyMessagesToADeadHostCostFewConnectionsAndAllAreReportedInTime() throws Exception {
    try (var server = server(deadPort())) {
      for (int i = 0; i < 200; i++) {
        server.sendEmail(email("ann@example.test"));
      }
      time.advance(Duration.ofHours(48).minusMillis(1));
      assertThat(reports).isEmpty();
      int connections = attempts().size();
      assertThat(connections).isBetween(48, 150);
      assertThat(server.deliverySystem().destinations().get("far.test"))
          .satisfies(
              state -> assertThat(state.status()).isEqualTo(DestinationState.Status.RESTING));
      time.advance(Duration.ofMillis(1));
      assertThat(heard(MailEvent.Bounced.class)).hasSize(200);
      assertThat(reports).hasSize(200);
      assertThat(attempts().size()).isLessThan(connections + 10);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatWaitedForADeadHostGoesOutWhenItIsBack(boolean durable, @TempDir Path data)
      throws Exception {
    int port = deadPort();
    try (var server = server(port, durable ? data : null)) {
      for (int i = 0; i < 50; i++) {
        server.sendEmail(email("ann@example.test"));
      }
      time.advance(Duration.ofHours(3));
      assertThat(heard(MailEvent.Delivered.class)).isEmpty();
      try (var host = ScriptedSmtpServer.script().port(port).start()) {
        time.advanceUntil(() -> !host.messages().isEmpty(), Duration.ofMinutes(38));
        var back = time.now();
        time.advance(Duration.ZERO);
        assertThat(heard(MailEvent.Delivered.class))
            .hasSize(50)
            .allMatch(delivered -> delivered.at().equals(back));
        assertThat(host.transcripts()).hasSizeLessThanOrEqualTo(5);
      }
    }
  }

  /** Takes connections on another loopback address and ends them at once. */
  private static final class Mute implements AutoCloseable {
    private final ServerSocket socket;
    private final AtomicInteger connections = new AtomicInteger();

    Mute(int port) throws IOException {
      socket = new ServerSocket(port, 10, InetAddress.getByName("127.0.0.2"));
      Thread.ofPlatform().daemon().start(this::accept);
    }

    private void accept() {
      while (!socket.isClosed()) {
        try (var connection = socket.accept()) {
          connections.incrementAndGet();
        } catch (IOException e) {
          return;
        }
      }
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  @Test
  void aHostThatDidNotAnswerOneMessageIsTriedLastByTheOthersForAWhile() throws Exception {
    try (var host =
            ScriptedSmtpServer.script().reply("RCPT", "250 ok", "250 ok", "421 no").start();
        var mute = new Mute(host.port());
        var server = server(host)) {
      server.sendEmail(email("ann@example.test"));
      time.advance(Duration.ofMinutes(1));
      assertThat(mute.connections).hasValue(1);
      server.sendEmail(email("ann@example.test"));
      time.advance(Duration.ofMinutes(1));
      assertThat(mute.connections).hasValue(1);
      assertThat(host.messages()).hasSize(2);
      server.sendEmail(email("ann@example.test")); // which the other host does not take either
      time.advance(Duration.ZERO);
      assertThat(mute.connections).hasValue(2);
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
      time.advance(Duration.ofDays(3));
      assertThat(heard(MailEvent.Bounced.class)).hasSize(1);
      assertThat(reports).isEmpty();
      assertThat(heard(MailEvent.Accepted.class)).hasSize(1);
    }
  }

  @Test
  void theEventsOfAMessageComeInTheirOrder() {
    try (var host = ScriptedSmtpServer.script().start();
        var server = server(host)) {
      var id = server.sendEmail(email("ann@example.test"));
      time.advance(Duration.ZERO);
      server.stop();
      assertThat(events)
          .hasExactlyElementsOfTypes(
              MailEvent.Started.class,
              MailEvent.Accepted.class,
              MailEvent.Routed.class,
              MailEvent.AttemptFinished.class,
              MailEvent.Delivered.class,
              MailEvent.Stopped.class);
      assertThat(events.subList(1, 5)).allMatch(event -> event.queueId().equals(id));
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
