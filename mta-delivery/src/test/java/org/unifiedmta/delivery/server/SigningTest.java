package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.inbound.InboundPolicy;
import org.unifiedmta.delivery.submission.SubmissionException;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.routing.zone.SmartHost;
import org.unifiedmta.routing.zone.ZoneSelector;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.arc.ArcSealer;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DkimKeyStore;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dkim.DkimSignature;

/** What is submitted to one server verifies at another, by its key of RSA and that of Ed25519. */
class SigningTest {
  private static final DomainConfig OURS = DomainConfig.of("ours.test");
  private static final OutboundOptions PLAIN =
      OutboundOptions.builder().tls(OutboundOptions.Tls.NONE).build();

  /** A message as it came in, and what was found of its signatures. */
  private record Seen(Email email, List<DkimResult> dkim) {}

  private final List<Seen> seen = new CopyOnWriteArrayList<>();
  private UnifiedEmailServer receiver;
  private UnifiedEmailServer sender;
  private DnsResolver dns;
  @TempDir static Path directory;

  @BeforeEach
  void start() {
    var keys = new DKIMCreator(directory);
    keys.handleDKIMKeysOfBothTypes("ours.test", "default", 2048);
    var rsa = keys.getDNSRecordForDomain("ours.test");
    var ed25519 = keys.getDNSRecordForDomain("ours.test", "default-ed");
    var dns =
        ZoneResolver.builder()
            .txt(rsa.name(), rsa.value())
            .txt(ed25519.name(), ed25519.value())
            .build();
    receiver =
        new UnifiedEmailServer(
                UnifiedEmailServerConfig.builder()
                    .hostname("mx.far.test")
                    .ports(0)
                    .dnsResolver(dns)
                    .inboundPolicy(InboundPolicy.report())
                    .domains(DomainConfig.of("far.test"))
                    .mailHandler((recipient, mail) -> {
                      var found = mail.security();
                      seen.add(
                          new Seen(
                              mail.email(),
                              found == null ? List.of() : found.authentication().dkim()));
                      return RecipientVerdict.delivered();
                    })
                    .build())
            .start();
    this.dns = dns;
    startSender(OURS, toReceiver(), config -> {});
  }

  private Action toReceiver() {
    return Action.forward("127.0.0.1", receiver.port()).withOptions(PLAIN);
  }

  /** What goes to far.test goes to the receiver. */
  private void startSender(
      DomainConfig ours, Action action, Consumer<UnifiedEmailServerConfig.Builder> more) {
    if (sender != null) {
      sender.close();
    }
    var config = sender(ours, action);
    more.accept(config);
    sender = new UnifiedEmailServer(config.build()).start();
  }

  private UnifiedEmailServerConfig.Builder sender(DomainConfig ours, Action action) {
    return UnifiedEmailServerConfig.builder()
        .hostname("mail.ours.test")
        .ports(0)
        .domains(ours)
        .dkimCreator(new DKIMCreator(directory))
        .dnsResolver(dns)
        .auth(UnifiedEmailServerConfig.Auth.users(Map.of("ann", "secret")))
        .authWithoutTls(true)
        .routes(Route.of("far", 1, Match.recipients("*@far.test"), action));
  }

  @AfterEach
  void stop() {
    sender.close();
    receiver.close();
  }

  private Seen only() {
    assertThat(sender.awaitQuiet(Duration.ofSeconds(10))).isTrue();
    assertThat(receiver.awaitQuiet(Duration.ofSeconds(10))).isTrue();
    assertThat(seen).hasSize(1);
    return seen.getFirst();
  }

  private static Email.Builder email(String from) {
    return Email.builder()
        .from(from)
        .to("bob@far.test")
        .subject("Grüße")
        .text("Hello,  \r\n.\r\n\r\nbye\r\n\r\n");
  }

  private static void assertPasses(Seen mail) {
    assertPasses(mail, "default", "default-ed");
  }

