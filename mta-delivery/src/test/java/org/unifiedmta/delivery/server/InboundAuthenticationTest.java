package org.unifiedmta.delivery.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.DnsResolver.Answer;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.inbound.InboundPolicy;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.security.SecurityResults;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.arc.ArcSealer;
import org.unifiedmta.security.dkim.DKIMSigner;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.smtp.client.SmtpException;

/** Mail from strangers: what is found of it, where that is written, and what is refused. */
class InboundAuthenticationTest {
  private static final OutboundOptions PLAIN =
      OutboundOptions.builder().tls(OutboundOptions.Tls.NONE).build();
  private static KeyPair keys;

  private record Seen(Email email, SecurityResults security) {}

  private final List<Seen> seen = new CopyOnWriteArrayList<>();
  private UnifiedEmailServer server;

  @BeforeAll
  static void makeKeys() throws Exception {
    var generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    keys = generator.generateKeyPair();
  }

  @AfterEach
  void close() {
    if (server != null) {
      server.close();
    }
  }

  private static ZoneResolver.Builder zone() {
    return ZoneResolver.builder()
        .txt("good.test", "v=spf1 ip4:127.0.0.1 -all")
        .txt("_dmarc.good.test", "v=DMARC1; p=reject")
        .txt("strict.test", "v=spf1 -all")
        .txt("_dmarc.strict.test", "v=DMARC1; p=reject")
        .txt(
            "s1._domainkey.strict.test",
            "v=DKIM1; p=" + Base64.getEncoder().encodeToString(keys.getPublic().getEncoded()))
        .txt(
            "s1._domainkey.evil.test",
            "v=DKIM1; p=" + Base64.getEncoder().encodeToString(keys.getPublic().getEncoded()))
        .txt("mild.test", "v=spf1 -all")
        .txt("_dmarc.mild.test", "v=DMARC1; p=quarantine")
        .txt("proxied.test", "v=spf1 ip4:198.51.100.7 -all")
        .fail("slow.test", "TXT", Status.SERVFAIL)
        .txt("_dmarc.slow.test", "v=DMARC1; p=reject")
        .txt("broken.test", "v=spf1 -all")
        .fail("_dmarc.broken.test", "TXT", Status.SERVFAIL);
  }

  private void start(InboundPolicy policy, DnsResolver dns, String... trusted) {
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname("mx.here.test")
            .ports(0)
            .dnsResolver(dns)
            .inboundPolicy(policy)
            .trustedNetworks(trusted)
            .domains(DomainConfig.of("here.test"))
            .mailHandler((recipient, mail) -> {
              seen.add(new Seen(mail.email(), mail.security()));
              return RecipientVerdict.delivered();
            });
    server = new UnifiedEmailServer(config.build()).start();
  }

  private static Email.Builder from(String domain) {
    return Email.builder().from("ann@" + domain).to("bob@here.test").subject("x").text("Hello\r\n");
  }

  private static Email signed(Email email) {
    var signer = DKIMSigner.builder("strict.test", "s1", keys.getPrivate()).build();
    return Email.parse(signer.sign(email.toBytes()));
  }

  private void send(Email email) {
    server.sendOutboundEmail("127.0.0.1", server.port(), email, PLAIN);
    assertThat(server.awaitQuiet(Duration.ofSeconds(10))).isTrue();
  }

  private SmtpReply refusal(Email email) {
    var refused = new SmtpReply[1];
    assertThatThrownBy(() -> send(email))
        .isInstanceOfSatisfying(SmtpException.class, e -> refused[0] = e.reply().orElseThrow());
    assertThat(seen).isEmpty();
    return refused[0];
  }

  private Seen only() {
    assertThat(seen).hasSize(1);
    return seen.getFirst();
  }

  @Test
  void whatIsFoundIsInTheMessageAndAtHandForTheHandler() {
    start(InboundPolicy.enforce(), zone().build());
    send(from("good.test").build());
    var headers = only().email().headers();
    assertThat(headers.first("Authentication-Results"))
        .hasValueSatisfying(value ->
            assertThat(value)
                .startsWith("mx.here.test; spf=pass smtp.mailfrom=good.test; dkim=none;")
                .contains("dmarc=pass (p=reject)"));
    assertThat(headers.first("Received-SPF").orElseThrow()).startsWith("pass (");
    assertThat(headers.first("X-DMARC-Result"))
        .contains("pass (action=pass; policy=reject; spf=aligned; dkim=unaligned)");
    assertThat(headers.fields().getFirst().name()).isEqualTo("Authentication-Results");
    var found = only().security().authentication();
    assertThat(found.spf().result()).isEqualTo(SpfResult.Result.PASS);
    assertThat(found.dmarc().action()).isEqualTo(DmarcResult.Action.PASS);
  }

