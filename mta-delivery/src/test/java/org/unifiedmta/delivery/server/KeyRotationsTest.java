package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.testing.VirtualTime;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.domain.DomainConfig.Dkim;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMSigner;
import org.unifiedmta.security.dkim.DKIMVerifier;
import org.unifiedmta.security.dkim.DkimKeyStore;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry.State;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dkim.KeyRotation;

/** A server's keys in virtual time, with an operator who publishes what he is told to, or not. */
@Timeout(60)
class KeyRotationsTest {
  private static final Instant START = Instant.parse("2026-03-01T12:00:00Z");
  private static final Dkim ROTATED = new Dkim("k", 1024, true, 90);

  private final VirtualTime time = VirtualTime.startingAt(START);
  private final Map<String, String> published = new ConcurrentHashMap<>();
  private final DkimKeyStore store = DkimKeyStore.in(StorageManager.inMemory());
  private final DKIMCreator keys = new DKIMCreator(store, clock());
  private final List<String> told = new CopyOnWriteArrayList<>();
  private final List<MailEvent.KeyNotPublished> missing = new CopyOnWriteArrayList<>();
  private UnifiedEmailServer server;

  private Clock clock() {
    InstantSource source = time::now;
    return source.withZone(ZoneOffset.UTC);
  }

  /** What is published now. */
  private final class Zone implements DnsResolver {
    private ZoneResolver now() {
      var zone = ZoneResolver.builder();
      published.forEach(zone::txt);
      return zone.build();
    }

    @Override
    public Answer<Mx> mx(String name) {
      return now().mx(name);
    }

    @Override
    public Answer<String> txt(String name) {
      return now().txt(name);
    }

    @Override
    public Answer<InetAddress> a(String name) {
      return now().a(name);
    }

    @Override
    public Answer<InetAddress> aaaa(String name) {
      return now().aaaa(name);
    }

    @Override
    public Answer<String> ptr(InetAddress address) {
      return now().ptr(address);
    }

    @Override
    public Answer<String> cname(String name) {
      return now().cname(name);
    }

    @Override
    public Answer<Tlsa> tlsa(String name) {
      return now().tlsa(name);
    }
  }

  private void start(Dkim dkim) {
    server =
        new UnifiedEmailServer(
            UnifiedEmailServerConfig.builder()
                .hostname("mail.ours.test")
                .timer(time)
                .domains(DomainConfig.of("ours.test").withDkim(dkim))
                .dkimCreator(keys)
                .dnsResolver(new Zone())
                .build());
    server.on(MailEvent.class, this::hear); // one listener, so that they come in their order
    time.follow(server.start());
    time.advance(Duration.ZERO);
  }

  private void hear(MailEvent event) {
    long day = Duration.between(START, event.at()).toDays();
    if (event instanceof MailEvent.KeyRotated rotated) {
      told.add(day + " " + rotated.selector() + " " + rotated.state());
    } else if (event instanceof MailEvent.KeyNotPublished unpublished) {
      told.add(day + " " + unpublished.selector() + " missing");
      missing.add(unpublished);
    }
  }

  @AfterEach
  void stop() {
    if (server != null) {
      server.close();
    }
  }

  private void publishWhatIsMissing() {
    missing.forEach(event -> published.put(event.name(), event.record()));
    missing.clear();
  }

  private void advanceTo(int day) {
    time.advance(Duration.between(time.now(), START.plus(Duration.ofDays(day))));
  }

  private Map<String, Entry.State> states() {
    var states = new TreeMap<String, Entry.State>();
    store.entries("ours.test").forEach(entry -> states.put(entry.selector(), entry.state()));
    return states;
  }

  @Test
  void keysFollowEachOtherWhileTheOperatorPublishesWhatHeIsTold() {
    start(ROTATED.withoutEd25519());
    assertThat(told).containsExactly("0 k missing");
    publishWhatIsMissing();
    told.clear();
    advanceTo(90);
    assertThat(told)
        .containsExactly(
            "90 k-20260530 CREATED", "90 k-20260530 PUBLISHED", "90 k-20260530 missing");
    assertThat(missing.getFirst().name()).isEqualTo("k-20260530._domainkey.ours.test");
    publishWhatIsMissing();
    told.clear();
    time.advance(Duration.ofHours(1));
    assertThat(told).containsExactly("90 k-20260530 SEEN", "90 k-20260530 SIGNING", "90 k RETIRED");
    told.clear();
    advanceTo(98);
    assertThat(told).containsExactly("97 k REVOKED", "97 k missing");
    assertThat(missing.getFirst().record()).endsWith("p=");
    publishWhatIsMissing();
    told.clear();
    advanceTo(181);
    assertThat(told).contains("180 k-20260828 CREATED");
  }

  private void advanceDailyTo(int day) {
    for (int next = 1 + (int) Duration.between(START, time.now()).toDays(); next <= day; next++) {
      advanceTo(next);
      publishWhatIsMissing();
    }
  }

  @Test
  void aKeyThatWasRevokedAMonthAgoIsDeletedAndNobodyMakesItAnew() {
    start(ROTATED.withoutEd25519());
    publishWhatIsMissing();
    advanceDailyTo(217);
    assertThat(told).contains("187 k-20260530 REVOKED", "187 k-20260530 missing");
    assertThat(states())
        .containsOnly(
            entry("k", State.REVOKED),
            entry("k-20260530", State.REVOKED),
            entry("k-20260828", State.SIGNING));
    told.clear();
    advanceDailyTo(219);
    assertThat(states()).containsOnlyKeys("k", "k-20260828");
    server.close();
    start(ROTATED.withoutEd25519());
    advanceDailyTo(220);
    assertThat(states()).containsOnlyKeys("k", "k-20260828");
    assertThat(told).isEmpty();
  }

