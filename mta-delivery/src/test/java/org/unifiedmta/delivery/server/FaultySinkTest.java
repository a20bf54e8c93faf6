package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.routing.zone.RetryPolicy;

/**
 * Hosts that do what hosts should not, played by a program of others: nothing is lost, nothing
 * comes twice but where it was not known to have arrived, and only what is refused comes back.
 */
class FaultySinkTest {
  private static final Path DIRECTORY =
      Path.of(System.getProperty("shared.directory", "")).resolve("attack").toAbsolutePath();

  private static final String PROGRAM =
      """
      import re, sys
      sys.path.insert(0, sys.argv[1])
      import smtplab
      def got(message, raw):
          id = re.search(rb"(?mi)^message-id: *(\\S+)", raw)
          to = b",".join(message.rcpts).decode("latin-1")
          print("MSG", to, id.group(1).decode("latin-1") if id else "-", flush=True)
      sink = smtplab.Sink(sys.argv[2], int(sys.argv[3]), sys.argv[5:], on_message=got,
                          keep_raw=False, chunking=sys.argv[4] == "chunking")
      print("PORT", sink.port, flush=True)
      sys.stdin.read()
      for anomaly in sink.anomalies:
          print("ANOMALY", anomaly, flush=True)
      """;

  /** The program, and what it says it has got. */
  private static final class Sink implements AutoCloseable {
    private final Process process;
    private final String host;
    private final int port;
    private final List<String> said = new CopyOnWriteArrayList<>();
    private final Thread reader;

    private Sink(Process process, String host) throws IOException {
      this.process = process;
      this.host = host;
      var out = process.inputReader(StandardCharsets.ISO_8859_1);
      var first = out.readLine();
      assertThat(first).as("the first line of the sink").startsWith("PORT ");
      this.port = Integer.parseInt(first.substring(5));
      this.reader = Thread.ofVirtual().start(() -> out.lines().forEach(said::add));
    }

    static Sink start(String host, int port, boolean chunking, String... faults)
        throws IOException {
      var command = new ArrayList<>(List.of("python3", "-c", PROGRAM, DIRECTORY.toString(), host));
      command.add(Integer.toString(port));
      command.add(chunking ? "chunking" : "plain");
      command.addAll(List.of(faults));
      return new Sink(
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start(), host);
    }

    static Sink with(String fault) throws IOException {
      return start("127.0.0.2", 0, false, fault);
    }

    List<String> soFar() {
      return said.stream().filter(line -> line.startsWith("MSG ")).toList();
    }

    /** All of them; it takes no more. */
    List<String> messages() throws Exception {
      close();
      return soFar();
    }

    /** Nothing that it has heard was such that another server could misread it. */
    @Override
    public void close() throws IOException, InterruptedException {
      process.outputWriter().close();
      reader.join();
      assertThat(said).noneMatch(line -> line.startsWith("ANOMALY"));
    }
  }

  private final LinkedBlockingQueue<MailEvent> events = new LinkedBlockingQueue<>();

  @BeforeAll
  static void isThere() throws Exception {
    boolean there = Files.exists(DIRECTORY.resolve("smtplab.py"));
    if (!there) {
      System.err.println("NOT RUN: there is no smtplab.py in " + DIRECTORY);
    }
    assumeTrue(there, "there is no smtplab.py in " + DIRECTORY);
    var python = new ProcessBuilder("python3", "--version").start();
    assumeTrue(python.waitFor() == 0, "python3 is not there");
  }

  private static OutboundOptions.Builder options(Duration command) {
    return OutboundOptions.builder().connectTimeout(Duration.ofSeconds(5)).commandTimeout(command);
  }

  private UnifiedEmailServer start(UnifiedEmailServerConfig.Builder config) {
    var server =
        new UnifiedEmailServer(
            config
                .hostname("mail.example.test")
                // Long enough to look meanwhile; a rest of the destination is never longer.
                .retry(RetryPolicy.parse("3s;give-up=1h"))
                .shutdownTimeout(Duration.ofSeconds(2))
                .build());
    server.on(MailEvent.class, events::add);
    return server.start();
  }