  @Test
  void aSignatureProvesWhatTheAddressDoesNot() {
    start(InboundPolicy.enforce(), zone().build());
    send(signed(from("strict.test").build()));
    var found = only().security().authentication();
    assertThat(found.spf().result()).isEqualTo(SpfResult.Result.FAIL);
    assertThat(found.dkim()).extracting(DkimResult::status).containsExactly(DkimResult.Status.PASS);
    assertThat(found.dmarc().dkimDomainAligned()).isTrue();
    assertThat(only().email().headers().first("X-DKIM-Result"))
        .contains("pass (domain=strict.test; selector=s1)");
  }

  @Test
  void whatADomainWantsRefusedIsRefused() {
    start(InboundPolicy.enforce(), zone().build());
    var reply = refusal(from("strict.test").build());
    assertThat(reply.code()).isEqualTo(550);
    assertThat(reply.status()).hasToString("5.7.26");
    assertThat(reply.text()).contains("strict.test");
    var changed = signed(from("strict.test").build()).toBytes();
    changed[changed.length - 4] = 'X';
    assertThat(refusal(Email.parse(changed)).code()).isEqualTo(550);
  }

  /** By a stranger with a domain of its own, who says what suits them. */
  private static Email sealed(Email email) {
    var sealer = ArcSealer.builder("evil.test", "s1", keys.getPrivate()).build();
    return Email.parse(
        sealer.seal(email.toBytes(), "mx.evil.test", "spf=pass; dmarc=pass", ArcResult.none()));
  }

  @Test
  void aValidChainIsReportedAndSavesNoMailThatIsToBeRefused() {
    start(InboundPolicy.enforce(), zone().build());
    assertThat(refusal(sealed(from("strict.test").build())).code()).isEqualTo(550);
    server.close();
    start(InboundPolicy.report(), zone().build());
    send(sealed(from("strict.test").build()));
    var found = only().security().authentication();
    assertThat(found.arc()).isEqualTo(new ArcResult(ArcResult.Status.PASS, 1, null));
    assertThat(found.dmarc().action()).isEqualTo(DmarcResult.Action.REJECT);
    assertThat(only().email().headers().first("Authentication-Results"))
        .hasValueSatisfying(value -> assertThat(value).contains("arc=pass (i=1)"));
  }

  @Test
  void aChainWhoseMessageChangedIsReportedAsBroken() {
    start(InboundPolicy.enforce(), zone().build());
    var changed = sealed(from("good.test").build()).toBytes();
    changed[changed.length - 4] = 'X';
    send(Email.parse(changed));
    assertThat(only().email().headers().first("Authentication-Results"))
        .hasValueSatisfying(
            value -> assertThat(value).contains("arc=fail (the body is not what was signed)"));
  }

  @Test
  void chainsAreNotLookedAtWhereThatIsSwitchedOff() {
    start(InboundPolicy.report().withChecksArc(false), zone().build());
    send(sealed(from("good.test").build()));
    assertThat(only().security().authentication().arc()).isEqualTo(ArcResult.none());
  }

  @Test
  void whereThatIsOnlyReportedItIsTaken() {
    start(InboundPolicy.report(), zone().build());
    send(from("strict.test").build());
    assertThat(only().email().headers().first("X-DMARC-Result"))
        .contains("fail (action=reject; policy=reject; spf=unaligned; dkim=unaligned)");
  }

  @Test
  void whatADomainWantsKeptApartIsMarked() {
    start(InboundPolicy.enforce(), zone().build());
    send(from("mild.test").build());
    assertThat(only().email().headers().first("X-Quarantine")).contains("dmarc");
  }

