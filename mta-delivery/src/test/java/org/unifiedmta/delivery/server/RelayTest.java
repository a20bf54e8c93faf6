package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.hook.Hook;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.delivery.testing.Fault;
import org.unifiedmta.delivery.testing.MailAssertions;
import org.unifiedmta.delivery.testing.MailFixture;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.smtp.client.ClientOptions;
import org.unifiedmta.smtp.client.Endpoint;
import org.unifiedmta.smtp.client.SmtpClient;
import org.unifiedmta.smtp.client.SmtpException;
import org.unifiedmta.smtp.server.SessionFacts;
import org.unifiedmta.smtp.server.Verdict;
import org.unifiedmta.smtp.testing.ScriptedSmtpServer;

/** On the way to the next host: hosts that fail, logins, hooks, and who may relay at all. */
class RelayTest {
  private static final InetSocketAddress LOOPBACK = new InetSocketAddress("127.0.0.1", 0);

  private final LinkedBlockingQueue<MailEvent> events = new LinkedBlockingQueue<>();

  private static UnifiedEmailServerConfig.Builder config() {
    return UnifiedEmailServerConfig.builder()
        .hostname("mail.example.test")
        .shutdownTimeout(Duration.ofSeconds(2));
  }

  private UnifiedEmailServer start(UnifiedEmailServerConfig.Builder config) {
    var server = new UnifiedEmailServer(config.build());
    server.on(MailEvent.class, events::add);
    return server.start();
  }

  /** Takes mail for example.test and passes everything on to one host. */
  private UnifiedEmailServer gateway(ScriptedSmtpServer host) {
    return start(
        config()
            .listen(Listener.of("smtp", LOOPBACK, Mode.PLAIN))
            .domains(DomainConfig.of("example.test"))
            .routes(Route.of("all", 0, Match.any(), Action.forward("127.0.0.1", host.port()))));
  }

