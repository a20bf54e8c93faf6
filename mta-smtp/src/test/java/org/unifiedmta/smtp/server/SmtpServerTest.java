package org.unifiedmta.smtp.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.security.sasl.CredentialStore;
import org.unifiedmta.security.sasl.CredentialsUnavailableException;
import org.unifiedmta.smtp.server.SmtpListener.Mode;

class SmtpServerTest {
  private static final TlsConfig TLS = TlsConfig.selfSigned("mx.local.test");

  private final Postmaster postmaster = new Postmaster();
  private final HeapSpool spool = new HeapSpool();
  private final TestTimer timer = new TestTimer();
  private final List<AutoCloseable> opened = new ArrayList<>();
  private SmtpServer server;

  private static ServerOptions.Builder options() {
    return ServerOptions.builder("mx.local.test").eventLoops(2);
  }

  private InetSocketAddress start(ServerOptions.Builder options, Mode mode) {
    server = new SmtpServer(options.timer(timer).build(), postmaster, spool, Metrics.none());
    return server.bind(SmtpListener.of("test", loopback(0), mode));
  }

  private InetSocketAddress start() {
    return start(options(), Mode.PLAIN);
  }

  private InetSocketAddress startSecure(Mode mode) {
    return start(options().tls(TLS).authMechanisms(List.of("PLAIN", "LOGIN")), mode);
  }

  private static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  private RawClient connect(InetSocketAddress address) {
    var client = RawClient.connect(address);
    opened.add(client);
    return client;
  }

  private RawClient helo(InetSocketAddress address) {
    var client = RawClient.helo(address);
    opened.add(client);
    return client;
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    for (var one : opened) {
      one.close();
    }
    if (server != null) {
      server.close();
    }
    assertThat(spool.open).as("spools and messages left open").hasValue(0);
    assertThat(Thread.getAllStackTraces().keySet())
        .extracting(Thread::getName)
        .noneMatch(name -> name.startsWith("mta-smtp") || name.startsWith("mta-session"));
  }

  // ---- messages

  @Test
  void aPipelinedTransactionIsAnsweredInOrder() {
    var client = connect(start());
    assertThat(client.reply()).isEqualTo("220 mx.local.test ESMTP");
    client.command("EHLO client.test");
    client.send(
        "MAIL FROM:<ann@example.org>\r\nRCPT TO:<user@local.test>\r\n"
            + "RCPT TO:<bob@example.com>\r\nDATA\r\n");
    assertThat(client.reply()).startsWith("250 2.1.0");
    assertThat(client.reply()).startsWith("250 2.1.5");
    assertThat(client.reply()).startsWith("550 5.7.1");
    assertThat(client.reply()).startsWith("354 ");
    client.send("Subject: x\r\n\r\n..dot\r\n.\r\nNOOP\r\nQUIT\r\n");
    assertThat(client.reply()).isEqualTo("250 2.0.0 queued");
    assertThat(client.reply()).startsWith("250 2.0.0 OK");
    assertThat(client.reply()).startsWith("221 ");
    assertThat(client.reply()).isEmpty();
    assertThat(postmaster.mails)
        .extracting(Postmaster.Mail::text)
        .containsExactly("Subject: x\r\n\r\n.dot\r\n");
  }

  @Test
  void anAnswerThatTakesItsTimeKeepsItsPlace() throws Exception {
    var asked = new CountDownLatch(1);
    var decide = new CountDownLatch(1);
    postmaster.onMail =
        () ->
            new Answer.Later(() -> {
              assertThat(Thread.currentThread().isVirtual()).isTrue();
              assertThat(Thread.currentThread().getName()).startsWith("mta-session-");
              asked.countDown();
              decide.await();
              return Verdict.reply(450, "4.2.0", "Later");
            });
    var client = helo(start());
    client.send("MAIL FROM:<ann@example.org>\r\nNOOP\r\nRCPT TO:<user@local.test>\r\n");
    assertThat(asked.await(20, TimeUnit.SECONDS)).isTrue();
    decide.countDown();
    assertThat(client.reply()).startsWith("450 4.2.0");
    assertThat(client.reply()).startsWith("250 2.0.0");
    assertThat(client.reply()).startsWith("503 5.5.1");
  }