  @Test
  void whatTheDnsDoesNotSayIsTakenUnlessItIsToComeAgain() {
    start(InboundPolicy.enforce(), zone().build());
    send(from("broken.test").build());
    assertThat(only().security().authentication().dmarc().action())
        .isEqualTo(DmarcResult.Action.TEMPERROR);
    server.close();
    seen.clear();
    start(InboundPolicy.enforce().withDefersOnTemperror(true), zone().build());
    assertThat(refusal(from("broken.test").build()).code()).isEqualTo(451);
  }

  @Test
  void aDnsThatNeverAnswersHoldsUpNobodyForLong() {
    var never = new CountDownLatch(1);
    var dns =
        new Answering(
            zone().build(),
            name -> {
              try {
                never.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              return Answer.none(Status.TIMEOUT);
            });
    start(InboundPolicy.enforce().withBudget(Duration.ofMillis(200)), dns);
    send(sealed(signed(from("strict.test").build())));
    never.countDown();
    var found = only().security().authentication();
    assertThat(found.arc().status()).isEqualTo(ArcResult.Status.TEMPERROR);
    assertThat(found.spf().result()).isEqualTo(SpfResult.Result.TEMPERROR);
    assertThat(found.dkim())
        .extracting(DkimResult::status)
        .containsExactly(DkimResult.Status.TEMPERROR);
    assertThat(found.dmarc().action()).isEqualTo(DmarcResult.Action.TEMPERROR);
  }

  /** A zone whose texts are answered otherwise. */
  private record Answering(DnsResolver zone, Function<String, Answer<String>> texts)
      implements DnsResolver {
    @Override
    public Answer<String> txt(String name) {
      return texts.apply(name);
    }

    @Override
    public Answer<Mx> mx(String name) {
      return zone.mx(name);
    }

    @Override
    public Answer<InetAddress> a(String name) {
      return zone.a(name);
    }

    @Override
    public Answer<InetAddress> aaaa(String name) {
      return zone.aaaa(name);
    }

    @Override
    public Answer<String> ptr(InetAddress address) {
      return zone.ptr(address);
    }

    @Override
    public Answer<String> cname(String name) {
      return zone.cname(name);
    }

    @Override
    public Answer<Tlsa> tlsa(String name) {
      return zone.tlsa(name);
    }
  }

  /** A message that is sent piece by piece. */
  private final class Client implements AutoCloseable {
    private final Socket socket = new Socket("127.0.0.1", server.port());
    private final BufferedReader replies =
        new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));

    Client() throws IOException {
      socket.setSoTimeout(20_000);
      says("220");
      send("HELO mail.strict.test\r\n");
      says("250");
      for (var line : List.of("MAIL FROM:<ann@strict.test>", "RCPT TO:<bob@here.test>")) {
        send(line + "\r\n");
        says("250");
      }
      send("DATA\r\n");
      says("354");
    }

    void send(String octets) throws IOException {
      socket.getOutputStream().write(octets.getBytes(ISO_8859_1));
    }

