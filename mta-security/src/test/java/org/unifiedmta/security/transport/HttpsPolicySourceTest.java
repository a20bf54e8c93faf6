package org.unifiedmta.security.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsExchange;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.security.testing.ManualTimer;
import org.unifiedmta.security.transport.MtaStsPolicies.Found;

@Timeout(60)
class HttpsPolicySourceTest {
  private static final String HOST = "mta-sts.example.test";
  private static final String POLICY =
      "version: STSv1\r\nmode: enforce\r\nmx: mail.example.test\r\nmax_age: 604800\r\n";
  private static Certificate certificate;

  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final BlockingQueue<String> requests = new LinkedBlockingQueue<>();
  private final ManualTimer timer = new ManualTimer();
  private HttpsServer server;

  @BeforeAll
  static void makeCertificate() throws Exception {
    certificate = Certificate.of(HOST);
  }

  @AfterEach
  void stop() {
    if (server != null) {
      server.stop(0);
    }
    threads.shutdownNow();
  }

  @Test
  void thePolicyIsAskedForByTheNameOfItsHost() throws Exception {
    serve(
        certificate,
        exchange -> {
          var session = (ExtendedSSLSession) ((HttpsExchange) exchange).getSSLSession();
          requests.add(((SNIHostName) session.getRequestedServerNames().getFirst()).getAsciiName());
          requests.add(exchange.getRequestMethod() + " " + exchange.getRequestURI());
          requests.add(exchange.getRequestHeaders().getFirst("Host"));
          answer(exchange, 200, "text/plain; charset=utf-8", POLICY);
        });

    assertThat(source(certificate.trust()).fetch(HOST)).asString().isEqualTo(POLICY);
    assertThat(requests)
        .containsExactly(
            HOST, "GET /.well-known/mta-sts.txt", HOST + ":" + server.getAddress().getPort());
    assertThat(timer.waiting()).isZero();
  }

  @Test
  void aPolicyMayComeInChunks() throws Exception {
    serve(
        certificate,
        exchange -> {
          exchange.getResponseHeaders().set("Content-Type", "text/plain");
          exchange.sendResponseHeaders(200, 0); // chunked
          for (var line : POLICY.split("(?<=\n)")) {
            exchange.getResponseBody().write(line.getBytes(StandardCharsets.UTF_8));
            exchange.getResponseBody().flush();
          }
          exchange.close();
        });

    assertThat(source(certificate.trust()).fetch(HOST)).asString().isEqualTo(POLICY);
  }

