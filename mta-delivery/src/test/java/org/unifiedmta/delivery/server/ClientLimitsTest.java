package org.unifiedmta.delivery.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.limit.UnifiedRateLimiter;
import org.unifiedmta.core.limit.UnifiedRateLimiter.Limits;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Auth;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Builder;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.domain.DomainConfig.RateLimits;
import org.unifiedmta.security.sasl.CredentialStore;
import org.unifiedmta.smtp.server.TlsConfig;

/** What clients may do by who they are and where they come from. */
class ClientLimitsTest {
  private static final InetSocketAddress LOOPBACK = new InetSocketAddress("127.0.0.1", 0);

  private final ManualTimer timer = new ManualTimer(Instant.parse("2026-01-05T10:00:00Z"));
  private final List<AutoCloseable> opened = new ArrayList<>();

  private static Builder config() {
    return UnifiedEmailServerConfig.builder()
        .hostname("mail.example.test")
        .shutdownTimeout(Duration.ofSeconds(2))
        .domains(DomainConfig.of("example.test"))
        .listen(Listener.of("in", LOOPBACK, Mode.PLAIN))
        .failedLoginDelay(Duration.ZERO)
        .mailHandler((recipient, mail) -> RecipientVerdict.delivered());
  }

  private static Builder secure(CredentialStore users) {
    return config()
        .listen(Listener.of("submission", LOOPBACK, Mode.IMPLICIT_TLS))
        .tls(TlsConfig.selfSigned("mail.example.test"))
        .auth(new Auth(false, List.of("PLAIN"), users));
  }

  private UnifiedEmailServer start(Builder config) {
    var server = new UnifiedEmailServer(config.timer(timer).build());
    opened.add(server);
    return server.start();
  }

  private Client client(UnifiedEmailServer server, String listener) {
    var client =
        new Client(
            server.listeners().stream()
                .filter(bound -> bound.name().equals(listener))
                .findFirst()
                .orElseThrow());
    opened.add(0, client);
    return client;
  }

  @AfterEach
  void close() throws Exception {
    for (var one : opened) {
      one.close();
    }
  }

  @Test
  void failedLoginsBlockAnAddressForAWhile() {
    var server =
        start(
            secure(CredentialStore.ofUsers(Map.of("ann", "secret")))
                .rateLimits(
                    Limits.unlimited()
                        .withMaxAuthFailuresPerIP(3)
                        .withBlockDuration(Duration.ofMinutes(10))));
    for (int i = 0; i < 3; i++) {
      assertThat(client(server, "submission").hello().login("ann", "wrong"))
          .startsWith("535 5.7.8");
    }
    assertThat(server.rateLimiter().isBlocked(InetAddress.getLoopbackAddress())).isTrue();
    assertThat(client(server, "in").greeting)
        .startsWith("421 4.7.0 Try again later: this address is blocked");
    timer.advance(Duration.ofMinutes(10));
    assertThat(client(server, "submission").hello().login("ann", "secret")).startsWith("235 ");
  }

  @Test
  void aLoginThatSucceedsBlocksNobody() {
    var server =
        start(
            secure(CredentialStore.ofUsers(Map.of("ann", "secret")))
                .rateLimits(Limits.unlimited().withMaxAuthFailuresPerIP(1)));
    for (int i = 0; i < 3; i++) {
      assertThat(client(server, "submission").hello().login("ann", "secret")).startsWith("235 ");
    }
  }

  @Test
  void anAddressHasSoManyConnectionsAndTrustedOnesHaveAny() {
    var limits = Limits.unlimited().withMaxConnectionsPerIP(2);
    var server = start(config().rateLimits(limits));
    var first = client(server, "in");
    assertThat(first.greeting).startsWith("220");
    assertThat(client(server, "in").greeting).startsWith("220");
    assertThat(client(server, "in").greeting)
        .startsWith("421 4.7.0 Try again later: more than 2 connections from this address");
    first.close();
    assertThat(eventually(server)).startsWith("220");

    var trusting = start(config().rateLimits(limits).trustedNetworks("127.0.0.0/8"));
    for (int i = 0; i < 5; i++) {
      assertThat(client(trusting, "in").greeting).startsWith("220");
    }
  }

  /** The server hears a little later that a connection has ended. */
  private String eventually(UnifiedEmailServer server) {
    var greeting = "";
    for (int i = 0; i < 2_000 && !greeting.startsWith("220"); i++) {
      greeting = client(server, "in").greeting;
    }
    return greeting;
  }

  @Test
  void anAddressMayConnectSoOftenAMinute() {
    var server = start(config().rateLimits(Limits.unlimited().withMaxConnectionsPerMinute(2)));
    client(server, "in").close();
    client(server, "in").close();
    assertThat(client(server, "in").greeting)
        .isEqualTo(
            "421 4.7.0 Try again later: more than 2 connections a minute from this address for 30 s");
    timer.advance(Duration.ofSeconds(30));
    assertThat(client(server, "in").greeting).startsWith("220");
  }