    void says(String code) throws IOException {
      assertThat(replies.readLine()).startsWith(code);
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  @Test
  void theDnsIsAskedWhileTheMessageComesIn() throws Exception {
    var zone = zone().build();
    var asked = new LinkedBlockingQueue<String>();
    var dns =
        new Answering(
            zone,
            name -> {
              asked.add(name);
              return zone.txt(name);
            });
    start(InboundPolicy.enforce(), dns);
    var message = new String(signed(from("strict.test").build()).toBytes(), ISO_8859_1);
    int body = message.indexOf("\r\n\r\n") + 4;
    try (var client = new Client()) {
      assertThat(asked.poll(20, TimeUnit.SECONDS)).isEqualTo("strict.test");
      client.send(message.substring(0, body));
      assertThat(List.of(asked.poll(20, TimeUnit.SECONDS), asked.poll(20, TimeUnit.SECONDS)))
          .containsExactlyInAnyOrder("s1._domainkey.strict.test", "_dmarc.strict.test");
      client.send(message.substring(body, body + 3));
      client.send(message.substring(body + 3) + ".\r\n");
      client.says("250");
    }
    assertThat(server.awaitQuiet(Duration.ofSeconds(10))).isTrue();
    assertThat(only().security().authentication().dmarc().dkimDomainAligned()).isTrue();
    assertThat(asked).as("asked again").isEmpty();
  }

  @Test
  void whoHasNoRecipientHereCausesNoQuestion() throws Exception {
    var asked = new LinkedBlockingQueue<String>();
    var dns =
        new Answering(
            zone().build(),
            name -> {
              asked.add(name);
              return Answer.none(Status.NXDOMAIN);
            });
    start(InboundPolicy.enforce(), dns);
    assertThatThrownBy(() ->
            server.sendOutboundEmail(
                "127.0.0.1",
                server.port(),
                Email.builder().from("ann@strict.test").to("x@there.test").text("x").build(),
                PLAIN))
        .isInstanceOf(SmtpException.class);
    assertThat(asked).isEmpty();
  }

  /** RFC 5322 2.2: no blank line ends the header section, so the message is read once more. */
  @Test
  void aSignedMessageWithoutBlankLineIsCheckedToo() throws Exception {
    start(InboundPolicy.enforce(), zone().build());
    var message = new String(signed(from("strict.test").build()).toBytes(), ISO_8859_1);
    var header = message.substring(0, message.indexOf("\r\n\r\n") + 2);
    var signer = DKIMSigner.builder("strict.test", "s1", keys.getPrivate()).build();
    for (var odd : List.of("From: ann@strict.test\r\n", "From: ann@strict.test\r\nno field\r\n")) {
      try (var client = new Client()) {
        client.send(new String(signer.sign(odd.getBytes(ISO_8859_1)), ISO_8859_1) + ".\r\n");
        client.says("250");
      }
    }
    try (var client = new Client()) {
      client.send(header + ".\r\n"); // what was signed had a body
      client.says("550");
    }
  }

  @Test
  void resultsThatClaimToBeOursAreTakenOut() {
    start(InboundPolicy.report(), zone().build());
    send(
        from("strict.test")
            .header("Authentication-Results", "MX.here.test; dmarc=pass")
            .header("Authentication-Results", "other.test; dmarc=pass")
            .build());
    assertThat(only().email().headers().all("Authentication-Results"))
        .hasSize(2)
        .noneMatch(value -> value.contains("MX.here.test"))
        .anyMatch(value -> value.startsWith("other.test"));
  }

  @Test
  void whoMayRelayIsNotChecked() {
    start(InboundPolicy.enforce(), zone().build(), "127.0.0.0/8");
    send(from("strict.test").build());
    assertThat(only().email().headers().first("Authentication-Results")).isEmpty();
  }

  // ---- what is done unless told otherwise

  private void startUntold(Consumer<UnifiedEmailServerConfig.Builder> more) {
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname("mx.here.test")
            .ports(0)
            .domains(DomainConfig.of("here.test"))
            .mailHandler((recipient, mail) -> {
              seen.add(new Seen(mail.email(), mail.security()));
              return RecipientVerdict.delivered();
            });
    more.accept(config);
    server = new UnifiedEmailServer(config.build()).start();
  }

  @Test
  void mailThatItsDomainWantsRefusedIsRefusedUnlessTold() {
    startUntold(config -> config.dnsResolver(zone().build()));
    assertThat(refusal(from("strict.test").build()).status()).hasToString("5.7.26");
  }

  /** No domain authorizes 127.0.0.1, and nobody's DNS is asked about it. */
  @Test
  void mailFromThisMachineIsNoStrangersUnlessTold() {
    startUntold(config -> {});
    send(from("strict.test").build());
    assertThat(seen.getFirst().email().headers().all("Authentication-Results")).isEmpty();
  }

  @Test
  void domainsThatOnlyReportAreRefusedNothing() {
    start(InboundPolicy.enforce().reportingFor("HERE.test"), zone().build());
    send(from("strict.test").build());
    assertThat(seen.getFirst().email().headers().first("X-DMARC-Result").orElseThrow())
        .contains("reject");
  }

  @Test
  void whatIsToBeKeptApartIsToldOf() throws Exception {
    start(InboundPolicy.enforce(), zone().build());
    var told = new LinkedBlockingQueue<MailEvent.Quarantined>();
    server.on(MailEvent.Quarantined.class, told::add);
    send(from("mild.test").build());
    assertThat(told.poll(10, TimeUnit.SECONDS).domain()).isEqualTo("mild.test");
    send(from("good.test").build());
    assertThat(told).isEmpty();
  }

  /** RFC 9989 5.3.6: what SPF may yet prove has not failed. */
  @Test
  void whatSpfDoesNotSayNowIsTakenUnlessItIsToComeAgain() {
    start(InboundPolicy.enforce(), zone().build());
    send(from("slow.test").build());
    assertThat(only().email().headers().first("Received-SPF").orElseThrow())
        .startsWith("temperror (");
    server.close();
    seen.clear();
    start(InboundPolicy.enforce().withDefersOnTemperror(true), zone().build());
    assertThat(refusal(from("slow.test").build()).code()).isEqualTo(451);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "From: <ann@good.test>\r\nFrom: <ann@strict.test>",
        "From: <ann@strict.test>\r\nFrom: <ann@good.test>",
        "From: <ann@good.test>, <ann@strict.test>",
        "From: <ann@strict.test> <ann@good.test>",
        "no field\r\nFrom: <ann@strict.test>",
        "From : <ann@strict.test>\r\nX: y\r\nFrom: <ann@good.test>"
      })
  void ofSeveralAuthorsTheOneCountsThatWantsMailRefused(String from) throws IOException {
    start(InboundPolicy.enforce(), zone().build());
    var message = from + "\r\nTo: <bob@here.test>\r\n\r\nHello\r\n.";
    assertThat(talk(server.port(), "", "ann@good.test", message)).startsWith("550 5.7.26");
    assertThat(seen).isEmpty();
  }