  private static void assertPasses(Seen mail, String... selectors) {
    assertThat(mail.dkim())
        .allSatisfy(signature -> {
          assertThat(signature.reason()).isNull();
          assertThat(signature.isValid()).isTrue();
          assertThat(signature.domain()).isEqualTo("ours.test");
        })
        .extracting(DkimResult::selector)
        .containsExactlyInAnyOrder(selectors);
  }

  @Test
  void whatTheHostSubmitsIsSigned() {
    sender.sendEmail(email("ann@ours.test").build());
    assertPasses(only());
  }

  @Test
  void whatIsTakenOutIsNotSigned() {
    sender.sendEmail(email("ann@ours.test").header("X-Sending-Zone", "x").build());
    assertPasses(only());
  }

  @Test
  void whatAClientThatHasLoggedInSubmitsIsSignedWithTheFieldsThatItForgot() throws Exception {
    try (var client = new Socket("127.0.0.1", sender.port())) {
      var out = client.getOutputStream();
      var in =
          new BufferedReader(
              new InputStreamReader(client.getInputStream(), StandardCharsets.US_ASCII));
      var login = Base64.getEncoder().encodeToString("\0ann\0secret".getBytes());
      for (var line :
          List.of(
              "EHLO client.test",
              "AUTH PLAIN " + login,
              "MAIL FROM:<ann@ours.test>",
              "RCPT TO:<bob@far.test>",
              "DATA",
              "From: <ann@ours.test>\r\nBcc: x@far.test\r\nSubject: x\r\n\r\nHello\r\n.",
              "QUIT")) {
        assertThat(reply(in)).startsWith(line.startsWith("From") ? "3" : "2");
        out.write((line + "\r\n").getBytes(StandardCharsets.US_ASCII));
      }
      assertThat(reply(in)).startsWith("221");
    }
    var mail = only();
    assertPasses(mail);
    assertThat(mail.email().date()).isPresent();
    assertThat(mail.email().headers().first("Bcc")).isEmpty();
  }

  private static String reply(BufferedReader in) throws IOException {
    var line = in.readLine();
    while (line != null && line.charAt(3) == '-') {
      line = in.readLine();
    }
    return String.valueOf(line);
  }

  @Test
  void aMessageWithoutFromIsSignedForItsReversePathOnlyIfThatIsOurs() {
    var message = "Subject: x\r\n\r\nHello\r\n".getBytes(StandardCharsets.US_ASCII);
    sender.submit(
        Envelope.of("ann@ours.test", "bob@far.test"),
        new ByteArrayInputStream(message),
        SubmitOptions.builder().build());
    assertPasses(only());
  }

  @Test
  void mailOfDomainsWithoutKeysGoesAsItIs() {
    sender.sendEmail(email("ann@else.test").build());
    assertThat(only().dkim()).isEmpty();
  }

  @Test
  void mailOfTwoAuthorsIsNotSignedForOne() {
    var message =
        "From: <ann@ours.test>\r\nFrom: <eve@evil.test>\r\n\r\nHello\r\n"
            .getBytes(StandardCharsets.US_ASCII);
    sender.submit(
        Envelope.of("ann@ours.test", "bob@far.test"),
        new ByteArrayInputStream(message),
        SubmitOptions.builder().build());
    assertThat(only().dkim()).isEmpty();
  }

  @Test
  void whatIsSentAtOnceIsSignedWithTheKeyThatIsNamed() {
    var options =
        OutboundOptions.builder()
            .tls(OutboundOptions.Tls.NONE)
            .dkimDomain("ours.test")
            .dkimSelector("default-ed")
            .build();
    sender.sendOutboundEmail("127.0.0.1", receiver.port(), email("ann@ours.test").build(), options);
    assertPasses(only(), "default-ed");
  }