  @Test
  void theSmallestNumberOfConnectionsOfAnyDomainCounts() {
    var server =
        start(
            config()
                .domains(
                    DomainConfig.of("small.test").withRateLimits(new RateLimits(null, null, 1))));
    client(server, "in");
    assertThat(client(server, "in").greeting).startsWith("421 4.7.0");
  }

  @Test
  void aSenderHasSoManyMessagesAMinute() {
    var server = start(config().rateLimits(Limits.unlimited().withMaxMessagesPerMinute(2)));
    var client = client(server, "in").hello();
    for (int i = 0; i < 2; i++) {
      assertThat(client.command("MAIL FROM:<ann@far.test>")).startsWith("250 ");
      assertThat(client.command("RSET")).startsWith("250 ");
    }
    assertThat(client.command("MAIL FROM:<ann@far.test>"))
        .isEqualTo(
            "450 4.7.1 Try again later: more than 2 messages a minute from this sender for 30 s");
    timer.advance(Duration.ofSeconds(30));
    assertThat(client.command("MAIL FROM:<ann@far.test>")).startsWith("250 ");
  }

  @Test
  void aMessageHasSoManyRecipients() {
    var server = start(config().rateLimits(Limits.unlimited().withMaxRecipientsPerMessage(1)));
    var client = client(server, "in").hello();
    client.command("MAIL FROM:<ann@far.test>");
    assertThat(client.command("RCPT TO:<bob@example.test>")).startsWith("250 ");
    assertThat(client.command("RCPT TO:<eve@example.test>")).startsWith("452 4.5.3");
  }

  @Test
  void aDomainTakesSoManyMessagesAMinuteForWhateverRecipients() {
    var server =
        start(
            config()
                .domains(
                    DomainConfig.of("small.test").withRateLimits(new RateLimits(null, 1, null))));
    var client = client(server, "in").hello();
    client.command("MAIL FROM:<ann@far.test>");
    assertThat(client.command("RCPT TO:<a@small.test>")).startsWith("250 ");
    assertThat(client.command("RCPT TO:<b@small.test>")).startsWith("250 ");
    client.command("RSET");
    client.command("MAIL FROM:<bob@far.test>");
    assertThat(client.command("RCPT TO:<a@small.test>"))
        .isEqualTo(
            "450 4.7.1 Try again later: more than 1 messages a minute for small.test for 60 s");
    assertThat(client.command("RCPT TO:<a@example.test>")).startsWith("250 ");
  }

  @Test
  void aDomainSendsSoManyMessagesAMinute() {
    var server =
        start(
            secure(CredentialStore.ofUsers(Map.of("ann", "secret")))
                .domains(
                    DomainConfig.of("small.test").withRateLimits(new RateLimits(1, null, null))));
    var client = client(server, "submission").hello();
    client.command("MAIL FROM:<ann@small.test>");
    client.command("RSET");
    assertThat(client.command("MAIL FROM:<ann@small.test>"))
        .as("not our user: a name that anybody can give")
        .startsWith("250 ");
    client.command("RSET");
    client.login("ann", "secret");
    assertThat(client.command("MAIL FROM:<ann@small.test>")).startsWith("250 ");
    client.command("RSET");
    assertThat(client.command("MAIL FROM:<bob@small.test>"))
        .startsWith("450 4.7.1 Try again later: more than 1 messages a minute for small.test");
  }

  @Test
  void errorsAndGuessesBlockAnAddress() {
    var server = start(config().rateLimits(Limits.unlimited().withMaxErrorsPerIP(3)));
    var client = client(server, "in").hello();
    client.command("FOO");
    client.command("MAIL FROM:<ann@far.test>");
    assertThat(client.command("RCPT TO:<x@elsewhere.test>")).startsWith("550 5.7.1");
    assertThat(server.rateLimiter().isBlocked(InetAddress.getLoopbackAddress())).isFalse();
    client.command("RCPT TO:<y@elsewhere.test>");
    assertThat(server.rateLimiter().isBlocked(InetAddress.getLoopbackAddress())).isTrue();
    client.command("RSET");
    assertThat(client.command("MAIL FROM:<ann@far.test>"))
        .as("on a session that is open")
        .startsWith("450 4.7.1");
  }

  @Test
  void theHostsOwnLimiterIsAsked() {
    var limiter =
        new UnifiedRateLimiter(
            Limits.unlimited().withMaxConnectionsPerIP(1), Map.of(), java.time.Clock.systemUTC());
    var server = start(config().rateLimiter(limiter));
    assertThat(server.rateLimiter()).isSameAs(limiter);
    client(server, "in");
    assertThat(client(server, "in").greeting).startsWith("421 4.7.0");
  }

