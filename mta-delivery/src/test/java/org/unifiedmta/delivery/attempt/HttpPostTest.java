package org.unifiedmta.delivery.attempt;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.spool.ByteSource;

class HttpPostTest {
  private final List<String> heard = new ArrayList<>();
  private final HttpClient client = HttpClient.newHttpClient();
  private HttpServer service;
  private int status = 200;

  @BeforeEach
  void start() throws IOException {
    service = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    service.createContext(
        "/in",
        exchange -> {
          var headers = exchange.getRequestHeaders();
          for (var name :
              List.of("Envelope-From", "Envelope-To", "Idempotency-Key", "Content-Type")) {
            heard.add(headers.getFirst(name));
          }
          heard.add(
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.US_ASCII));
          exchange.sendResponseHeaders(status, -1);
          exchange.close();
        });
    service.start();
  }

  @AfterEach
  void stop() {
    client.close();
    service.stop(0);
  }

  private RecipientVerdict handle(@Nullable String sender, String recipient) {
    var uri = URI.create("http://127.0.0.1:" + service.getAddress().getPort() + "/in");
    var mail =
        IncomingMail.of(
            "id1",
            Envelope.of(sender, recipient),
            null,
            null,
            ByteSource.of("Subject: x\r\n\r\nx\r\n".getBytes(StandardCharsets.US_ASCII)));
    return new HttpPost(client, uri, Duration.ofSeconds(10)).handle(Recipient.of(recipient), mail);
  }

  @Test
  void theServiceHearsTheMessageAndWhomItIsFor() {
    assertThat(handle("ann@far.test", "b%b@example.test"))
        .isInstanceOf(RecipientVerdict.Delivered.class);
    assertThat(heard)
        .containsExactly(
            "ann@far.test",
            "b%25b@example.test",
            "id1/b%25b@example.test",
            "message/rfc822",
            "Subject: x\r\n\r\nx\r\n");
    handle(null, "d\u00f6rte@example.test");
    assertThat(heard.subList(5, 7)).containsExactly("", "d%C3%B6rte@example.test");
  }

  @ParameterizedTest
  @CsvSource({
    "204, 250",
    "404, 550 5.1.1",
    "410, 550 5.1.1",
    "413, 552 5.3.4",
    "422, 554 5.6.0",
    "302, 451 4.3.0",
    "401, 451 4.3.0",
    "429, 451 4.3.0",
    "503, 451 4.3.0"
  })
  void theStatusDecides(int code, String reply) {
    status = code;
    var verdict = handle("ann@far.test", "bob@example.test");
    var met =
        switch (verdict) {
          case RecipientVerdict.Delivered() -> "250";
          case RecipientVerdict.Deferred(var later) -> later.toString();
          case RecipientVerdict.Rejected(var no) -> no.toString();
        };
    assertThat(met).startsWith(reply);
  }

  @Test
  void whereNobodyAnswersMailIsKept() {
    service.stop(0);
    assertThat(handle("ann@far.test", "bob@example.test"))
        .isInstanceOf(RecipientVerdict.Deferred.class);
  }
}