  private UnifiedEmailServer forwarding(Sink sink, OutboundOptions options) {
    var host = Action.forward(sink.host, sink.port).withOptions(options);
    return start(
        UnifiedEmailServerConfig.builder()
            .routes(
                Route.of("own", 10, Match.recipients("ann@example.test"), Action.deliver()),
                Route.of("all", 0, Match.any(), host)));
  }

  private static Email email(String... to) {
    return Email.builder()
        .from("ann@example.test")
        .to(to)
        .subject("x")
        .text("line\r\n".repeat(100_000)) // more than is read at once
        .build();
  }

  private <E extends MailEvent> E await(Class<E> type) throws InterruptedException {
    while (true) {
      var event = events.poll(30, TimeUnit.SECONDS);
      assertThat(event).as("an event, while waiting for %s", type.getSimpleName()).isNotNull();
      if (type.isInstance(event)) {
        return type.cast(event);
      }
    }
  }

  private static void isPrintable(String text) {
    assertThat(text.chars()).noneMatch(Character::isISOControl);
  }

  /** F17, F18, F20 to F25: kept, tried again, and there once. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "greet421:1",
        "nobanner:1",
        "hugebanner:1",
        "bannerflood:1",
        "slowbanner:1",
        "rst_connect:1",
        "mail421:1",
        "mail451:1",
        "rcpt421:1",
        "rcpt450:1",
        "rcpt451:1",
        "rcpt452:1",
        "greylist",
        "data421:1",
        "data451:1",
        "drop_in_data:1",
        "drop_mid_data:1",
        "dot421:1",
        "dot451:1",
        "slow_read:1",
        "half_open:1",
        "reply_flood:1",
        "reply_nolf:1",
        "reply_longline:1",
        "reply_badcode:1"
      })
  void whatFailedForAWhileArrivesOnceLater(String fault) throws Exception {
    try (var sink = Sink.with(fault);
        var server = forwarding(sink, options(Duration.ofSeconds(1)).build())) {
      var id = server.sendEmail(email("bob@far.test"));
      var first = await(MailEvent.AttemptFinished.class);
      assertThat(first.reply().isTransient()).as(first.reply().toString()).isTrue();
      isPrintable(first.reply().toString());
      await(MailEvent.Deferred.class);
      assertThat(sink.soFar()).isEmpty();
      server.deliverySystem().resume("127.0.0.2:" + sink.port); // it need not rest for a minute
      server.deliveryQueue().retryNow(id);
      await(MailEvent.Delivered.class);
      assertThat(sink.messages()).singleElement().asString().contains("<bob@far.test>");
      assertThat(events).noneMatch(MailEvent.Bounced.class::isInstance);
    }
  }

  /** F26 among them: what a host says ends in events and reports, and no control characters do. */
  @ParameterizedTest
  @CsvSource({
    "greet554, 554 5.3.2",
    "mail550, 550 5.7.1",
    "rcpt550, 550 5.1.1",
    "dot550, 550 5.6.0",
    "reply_multiline_inject, 550 5.1.1"
  })
  void whatIsRefusedComesBackAtOnce(String fault, String reply) throws Exception {
    try (var sink = Sink.with(fault);
        var server = forwarding(sink, options(Duration.ofSeconds(5)).build())) {
      server.sendEmail(email("bob@far.test"));
      var bounced = await(MailEvent.Bounced.class);
      assertThat(bounced.reply().toString()).startsWith(reply);
      isPrintable(bounced.reply().toString());
      assertThat(sink.messages()).isEmpty();
    }
  }

