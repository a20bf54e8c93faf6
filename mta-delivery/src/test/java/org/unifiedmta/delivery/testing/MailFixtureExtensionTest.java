package org.unifiedmta.delivery.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.unifiedmta.delivery.server.UnifiedEmailServer;

@MailTest
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class MailFixtureExtensionTest {
  private static int port;
  private MailFixture beforeEach;

  @BeforeAll
  static void lifecycleMethodsGetTheFixture(MailFixture mail) {
    port = mail.port();
  }

  @BeforeEach
  void beforeEach(MailFixture mail) {
    beforeEach = mail;
  }

  @Test
  @Order(1)
  void aTestLeavesMailAndFaultsBehind(MailFixture mail) throws IOException {
    assertThat(mail).isSameAs(beforeEach);
    try (var client = Conversation.introduced(mail)) {
      assertThat(client.message("bob@example.com", "Hello")).startsWith("250");
    }
    mail.awaitMessage();
    mail.inject(Fault.reject("*"));
  }

  @Test
  @Order(2)
  void theNextOneFindsTheSameServerWithoutThem(MailFixture mail) throws IOException {
    assertThat(mail.port()).isEqualTo(port);
    assertThat(mail.messages()).isEmpty();
    assertThat(mail.transcript()).isEmpty();
    try (var client = Conversation.introduced(mail)) {
      assertThat(client.message("bob@example.com", "Hello")).startsWith("250");
    }
  }

  @Nested
  class NestedTests {
    @Test
    void useTheFixtureOfTheClassAround(MailFixture mail) {
      assertThat(mail.port()).isEqualTo(port);
      assertThat(mail.server().state()).isEqualTo(UnifiedEmailServer.State.RUNNING);
    }
  }
}