  /** The last reply; a proxy speaks before there is any. */
  private static String talk(int port, String first, String reversePath, String message)
      throws IOException {
    try (var socket = new Socket("127.0.0.1", port)) {
      var in =
          new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
      var last = first.isEmpty() ? in.readLine() : "";
      for (var line :
          List.of(
              first,
              "HELO client.test",
              "MAIL FROM:<" + reversePath + ">",
              "RCPT TO:<bob@here.test>",
              "DATA",
              message)) {
        if (!line.isEmpty()) {
          socket.getOutputStream().write((line + "\r\n").getBytes(StandardCharsets.US_ASCII));
          last = in.readLine();
        }
      }
      return last;
    }
  }

  /** SPF is asked about who connects: whom a proxy of ours names, and nobody else. */
  @Test
  void theClientIsWhoATrustedProxySaysItIs() throws IOException {
    startUntold(config ->
        config
            .dnsResolver(zone().build())
            .inboundPolicy(InboundPolicy.report())
            .listen(
                Listener.of("in", new InetSocketAddress("127.0.0.1", 0), Mode.PLAIN)
                    .withProxyProtocol(true))
            .trustedProxies("127.0.0.0/8"));
    int port = server.listeners().getLast().address().getPort();
    var proxy = "PROXY TCP4 198.51.100.7 192.0.2.1 4711 25";
    assertThat(talk(port, proxy, "ann@proxied.test", "Subject: x\r\n\r\nHello\r\n."))
        .startsWith("250 ");
    assertThat(server.awaitQuiet(Duration.ofSeconds(10))).isTrue();
    assertThat(only().security().authentication().spf().result()).isEqualTo(SpfResult.Result.PASS);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "PROXY TCP4 198.51.100.7 192.0.2.1 4711 25",
        "XCLIENT ADDR=198.51.100.7",
        "XFORWARD ADDR=198.51.100.7"
      })
  void aClientDoesNotSayWhoItIs(String command) throws IOException {
    start(InboundPolicy.report(), zone().build());
    try (var socket = new Socket("127.0.0.1", server.port())) {
      var in =
          new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
      in.readLine();
      for (var line :
          List.of(
              "HELO client.test",
              command,
              "MAIL FROM:<ann@proxied.test>",
              "RCPT TO:<bob@here.test>",
              "DATA",
              "Subject: x\r\n\r\nHello\r\n.")) {
        socket.getOutputStream().write((line + "\r\n").getBytes(StandardCharsets.US_ASCII));
        assertThat(in.readLine()).matches(line.equals(command) ? "5.*" : "[23].*");
      }
    }
    assertThat(server.awaitQuiet(Duration.ofSeconds(10))).isTrue();
    assertThat(only().security().authentication().spf().result()).isEqualTo(SpfResult.Result.FAIL);
  }
}