  @ParameterizedTest
  @ValueSource(ints = {201, 204, 301, 302, 307, 308, 304, 404, 500})
  void whateverIsNot200IsNoPolicyAndRedirectsAreNotFollowed(int status) throws Exception {
    serve(
        certificate,
        exchange -> {
          requests.add(exchange.getRequestURI().toString());
          exchange
              .getResponseHeaders()
              .set("Location", "https://" + HOST + ":" + server.getAddress().getPort() + "/other");
          answer(exchange, status, "text/plain", status == 204 || status == 304 ? "" : POLICY);
        });

    assertThatThrownBy(() -> source(certificate.trust()).fetch(HOST))
        .isInstanceOf(IOException.class)
        .hasMessage(HOST + " answered with the status " + status);
    assertThat(requests).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"text/html", "text/plain2", "application/octet-stream", ""})
  void aPolicyOfAnotherTypeIsNone(String type) throws Exception {
    serve(certificate, exchange -> answer(exchange, 200, type, POLICY));

    assertThatThrownBy(() -> source(certificate.trust()).fetch(HOST))
        .hasMessage(HOST + " answered with something else than text/plain");
  }

  @Test
  void aPolicyHasAtMost64Kilobytes() throws Exception {
    serve(
        certificate,
        exchange -> answer(exchange, 200, "text/plain", "x".repeat(64 * 1024 + requests.size())));
    assertThat(source(certificate.trust()).fetch(HOST)).hasSize(64 * 1024);

    requests.add("one more");
    assertThatThrownBy(() -> source(certificate.trust()).fetch(HOST))
        .hasMessage("a body of more than 65536 octets");
  }

  @Test
  void aHostWithACertificateForAnotherNameIsNotTrusted() throws Exception {
    isNotTrusted(Certificate.of("www.example.test"));
  }

  @Test
  void aHostWhoseNameIsOnlyACommonNameIsNotTrusted() throws Exception {
    isNotTrusted(Certificate.ofCommonName(HOST));
  }

  @Test
  void aHostWithACertificateThatIsOverIsNotTrusted() throws Exception {
    isNotTrusted(Certificate.expired(HOST));
  }

  private void isNotTrusted(Certificate wrong) throws IOException {
    serve(wrong, exchange -> answer(exchange, 200, "text/plain", POLICY));
    assertThatThrownBy(() -> source(wrong.trust()).fetch(HOST))
        .isInstanceOf(UntrustedPolicyHostException.class);
  }

  @Test
  void aHostWithACertificateOfItsOwnMakingIsNotTrusted() throws Exception {
    serve(certificate, exchange -> answer(exchange, 200, "text/plain", POLICY));
    assertThatThrownBy(() -> source(SSLContext.getDefault()).fetch(HOST))
        .isInstanceOf(UntrustedPolicyHostException.class);
  }

  @Test
  void whatFailsIsToldToTheDomainByTheNamesOfTheReport() throws Exception {
    var answers =
        List.of(
            "200|text/plain|version: STSv2\nmode: none\nmax_age: 1\n|" + Found.Failed.INVALID,
            "200|text/plain|<html>Welcome</html>|" + Found.Failed.INVALID,
            "200|text/html|" + POLICY + "|" + Found.Failed.FETCH_ERROR,
            "301|text/plain|" + POLICY + "|" + Found.Failed.FETCH_ERROR,
            "200|text/plain|" + "x".repeat(65 * 1024) + "|" + Found.Failed.FETCH_ERROR);
    for (var answer : answers) {
      var parts = answer.split("\\|");
      serve(
          certificate,
          exchange -> answer(exchange, Integer.parseInt(parts[0]), parts[1], parts[2]));
      assertThat(resultType(certificate.trust())).as(answer).isEqualTo(parts[3]);
      server.stop(0);
    }
    serve(certificate, exchange -> answer(exchange, 200, "text/plain", POLICY));
    assertThat(resultType(SSLContext.getDefault())).isEqualTo("sts-webpki-invalid");
  }

  private String resultType(SSLContext trust) {
    var zone = ZoneResolver.builder().a(HOST, "127.0.0.1");
    zone.txt("_mta-sts.example.test", "v=STSv1; id=1");
    var storage = StorageManager.inMemory();
    try (var policies =
        new MtaStsPolicies(zone.build(), source(zone.build(), timer, trust), storage, timer)) {
      return ((Found.Failed) policies.of("example.test")).resultType();
    }
  }

  @Test
  void aHostThatTricklesIsGivenUpAfterAMinute() throws Exception {
    var trickled = new CountDownLatch(1);
    var end = new CountDownLatch(1);
    serve(
        certificate,
        exchange -> {
          exchange.getResponseHeaders().set("Content-Type", "text/plain");
          exchange.sendResponseHeaders(200, POLICY.length());
          exchange.getResponseBody().write('v');
          exchange.getResponseBody().flush();
          trickled.countDown();
          await(end);
          exchange.close();
        });

    var fetching = fetchInBackground(source(certificate.trust()));
    await(trickled);
    timer.advance(Duration.ofSeconds(59));
    assertThat(fetching).isNotDone();
    timer.advance(Duration.ofSeconds(1));
    assertThatThrownBy(fetching::get)
        .isInstanceOf(ExecutionException.class)
        .rootCause()
        .isInstanceOf(IOException.class);
    assertThatThrownBy(fetching::get).hasMessageEndingWith(HOST + " did not answer within 60 s");
    end.countDown();
  }

  @Test
  void aHostThatShakesNoHandsIsGivenUpAfterAMinute() throws Exception {
    try (var silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      var zone = ZoneResolver.builder().a(HOST, "127.0.0.1").build();
      var source =
          new HttpsPolicySource(zone, timer, certificate.trust(), silent.getLocalPort(), true);
      var fetching = fetchInBackground(source);
      try (var connection = silent.accept()) {
        assertThat(connection.getInputStream().read()).isEqualTo(22); // a handshake begins
        timer.advance(Duration.ofMinutes(1));
        assertThatThrownBy(fetching::get)
            .hasMessageEndingWith(HOST + " did not answer within 60 s");
      }
    }
  }

  @Test
  void aHostThatSpeaksNoTlsIsNoMatterOfCertificates() throws Exception {
    try (var plain = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      var zone = ZoneResolver.builder().a(HOST, "127.0.0.1").build();
      var source =
          new HttpsPolicySource(zone, timer, certificate.trust(), plain.getLocalPort(), true);
      var fetching = fetchInBackground(source);
      try (var connection = plain.accept()) {
        connection
            .getOutputStream()
            .write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        assertThatThrownBy(fetching::get)
            .cause()
            .isInstanceOf(IOException.class)
            .isNotInstanceOf(UntrustedPolicyHostException.class);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "169.254.169.254", "10.0.0.1", "0.0.0.0", "224.0.0.1"})
  void aHostWithPrivateAddressesOnlyIsNotAsked(String address) throws Exception {
    serve(certificate, exchange -> requests.add("asked"));
    var zone = ZoneResolver.builder().a(HOST, address).aaaa(HOST, "::1").build();
    var port = server.getAddress().getPort();

    assertThatThrownBy(
            () -> new HttpsPolicySource(zone, timer, certificate.trust(), port, false).fetch(HOST))
        .isInstanceOf(IOException.class)
        .hasMessage(HOST + " has private addresses only");
    assertThat(requests).isEmpty();
    assertThat(timer.waiting()).isZero();
  }

  @ParameterizedTest
  @CsvSource({"NXDOMAIN", "NODATA", "SERVFAIL", "TIMEOUT"})
  void aHostWithoutAnAddressIsAnError(DnsResolver.Status status) {
    var zone = ZoneResolver.builder().fail(HOST, "A", status).fail(HOST, "AAAA", status).build();
    assertThatThrownBy(() -> source(zone, timer, certificate.trust(), 443).fetch(HOST))
        .isInstanceOf(IOException.class)
        .hasMessage("no address of " + HOST + " (" + status + ")");
  }

  @Test
  void theNextAddressIsTriedWhereNobodyListens() throws Exception {
    serve(certificate, exchange -> answer(exchange, 200, "text/plain", POLICY));
    var zone = ZoneResolver.builder().a(HOST, "127.0.0.9").a(HOST, "127.0.0.1").build();

    assertThat(source(zone, timer, certificate.trust()).fetch(HOST)).asString().isEqualTo(POLICY);
  }

  @ParameterizedTest
  @ValueSource(strings = {"mta-sts.example.test.", "mta-sts..test", "a\r\nX: y", "", "ä.test"})
  void whatIsNoNameIsAnError(String name) throws Exception {
    serve(certificate, exchange -> answer(exchange, 200, "text/plain", POLICY));
    assertThatThrownBy(() -> source(certificate.trust()).fetch(name))
        .isInstanceOf(IOException.class);
  }

  private void serve(Certificate presented, HttpHandler handler) throws IOException {
    server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(presented.server()));
    server.setExecutor(threads);
    server.createContext("/", handler);
    server.start();
  }

  private static void answer(HttpExchange exchange, int status, String type, String body)
      throws IOException {
    var octets = body.getBytes(StandardCharsets.UTF_8);
    if (!type.isEmpty()) {
      exchange.getResponseHeaders().set("Content-Type", type);
    }
    exchange.sendResponseHeaders(status, octets.length == 0 ? -1 : octets.length);
    exchange.getResponseBody().write(octets);
    exchange.close();
  }

  private HttpsPolicySource source(SSLContext trust) {
    return source(ZoneResolver.builder().a(HOST, "127.0.0.1").build(), timer, trust);
  }

  private HttpsPolicySource source(DnsResolver dns, Timer timer, SSLContext trust) {
    return source(dns, timer, trust, server.getAddress().getPort());
  }

  private static HttpsPolicySource source(
      DnsResolver dns, Timer timer, SSLContext trust, int port) {
    return new HttpsPolicySource(dns, timer, trust, port, true);
  }

  private CompletableFuture<byte[]> fetchInBackground(PolicySource source) {
    var fetching = new CompletableFuture<byte[]>();
    threads.execute(() -> {
      try {
        fetching.complete(source.fetch(HOST));
      } catch (IOException | RuntimeException e) {
        fetching.completeExceptionally(e);
      }
    });
    return fetching;
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
