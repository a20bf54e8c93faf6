package org.unifiedmta.smtp.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.smtp.client.ClientOptions;
import org.unifiedmta.smtp.client.Endpoint;
import org.unifiedmta.smtp.testing.ScriptedSmtpServer;

class SmtpClientPoolTest {
  private static final Envelope ENVELOPE = Envelope.of("a@x.test", "b@y.test");
  private static final ByteSource MESSAGE =
      ByteSource.of("Subject: x\r\n\r\nx\r\n".getBytes(StandardCharsets.US_ASCII));

  private static PoolKey key(ScriptedSmtpServer server, String heloName) {
    var endpoint = new Endpoint("host.test", InetAddress.getLoopbackAddress(), server.port());
    return new PoolKey(endpoint, ClientOptions.of(heloName));
  }

  private static SmtpClientPool pool(int messagesPerConnection) {
    return new SmtpClientPool(Timer.system(), Duration.ofMinutes(1), messagesPerConnection);
  }

  private static int send(SmtpClientPool pool, PoolKey key) {
    return send(pool, key, Integer.MAX_VALUE);
  }

  private static int send(SmtpClientPool pool, PoolKey key, int most) {
    var sent = pool.send(key, most, ENVELOPE, MESSAGE, recipients -> {});
    return sent.replies().replies().get(0).code();
  }

  @Test
  void theNextMessageOfTheSameKindReusesTheConnection() {
    try (var server = ScriptedSmtpServer.script().start();
        var pool = pool(100)) {
      for (int i = 0; i < 5; i++) {
        assertThat(send(pool, key(server, "me.test"))).isEqualTo(250);
      }
      assertThat(server.transcripts()).hasSize(1);
      assertThat(pool.idleConnections()).isEqualTo(1);
      assertThat(send(pool, key(server, "other.test"))).isEqualTo(250);
      assertThat(server.transcripts()).hasSize(2);
    }
  }

  @Test
  void aConnectionThatTheServerHadClosedIsReplacedWithoutLoss() {
    try (var server =
            ScriptedSmtpServer.script()
                .reply("MAIL", "250 ok")
                .drop("MAIL")
                .reply("MAIL", "250 ok")
                .start();
        var pool = pool(100)) {
      assertThat(send(pool, key(server, "me.test"))).isEqualTo(250);
      assertThat(send(pool, key(server, "me.test"))).isEqualTo(250);
      assertThat(server.transcripts()).hasSize(2);
      assertThat(server.messages()).hasSize(2);
    }
  }

  @Test
  void aConnectionServesOnlySoManyMessages() {
    try (var server = ScriptedSmtpServer.script().start();
        var pool = pool(2)) {
      for (int i = 0; i < 4; i++) {
        assertThat(send(pool, key(server, "me.test"))).isEqualTo(250);
      }
      assertThat(server.transcripts()).hasSize(2);
    }
  }

  @Test
  void whoAsksMayWantFewerOverOneConnection() {
    try (var server = ScriptedSmtpServer.script().start();
        var pool = pool(100)) {
      for (int i = 0; i < 6; i++) {
        assertThat(send(pool, key(server, "me.test"), 3)).isEqualTo(250);
      }
      assertThat(server.transcripts()).hasSize(2);
      assertThat(send(pool, key(server, "me.test"))).isEqualTo(250);
      assertThat(send(pool, key(server, "me.test"), 1)).isEqualTo(250);
      assertThat(server.transcripts()).hasSize(4);
    }
  }

  @Test
  void aRefusedTransactionIsWipedBeforeTheNext() {
    try (var server =
            ScriptedSmtpServer.script().reply("RCPT", "550 5.1.1 nobody", "250 ok").start();
        var pool = pool(100)) {
      assertThat(send(pool, key(server, "me.test"))).isEqualTo(550);
      assertThat(send(pool, key(server, "me.test"))).isEqualTo(250);
      assertThat(server.transcripts()).singleElement();
      assertThat(server.transcripts().get(0).toString())
          .containsSubsequence("C: MAIL", "C: RCPT", "C: RSET", "C: MAIL");
    }
  }

  @Test
  void a421ThatWaitedInAnIdleConnectionIsNoAnswer() {
    try (var server =
            ScriptedSmtpServer.script()
                .reply("MAIL", "250 ok", "421 4.4.2 idle for too long", "250 ok")
                .start();
        var pool = pool(100)) {
      assertThat(send(pool, key(server, "me.test"))).isEqualTo(250);
      assertThat(send(pool, key(server, "me.test"))).isEqualTo(250);
      assertThat(server.messages()).hasSize(2);
    }
  }

  @Test
  void whatWasOpenBeforeAChangeServesNoFurtherMessage() {
    try (var server = ScriptedSmtpServer.script().start();
        var pool = pool(100)) {
      send(pool, key(server, "me.test"));
      pool.drain();
      assertThat(pool.idleConnections()).isZero();
      pool.send(
          key(server, "me.test"),
          100,
          ENVELOPE,
          MESSAGE,
          recipients -> pool.drain()); // while it is at work
      assertThat(pool.idleConnections()).isZero();
      send(pool, key(server, "me.test"));
      assertThat(server.transcripts()).hasSize(3);
      assertThat(pool.idleConnections()).isEqualTo(1);
    }
  }

  /** RFC 9422 5.1. */
  @Test
  void noConnectionServesMoreMessagesThanTheServerTakes() {
    try (var server = ScriptedSmtpServer.script().extensions("LIMITS MAILMAX=2").start();
        var pool = pool(100)) {
      for (int i = 0; i < 5; i++) {
        assertThat(send(pool, key(server, "me.test"))).isEqualTo(250);
      }
      assertThat(server.transcripts()).hasSize(3);
    }
  }
}
