package org.unifiedmta.smtp.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

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
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
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
import org.unifiedmta.security.transport.ChannelBinding;
import org.unifiedmta.smtp.server.SmtpListener.Mode;

class SmtpServerTest {
  private static final TlsConfig TLS = TlsConfig.selfSigned("mx.local.test");

  private final Postmaster postmaster = new Postmaster();
  private final HeapSpool spool = new HeapSpool();
  private final TestTimer timer = new TestTimer();
  private final List<AutoCloseable> opened = new ArrayList<>();
  private SmtpServer server;

  private static ServerOptions.Builder options() {
    return ServerOptions.builder("mx.local.test").eventLoops(2).failedLoginDelay(Duration.ZERO);
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

  @Test
  void aLoginByScramIsBoundToTheCertificateThatTheClientSees() throws Exception {
    loginByScram(
        ChannelBinding.TLS_SERVER_END_POINT,
        client -> MessageDigest.getInstance("SHA-256").digest(client.certificate().getEncoded()));
  }

  @Test
  void aLoginByScramIsBoundToWhatBothEndsDeriveFromTheConnection() throws Exception {
    assumeThat(Runtime.version().feature()).as("since when the JDK exports").isGreaterThan(24);
    loginByScram(
        ChannelBinding.TLS_EXPORTER,
        client -> ChannelBinding.exporter(client.tlsSession()).orElseThrow());
  }

  private interface Binding {
    byte[] of(RawClient client) throws Exception;
  }

  /** The store's client key is all zero, so that the proof is the client's signature. */
  private void loginByScram(String name, Binding wanted) throws Exception {
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
    client.command("EHLO client.test");
    assertThat(client.command("AUTH SCRAM-SHA-256 " + base64("y,,n=ann,r=abc")))
        .as("a client that was not shown our offer")
        .startsWith("535 5.7.8");
    var header = "p=" + name + ",,";
    var challenge = client.command("AUTH SCRAM-SHA-256-PLUS " + base64(header + "n=ann,r=abc"));
    var serverFirst = new String(Base64.getDecoder().decode(challenge.substring(4)), UTF_8);
    var binding = new ByteArrayOutputStream();
    binding.writeBytes(header.getBytes(UTF_8));
    binding.writeBytes(wanted.of(client));
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

  @Test
  void eachFailedLoginTakesLongerThanTheOneBefore() {
    var options = options().tls(TLS).authMechanisms(List.of("PLAIN"));
    var client =
        connect(start(options.failedLoginDelay(Duration.ofSeconds(1)), Mode.IMPLICIT_TLS))
            .secure("mx.local.test");
    client.reply();
    client.command("EHLO client.test");
    for (int seconds = 1; seconds <= 3; seconds++) {
      client.send("AUTH PLAIN " + base64("\0ann\0wrong") + "\r\n");
      timer.awaitTaskIn(Duration.ofSeconds(seconds));
      timer.advance(Duration.ofSeconds(seconds));
      assertThat(client.reply()).startsWith("535 5.7.8");
    }
    assertThat(client.command("AUTH PLAIN " + base64("\0ann\0secret"))).startsWith("235 ");
    assertThat(postmaster.errors).as("failed logins are told apart from errors").hasValue(0);
  }

  @Test
  void theGreetingCanBeKeptBackFromThoseWhoDoNotWaitForIt() {
    var address = start(options().greetingDelay(Duration.ofSeconds(7)), Mode.PLAIN);
    var patient = connect(address);
    timer.awaitTaskIn(Duration.ofSeconds(7));
    var hasty = connect(address).send("EHLO client.test\r\n");
    assertThat(hasty.reply()).isEqualTo("554 5.5.1 Client must wait for the greeting");
    assertThat(hasty.reply()).isEmpty();
    timer.advance(Duration.ofSeconds(7));
    assertThat(patient.reply()).isEqualTo("220 mx.local.test ESMTP");
    assertThat(patient.command("EHLO client.test")).startsWith("250 ");
  }

  @Test
  void aListenerHasItsOwnBounds() {
    server = new SmtpServer(options().timer(timer).build(), postmaster, spool, Metrics.none());
    var listener = SmtpListener.of("small", loopback(0), Mode.PLAIN);
    var small = server.bind(listener.withMaxClients(2).withMaxMessageSize(1_000));
    var large = server.bind(SmtpListener.of("large", loopback(0), Mode.PLAIN));
    var first = helo(small);
    assertThat(first.command("MAIL FROM:<ann@example.org> SIZE=1001")).startsWith("552 5.3.4");
    first.startMessage();
    assertThat(first.send("x".repeat(1_000) + "\r\n.\r\n").reply()).startsWith("552 5.3.4");
    var second = helo(small);
    assertThat(connect(small).reply()).startsWith("421 4.3.2");
    var elsewhere = helo(large);
    assertThat(elsewhere.command("MAIL FROM:<ann@example.org> SIZE=1001")).startsWith("250 ");
    second.command("QUIT");
    second.close();
    Await.until("one has left", () -> !postmaster.disconnected.isEmpty());
    Await.until(
        "there is room again",
        () -> {
          try (var third = RawClient.connect(small)) {
            return third.reply().startsWith("220");
          }
        });
  }

  @Test
  void aSessionDoesNotLastForEver() {
    var client = helo(start(options().sessionTimeout(Duration.ofHours(1)), Mode.PLAIN));
    for (int i = 0; i < 15; i++) {
      timer.advance(Duration.ofMinutes(4));
      assertThat(client.command("NOOP")).startsWith("250 ");
    }
    client.command("MAIL FROM:<ann@example.org>");
    timer.advance(Duration.ofMinutes(4));
    assertThat(client.command("RCPT TO:<user@local.test>")).as("what has begun").startsWith("250 ");
    assertThat(client.command("RSET")).startsWith("250 ");
    assertThat(client.command("MAIL FROM:<ann@example.org>")).startsWith("421 4.7.0");
    assertThat(client.reply()).isEmpty();
  }

  @Test
  void errorsAreToldToTheHandler() {
    var client = helo(start());
    client.command("FOO");
    client.command("RCPT TO:<user@local.test>");
    client.command("MAIL FROM:nobody");
    client.command("NOOP");
    assertThat(postmaster.errors).as("a client that pipelines may send RCPT").hasValue(2);
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
  void anOctetAMinuteIsTooSlow() {
    var client = helo(start()).startMessage();
    for (int minute = 0; minute < 3; minute++) {
      spool.largestWrite = 0;
      client.send("x");
      Await.until("the octet is there", () -> spool.largestWrite == 1);
      timer.advance(Duration.ofMinutes(1));
    }
    assertThat(client.reply()).startsWith("421 4.4.2");
  }

  @Test
  void aMessageHasAnHourHoweverSlowlyItMayFlow() {
    var client = helo(start(options().minDataRate(0), Mode.PLAIN)).startMessage();
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

  // ---- chunks

  @Test
  void chunksAreCountedHoweverTheStreamIsCut() {
    var address = start();
    var stream =
        "EHLO a.test\r\nMAIL FROM:<ann@example.org>\r\nRCPT TO:<user@local.test>\r\n"
            + "BDAT 14\r\nSubject: x\r\n\r\nBDAT 0\r\nBDAT 22 LAST\r\n.\r\nMAIL FROM:<b@c.d>\r\nNOOP\r\n"
            + "BDAT 6 LAST\r\nQUIT\r\nQUIT\r\n";
    for (int piece : new int[] {1, 2, 3, 5, 7, 50, 1_000}) {
      postmaster.mails.clear();
      var client = connect(address);
      client.reply();
      var greeting = "EHLO a.test\r\n";
      client.send(greeting).reply();
      for (int i = greeting.length(); i < stream.length(); i += piece) {
        client.send(stream.substring(i, Math.min(stream.length(), i + piece)));
      }
      assertThat(List.of(client.reply(), client.reply(), client.reply(), client.reply()))
          .containsExactly(
              "250 2.1.0 Sender OK",
              "250 2.1.5 Recipient OK",
              "250 2.0.0 14 octets received",
              "250 2.0.0 0 octets received");
      assertThat(client.reply()).isEqualTo("250 2.0.0 queued");
      assertThat(client.reply()).startsWith("250 2.0.0 OK");
      assertThat(client.reply()).startsWith("503 5.5.1");
      assertThat(client.reply()).startsWith("221 ");
      assertThat(postmaster.mails)
          .extracting(Postmaster.Mail::text)
          .containsExactly("Subject: x\r\n\r\n.\r\nMAIL FROM:<b@c.d>\r\n");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"a\nb", "a\rb", "a\0b", "\r", "\n.\r\n"})
  void aChunkOfTextHasNoBareLineEnds(String text) {
    var address = start();
    for (int cut = 0; cut <= text.length(); cut++) {
      var client = helo(address);
      client.command("MAIL FROM:<ann@example.org>");
      client.command("RCPT TO:<user@local.test>");
      client.send("BDAT " + cut + "\r\n" + text.substring(0, cut));
      var first = client.reply();
      if (first.startsWith("250")) {
        client.send("BDAT " + (text.length() - cut) + " LAST\r\n" + text.substring(cut));
        assertThat(client.reply()).startsWith("521 5.5.2");
      } else {
        assertThat(first).startsWith("521 5.5.2");
      }
      assertThat(client.reply()).isEmpty();
    }
    assertThat(postmaster.mails).isEmpty();
  }

  @Test
  void binaryChunksMayHoldAnything() {
    var client = helo(start());
    client.command("MAIL FROM:<ann@example.org> BODY=BINARYMIME");
    client.command("RCPT TO:<user@local.test>");
    client.send("BDAT 7\r\na\nb\rc\0\r");
    assertThat(client.reply()).startsWith("250");
    assertThat(client.send("BDAT 1 LAST\r\n.").reply()).startsWith("250");
    assertThat(postmaster.mails.getFirst().text()).isEqualTo("a\nb\rc\0\r.");
  }

  @Test
  void chunksBeyondTheSizeAreReadAndRefused() {
    var client = helo(start(options().maxMessageSize(10), Mode.PLAIN));
    client.command("MAIL FROM:<ann@example.org>");
    client.command("RCPT TO:<user@local.test>");
    assertThat(client.send("BDAT 8\r\n12345678").reply()).startsWith("250");
    assertThat(client.send("BDAT 8\r\n12345678").reply()).startsWith("552 5.3.4");
    assertThat(client.send("BDAT 0 LAST\r\n").reply()).startsWith("552 5.3.4");
    assertThat(client.command("NOOP")).startsWith("250");
    assertThat(client.startMessage().send("x\r\n.\r\n").reply()).startsWith("250");
  }

  @Test
  void longLinesAreTakenUnlessThereIsABound() {
    var any = helo(start());
    assertThat(any.startMessage().send("x".repeat(100_000) + "\r\n.\r\n").reply())
        .startsWith("250");
    server.close();
    var bounded = helo(start(options().maxLineLength(998), Mode.PLAIN));
    var longest = "x".repeat(998) + "\r\n";
    assertThat(bounded.startMessage().send(longest + longest + ".\r\n").reply()).startsWith("250");
    assertThat(bounded.startMessage().send("x" + longest + ".\r\n").reply())
        .startsWith("554 5.6.0");
    assertThat(bounded.command("NOOP")).startsWith("250");
  }

  @Test
  void lineEndsAreMadeCrlfWhereThatIsAskedFor() {
    var client = helo(start(options().normalizeLineEnds(true), Mode.PLAIN));
    client.startMessage().send("a\nb\rc\0d\n.\n..\r\n..e\r\n.\r\n");
    assertThat(client.reply()).startsWith("250");
    client.command("MAIL FROM:<ann@example.org>");
    client.command("RCPT TO:<user@local.test>");
    assertThat(client.send("BDAT 3\r\na\n\r").reply()).startsWith("250");
    assertThat(client.send("BDAT 4 LAST\r\n\n..\r").reply()).startsWith("250");
    assertThat(postmaster.mails)
        .extracting(Postmaster.Mail::text)
        .containsExactly("a\r\nb\r\ncd\r\n.\r\n..\r\n.e\r\n", "a\r\n\r\n..\r\n");
  }

  @Test
  void vrfyTellsNothingOrIsSwitchedOff() {
    assertThat(helo(start()).command("VRFY user")).startsWith("252");
    server.close();
    assertThat(helo(start(options().verify(false), Mode.PLAIN)).command("VRFY user"))
        .startsWith("502");
  }

  // ---- what can be seen

  @Test
  void aTranscriptTellsAllButSecrets() throws Exception {
    var lines = new CopyOnWriteArrayList<String>();
    var address = startSecure(Mode.STARTTLS);
    try (var transcript = server.transcribe(session -> true, lines::add);
        var other = server.transcribe(session -> false, line -> lines.add("never"))) {
      var client = helo(address);
      client.command("STARTTLS");
      client.secure("mx.local.test");
      client.command("EHLO client.test");
      client.command("AUTH PLAIN AGFubgBzZWNyZXQ=");
      client.startMessage().send("x\r\n.\r\n").reply();
      client.command("QUIT");
      client.close();
      Await.until("the end", () -> lines.getLast().endsWith("! closed"));
    }
    assertThat(
            String.join("\n", lines)
                .replaceAll("(?m)^\\S+ ", "")
                .replaceAll("(?s)250-.*?250 MT.", "250-...\n250 MT-"))
        .startsWith(
            "S: 220 mx.local.test ESMTP\nC: HELO client.test\nS: 250 mx.local.test\nC: STARTTLS")
        .contains(
            "S: 220 2.0.0 Ready to start TLS\n! TLS\nC: EHLO client.test\n",
            "\nC: AUTH PLAIN ***\nS: 235 2.7.0",
            "\nC: DATA\nS: 354 ",
            "\nC: (3 octets)\nS: 250 2.0.0 queued\nC: QUIT\nS: 221 2.0.0 Bye\n! closed")
        .doesNotContain("AGFub", "never");
    int size = lines.size();
    helo(address).command("NOOP");
    assertThat(lines).hasSize(size);
  }

  @Test
  void repliesAreCountedByCommandAndClass() {
    var counted = new ConcurrentHashMap<String, Long>();
    var metrics =
        new Metrics() {
          @Override
          public void count(String name, long n, String... tags) {
            counted.merge(name + List.of(tags), n, Long::sum);
          }

          @Override
          public void time(String name, Duration duration, String... tags) {}

          @Override
          public void gauge(String name, Supplier<Number> value, String... tags) {}
        };
    server = new SmtpServer(options().timer(timer).build(), postmaster, spool, metrics);
    var client = helo(server.bind(SmtpListener.of("test", loopback(0), Mode.PLAIN)));
    client.command("NOOP");
    client.command("NOOP");
    client.command("RCPT TO:<user@local.test>");
    client.command("FOO");
    assertThat(counted)
        .containsEntry("smtp.server.replies[command, NONE, class, 2xx]", 1L)
        .containsEntry("smtp.server.replies[command, HELO, class, 2xx]", 1L)
        .containsEntry("smtp.server.replies[command, NOOP, class, 2xx]", 2L)
        .containsEntry("smtp.server.replies[command, RCPT, class, 5xx]", 1L)
        .containsEntry("smtp.server.replies[command, NONE, class, 5xx]", 1L);
  }

  // ---- proxies

  private InetSocketAddress startBehindProxy(boolean trusted) {
    server =
        new SmtpServer(
            options().timer(timer).trustedPeers(peer -> trusted).build(),
            postmaster,
            spool,
            Metrics.none());
    return server.bind(SmtpListener.of("test", loopback(0), Mode.PLAIN).withProxyProtocol(true));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "PROXY TCP4 198.51.100.7 192.0.2.1 4711 25\r\n",
        "\r\n\r\n\0\r\nQUIT\n\u0021\u0011\0\u000c\u00c6\u0033\u0064\u0007\u00c0\0\u0002\u0001\u0012\u0067\0\u0019"
      })
  void aProxySaysWhoConnects(String header) {
    var client = connect(startBehindProxy(true));
    client.send(header);
    assertThat(client.reply()).startsWith("220 ");
    client.command("HELO client.test");
    client.startMessage().send("x\r\n.\r\n").reply();
    var facts = postmaster.mails.getFirst().session();
    assertThat(facts.remote()).isEqualTo(new InetSocketAddress("198.51.100.7", 4711));
    assertThat(facts.local()).isEqualTo(new InetSocketAddress("192.0.2.1", 25));
  }

  @ParameterizedTest
  @ValueSource(strings = {"PROXY UNKNOWN\r\n", "\r\n\r\n\0\r\nQUIT\n\u0020\0\0\0"})
  void aProxyMaySpeakForItself(String header) {
    var client = connect(startBehindProxy(true));
    assertThat(client.send(header).reply()).startsWith("220 ");
    client.command("HELO client.test");
    client.startMessage().send("x\r\n.\r\n").reply();
    var facts = postmaster.mails.getFirst().session();
    assertThat(facts.remote().getAddress().isLoopbackAddress()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "EHLO client.test\r\n",
        "PROXY TCP4 198.51.100.7\r\n",
        "PROXY TCP4 198.51.100.700 192.0.2.1 1 25\r\n",
        "PROXY TCP4 name.test 192.0.2.1 1 25\r\n"
      })
  void whatIsNoHeaderIsClosedWithoutAWord(String header) {
    var client = connect(startBehindProxy(true));
    assertThat(client.send(header).reply()).isEmpty();
  }

  @Test
  void aProxyThatSaysNothingIsClosed() {
    var client = connect(startBehindProxy(true));
    timer.awaitTask();
    timer.advance(Duration.ofSeconds(11));
    assertThat(client.reply()).isEmpty();
  }

  @Test
  void nobodyElseSpeaksForAnother() {
    var client = connect(startBehindProxy(false));
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
    var closed = SmtpListener.of("closed", loopback(0), Mode.PLAIN).withRequireAuth(true);
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