  @Test
  void aHandlerThatThrowsIsALocalErrorAndTheSessionGoesOn() {
    var client = helo(start());
    postmaster.onMail =
        () -> {
          throw new IllegalStateException("a broken handler, as it should be");
        };
    assertThat(client.command("MAIL FROM:<ann@example.org>")).startsWith("451 4.3.0");
    postmaster.onMail =
        () ->
            new Answer.Later(() -> {
              throw new AssertionError("a broken hook, as it should be");
            });
    assertThat(client.command("MAIL FROM:<ann@example.org>")).startsWith("451 4.3.0");
    postmaster.onMail = Answer::proceed;
    postmaster.onMessage =
        () -> {
          throw new IllegalStateException("a broken handler, as it should be");
        };
    assertThat(client.startMessage().send(".\r\n").reply()).startsWith("451 4.3.0");
    assertThat(client.command("NOOP")).startsWith("250");
  }

  @Test
  void aMessageIsAnsweredOnceHoweverOftenItsHandlerAnswers() {
    postmaster.later =
        reply -> {
          reply.accept(Verdict.reply(250, "2.0.0", "first"));
          reply.accept(Verdict.reply(550, "5.0.0", "second"));
        };
    var client = helo(start());
    assertThat(client.startMessage().send(".\r\n").reply()).isEqualTo("250 2.0.0 first");
    assertThat(client.command("NOOP")).startsWith("250 2.0.0 OK");
  }

  @Test
  void aLargeMessageWaitsForItsSpool() throws Exception {
    var line = "0123456789".repeat(7) + "\r\n";
    var message = line.repeat(8 * 1024 * 1024 / line.length());
    var client = helo(start()).startMessage();
    spool.behind = true;
    var sending = new Thread(() -> client.send(message + ".\r\n"));
    sending.start();
    Await.until("the session waits for the spool", spool::isAwaited);
    spool.catchUp();
    assertThat(client.reply()).isEqualTo("250 2.0.0 queued");
    sending.join();
    assertThat(postmaster.mails.getFirst().text().equals(message)).isTrue();
    assertThat(spool.largestWrite).isLessThanOrEqualTo(64 * 1024);
  }

  @Test
  void aSpoolThatIsBehindStopsTheClient() throws Exception {
    var client = helo(start()).startMessage();
    spool.behind = true;
    var sent = new AtomicBoolean();
    var sending =
        new Thread(() -> {
          client.send("x\r\n".repeat(8 * 1024 * 1024) + ".\r\n");
          sent.set(true);
        });
    sending.start();
    Await.until("the session waits for the spool", spool::isAwaited);
    // What the kernel holds on both sides is less than the message.
    assertThat(sent).isFalse();
    spool.catchUp();
    assertThat(client.reply()).startsWith("250");
    sending.join();
  }

  @Test
  void aMessageBeyondTheBoundIsReadToItsEndAndRefused() {
    var client = helo(start(options().maxMessageSize(1_000), Mode.PLAIN)).startMessage();
    client.send("x\r\n".repeat(100_000));
    Await.until("the spool is given up", () -> spool.open.get() == 0);
    assertThat(client.send(".\r\n").reply()).startsWith("552 5.3.4");
    assertThat(postmaster.mails).isEmpty();
    assertThat(client.startMessage().send("x\r\n.\r\n").reply()).startsWith("250");
  }

  @Test
  void aMessageThatCannotBeKeptIsRefusedForNow() {
    spool.fullAtTheEnd = true;
    var client = helo(start());
    assertThat(client.startMessage().send("x\r\n.\r\n").reply()).startsWith("452 4.3.1");
    spool.full = true;
    client.command("MAIL FROM:<ann@example.org>");
    client.command("RCPT TO:<user@local.test>");
    assertThat(client.command("DATA")).startsWith("452 4.3.1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\n.\r\n", "\r.\r\n", "\r\n.\n", "\r\r\n.\r\n", "\0"})
  void smuggledCommandsAreNeverRun(String sequence) {
    var client = helo(start()).startMessage();
    client.send(
        "Subject: x\r\n\r\nouter"
            + sequence
            + "MAIL FROM:<smuggled@example.org>\r\nRCPT TO:<user@local.test>\r\nDATA\r\ninner\r\n"
            + ".\r\n"
            + "x".repeat(200_000));
    assertThat(client.reply()).startsWith("521 5.5.2");
    assertThat(client.reply()).isEmpty();
    assertThat(postmaster.mails).isEmpty();
  }