  @Test
  void aRevokedKeyThatTheDnsStillHasIsKept() {
    start(ROTATED.withoutEd25519());
    publishWhatIsMissing();
    advanceDailyTo(187);
    var record = published.get("k-20260530._domainkey.ours.test");
    advanceDailyTo(190);
    published.put("k-20260530._domainkey.ours.test", record);
    advanceTo(230);
    assertThat(states()).containsEntry("k-20260530", State.REVOKED);
    published.remove("k-20260530._domainkey.ours.test");
    advanceTo(231);
    assertThat(states()).doesNotContainKey("k-20260530");
  }

  @Test
  void whatIsNotPublishedIsToldOnceADayAndChangesNothing() {
    start(ROTATED.withoutEd25519());
    publishWhatIsMissing();
    advanceTo(90);
    told.clear();
    advanceTo(93);
    assertThat(told)
        .containsExactly("91 k-20260530 missing", "92 k-20260530 missing", "93 k-20260530 missing");
    assertThat(keys.signers("ours.test")).extracting(DKIMSigner::selector).containsExactly("k");
  }

  @Test
  void mailVerifiesOnEveryDayOfARotationAndIfItIsUnderWayForSixDays() {
    start(ROTATED);
    publishWhatIsMissing();
    var verifier = new DKIMVerifier(new Zone(), clock(), DKIMVerifier.Policy.rfc8301());
    var underWay = new ArrayDeque<byte[]>();
    for (int day = 1; day < 200; day++) {
      advanceTo(day);
      var message = "From: <ann@ours.test>\r\n\r\nHello\r\n".getBytes(StandardCharsets.US_ASCII);
      for (var signer : keys.signers("ours.test")) {
        message = signer.sign(message);
      }
      underWay.add(message);
      assertThat(verifier.verify(message)).hasSize(2).allMatch(DkimResult::isValid);
      if (underWay.size() > 6) {
        assertThat(verifier.verify(underWay.remove())).hasSize(2).allMatch(DkimResult::isValid);
      }
      publishWhatIsMissing();
    }
    assertThat(states())
        .containsEntry("k", Entry.State.REVOKED)
        .containsEntry("k-ed", Entry.State.REVOKED)
        .containsEntry("k-20260530", Entry.State.REVOKED)
        .containsEntry("k-20260828", Entry.State.SIGNING)
        .containsEntry("k-ed-20260828", Entry.State.SIGNING)
        .hasSize(6);
  }

  @Test
  void aNewDomainSignsWithBothTypesAndRotatesNothingUnlessTold() {
    start(new Dkim("k", 1024, false, 90));
    assertThat(told).containsExactly("0 k missing", "0 k-ed missing");
    publishWhatIsMissing();
    told.clear();
    advanceTo(100);
    assertThat(told).isEmpty();
    assertThat(keys.signers("ours.test")).hasSize(2);
  }

  @Test
  void beforeAnOldDomainSignsWithEd25519ItsKeyIsInTheDns() {
    keys.handleDKIMKeysForDomain("ours.test", "k", DKIMCreator.KeyType.RSA, 1024);
    var record = keys.getDNSRecordForDomain("ours.test", "k");
    published.put(record.name(), record.value());
    start(new Dkim("k", 1024, false, 90));
    assertThat(told).containsExactly("0 k-ed PUBLISHED", "0 k-ed missing");
    assertThat(keys.signers("ours.test")).hasSize(1);
    publishWhatIsMissing();
    time.advance(Duration.ofHours(1));
    assertThat(keys.signers("ours.test")).hasSize(2);
  }

  @Test
  void aDomainThatDoesNotWantEd25519HasNone() {
    start(ROTATED.withoutEd25519());
    assertThat(states()).containsOnlyKeys("k");
  }

  @Test
  void aRotationThatWasCutOffGoesOnAtTheNextStart() {
    start(ROTATED);
    publishWhatIsMissing();
    server.close();
    advanceTo(90);
    var old = store.entries("ours.test").getFirst();
    keys.apply(new KeyRotation.Step.Create(old, DKIMCreator.KeyType.RSA, 1024)); // nobody is told
    told.clear();
    start(ROTATED);
    assertThat(told)
        .contains("90 k-20260530 PUBLISHED", "90 k-20260530 missing", "90 k-ed-20260530 missing");
    assertThat(states()).hasSize(4);
  }

  @Test
  void aServerThatHasStoppedRotatesNothing() {
    start(ROTATED);
    publishWhatIsMissing();
    server.close();
    advanceTo(100);
    assertThat(states()).hasSize(2);
  }

  @Test
  void keysThatCannotBeReadAreNoReasonToStopForOthers() {
    var daily = ROTATED.withRotation(1);
    var broken = StorageManager.inMemory();
    var both = DkimKeyStore.in(broken);
    var creator = new DKIMCreator(both, clock());
    try (var two =
        new UnifiedEmailServer(
            UnifiedEmailServerConfig.builder()
                .hostname("mail.ours.test")
                .timer(time)
                .domains(
                    DomainConfig.of("a.test").withDkim(daily),
                    DomainConfig.of("b.test").withDkim(daily))
                .dkimCreator(creator)
                .dnsResolver(new Zone())
                .build())) {
      time.follow(two.start());
      time.advance(Duration.ZERO);
      broken.set("dkim/a.test/k", new byte[] {'x'});
      advanceTo(1);
      assertThat(both.entries("b.test")).hasSize(4);
    }
  }
}
