package org.unifiedmta.delivery.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.limit.UnifiedRateLimiter.Limits;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Auth;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.domain.DomainConfig.RateLimits;
import org.unifiedmta.security.sasl.CredentialStore;
import org.unifiedmta.smtp.codec.Extension;
import org.unifiedmta.smtp.server.TlsConfig;

/** Runs what docs/server.md shows where that can be run, and holds the two together. */
class ServerDocTest {
  /** A directory of users that somebody has. */
  private interface Directory {
    boolean bind(String user, char[] password);
  }

  @Test
  void everythingThatIsShownIsCompiled() {
    Snippets.areCompiled("docs/server.md", 5, ServerDocTest.class);
  }

  /** Ports below 1024 cannot be had everywhere, so it is built and not started. */
  static UnifiedEmailServerConfig listeners(Path certificate, Path key, Path authorities) {
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname("mail.example.com")
            .tls(TlsConfig.ofPem(certificate, key).withClientCertificates(authorities))
            .auth(Auth.users(Map.of("ann", "secret")))
            .trustedProxies("10.1.0.0/16")
            .listen(Listener.of("mx", new InetSocketAddress(25), Mode.STARTTLS))
            .listen(
                Listener.of("submission", new InetSocketAddress(465), Mode.IMPLICIT_TLS)
                    .withRequireAuth(true)
                    .withMaxClients(100))
            .listen(
                Listener.of("balanced", new InetSocketAddress(2525), Mode.STARTTLS)
                    .withProxyProtocol(true)
                    .withoutExtensions(Extension.CHUNKING))
            .listen(
                Listener.of("local", new InetSocketAddress("127.0.0.1", 24), Mode.PLAIN)
                    .withLmtp(true))
            .build();
    return config;
  }

  @Test
  void passwordsAreKeptAsHashes() {
    var stored = CredentialStore.hash("secret".toCharArray()); // Argon2id
    var keys = CredentialStore.Scram.of("secret".toCharArray()).text(); // serves SCRAM too
    var auth =
        new Auth(
            true, // required on every listener
            List.of("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "EXTERNAL"),
            CredentialStore.ofHashes(Map.of("ann", stored, "bob", keys)));
    for (var user : List.of("ann", "bob")) {
      assertThat(auth.users().verifyPassword(user, "secret".toCharArray())).isTrue();
      assertThat(auth.users().verifyPassword(user, "wrong".toCharArray())).isFalse();
    }
  }

  @Test
  void aStoreSaysAsWhomAUserMaySend() {
    Directory directory = (user, password) -> true;
    CredentialStore staff =
        new CredentialStore() {
          @Override
          public boolean verifyPassword(String user, char[] password) {
            return directory.bind(user, password);
          }

          @Override
          public boolean maySendAs(String user, String address) {
            return address.equals(user + "@example.com");
          }
        };
    assertThat(staff.maySendAs("ann", "ann@example.com")).isTrue();
    assertThat(staff.maySendAs("ann", "bob@example.com")).isFalse();
  }

  @Test
  void addressesAndDomainsAreLimited() {
    var config = UnifiedEmailServerConfig.builder().hostname("mail.example.com").build();
    var limited =
        config.toBuilder()
            .rateLimits(
                Limits.unlimited()
                    .withMaxConnectionsPerIP(20)
                    .withMaxConnectionsPerMinute(60)
                    .withMaxMessagesPerMinute(600)
                    .withMaxErrorsPerIP(50)
                    .withMaxAuthFailuresPerIP(10)
                    .withBlockDuration(Duration.ofMinutes(30)))
            .domains(
                DomainConfig.of("example.com")
                    .withRateLimits(new RateLimits(100, 1_000, null))) // sent, received; a minute
            .build();
    assertThat(limited.rateLimits().maxConnectionsPerMinute()).isEqualTo(60);
  }

  @Test
  void whatIsSaidCanBeListenedTo() throws Exception {
    var log = new CopyOnWriteArrayList<String>();
    var loopback = new InetSocketAddress("127.0.0.1", 0);
    var peer = InetAddress.getByName("127.0.0.1");
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname("mail.example.com")
            .listen(Listener.of("in", loopback, Mode.PLAIN));
    try (var server = new UnifiedEmailServer(config.build()).start()) {
      try (var transcript =
          server.transcribe(session -> session.remote().getAddress().equals(peer), log::add)) {
        reproduce(server.port());
      }
    }
    assertThat(log)
        .anyMatch(line -> line.endsWith("S: 220 mail.example.com ESMTP"))
        .anyMatch(line -> line.endsWith("C: QUIT"));
  }

  private static void reproduce(int port) throws IOException {
    try (var socket = new Socket("127.0.0.1", port)) {
      socket.getOutputStream().write("QUIT\r\n".getBytes(StandardCharsets.US_ASCII));
      socket.getInputStream().readAllBytes();
    }
  }
}