  @Test
  void whatIsSentAtOnceIsSignedWithAllKeysIfNoneIsNamed() {
    var options =
        OutboundOptions.builder().tls(OutboundOptions.Tls.NONE).dkimDomain("ours.test").build();
    sender.sendOutboundEmail("127.0.0.1", receiver.port(), email("ann@ours.test").build(), options);
    assertPasses(only());
  }

  @Test
  void aDomainWithoutKeysSignsNothingAtOnceEither() {
    var options = OutboundOptions.builder().dkimDomain("else.test").build();
    assertThatThrownBy(() ->
            sender.sendOutboundEmail("host.invalid", 1, email("a@else.test").build(), options))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("else.test");
  }

  @Test
  void aKeyThatIsNotThereIsSaidBeforeAnybodyConnects() {
    var options = OutboundOptions.builder().dkimDomain("ours.test").dkimSelector("none").build();
    assertThatThrownBy(() ->
            sender.sendOutboundEmail("host.invalid", 1, email("a@ours.test").build(), options))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("none");
  }

  // ---- whose keys, and for how long

  @Test
  void theHostMaySayWhoseKeysSign() {
    sender.sendEmail(
        email("ann@else.test").build(), SubmitOptions.builder().dkimDomain("Ours.test").build());
    assertPasses(only());
    assertThatThrownBy(() ->
            sender.sendEmail(
                email("ann@ours.test").build(),
                SubmitOptions.builder().dkimDomain("else.test").build()))
        .isInstanceOf(SubmissionException.class)
        .hasMessageContaining("else.test");
  }

  @Test
  void theTransportDomainSignsBesideTheAuthors() {
    var transport = new DKIMCreator(DkimKeyStore.in(StorageManager.inMemory()), Clock.systemUTC());
    startSender(
        OURS,
        toReceiver(),
        config -> config.dkimCreator(transport).signTransportDomain("ours.test"));
    sender.sendEmail(email("ann@else.test").build());
    assertThat(only().email().headers().all("DKIM-Signature"))
        .hasSize(2)
        .allSatisfy(value -> assertThat(value).contains("d=ours.test;"));
    seen.clear();
    startSender(
        DomainConfig.of("else.test"),
        toReceiver(),
        config -> config.dkimCreator(transport).signTransportDomain("ours.test"));
    assertThat(transport.keys("else.test")).hasSize(2);
    sender.sendEmail(email("ann@else.test").build());
    var signatures = only().email().headers().all("DKIM-Signature");
    assertThat(signatures).hasSize(4);
    assertThat(signatures.subList(0, 2))
        .allSatisfy(value -> assertThat(value).contains("d=else.test;"));
  }

  @Test
  void whatTheDnsLacksOfTheTransportDomainIsTold() throws Exception {
    var transport = new DKIMCreator(DkimKeyStore.in(StorageManager.inMemory()), Clock.systemUTC());
    sender.close();
    sender =
        new UnifiedEmailServer(
            sender(OURS, toReceiver())
                .dkimCreator(transport)
                .signTransportDomain("esp.test")
                .build());
    var told = new LinkedBlockingQueue<String>();
    sender.on(MailEvent.KeyNotPublished.class, event -> told.add(event.domain()));
    sender.start();
    var first = told.poll(10, TimeUnit.SECONDS);
    while (first != null && !first.equals("esp.test")) {
      first = told.poll(10, TimeUnit.SECONDS);
    }
    assertThat(first).isEqualTo("esp.test");
  }