  @Test
  void aUserMaySendAsWhomTheStoreSays() {
    var users = CredentialStore.ofUsers(Map.of("ann", "secret"));
    var strict =
        new CredentialStore() {
          @Override
          public boolean verifyPassword(String user, char[] password) {
            return users.verifyPassword(user, password);
          }

          @Override
          public boolean maySendAs(String user, String address) {
            return address.equals(user + "@example.test");
          }
        };
    var client = client(start(secure(strict)), "submission").hello();
    client.login("ann", "secret");
    assertThat(client.command("MAIL FROM:<bob@example.test>"))
        .isEqualTo("553 5.7.1 ann may not send as bob@example.test");
    assertThat(client.message("ann@example.test", "From: Ann <ann@example.test>"))
        .startsWith("250 ");
    assertThat(client.message("", "From: ann@example.test")).startsWith("250 ");
    for (var forged :
        List.of(
            "From: bob@example.test",
            "From: ann@example.test, Bob <bob@example.test>",
            "From: ann@example.test\r\nFrom: bob@example.test",
            "From : bob@example.test",
            "From: ann@example.test\r\nSender: bob@example.test",
            "From: ann@example.test\r\nResent-From: bob@example.test",
            "From: Bob")) {
      assertThat(client.message("ann@example.test", forged))
          .as(forged)
          .startsWith("553 5.7.1 ann may not send as");
    }
  }

  @Test
  void aTranscriptTellsWhatIsSaidButNoPassword() throws Exception {
    var server = start(secure(CredentialStore.ofUsers(Map.of("ann", "secret"))));
    var lines = new LinkedBlockingQueue<String>();
    var transcript =
        server.transcribe(session -> session.listener().equals("submission"), lines::add);
    client(server, "in").hello();
    var client = client(server, "submission").hello();
    client.login("ann", "secret");
    transcript.close();
    client.command("NOOP");
    var all = new StringBuilder();
    for (var line = lines.poll(10, TimeUnit.SECONDS);
        line != null && all.indexOf("235") < 0;
        line = lines.poll()) {
      all.append(line).append('\n');
    }
    assertThat(all.toString())
        .contains("S: 220 ", "C: EHLO client.test", "C: AUTH PLAIN ***", "S: 235 ")
        .doesNotContain(
            "NOOP", Base64.getEncoder().encodeToString("\0ann\0secret".getBytes(UTF_8)));
  }

  /** Speaks line by line. */
  private static final class Client implements AutoCloseable {
    private final Socket socket;
    private final BufferedReader in;
    final String greeting;

    Client(UnifiedEmailServer.BoundListener listener) {
      try {
        var plain = new Socket(listener.address().getAddress(), listener.address().getPort());
        socket =
            listener.mode() == Mode.IMPLICIT_TLS
                ? trusting()
                    .getSocketFactory()
                    .createSocket(plain, "mail.example.test", plain.getPort(), true)
                : plain;
        socket.setSoTimeout(20_000);
        in = new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8));
        greeting = reply();
      } catch (IOException | GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }

    private static SSLContext trusting() throws GeneralSecurityException {
      var context = SSLContext.getInstance("TLS");
      context.init(
          null,
          new TrustManager[] {
            new X509TrustManager() {
              @Override
              public void checkClientTrusted(X509Certificate[] chain, String type) {}

              @Override
              public void checkServerTrusted(X509Certificate[] chain, String type) {}

              @Override
              public X509Certificate[] getAcceptedIssuers() {
                return new X509Certificate[0];
              }
            }
          },
          null);
      return context;
    }

    Client hello() {
      assertThat(command("EHLO client.test")).startsWith("250 ");
      return this;
    }

    String login(String user, String password) {
      var response = "\0" + user + "\0" + password;
      return command("AUTH PLAIN " + Base64.getEncoder().encodeToString(response.getBytes(UTF_8)));
    }

    String message(String sender, String header) {
      assertThat(command("MAIL FROM:<" + sender + ">")).startsWith("250 ");
      assertThat(command("RCPT TO:<bob@example.test>")).startsWith("250 ");
      assertThat(command("DATA")).startsWith("354 ");
      return command(header + "\r\nSubject: x\r\n\r\nx\r\n.");
    }

    String command(String line) {
      try {
        socket.getOutputStream().write((line + "\r\n").getBytes(UTF_8));
        return reply();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private String reply() throws IOException {
      var line = in.readLine();
      while (line != null && line.length() > 3 && line.charAt(3) == '-') {
        line = in.readLine();
      }
      return String.valueOf(line);
    }

    @Override
    public void close() {
      try {
        socket.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