  /** F27, F28, and hosts that are only odd. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "ehlo_reject",
        "starttls_fail",
        "starttls_garbage",
        "reply_split",
        "close_after_each"
      })
  void whatCanBeDealtWithCostsNoAttempt(String fault) throws Exception {
    try (var sink = Sink.with(fault);
        var server = forwarding(sink, options(Duration.ofSeconds(10)).build())) {
      for (int i = 0; i < 3; i++) {
        server.sendEmail(email("bob@far.test"));
        assertThat(await(MailEvent.AttemptFinished.class).reply().isPositive()).isTrue();
      }
      assertThat(sink.messages()).hasSize(3);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"starttls_fail", "starttls_garbage"})
  void whereTlsIsRequiredNothingGoesWithoutIt(String fault) throws Exception {
    var required = options(Duration.ofSeconds(5)).tls(OutboundOptions.Tls.REQUIRED).build();
    try (var sink = Sink.with(fault);
        var server = forwarding(sink, required)) {
      server.sendEmail(email("bob@far.test"));
      assertThat(await(MailEvent.Deferred.class).reply().isTransient()).isTrue();
      assertThat(sink.messages()).isEmpty();
    }
  }

  /** F19. */
  @Test
  void eachRecipientHasItsOwnEnd() throws Exception {
    try (var sink = Sink.with("rcpt_mixed");
        var server = forwarding(sink, options(Duration.ofSeconds(5)).build())) {
      server.sendEmail(email("bob@far.test", "cid@far.test"));
      var first = await(MailEvent.AttemptFinished.class);
      var second = await(MailEvent.AttemptFinished.class);
      assertThat(List.of(first.reply().code(), second.reply().code()))
          .containsExactlyInAnyOrder(250, 550);
      assertThat(sink.messages()).hasSize(1);
    }
  }

  /** F21: at least once; the same message, so that it can be seen to be the same. */
  @Test
  void whatMayHaveArrivedIsSentAgain() throws Exception {
    try (var sink = Sink.with("drop_before_dot_reply:1");
        var server = forwarding(sink, options(Duration.ofSeconds(5)).build())) {
      server.sendEmail(email("bob@far.test"));
      assertThat(await(MailEvent.AttemptFinished.class).reply().isTransient()).isTrue();
      await(MailEvent.Delivered.class);
      assertThat(sink.messages()).hasSize(2).containsOnly(sink.soFar().getFirst());
    }
  }

  /** F22: nobody tries a second time while the first attempt may still be answered. */
  @Test
  void aSlowAnswerIsWaitedFor() throws Exception {
    try (var sink = Sink.with("dot_slow:1");
        var server = forwarding(sink, options(Duration.ofSeconds(20)).build())) {
      server.sendEmail(email("bob@far.test"));
      var attempt = await(MailEvent.AttemptFinished.class);
      assertThat(attempt.attempt()).isEqualTo(1);
      assertThat(attempt.reply().isPositive()).isTrue();
      assertThat(sink.messages()).hasSize(1);
    }
  }

  @Test
  void chunksArriveAsTheyWereSaidToBe() throws Exception {
    try (var sink = Sink.start("127.0.0.2", 0, true);
        var server = forwarding(sink, options(Duration.ofSeconds(5)).build())) {
      server.sendEmail(email("bob@far.test"));
      await(MailEvent.Delivered.class);
      assertThat(sink.messages()).hasSize(1);
    }
  }

  /**
   * F18, F25: the next host is tried in the same attempt, and has the message once. Not where the
   * whole message had been sent: then it might have it twice.
   */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "greet421",
        "greet554",
        "nobanner",
        "hugebanner",
        "rst_connect",
        "half_open",
        "mail421",
        "rcpt421",
        "data421",
        "drop_in_data",
        "dot421",
        "reply_badcode",
        "reply_longline"
      })
  void theNextHostIsTried(String fault) throws Exception {
    var zone =
        ZoneResolver.builder()
            .mx("far.test", 10, "bad.far.test")
            .mx("far.test", 20, "good.far.test")
            .a("bad.far.test", "127.0.0.2")
            .a("good.far.test", "127.0.0.3")
            .build();
    try (var bad = Sink.with(fault);
        var good = Sink.start("127.0.0.3", bad.port, false);
        var server =
            start(
                UnifiedEmailServerConfig.builder()
                    .dnsResolver(zone)
                    .mxPort(bad.port)
                    .allowPrivateTargets(true)
                    .outbound(options(Duration.ofSeconds(1)).build()))) {
      server.sendEmail(email("bob@far.test"));
      var attempt = await(MailEvent.AttemptFinished.class);
      assertThat(attempt.reply().isPositive()).as(attempt.reply().toString()).isTrue();
      assertThat(attempt.host()).isEqualTo("good.far.test");
      assertThat(bad.messages()).isEmpty();
      assertThat(good.messages()).hasSize(1);
    }
  }
}
