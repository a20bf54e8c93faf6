package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.server.UnifiedEmailServer.State;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Auth;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.smtp.testing.ScriptedSmtpServer;

class LifecycleTest {

  @TempDir Path directory;

  private static UnifiedEmailServerConfig.Builder config() {
    return UnifiedEmailServerConfig.builder()
        .hostname("mail.example.test")
        .shutdownTimeout(Duration.ofSeconds(5));
  }

  private static Listener listener(String name, int port) {
    return Listener.of(name, new InetSocketAddress("127.0.0.1", port), Mode.PLAIN);
  }

  private static Email email(String to) {
    return Email.builder().from("ann@sender.test").to(to).subject("x").text("x").build();
  }

  @Test
  void aPortThatCannotBeHadStopsTheStartAndBindsNothing() throws Exception {
    try (var taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
        var free = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      int port = free.getLocalPort();
      free.close();
      var server =
          new UnifiedEmailServer(
              config()
                  .dataDirectory(directory.resolve("queue"))
                  .listen(listener("one", port))
                  .listen(listener("two", taken.getLocalPort()))
                  .build());
      assertThatThrownBy(server::start)
          .isInstanceOf(MtaException.class)
          .hasMessageContaining("127.0.0.1:" + taken.getLocalPort());
      assertThat(server.state()).isEqualTo(State.STOPPED);
      new ServerSocket(port, 1, InetAddress.getByName("127.0.0.1")).close();
      // The directory is free again too.
      new UnifiedEmailServer(config().dataDirectory(directory.resolve("queue")).build())
          .start()
          .close();
    }
  }

  @Test
  void twoServersCannotShareADataDirectory() {
    var config = config().dataDirectory(directory.resolve("queue")).build();
    try (var first = new UnifiedEmailServer(config).start()) {
      assertThat(first.state()).isEqualTo(State.RUNNING);
      var second = new UnifiedEmailServer(config);
      assertThatThrownBy(second::start)
          .isInstanceOf(ConfigException.class)
          .hasMessageContaining(directory.resolve("queue").toString())
          .hasMessageContaining("use");
    }
  }

  @Test
  void aForeignDirectoryIsRefusedAndLeftAlone() throws Exception {
    Files.writeString(directory.resolve("thesis.txt"), "years of work");
    var server = new UnifiedEmailServer(config().dataDirectory(directory).build());
    assertThatThrownBy(server::start)
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(directory.toString());
    try (var files = Files.list(directory)) {
      assertThat(files).containsExactly(directory.resolve("thesis.txt"));
    }
  }

  @Test
  void aServerIsStartedOnceAndStoppedForGood() {
    var server = new UnifiedEmailServer(config().build());
    assertThat(server.state()).isEqualTo(State.NEW);
    assertThatThrownBy(() -> server.sendEmail(email("bob@far.test")))
        .isInstanceOf(IllegalStateException.class);
    server.start();
    assertThatThrownBy(server::start).isInstanceOf(IllegalStateException.class);
    server.close();
    server.close();
    assertThat(server.state()).isEqualTo(State.STOPPED);
    assertThatThrownBy(server::start).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> server.sendEmail(email("bob@far.test")))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void everyProblemOfAConfigurationIsNamed() {
    assertThatThrownBy(() ->
            UnifiedEmailServerConfig.builder()
                .ports(465, 99_999)
                .maxClients(0)
                .auth(Auth.users(Map.of("u", "p")))
                .build())
        .isInstanceOfSatisfying(
            ConfigException.class,
            e ->
                assertThat(e.problems())
                    .anyMatch(p -> p.contains("hostname"))
                    .anyMatch(p -> p.contains("99999"))
                    .anyMatch(p -> p.contains("maxClients"))
                    .anyMatch(p -> p.contains("smtp-465") && p.contains("tls"))
                    .anyMatch(p -> p.contains("auth")));
  }

