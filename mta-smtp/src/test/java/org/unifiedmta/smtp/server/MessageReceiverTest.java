package org.unifiedmta.smtp.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.smtp.server.SmtpListener.Mode;

/** What is seen of a message on its way in. */
class MessageReceiverTest {
  private final Postmaster postmaster = new Postmaster();
  private final HeapSpool spool = new HeapSpool();
  private SmtpServer server;
  private RawClient client;

  @BeforeEach
  void start() {
    var options =
        ServerOptions.builder("mx.local.test").eventLoops(1).maxMessageSize(1_000).build();
    server = new SmtpServer(options, postmaster, spool, Metrics.none());
    client =
        RawClient.helo(
            server.bind(
                SmtpListener.of(
                    "test",
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    Mode.PLAIN)));
  }

  @AfterEach
  void stop() {
    client.close();
    server.close();
    assertThat(spool.open).as("spools and messages left open").hasValue(0);
  }

  private Postmaster.Seen seen() {
    return postmaster.seen.getLast();
  }

  private void isAbandoned() throws InterruptedException {
    assertThat(seen().abandoned.await(20, TimeUnit.SECONDS)).isTrue();
  }

  private static List<String> names(HeaderSection section) {
    return section.fields().stream().map(HeaderSection.Field::name).toList();
  }

  @Test
  void theHeaderIsSeenAtTheBlankLineAndTheBodyAsItComes() {
    client.startMessage();
    client.send("From: a@b.test\r\nSubject: x\r\n");
    client.send("\r\n..one\r\n");
    Await.until("the header", () -> seen().header != null);
    Await.until("the first line", () -> seen().body.toString().equals(".one\r\n"));
    assertThat(postmaster.mails).isEmpty();
    client.send("two\r\n.\r\n");
    assertThat(client.reply()).startsWith("250 ");
    assertThat(names(seen().header)).containsExactly("From", "Subject");
    assertThat(seen().body).hasToString(".one\r\ntwo\r\n");
    assertThat(seen().abandoned.getCount()).isOne();
  }

  /** However it is cut on its way. */
  @Test
  void whatIsSeenIsTheBodyWhereverThePacketsEnd() {
    var message = "From: a@b.test\r\nX: y\r\n z\r\n\r\n\r\nbody\r\n";
    for (int cut = 0; cut <= message.length(); cut++) {
      client.startMessage();
      client.send(message.substring(0, cut));
      client.send(message.substring(cut) + ".\r\n");
      assertThat(client.reply()).startsWith("250 ");
      assertThat(names(seen().header)).as("cut at %d", cut).containsExactly("From", "X");
      assertThat(seen().body).as("cut at %d", cut).hasToString("\r\nbody\r\n");
    }
  }

  @Test
  void aBodyWithoutHeaderIsSeenToo() {
    client.startMessage().send("\r\nbody\r\n.\r\n");
    assertThat(client.reply()).startsWith("250 ");
    assertThat(seen().header.fields()).isEmpty();
    assertThat(seen().body).hasToString("body\r\n");
  }

  /** RFC 5322 2.2: where no blank line ends the header section, somebody has to look twice. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "From: a@b.test\r\n",
        "From: a@b.test\r\nno field\r\nX: y\r\n\r\nbody\r\n",
        "",
        "no"
      })
  void nothingIsSeenWhereTheSectionEndsOtherwise(String message) {
    client.startMessage().send(message + (message.endsWith("no") ? "\r\n.\r\n" : ".\r\n"));
    assertThat(client.reply()).startsWith("250 ");
    assertThat(seen().header).isNull();
    assertThat(seen().body).isEmpty();
    assertThat(postmaster.mails).hasSize(1);
  }

  /** RFC 3030 2. */
  @Test
  void chunksAreSeenAsTheyCome() throws Exception {
    client.command("EHLO client.test");
    client.command("MAIL FROM:<ann@example.org>");
    client.command("RCPT TO:<user@local.test>");
    assertThat(client.send("BDAT 19\r\nFrom: a@b.test\r\n\r\no").reply()).startsWith("250 ");
    client.send("BDAT 4\r\nne\r\n");
    assertThat(client.reply()).startsWith("250 ");
    assertThat(client.command("BDAT 0 LAST")).startsWith("250 ");
    assertThat(names(seen().header)).containsExactly("From");
    assertThat(seen().body).hasToString("one\r\n");

    client.command("MAIL FROM:<ann@example.org>");
    client.command("RCPT TO:<user@local.test>");
    assertThat(client.send("BDAT 6\r\nA: b\r\n").reply()).startsWith("250 ");
    assertThat(client.command("RSET")).startsWith("250 ");
    isAbandoned();
    assertThat(postmaster.mails).hasSize(1);
  }

  @Test
  void whatBreaksOffIsAbandoned() throws Exception {
    client.startMessage().send("From: a@b.test\r\n\r\nbody\r\n").shutdownOutput();
    isAbandoned();
    assertThat(postmaster.mails).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"bare\nline feed\r\n", "too large"})
  void whatIsRefusedIsAbandoned(String line) throws Exception {
    client.startMessage().send("From: a@b.test\r\n\r\n");
    client.send(line.equals("too large") ? "x".repeat(900) + "\r\n" + "x".repeat(200) : line);
    isAbandoned();
    assertThat(postmaster.mails).isEmpty();
  }

  @Test
  void whatTheSpoolDoesNotKeepIsAbandoned() throws Exception {
    spool.fullAtTheEnd = true;
    client.startMessage().send("From: a@b.test\r\n\r\nbody\r\n.\r\n");
    assertThat(client.reply()).startsWith("452 ");
    isAbandoned();
  }

  @Test
  void whereThereIsNoPlaceNobodyIsAskedToReceive() {
    spool.full = true;
    client.startMessage();
    assertThat(postmaster.seen).isEmpty();
  }
}
