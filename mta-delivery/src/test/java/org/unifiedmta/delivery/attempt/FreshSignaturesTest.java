package org.unifiedmta.delivery.attempt;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMVerifier;
import org.unifiedmta.security.dkim.DkimKeyStore;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry.State;
import org.unifiedmta.security.dkim.DkimResult;

/** A signature is made anew when it would not be valid any more, and only if it is ours. */
class FreshSignaturesTest {
  private static final Instant SIGNED = Instant.parse("2026-11-20T12:00:00Z");
  private static final Duration LIFETIME = Duration.ofHours(24);
  private static final String MESSAGE =
      "Received: from x\r\nFrom: ann@ours.test\r\nTo: bob@far.test\r\nSubject: x\r\n\r\nHello  you\r\n\r\n";

  private Instant now = SIGNED;
  private final InstantSource time = () -> now;
  private final Clock clock = time.withZone(ZoneOffset.UTC);
  private final DkimKeyStore store = DkimKeyStore.in(StorageManager.inMemory());
  private final DKIMCreator keys = new DKIMCreator(store, clock);
  private final FreshSignatures fresh = new FreshSignatures(keys);

  @BeforeEach
  void makeKeys() {
    keys.handleDKIMKeysOfBothTypes("ours.test", "default", 2048);
  }

  private ByteSource signed(String message) {
    var signed = message.getBytes(ISO_8859_1);
    for (var signer : keys.signers("ours.test")) {
      signed = signer.withLifetime(LIFETIME).sign(signed);
    }
    return ByteSource.of(signed);
  }

  private static String text(ByteSource message) {
    try (var in = message.open()) {
      return new String(in.readAllBytes(), ISO_8859_1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private ByteSource fresh(ByteSource message) {
    var result = fresh.of(message, SIGNED, now);
    assertThat(text(result).length()).isEqualTo((int) result.size());
    return result;
  }

  private List<DkimResult> verified(ByteSource message) {
    var zone = ZoneResolver.builder();
    keys.keys("ours.test").stream()
        .map(DKIMCreator::dnsRecord)
        .forEach(record -> zone.txt(record.name(), record.value()));
    var verifier = new DKIMVerifier(zone.build(), clock, DKIMVerifier.Policy.rfc8301());
    return verifier.verify(text(message).getBytes(ISO_8859_1));
  }

  private void assertPasses(ByteSource message, String... selectors) {
    assertThat(verified(message))
        .allSatisfy(result -> assertThat(result.isValid()).as("%s", result).isTrue())
        .extracting(DkimResult::selector)
        .containsExactlyInAnyOrder(selectors);
  }

  private void revoke(String selector) {
    keys.keys("ours.test").stream()
        .filter(entry -> entry.selector().equals(selector))
        .forEach(entry -> store.save(entry.withState(State.REVOKED, now)));
    now = now.plus(Duration.ofMinutes(2)); // what others change in the store is seen after one
  }

  @Test
  void whatIsGoodForLongEnoughStaysAsItIs() {
    var message = signed(MESSAGE);
    now = SIGNED.plus(LIFETIME).minus(Duration.ofHours(1)).minusSeconds(1);
    assertThat(fresh(message)).isSameAs(message);
    assertPasses(message, "default", "default-ed");
  }

  @Test
  void whatWillBeOverSoonIsMadeAnewForAsLongAgain() {
    var message = signed(MESSAGE);
    now = SIGNED.plus(LIFETIME).minus(Duration.ofHours(1)).plusSeconds(1);
    var result = fresh(message);
    assertPasses(result, "default", "default-ed");
    assertThat(text(result)).endsWith(MESSAGE);
    now = now.plus(LIFETIME).minusSeconds(1);
    assertPasses(result, "default", "default-ed");
    now = now.plusSeconds(2);
    assertThat(verified(result)).noneMatch(DkimResult::isValid);
  }

  @Test
  void aRevokedKeyIsReplacedByThoseThatSignNow() {
    var message = signed(MESSAGE);
    revoke("default");
    assertPasses(fresh(message), "default-ed");
  }

  @Test
  void whereNoKeySignsAnyMoreNoBrokenSignatureLeaves() {
    var message = signed(MESSAGE);
    revoke("default");
    revoke("default-ed");
    assertThat(text(fresh(message))).isEqualTo(MESSAGE);
  }

  @Test
  void aRetiredKeyIsStillPublished() {
    var message = signed(MESSAGE);
    keys.keys("ours.test").forEach(entry -> store.save(entry.withState(State.RETIRED, now)));
    now = now.plus(Duration.ofMinutes(2));
    assertThat(fresh(message)).isSameAs(message);
  }

  @Test
  void whatSomebodyElseHasSignedBelowIsKept() {
    var other = "DKIM-Signature: v=1; a=rsa-sha256; d=far.test; s=x; h=from; bh=eA==; b=eA==\r\n";
    var message = signed("Received: from x\r\n" + other + MESSAGE);
    now = SIGNED.plus(LIFETIME);
    var result = fresh(message);
    assertThat(text(result)).contains(other);
    assertThat(verified(result)).filteredOn(DkimResult::isValid).hasSize(2);
  }

  /** It would be an oracle: whoever writes such a field would get us to sign for ours.test. */
  @Test
  void nobodyGetsASignatureForWritingOneThatIsOver() {
    var forged =
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=ours.test; s=default;"
            + " t=1763640000; x=1763640001; h=from;\r\n"
            + "\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=eA==\r\n";
    var alone = ByteSource.of((forged + MESSAGE).getBytes(ISO_8859_1));
    assertThat(fresh(alone)).isSameAs(alone);
    var before = ByteSource.of((forged + text(signed(MESSAGE))).getBytes(ISO_8859_1));
    now = SIGNED.plus(LIFETIME);
    assertThat(text(fresh(before))).contains(forged);
    assertThat(verified(fresh(before))).filteredOn(DkimResult::isValid).hasSize(2);
  }

  @Test
  void aMessageThatWasChangedIsNotSignedAgain() {
    var changed =
        ByteSource.of(text(signed(MESSAGE)).replace("Hello", "Hallo").getBytes(ISO_8859_1));
    now = SIGNED.plus(LIFETIME);
    assertThat(fresh(changed)).isSameAs(changed);
  }

  /** Ours stand in front of all that was there before. */
  @Test
  void whatWasSignedElsewhereWithOurKeysIsLeftAlone() {
    var relayed =
        ByteSource.of(
            ("Received: from elsewhere\r\n" + text(signed(MESSAGE))).getBytes(ISO_8859_1));
    now = SIGNED.plus(LIFETIME);
    assertThat(fresh(relayed)).isSameAs(relayed);
  }

  /** It is no reason to keep the mail for ever. */
  @Test
  void whereTheKeysCannotBeReadTheMessageGoesAsItIs() {
    var message = signed(MESSAGE);
    now = SIGNED.plus(LIFETIME);
    DkimKeyStore broken =
        new DkimKeyStore() {
          @Override
          public List<Entry> entries(String domain) {
            throw new IllegalArgumentException("no key");
          }

          @Override
          public void save(Entry entry) {}
        };
    var without = new FreshSignatures(new DKIMCreator(broken, clock));
    assertThat(without.of(message, SIGNED, now)).isSameAs(message);
  }

  @Test
  void withoutKeysNothingIsDone() {
    var message = ByteSource.of(Email.builder().from("a@b.test").text("x").build().toBytes());
    assertThat(new FreshSignatures(null).of(message, SIGNED, now)).isSameAs(message);
    assertThat(fresh(message)).isSameAs(message);
  }
}