  // ---- connections that end

  @Test
  void aClientThatBreaksOffInTheDataHasSentNothing() {
    var client = helo(start()).startMessage();
    client.send("Subject: x\r\n\r\nhalf a");
    Await.until("the data are read", () -> spool.largestWrite > 0);
    client.reset();
    Await.until("the handler is told", () -> !postmaster.disconnected.isEmpty());
    assertThat(spool.open).hasValue(0);
    assertThat(postmaster.mails).isEmpty();
  }

  @Test
  void aClientThatLeavesBeforeTheReplyBreaksNothing() {
    var verdict = new AtomicReference<Consumer<Verdict>>();
    postmaster.later = verdict::set;
    var client = helo(start()).startMessage().send("x\r\n.\r\n");
    Await.until("the message is there", () -> verdict.get() != null);
    client.reset();
    Await.until("the handler is told", () -> !postmaster.disconnected.isEmpty());
    verdict.get().accept(Verdict.reply(250, "2.0.0", "too late"));
    assertThat(server.awaitIdle(Duration.ofSeconds(20))).isTrue();
    assertThat(postmaster.disconnected).hasSize(1);
  }

  @Test
  void aClientThatHasSaidEverythingStillHearsItsReplies() {
    var verdict = new AtomicReference<Consumer<Verdict>>();
    postmaster.later = verdict::set;
    var client = helo(start()).startMessage().send("x\r\n.\r\nNOOP\r\nQUIT\r\n").shutdownOutput();
    Await.until("the message is there", () -> verdict.get() != null);
    verdict.get().accept(Verdict.reply(250, "2.0.0", "queued"));
    assertThat(client.reply()).isEqualTo("250 2.0.0 queued");
    assertThat(client.reply()).isEqualTo("250 2.0.0 OK");
    assertThat(client.reply()).startsWith("221");
    assertThat(client.reply()).isEmpty();
  }

  @Test
  void aFloodOfCommandsWithoutReadingEndsNothingButItself() throws Exception {
    var address = start();
    var flood = connect(address);
    var sending =
        Thread.ofPlatform()
            .start(() -> {
              try {
                flood.send("NOOP\r\n".repeat(4_000_000));
              } catch (RuntimeException e) {
                // cut off, as it should be
              }
            });
    assertThat(helo(address).startMessage().send("x\r\n.\r\n").reply()).startsWith("250");
    flood.reset();
    sending.join();
  }

  // ---- TLS and login

  @Test
  void startTlsSecuresTheSession() {
    var client = connect(startSecure(Mode.STARTTLS));
    client.reply();
    client.command("EHLO client.test");
    assertThat(client.command("STARTTLS")).startsWith("220 2.0.0");
    client.secure("mx.local.test");
    client.command("EHLO client.test");
    assertThat(client.command("AUTH PLAIN AGFubgBzZWNyZXQ=")).startsWith("235 2.7.0");
    assertThat(client.startMessage().send("x\r\n.\r\n").reply()).startsWith("250");
    var facts = postmaster.mails.getFirst().session();
    assertThat(facts.authenticatedUser()).isEqualTo("ann");
    assertThat(facts.tls()).isNotNull();
    assertThat(facts.tls().protocol()).isEqualTo("TLSv1.3");
    assertThat(facts.tls().sni()).isEqualTo("mx.local.test");
  }