  /** Threads of ours, but the timer's, which ends by itself, and the DNS client's selector. */
  private static Set<String> ourThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(Thread::isAlive)
        .map(Thread::getName)
        .filter(name -> name.startsWith("mta-") && !name.equals("mta-timer"))
        .filter(name -> !name.startsWith("mta-scripted"))
        .collect(Collectors.toSet());
  }

  @Test
  void closeLeavesNoThread() {
    var before = ourThreads();
    var server =
        new UnifiedEmailServer(
            config().dataDirectory(directory.resolve("queue")).listen(listener("smtp", 0)).build());
    server.on(MailEvent.class, event -> {});
    server.start();
    assertThat(ourThreads()).hasSizeGreaterThan(before.size());
    server.close();
    assertThat(ourThreads()).isSubsetOf(before);
  }

  @Test
  void anAttemptThatRunsMayFinishWhileTheServerStops() throws Exception {
    var entered = new CountDownLatch(1);
    var go = new CountDownLatch(1);
    var handled = new LinkedBlockingQueue<String>();
    var server =
        new UnifiedEmailServer(
            config()
                .dataDirectory(directory.resolve("queue"))
                .domains(DomainConfig.of("example.test"))
                .mailHandler((recipient, mail) -> {
                  entered.countDown();
                  try {
                    go.await();
                  } catch (InterruptedException e) {
                    return RecipientVerdict.deferred("interrupted");
                  }
                  handled.add(mail.id());
                  return RecipientVerdict.delivered();
                })
                .build());
    server.start();
    server.sendEmail(email("bob@example.test"));
    assertThat(entered.await(10, TimeUnit.SECONDS)).isTrue();
    var stopping = Thread.ofVirtual().start(() -> server.stop(Duration.ofSeconds(30)));
    go.countDown();
    stopping.join(Duration.ofSeconds(30));
    assertThat(server.state()).isEqualTo(State.STOPPED);
    assertThat(handled).hasSize(1);
    var again = new UnifiedEmailServer(config().dataDirectory(directory.resolve("queue")).build());
    try (again) {
      again.start();
      assertThat(again.deliveryQueue().list(null, 10)).isEmpty();
    }
  }

  @Test
  void whatIsNotDeliveredWhenTheServerStopsIsDeliveredAfterTheNextStart() throws Exception {
    try (var host = ScriptedSmtpServer.script().silence("MAIL").reply("MAIL", "250 ok").start()) {
      var config =
          config()
              .dataDirectory(directory.resolve("queue"))
              .routes(Route.of("out", 0, Match.any(), Action.forward("127.0.0.1", host.port())))
              .build();
      var id = "";
      try (var server = new UnifiedEmailServer(config).start()) {
        id = server.sendEmail(email("bob@far.test"));
        awaitMail(host);
        server.stop(Duration.ZERO);
      }
      var delivered = new LinkedBlockingQueue<MailEvent.Delivered>();
      try (var server = new UnifiedEmailServer(config)) {
        server.on(MailEvent.Delivered.class, delivered::add);
        server.start();
        server.deliveryQueue().retryNow(id);
        var event = delivered.poll(10, TimeUnit.SECONDS);
        assertThat(event).isNotNull();
        assertThat(event.queueId()).isEqualTo(id);
      }
      assertThat(host.messages()).hasSize(1);
    }
  }

  @Test
  void anIdleClientIsSentHomeWhenTheServerStops() throws Exception {
    var server = new UnifiedEmailServer(config().listen(listener("smtp", 0)).build()).start();
    try (var socket = new Socket("127.0.0.1", server.port())) {
      var in = socket.getInputStream();
      assertThat(line(in)).startsWith("220 ");
      assertThat(server.stop(Duration.ofSeconds(10))).isTrue();
      assertThat(line(in)).startsWith("421 4.3.2");
    }
  }

  @Test
  void queuedMailCanBeSeenAndTakenOut() {
    try (var server = new UnifiedEmailServer(config().maxAttempts(0).build()).start()) {
      var id = server.sendEmail(email("bob@far.test"));
      var queue = server.deliveryQueue();
      assertThat(queue.getStats()).containsEntry(DeliveryStatus.PENDING, 1L);
      var item = queue.getItem(id).orElseThrow();
      assertThat(item.recipient().address()).hasToString("bob@far.test");
      assertThat(item.destination()).isEqualTo("far.test");
      assertThat(queue.cancel(id)).isTrue();
      assertThat(queue.getItem(id)).isEmpty();
    }
  }

  private static void awaitMail(ScriptedSmtpServer host) {
    var deadline = Instant.now().plusSeconds(10);
    while (host.transcripts().stream().noneMatch(t -> t.toString().contains("C: MAIL"))) {
      assertThat(Instant.now()).as("the time until MAIL").isBefore(deadline);
      LockSupport.parkNanos(1_000_000);
    }
  }

  private static String line(InputStream in) throws IOException {
    var line = new ByteArrayOutputStream();
    for (int b = in.read(); b >= 0 && b != '\n'; b = in.read()) {
      line.write(b);
    }
    return line.toString(StandardCharsets.US_ASCII);
  }
}