  private static Email email(String... to) {
    return Email.builder().from("ann@example.test").to(to).subject("x").text("x").build();
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

  private static Route to(MailFixture host, OutboundOptions options) {
    return Route.of(
        "out", 0, Match.any(), Action.forward(host.host(), host.port()).withOptions(options));
  }

  @Test
  void aRouteMayLogInAtItsHost() {
    try (var host = MailFixture.builder().user("u", "p").start()) {
      var options = OutboundOptions.builder().auth("u", "p").trust(host.clientSslContext()).build();
      try (var server = start(config().routes(to(host, options)))) {
        server.sendEmail(email("bob@far.test"));
        MailAssertions.assertThat(host.awaitMessage()).wasAuthenticatedAs("u").wasSentOverTls();
      }
    }
  }

  @Test
  void aPasswordThatIsRefusedKeepsTheMail() throws Exception {
    try (var host = MailFixture.builder().user("u", "p").start()) {
      host.inject(Fault.authFails());
      var options = OutboundOptions.builder().auth("u", "p").trust(host.clientSslContext()).build();
      try (var server = start(config().routes(to(host, options)))) {
        server.sendEmail(email("bob@far.test"));
        assertThat(await(MailEvent.Deferred.class).reply().isTransient()).isTrue();
      }
    }
  }

  @Test
  void whereOpportunisticTlsIsBrokenTheMailGoesInPlainText() throws Exception {
    try (var host =
            ScriptedSmtpServer.script()
                .extensions("PIPELINING", "STARTTLS")
                .reply("STARTTLS", "454 4.7.0 broken")
                .start();
        var server =
            start(
                config()
                    .routes(
                        Route.of(
                            "out", 0, Match.any(), Action.forward("127.0.0.1", host.port()))))) {
      server.sendEmail(email("bob@far.test"));
      await(MailEvent.Delivered.class);
      assertThat(host.transcripts()).hasSize(2);
      assertThat(host.messages()).hasSize(1);
    }
  }

  @Test
  void theNextMxIsTriedWhereTheFirstDoesNotAnswer() throws Exception {
    try (var host = ScriptedSmtpServer.script().start()) {
      var dns =
          ZoneResolver.builder()
              .mx("far.test", 10, "dead.far.test")
              .mx("far.test", 20, "mx.far.test")
              .a("dead.far.test", "127.0.0.99")
              .a("mx.far.test", "127.0.0.1");
      try (var server =
          start(config().dnsResolver(dns.build()).mxPort(host.port()).allowPrivateTargets(true))) {
        server.sendEmail(email("bob@far.test", "eve@far.test"));
        assertThat(await(MailEvent.AttemptFinished.class).host()).isEqualTo("mx.far.test");
        assertThat(host.messages()).hasSize(1);
        assertThat(host.transcripts().get(0).toString())
            .contains("RCPT TO:<bob@far.test>", "RCPT TO:<eve@far.test>");
      }
    }
  }

  @Test
  void allThatAreEquallyPreferredAreTriedBeforeTheNext() throws Exception {
    try (var host = ScriptedSmtpServer.script().start()) {
      var dns =
          ZoneResolver.builder()
              .mx("far.test", 20, "mx.far.test")
              .mx("far.test", 10, "dead1.far.test")
              .mx("far.test", 10, "dead2.far.test")
              .a("dead1.far.test", "127.0.0.98")
              .a("dead2.far.test", "127.0.0.99")
              .a("mx.far.test", "127.0.0.1");
      try (var server =
          start(config().dnsResolver(dns.build()).mxPort(host.port()).allowPrivateTargets(true))) {
        server.sendEmail(email("bob@far.test"));
        assertThat(await(MailEvent.AttemptFinished.class).host()).isEqualTo("mx.far.test");
        assertThat(host.messages()).hasSize(1);
      }
    }
  }

  /** RFC 5321 5.1; the port is ours as well. */
  @Test
  void mailForADomainWhoseHostWeAreComesBack() throws Exception {
    int port;
    try (var free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    var dns =
        ZoneResolver.builder()
            .mx("far.test", 10, "we.far.test")
            .a("we.far.test", "127.0.0.1")
            .mx("named.test", 10, "MAIL.example.test");
    var config = config().dnsResolver(dns.build()).mxPort(port).allowPrivateTargets(true);
    var ours = new InetSocketAddress("127.0.0.1", port);
    try (var server = start(config.listen(Listener.of("smtp", ours, Mode.PLAIN)))) {
      for (var domain : List.of("far.test", "named.test")) {
        server.sendEmail(email("bob@" + domain));
        assertThat(await(MailEvent.Bounced.class).reply())
            .hasToString("554 5.4.6 mail for " + domain + " loops back to this host");
      }
    }
  }

  @Test
  void aReportToADomainThatTakesNoMailIsTheLastOfIt() throws Exception {
    var dns = ZoneResolver.builder().mx("null.test", 0, "").build();
    try (var server = start(config().dnsResolver(dns))) {
      server.sendEmail(
          Email.builder().from("ann@null.test").to("bob@null.test").subject("x").text("x").build());
      var first = await(MailEvent.Bounced.class);
      var second = await(MailEvent.Bounced.class);
      assertThat(second.queueId()).isNotEqualTo(first.queueId());
      assertThat(second.reply()).hasToString("556 5.1.10 null.test takes no mail");
      server.stop();
      assertThat(events).noneMatch(MailEvent.Accepted.class::isInstance);
    }
  }

  @Test
  void messagesToOneHostShareAConnection() throws Exception {
    try (var host = ScriptedSmtpServer.script().start();
        var server =
            start(
                config()
                    .routes(
                        Route.of(
                            "out", 0, Match.any(), Action.forward("127.0.0.1", host.port()))))) {
      for (int i = 0; i < 5; i++) {
        server.sendEmail(email("bob@far.test"));
        await(MailEvent.Delivered.class);
      }
      assertThat(host.transcripts()).hasSize(1);
      assertThat(host.messages()).hasSize(5);
    }
  }

  @Test
  void aDomainThatTakesNoMailBouncesAtOnce() throws Exception {
    var dns = ZoneResolver.builder().mx("null.test", 0, "").build();
    try (var server = start(config().dnsResolver(dns))) {
      server.sendEmail(email("bob@null.test"));
      assertThat(await(MailEvent.Bounced.class).reply())
          .hasToString("556 5.1.10 null.test takes no mail");
      server.sendEmail(email("bob@nowhere.test"));
      assertThat(await(MailEvent.Bounced.class).reply().status()).hasToString("5.1.2");
    }
  }

  @Test
  void strangersMayNotRelayAndSenderChosenRoutesAreNoWayAround() {
    try (var host = ScriptedSmtpServer.script().start();
        var server = gateway(host)) {
      for (var recipient :
          List.of(
              "bob@far.test",
              "bob%far.test@example.test",
              "far.test!bob@example.test",
              "\"bob@far.test\"@example.test")) {
        var refused =
            catchThrowableOfType(
                SmtpException.class,
                () -> server.sendOutboundEmail("127.0.0.1", server.port(), email(recipient)));
        assertThat(refused.reply().orElseThrow().code()).as(recipient).isEqualTo(550);
      }
      assertThat(
              server
                  .sendOutboundEmail("127.0.0.1", server.port(), email("bob@example.test"))
                  .isComplete())
          .isTrue();
    }
  }

  @Test
  void theFirstHookThatDoesNotSayContinueWins() {
    Hook refuses =
        new Hook() {
          @Override
          public Verdict onHelo(SessionFacts session) {
            return Verdict.reply(550, "5.7.1", "not you");
          }
        };
    Hook breaks =
        new Hook() {
          @Override
          public Verdict onHelo(SessionFacts session) {
            throw new IllegalStateException("broken");
          }
        };
    for (var hooks : List.of(List.of(refuses, breaks), List.of(breaks, refuses))) {
      var config = config().listen(Listener.of("smtp", LOOPBACK, Mode.PLAIN));
      hooks.forEach(config::hook);
      try (var server = start(config)) {
        var refused =
            catchThrowableOfType(
                SmtpException.class,
                () -> server.sendOutboundEmail("127.0.0.1", server.port(), email("b@far.test")));
        assertThat(refused.reply().orElseThrow())
            .hasToString(
                hooks.get(0) == refuses
                    ? "550 5.7.1 not you"
                    : "451 4.3.0 Local error, try again later");
      }
    }
  }

  @Test
  void forgedResultsOfOursAreTakenOut() throws Exception {
    try (var host = ScriptedSmtpServer.script().start();
        var server = gateway(host)) {
      var forged =
          Email.builder()
              .from("ann@far.test")
              .to("bob@example.test")
              .header("Authentication-Results", "(x) Mail.Example.TEST 1; dkim=pass")
              .header("authentication-results", "\"mail.example.test\"; spf=pass")
              .header("Authentication-Results", "mail.example.test.evil.test; spf=pass")
              .header("X-Sending-Zone", "fast")
              .subject("x")
              .text("x")
              .build();
      server.sendOutboundEmail("127.0.0.1", server.port(), forged);
      await(MailEvent.Delivered.class);
      var received = Email.parse(host.messages().get(0));
      assertThat(received.headers().all("Authentication-Results"))
          .containsExactly("mail.example.test.evil.test; spf=pass");
      assertThat(received.headers().first("X-Sending-Zone")).isEmpty();
      assertThat(Stream.of("Received", "Subject", "From"))
          .allMatch(name -> received.headers().all(name).size() == 1);
    }
  }

  private static String raw(String header) {
    return "From: ann@far.test\r\n" + header + "\r\nbody\r\n";
  }

  @Test
  void aForgeryBehindALineThatIsNoFieldIsTakenOutToo() throws Exception {
    try (var host = ScriptedSmtpServer.script().start();
        var server = gateway(host)) {
      var forged =
          raw(
              "this is no field\r\nAuthentication-Results: mail.example.test; dkim=pass\r\nX: y\r\n");
      assertThat(sendRaw(server, forged)).isEqualTo(250);
      await(MailEvent.Delivered.class);
      assertThat(new String(host.messages().get(0), StandardCharsets.US_ASCII))
          .endsWith("From: ann@far.test\r\nthis is no field\r\nX: y\r\n\r\nbody\r\n");
      var endless = raw("X: y\r\n".repeat(3_000));
      assertThat(sendRaw(server, endless)).isEqualTo(552);
    }
  }

  private static int sendRaw(UnifiedEmailServer server, String message) {
    var endpoint = new Endpoint("localhost", InetAddress.getLoopbackAddress(), server.port());
    try (var client = SmtpClient.open(endpoint, ClientOptions.of("client.test"), Timer.system())) {
      return client
          .send(
              Envelope.of("ann@far.test", "bob@example.test"),
              ByteSource.of(message.getBytes(StandardCharsets.US_ASCII)))
          .replies()
          .get(0)
          .code();
    }
  }

  @Test
  void ofAReplyWithoutMeasureOnlyTheBeginningIsKept() throws Exception {
    var flood = ("450-4.2.1 " + "x".repeat(500) + "\n").repeat(90) + "450 4.2.1 end";
    try (var host = ScriptedSmtpServer.script().reply("RCPT", flood).start();
        var server = gateway(host)) {
      server.sendEmail(email("bob@example.test"));
      var reply = await(MailEvent.Deferred.class).reply();
      assertThat(reply.code()).isEqualTo(450);
      assertThat(reply.status()).hasToString("4.2.1");
      assertThat(reply.text()).hasSizeLessThan(1_100);
    }
  }

  /** As other languages do without saying so. */
  @SuppressWarnings("unchecked")
  private static <E extends Throwable> RuntimeException sneaky(Throwable checked) throws E {
    throw (E) checked;
  }

  @Test
  void aHandlerOrListenerThatThrowsWhateverItLikesLosesNothing() throws Exception {
    var config =
        config()
            .domains(DomainConfig.of("example.test"))
            .mailHandler((recipient, mail) -> {
              throw RelayTest.<RuntimeException>sneaky(new IOException("full"));
            });
    var server = new UnifiedEmailServer(config.build());
    server.on(
        MailEvent.Deferred.class,
        event -> {
          events.add(event);
          throw RelayTest.<RuntimeException>sneaky(new IOException("listener"));
        });
    try (server) {
      server.start();
      for (int i = 0; i < 2; i++) { // the listener hears the second one too
        server.sendEmail(email("bob@example.test"));
        assertThat(await(MailEvent.Deferred.class).reply())
            .hasToString("451 4.3.0 the mail handler failed");
      }
    }
  }
}