  /** The store's client key is all zero, so that the proof is the client's signature. */
  @Test
  void aLoginByScramIsBoundToTheCertificateThatTheClientSees() throws Exception {
    var zero = new byte[32];
    var storedKey = MessageDigest.getInstance("SHA-256").digest(zero);
    postmaster.users =
        new CredentialStore() {
          @Override
          public boolean verifyPassword(String user, char[] password) {
            return false;
          }

          @Override
          public Optional<Scram> scram(String user) {
            return Optional.of(new Scram(zero, 4096, storedKey, zero));
          }
        };
    var mechanisms = List.of("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256");
    var client =
        connect(start(options().tls(TLS).authMechanisms(mechanisms), Mode.IMPLICIT_TLS))
            .secure("mx.local.test");
    client.reply();
    assertThat(client.command("EHLO client.test")).endsWith("AUTH " + String.join(" ", mechanisms));
    assertThat(client.command("AUTH SCRAM-SHA-256 " + base64("y,,n=ann,r=abc")))
        .as("a client that was not shown our offer")
        .startsWith("535 5.7.8");
    var header = "p=tls-server-end-point,,";
    var challenge = client.command("AUTH SCRAM-SHA-256-PLUS " + base64(header + "n=ann,r=abc"));
    var serverFirst = new String(Base64.getDecoder().decode(challenge.substring(4)), UTF_8);
    var binding = new ByteArrayOutputStream();
    binding.writeBytes(header.getBytes(UTF_8));
    binding.writeBytes(
        MessageDigest.getInstance("SHA-256").digest(client.certificate().getEncoded()));
    var withoutProof =
        "c="
            + Base64.getEncoder().encodeToString(binding.toByteArray())
            + ","
            + serverFirst.substring(0, serverFirst.indexOf(','));
    var mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(storedKey, "HmacSHA256"));
    var proof = mac.doFinal(("n=ann,r=abc," + serverFirst + "," + withoutProof).getBytes(UTF_8));
    assertThat(
            client.command(
                base64(withoutProof + ",p=" + Base64.getEncoder().encodeToString(proof))))
        .startsWith("334 " + base64("v=").substring(0, 2));
    assertThat(client.command("")).startsWith("235 2.7.0");
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
  }

  @Test
  void aStoreThatCannotTellNowIsNoWrongPassword() {
    postmaster.users =
        (user, password) -> {
          throw new CredentialsUnavailableException("too many passwords wait to be checked");
        };
    var client = connect(startSecure(Mode.IMPLICIT_TLS)).secure("mx.local.test");
    client.reply();
    client.command("EHLO client.test");
    for (int i = 0; i < 6; i++) {
      assertThat(client.command("AUTH PLAIN AGFubgBzZWNyZXQ="))
          .isEqualTo("454 4.7.0 Temporary authentication failure");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"NOOP\r\n", "NO", "EHLO injected\r\nMAIL FROM:<a@b.test>\r\n", "\0"})
  void plainTextBehindStartTlsIsNeverACommand(String injected) {
    var client = connect(startSecure(Mode.STARTTLS));
    client.reply();
    client.command("EHLO client.test");
    assertThat(client.send("STARTTLS\r\n" + injected).reply()).startsWith("554 5.5.0");
    assertThat(client.reply()).isEmpty();
  }

  @Test
  void plainTextInPlaceOfTheHandshakeEndsTheConnection() {
    var client = connect(startSecure(Mode.STARTTLS));
    client.reply();
    client.command("EHLO client.test");
    client.command("STARTTLS");
    client.send("NOOP\r\nMAIL FROM:<a@b.test>\r\n");
    Await.until("the session has ended", () -> !postmaster.disconnected.isEmpty());
    assertThat(postmaster.mails).isEmpty();
  }

  @Test
  void implicitTlsComesBeforeTheGreeting() {
    var client = connect(startSecure(Mode.IMPLICIT_TLS)).secure("mx.local.test");
    assertThat(client.reply()).isEqualTo("220 mx.local.test ESMTP");
    client.command("EHLO client.test");
    assertThat(client.command("AUTH LOGIN")).isEqualTo("334 VXNlcm5hbWU6");
    assertThat(client.command("YW5u")).isEqualTo("334 UGFzc3dvcmQ6");
    assertThat(client.command("d3Jvbmc=")).startsWith("535 5.7.8");
    assertThat(client.startMessage().send("x".repeat(900_000) + "\r\n.\r\n").reply())
        .startsWith("250");
    assertThat(client.command("QUIT")).startsWith("221");
    assertThat(client.reply()).isEmpty();
  }

  @Test
  void aTlsClientOnAPlainPortIsNotKeptWaiting() {
    var client = connect(start());
    client.reply();
    client.send("\u0016\u0003\u0001");
    assertThat(client.reply()).startsWith("554 5.5.1");
    assertThat(client.reply()).isEmpty();
  }

  @Test
  void theHandlerNeverHearsOfAClientThatFailsItsHandshake() {
    var client = connect(startSecure(Mode.IMPLICIT_TLS));
    client.send("EHLO client.test\r\n");
    assertThat(server.awaitIdle(Duration.ofSeconds(20))).isTrue();
    assertThat(postmaster.disconnected).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
  void oneHandshakeIsEnough(String protocol) throws Exception {
    var client = connect(startSecure(Mode.IMPLICIT_TLS)).secure("mx.local.test", protocol);
    client.reply();
    client.command("HELO client.test");
    assertThat(client.startMessage().send("x".repeat(200_000) + "\r\n.\r\n").reply())
        .startsWith("250"); // many records
    if (protocol.equals("TLSv1.2")) {
      client.renegotiate();
      Await.until("the session has ended", () -> !postmaster.disconnected.isEmpty());
    }
  }

  @Test
  void aMessageThatWasSentWholeIsTakenThoughItsClientHearsOnly() {
    var client = helo(start()).startMessage();
    spool.behind = true;
    client.send("x\r\n".repeat(50_000)).send(".\r\n").shutdownOutput();
    Await.until("the session waits for the spool", spool::isAwaited);
    spool.catchUp();
    assertThat(client.reply()).isEqualTo("250 2.0.0 queued");
    assertThat(client.reply()).isEmpty();
  }

  // ---- bounds

  @Test
  void theClientBeyondTheBoundMayComeLater() {
    var address = start(options().maxClients(2), Mode.PLAIN);
    var first = helo(address);
    helo(address);
    var third = connect(address);
    assertThat(third.reply()).startsWith("421 4.3.2");
    assertThat(third.reply()).isEmpty();
    third.close();
    first.command("QUIT");
    first.close();
    Await.until("the first has left", () -> !postmaster.disconnected.isEmpty());
    assertThat(connect(address).reply()).startsWith("220");
  }

  @Test
  void aClientHasFiveMinutesForACommandHoweverItDribbles() {
    var client = helo(start());
    client.send("NO");
    timer.advance(Duration.ofMinutes(4));
    client.send("OP");
    timer.advance(Duration.ofSeconds(61));
    assertThat(client.reply()).startsWith("421 4.4.2");
    assertThat(client.reply()).isEmpty();
  }

  @Test
  void everyCommandGivesNewTime() {
    var client = helo(start());
    for (int i = 0; i < 5; i++) {
      timer.advance(Duration.ofMinutes(4));
      assertThat(client.command("NOOP")).startsWith("250");
    }
  }

  @Test
  void aClientHasThreeMinutesForTheNextData() {
    var client = helo(start()).startMessage();
    timer.advance(Duration.ofSeconds(181));
    assertThat(client.reply()).startsWith("421 4.4.2");
  }

  @Test
  void aMessageHasAnHourHoweverSlowlyItFlows() {
    var client = helo(start()).startMessage();
    for (int minute = 0; minute < 60; minute += 2) {
      spool.largestWrite = 0;
      client.send("x");
      Await.until("the octet is there", () -> spool.largestWrite == 1);
      timer.advance(Duration.ofMinutes(2));
    }
    assertThat(client.reply()).startsWith("421 4.4.2");
  }

  @Test
  void aClientThatWaitsForOurAnswerIsNotTooSlow() {
    var verdict = new AtomicReference<Consumer<Verdict>>();
    postmaster.later = verdict::set;
    var client = helo(start()).startMessage().send("x\r\n.\r\n");
    Await.until("the message is there", () -> verdict.get() != null);
    timer.advance(Duration.ofHours(2));
    verdict.get().accept(Verdict.reply(250, "2.0.0", "queued"));
    assertThat(client.reply()).isEqualTo("250 2.0.0 queued");
  }

  @Test
  void whoSpeaksBeforeTheGreetingIsSentAway() throws Exception {
    var release = new CountDownLatch(1);
    postmaster.onConnect =
        () ->
            new Answer.Later(() -> {
              release.await();
              return Verdict.proceed();
            });
    var client = connect(start());
    client.send("EHLO client.test\r\n");
    assertThat(client.reply()).startsWith("554 5.5.1");
    release.countDown();
    assertThat(client.reply()).isEmpty();
  }

  // ---- start and stop

  @Test
  void stoppingSendsIdleClientsAwayAndLetsTransactionsFinish() {
    var address = start();
    var idle = helo(address);
    var busy = helo(address).startMessage();
    server.stopAccepting();
    assertThat(idle.reply()).startsWith("421 4.3.2");
    assertThat(idle.reply()).isEmpty();
    idle.close();
    assertThatThrownBy(() -> RawClient.connect(address)).hasMessageContaining("refused");
    assertThat(server.awaitIdle(Duration.ZERO)).isFalse();
    assertThat(busy.send("x\r\n.\r\n").reply()).isEqualTo("250 2.0.0 queued");
    assertThat(busy.reply()).startsWith("421 4.3.2");
    busy.close();
    assertThat(server.awaitIdle(Duration.ofSeconds(20))).isTrue();
  }

  @Test
  void closingEndsSessionsAndWhatTheyWaitFor() throws Exception {
    var waiting = new CountDownLatch(1);
    var ended = new CountDownLatch(1);
    postmaster.onMail =
        () ->
            new Answer.Later(() -> {
              try {
                waiting.countDown();
                new CountDownLatch(1).await();
                return Verdict.proceed();
              } finally {
                ended.countDown();
              }
            });
    var client = helo(start());
    client.send("MAIL FROM:<ann@example.org>\r\n");
    assertThat(waiting.await(20, TimeUnit.SECONDS)).isTrue();
    server.close();
    assertThat(ended.getCount()).isZero();
    assertThat(postmaster.disconnected).hasSize(1);
  }

  @Test
  void aPortThatIsTakenIsNamed() {
    int port = start().getPort();
    assertThatThrownBy(() -> server.bind(SmtpListener.of("twice", loopback(port), Mode.PLAIN)))
        .isInstanceOf(MtaException.class)
        .hasMessageContaining(":" + port)
        .hasMessageContaining("in use");
  }

  @Test
  void aListenerThatNeedsACertificateSaysSo() {
    start();
    for (var mode : List.of(Mode.IMPLICIT_TLS, Mode.REQUIRE_STARTTLS)) {
      assertThatThrownBy(() -> server.bind(SmtpListener.of("secure", loopback(0), mode)))
          .isInstanceOf(ConfigException.class)
          .hasMessageContaining("secure");
    }
  }

  @Test
  void aListenerThatWantsALoginMustAllowOne() {
    startSecure(Mode.STARTTLS);
    var closed = new SmtpListener("closed", loopback(0), Mode.PLAIN, true, false);
    assertThatThrownBy(() -> server.bind(closed))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("log in");
  }

  @Test
  void optionsThatCannotWorkAreListedTogether() {
    assertThatThrownBy(() -> ServerOptions.builder(" ").maxClients(0).requireAuth(true).build())
        .isInstanceOfSatisfying(ConfigException.class, e -> assertThat(e.problems()).hasSize(3));
  }

  @Test
  void aSeamSeesTheOctetsBeforeTheServerDoes() {
    var octets = new AtomicReference<>("");
    var counting =
        options()
            .channelSeam(pipeline ->
                pipeline.addLast(
                    new ChannelInboundHandlerAdapter() {
                      @Override
                      public void channelRead(ChannelHandlerContext context, Object message) {
                        octets.set(octets.get() + ((ByteBuf) message).readableBytes());
                        context.fireChannelRead(message);
                      }
                    }));
    helo(start(counting, Mode.PLAIN)).command("NOOP");
    assertThat(octets.get()).isEqualTo("186");
  }
}
