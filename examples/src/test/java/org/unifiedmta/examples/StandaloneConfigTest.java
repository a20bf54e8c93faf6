package org.unifiedmta.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.testing.MailAssertions;
import org.unifiedmta.delivery.testing.MailFixture;
import org.unifiedmta.delivery.testing.MailTest;
import org.unifiedmta.smtp.client.SmtpException;

@MailTest
class StandaloneConfigTest {

  private static UnifiedEmailServer server(Map<String, String> settings) throws IOException {
    var all = new HashMap<>(settings);
    all.putIfAbsent("mta.ports", "0");
    return new UnifiedEmailServer(StandaloneConfig.read(all));
  }

  private static Email email(String to) {
    return Email.builder().from("ann@sender.test").to(to).subject("x").text("x").build();
  }

  private static int refusal(UnifiedEmailServer server, String to) {
    return catchThrowableOfType(
            SmtpException.class,
            () -> server.sendOutboundEmail("127.0.0.1", server.port(), email(to)))
        .reply()
        .orElseThrow()
        .code();
  }

  @Test
  void whatIsForAUserOfTheDomainsIsRelayedAndNothingElse(MailFixture next) throws IOException {
    try (var server =
        server(
            Map.of(
                "mta.domains", "local.test",
                "mta.users", "user",
                "mta.relay", "127.0.0.1:" + next.port()))) {
      server.start();
      server.sendOutboundEmail("127.0.0.1", server.port(), email("User@Local.test"));
      MailAssertions.assertThat(next.awaitMessage()).hasRecipients("User@local.test");
      assertThat(refusal(server, "nobody@local.test")).isEqualTo(550);
      assertThat(refusal(server, "victim@far.test")).isEqualTo(550);
      assertThat(refusal(server, "victim%far.test@local.test")).isEqualTo(550);
      assertThat(next.messages()).hasSize(1);
    }
  }

  @Test
  void aMaildirKeepsAMessageOnceForEachRecipient(@TempDir Path directory) throws Exception {
    try (var server =
        server(
            Map.of(
                "mta.domains",
                "local.test",
                "mta.data",
                directory.resolve("queue").toString(),
                "mta.deliver",
                "maildir:" + directory.resolve("mail")))) {
      var delivered = new LinkedBlockingQueue<MailEvent.Delivered>();
      server.on(MailEvent.Delivered.class, delivered::add);
      server.start();
      server.sendOutboundEmail("127.0.0.1", server.port(), email("\"../Up\"@local.test"));
      var event = delivered.poll(10, TimeUnit.SECONDS);
      assertThat(event).isNotNull();
      var file = directory.resolve("mail/%2e.%2fup@local.test/new").resolve(event.queueId());
      assertThat(Email.parse(Files.readAllBytes(file)).subject()).isEqualTo("x");
    }
  }

  @Test
  void whatIsHeldStaysInTheQueue() throws IOException {
    try (var server = server(Map.of("mta.domains", "local.test", "mta.deliver", "hold"))) {
      server.start();
      server.sendOutboundEmail("127.0.0.1", server.port(), email("user@local.test"));
      assertThat(server.deliveryQueue().getStats()).containsEntry(DeliveryStatus.PENDING, 1L);
    }
  }

  @Test
  void whatIsWrongIsSaidByItsKey() {
    for (var wrong :
        List.of(
            Map.of("mta.colour", "blue"),
            Map.of("mta.ports", "smtp"),
            Map.of("mta.ports", "nntp:119"),
            Map.of("mta.relay", "nowhere"),
            Map.of("mta.deliver", "somewhere"),
            Map.of("mta.checks", "perhaps"),
            Map.of("mta.tls", "cert.pem"),
            Map.of("mta.auth", "nobody", "mta.tls", "selfsigned"),
            Map.of("mta.auth", "u:p"),
            Map.of("mta.retry", "often"),
            Map.of("mta.private-targets", "maybe"))) {
      assertThatThrownBy(() -> StandaloneConfig.read(wrong))
          .as("%s", wrong)
          .isInstanceOf(ConfigException.class);
    }
  }

  @Test
  void onlyAServerStartedWithoutAWordTrustsItsOwnMachine() throws IOException {
    assertThat(StandaloneConfig.read(Map.of()).trustedNetworks()).hasSize(2);
    assertThat(StandaloneConfig.read(Map.of("mta.domains", "a.test")).trustedNetworks()).isEmpty();
  }
}
