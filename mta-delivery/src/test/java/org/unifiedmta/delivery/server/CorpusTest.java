package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.smtp.client.ClientOptions;
import org.unifiedmta.smtp.client.Endpoint;
import org.unifiedmta.smtp.client.SmtpClient;
import org.unifiedmta.smtp.testing.ScriptedSmtpServer;

/** Real messages of all kinds, through server, queue and client. */
class CorpusTest {

  @TempDir Path directory;

  private static List<Path> messages() throws IOException {
    var corpus = Path.of(System.getProperty("shared.directory", ""), "conformance");
    assumeTrue(Files.isDirectory(corpus), "NOT RUN: there is no corpus of messages at " + corpus);
    try (var files = Files.walk(corpus)) {
      return files.filter(file -> file.toString().endsWith(".eml")).sorted().toList();
    }
  }

  /** Every line end CRLF, the last line ended, no NUL: what SMTP can carry (RFC 5321 2.3.8). */
  private static byte[] forTheWire(byte[] message) {
    var out = new ByteArrayOutputStream();
    for (int i = 0; i < message.length; i++) {
      byte b = message[i];
      if (b == '\r' || (b == '\n' && (i == 0 || message[i - 1] != '\r'))) {
        out.writeBytes(new byte[] {'\r', '\n'});
      } else if (b != '\n') {
        out.write(b == 0 ? ' ' : b);
      }
    }
    var bytes = out.toByteArray();
    if (bytes.length < 2 || bytes[bytes.length - 1] != '\n') {
      out.writeBytes(new byte[] {'\r', '\n'});
    }
    return out.toByteArray();
  }

  @Test
  void everyMessageLeavesAsItCameButForTheTraceFieldsInFront() throws Exception {
    var files = messages();
    assertThat(files).hasSizeGreaterThan(100);
    try (var sink = ScriptedSmtpServer.script().start()) {
      var delivered = new LinkedBlockingQueue<MailEvent.Delivered>();
      var config =
          UnifiedEmailServerConfig.builder()
              .hostname("mail.example.test")
              .listen(Listener.of("smtp", new InetSocketAddress("127.0.0.1", 0), Mode.PLAIN))
              .dataDirectory(directory.resolve("queue"))
              .domains(DomainConfig.of("example.test"))
              .routes(Route.of("all", 0, Match.any(), Action.forward("127.0.0.1", sink.port())))
              .build();
      try (var server = new UnifiedEmailServer(config)) {
        server.on(MailEvent.Delivered.class, delivered::add);
        server.start();
        var endpoint = new Endpoint("localhost", InetAddress.getLoopbackAddress(), server.port());
        for (var file : files) {
          var message = forTheWire(Files.readAllBytes(file));
          try (var client =
              SmtpClient.open(endpoint, ClientOptions.of("client.test"), Timer.system())) {
            var replies =
                client.send(Envelope.of("a@client.test", "b@example.test"), ByteSource.of(message));
            assertThat(replies.replies().get(0).code()).as("%s", file).isEqualTo(250);
          }
          assertThat(delivered.poll(10, TimeUnit.SECONDS)).as("%s", file).isNotNull();
          var messages = sink.messages();
          check(file, message, messages.get(messages.size() - 1));
        }
      }
    }
  }

  private static void check(Path file, byte[] sent, byte[] arrived) {
    int prefix = arrived.length - sent.length;
    assertThat(prefix).as("octets in front of %s", file).isPositive();
    var front = new String(arrived, 0, prefix, StandardCharsets.ISO_8859_1);
    assertThat(front).startsWith("Received: from client.test (").endsWith("\r\n");
    assertThat(front.split("\r\n(?![ \t])")).as("fields in front of %s", file).hasSize(1);
    assertThat(new String(arrived, prefix, sent.length, StandardCharsets.ISO_8859_1))
        .as("%s", file)
        .isEqualTo(new String(sent, StandardCharsets.ISO_8859_1));
  }

  @Test
  void everyMessageCanBeParsed() throws Exception {
    for (var file : messages()) {
      var email = Email.parse(Files.readAllBytes(file));
      assertThat(email.headers().fields()).as("%s", file).isNotNull();
      for (var attachment : email.attachments()) {
        try (var in = attachment.open()) {
          assertThat((long) in.readAllBytes().length).as("%s", file).isEqualTo(attachment.size());
        }
      }
    }
  }
}