  @Test
  void signaturesMayHaveAnEnd() {
    var dkim = DomainConfig.Dkim.standard().withLifetime(Duration.ofDays(3));
    startSender(OURS.withDkim(dkim), toReceiver(), config -> {});
    sender.sendEmail(email("ann@ours.test").build());
    var mail = only();
    assertPasses(mail);
    assertThat(mail.email().headers().all("DKIM-Signature"))
        .allSatisfy(value -> {
          var signature = DkimSignature.read(value).orElseThrow();
          assertThat(signature.expires() - signature.signed())
              .isEqualTo(Duration.ofDays(3).toSeconds());
        });
    assertThatThrownBy(() -> DomainConfig.Dkim.standard().withLifetime(Duration.ofHours(1)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  // ---- what routes want signed

  private void startSigningRoute(Consumer<UnifiedEmailServerConfig.Builder> more) {
    startSender(
        OURS,
        Action.process().withDkim(true),
        config -> {
          config
              .inboundPolicy(InboundPolicy.report())
              .domains(DomainConfig.of("far.test"))
              .zones(
                  SendingZone.builder(ZoneSelector.DEFAULT)
                      .smartHost(new SmartHost("127.0.0.1", receiver.port(), PLAIN))
                      .build());
          more.accept(config);
        });
  }

  private void relay(String from) {
    sender.sendOutboundEmail("127.0.0.1", sender.port(), email(from).build(), PLAIN);
  }

  @Test
  void aRouteSignsWhatTrustedClientsSend() {
    startSigningRoute(config -> config.trustedNetworks("127.0.0.0/8"));
    relay("ann@ours.test");
    assertPasses(only());
  }

  /** A signature on what a stranger wrote would say that it is ours. */
  @Test
  void aRouteSignsNothingOfAStrangersThatIsNotProved() {
    startSigningRoute(config -> {});
    relay("ann@ours.test");
    assertThat(only().dkim()).isEmpty();
  }

  /** Anybody can write any reverse path; what was proved is another domain. */
  @Test
  void aRouteSignsNothingForTheReversePathOfAStranger() throws Exception {
    var evil = new DKIMCreator(DkimKeyStore.in(StorageManager.inMemory()), Clock.systemUTC());
    evil.handleDKIMKeysForDomain("evil.test");
    var record = evil.getDNSRecordForDomain("evil.test");
    var zone =
        ZoneResolver.builder()
            .txt(record.name(), record.value())
            .txt("_dmarc.evil.test", "v=DMARC1; p=reject");
    startSigningRoute(config -> config.dnsResolver(zone.build()));
    var message =
        evil.signer("evil.test", "default")
            .sign(
                "From: a@m_x.evil.test\r\nSubject: x\r\n\r\nHello\r\n"
                    .getBytes(StandardCharsets.US_ASCII));
    try (var client = new Socket("127.0.0.1", sender.port())) {
      var out = client.getOutputStream();
      var in =
          new BufferedReader(
              new InputStreamReader(client.getInputStream(), StandardCharsets.US_ASCII));
      for (var line :
          List.of("HELO evil.test", "MAIL FROM:<x@ours.test>", "RCPT TO:<bob@far.test>", "DATA")) {
        assertThat(reply(in)).startsWith("2");
        out.write((line + "\r\n").getBytes(StandardCharsets.US_ASCII));
      }
      assertThat(reply(in)).startsWith("354");
      out.write(message);
      out.write(".\r\n".getBytes(StandardCharsets.US_ASCII));
      assertThat(reply(in)).startsWith("250");
    }
    var headers = only().email().headers();
    assertThat(headers.all("X-DMARC-Result")).anyMatch(value -> value.startsWith("pass"));
    assertThat(headers.all("DKIM-Signature")).singleElement().asString().contains("d=evil.test");
  }

  // ---- what is sealed

  private void startSealing(Consumer<UnifiedEmailServerConfig.Builder> more) {
    startSender(
        OURS,
        toReceiver(),
        config -> {
          config
              .inboundPolicy(InboundPolicy.report())
              .domains(DomainConfig.of("far.test"))
              .sealDomain("ours.test");
          more.accept(config);
        });
  }

  private static List<String> seals(Seen mail) {
    return mail.email().headers().all("ARC-Seal");
  }

  @Test
  void whatAStrangerSendsIsSealedWhereItGoesOn() {
    startSealing(config -> {});
    relay("ann@else.test");
    var mail = only();
    assertThat(mail.email().headers().first("Authentication-Results").orElseThrow())
        .contains("arc=pass (i=1)");
    assertThat(mail.email().headers().first("ARC-Authentication-Results").orElseThrow())
        .contains("i=1; mail.ours.test; spf=none", "dmarc=none");
    assertThat(mail.dkim()).isEmpty();
  }

  @Test
  void aChainGoesOn() throws Exception {
    var before = new DKIMCreator(DkimKeyStore.in(StorageManager.inMemory()), Clock.systemUTC());
    before.handleDKIMKeysForDomain("else.test");
    var record = before.getDNSRecordForDomain("else.test");
    startSealing(config ->
        config.dnsResolver(ZoneResolver.builder().txt(record.name(), record.value()).build()));
    var sealed =
        ArcSealer.builder(
                "else.test", "default", before.keys("else.test").getFirst().keys().getPrivate())
            .build()
            .seal(
                email("ann@else.test").build().toBytes(),
                "mx.else.test",
                "spf=pass",
                ArcResult.none());
    sender.sendOutboundEmail("127.0.0.1", sender.port(), Email.parse(sealed), PLAIN);
    assertThat(seals(only())).hasSize(2).first().asString().contains("cv=pass", "i=2");
  }

  @Test
  void whatARouteHasSignedIsSealedToo() {
    var zone =
        ZoneResolver.builder()
            .txt("ours.test", "v=spf1 ip4:127.0.0.1 -all")
            .txt("_dmarc.ours.test", "v=DMARC1; p=reject");
    startSigningRoute(config -> config.dnsResolver(zone.build()).sealDomain("ours.test"));
    relay("ann@ours.test");
    assertPasses(only());
    assertThat(seals(seen.getFirst())).hasSize(1);
  }

  @Test
  void whatIsOursIsNotSealed() {
    startSealing(config -> config.trustedNetworks("127.0.0.0/8"));
    relay("ann@else.test");
    assertThat(seals(only())).isEmpty();
    seen.clear();
    sender.sendEmail(email("ann@ours.test").build());
    assertThat(seals(only())).isEmpty();
  }

  @Test
  void whatIsDeliveredHereIsNotSealed() {
    var here = new CopyOnWriteArrayList<Email>();
    startSealing(config ->
        config.mailHandler((recipient, mail) -> {
          here.add(mail.email());
          return RecipientVerdict.delivered();
        }));
    sender.sendOutboundEmail(
        "127.0.0.1",
        sender.port(),
        Email.builder().from("ann@else.test").to("bob@ours.test").subject("x").text("x").build(),
        PLAIN);
    assertThat(sender.awaitQuiet(Duration.ofSeconds(10))).isTrue();
    assertThat(here)
        .singleElement()
        .satisfies(mail -> assertThat(mail.headers().all("ARC-Seal")).isEmpty());
  }

  @Test
  void whatCannotBeSealedIsSaidAtOnce() {
    var config = sender(OURS, toReceiver()).sealDomain("ours.test");
    assertThatThrownBy(() -> config.inboundPolicy(InboundPolicy.off()).build())
        .hasMessageContaining("sealDomain");
    assertThatThrownBy(
            () -> config.inboundPolicy(InboundPolicy.report().withChecksArc(false)).build())
        .hasMessageContaining("sealDomain");
    assertThatThrownBy(() ->
            UnifiedEmailServerConfig.builder().hostname("a.test").sealDomain("a.test").build())
        .hasMessageContaining("dkimCreator");
  }

  @Test
  void aRouteSignsWhatIsProvedToBeItsAuthors() {
    var zone =
        ZoneResolver.builder()
            .txt("ours.test", "v=spf1 ip4:127.0.0.1 -all")
            .txt("_dmarc.ours.test", "v=DMARC1; p=reject");
    startSigningRoute(config -> config.dnsResolver(zone.build()));
    relay("ann@ours.test");
    assertPasses(only());
  }

  private void submit(String message) {
    sender.submit(
        Envelope.of("ann@ours.test", "bob@far.test"),
        new ByteArrayInputStream(message.getBytes(StandardCharsets.UTF_8)),
        SubmitOptions.builder().build());
  }

  /** RFC 6376 5.3: relays would make line breaks of them behind the signer's back. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "From: <ann@ours.test>\nSubject: x\n\nHello\nyou\n",
        "From: <ann@ours.test>\r\nSubject: x\r\n\r\nHello\nyou\r\n.\r\n..\r\n",
        "From: <ann@ours.test>\r\n\r\nHello\ryou\r\r\n",
        "From: <ann@ours.test>\r\n\r\nno line break at the end",
        "From: <ann@ours.test>\r\nSubject: Gr\u00fc\u00dfe\r\n\r\nGr\u00fc\u00dfe \t \r\n\r\n"
      })
  void whatIsSignedIsWhatGoesOut(String message) {
    submit(message);
    assertPasses(only());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "From: \"ann@ours.test\" <eve@else.test>",
        "From: eve@else.test (ann@ours.test)",
        "From: ann@ours.test, eve@else.test",
        "From: eve@else.test\r\nSender: ann@ours.test\r\nReply-To: ann@ours.test",
        "From: eve@sub.ours.test",
        "From: eve@ours.test.else.test",
        "From: eve@notours.test",
        "From: eve@test",
        "From: eve@else.test\r\nX-DKIM-Domain: ours.test"
      })
  void noMailOfAnotherAuthorIsSignedAsOurs(String fields) {
    submit(fields + "\r\nSubject: x\r\n\r\nHello\r\n");
    assertThat(only().dkim()).isEmpty();
  }

  /** Who has not logged in is not known to be of ours, whatever network that is. */
  @Test
  void whatIsRelayedForOthersIsNotSigned() {
    sender.close();
    sender =
        new UnifiedEmailServer(sender(OURS, toReceiver()).trustedNetworks("127.0.0.0/8").build())
            .start();
    sender.sendOutboundEmail("127.0.0.1", sender.port(), email("ann@ours.test").build(), PLAIN);
    assertThat(only().dkim()).isEmpty();
  }

  @Test
  @ResourceLock(Resources.SYSTEM_ERR)
  void whatCannotBeSignedSinceTheKeyCannotBeReadGoesOutAndThatIsSaid(@TempDir Path broken)
      throws IOException {
    sender.close();
    sender =
        new UnifiedEmailServer(
                sender(OURS, toReceiver()).dkimCreator(new DKIMCreator(broken)).build())
            .start();
    try (var files = Files.walk(broken)) {
      for (var file : files.filter(Files::isRegularFile).toList()) {
        Files.writeString(file, "no key");
      }
    }
    var heard = new ByteArrayOutputStream();
    var before = System.err;
    System.setErr(new PrintStream(heard, true, StandardCharsets.UTF_8));
    try {
      sender.sendEmail(email("ann@ours.test").build());
    } finally {
      System.setErr(before);
    }
    assertThat(only().dkim()).isEmpty();
    assertThat(heard.toString(StandardCharsets.UTF_8))
        .contains("ERROR", "the keys of ours.test cannot be read");
    var options =
        OutboundOptions.builder().tls(OutboundOptions.Tls.NONE).dkimDomain("ours.test").build();
    assertThatThrownBy(() ->
            sender.sendOutboundEmail(
                "127.0.0.1", receiver.port(), email("ann@ours.test").build(), options))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("ours.test");
    assertThat(seen).hasSize(1);
    var again =
        new UnifiedEmailServer(
            sender(OURS, toReceiver()).dkimCreator(new DKIMCreator(broken)).build());
    assertThatThrownBy(again::start).hasMessageContaining("dkim/ours.test/");
    again.close();
  }
}
