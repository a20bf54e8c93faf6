package org.unifiedmta.security.dkim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.security.dkim.DKIMCreator.KeyType;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry.State;
import org.unifiedmta.security.dkim.PublishedKeys.Seen;

class KeyRotationTest {
  private static final String DOMAIN = "example.org";
  private static final Instant START = Instant.parse("2026-03-01T12:00:00Z");
  private static final KeyRotation ROTATING = rotation(Duration.ofDays(90));
  private static final KeyRotation STANDING = rotation(null);

  private Instant now = START;
  private DkimKeyStore store = DkimKeyStore.in(StorageManager.inMemory());
  private DKIMCreator keys = creator(store);

  private static KeyRotation rotation(Duration interval) {
    return new KeyRotation(Set.of("s", "s-ed"), EnumSet.allOf(KeyType.class), 1024, interval);
  }

  private DKIMCreator creator(DkimKeyStore store) {
    InstantSource source = () -> now;
    Clock clock = source.withZone(ZoneOffset.UTC);
    return new DKIMCreator(store, clock);
  }

  /** Until there is nothing to do; tells what was done. */
  private List<String> rotate(KeyRotation rotation, Function<Entry, Seen> dns) {
    var told = new ArrayList<String>();
    var step = keys.next(DOMAIN, rotation, dns);
    while (step.isPresent()) {
      var done = keys.apply(step.get()).orElseThrow();
      boolean deleted = step.get() instanceof KeyRotation.Step.Delete;
      told.add(done.selector() + " " + (deleted ? "deleted" : done.state()));
      assertThat(told).hasSizeLessThan(50);
      step = keys.next(DOMAIN, rotation, dns);
    }
    return told;
  }

  private List<String> rotate(Seen everything) {
    return rotate(ROTATING, entry -> everything);
  }

  private Map<String, State> states() {
    var states = new TreeMap<String, State>();
    store.entries(DOMAIN).forEach(entry -> states.put(entry.selector(), entry.state()));
    return states;
  }

  private Entry key(String selector) {
    return store.entries(DOMAIN).stream()
        .filter(entry -> entry.selector().equals(selector))
        .findFirst()
        .orElseThrow();
  }

  private void pass(int days) {
    now = now.plus(Duration.ofDays(days));
  }

  @Test
  void aDomainsFirstKeysSignAtOnceAndStayForTheInterval() {
    keys.handleDKIMKeysOfBothTypes(DOMAIN, "s", 1024);
    assertThat(states()).containsOnly(entry("s", State.SIGNING), entry("s-ed", State.SIGNING));
    assertThat(rotate(Seen.NO)).isEmpty();
    pass(89);
    assertThat(rotate(Seen.YES)).isEmpty();
  }

  @Test
  void aKeyIsFollowedByOneThatSignsWhenItIsSeen() {
    keys.handleDKIMKeysForDomain(DOMAIN, "s", KeyType.RSA, 2048);
    pass(90);
    assertThat(rotate(Seen.NO)).containsExactly("s-20260530 CREATED", "s-20260530 PUBLISHED");
    assertThat(PublicKeys.bits(key("s-20260530"))).isEqualTo(2048); // no smaller than it was
    pass(1);
    assertThat(rotate(Seen.UNKNOWN)).isEmpty();
    assertThat(rotate(Seen.NO)).isEmpty();
    assertThat(rotate(Seen.YES))
        .containsExactly("s-20260530 SEEN", "s-20260530 SIGNING", "s RETIRED");
    assertThat(keys.signers(DOMAIN)).extracting(DKIMSigner::selector).containsExactly("s-20260530");
    pass(6);
    assertThat(rotate(Seen.YES)).isEmpty();
    pass(1);
    assertThat(rotate(Seen.YES)).containsExactly("s REVOKED");
    assertThat(keys.getDNSRecordForDomain(DOMAIN, "s").value()).endsWith("p=");
    pass(82);
    assertThat(rotate(Seen.NO)).containsExactly("s-20260828 CREATED", "s-20260828 PUBLISHED");
  }

  @Test
  void aKeyThatIsNeverSeenChangesNothing() {
    keys.handleDKIMKeysForDomain(DOMAIN, "s", KeyType.RSA, 1024);
    pass(90);
    rotate(Seen.NO);
    pass(1000);
    assertThat(rotate(Seen.NO)).isEmpty();
    assertThat(states())
        .containsOnly(entry("s", State.SIGNING), entry("s-20260530", State.PUBLISHED));
  }

  @Test
  void aKeyThatWasSeenAndIsGoneAgainDoesNotSign() {
    keys.handleDKIMKeysForDomain(DOMAIN, "s", KeyType.RSA, 1024);
    pass(90);
    rotate(Seen.NO);
    keys.apply(new KeyRotation.Step.Move(key("s-20260530"), State.SEEN));
    assertThat(rotate(Seen.NO)).isEmpty();
    assertThat(rotate(Seen.YES)).containsExactly("s-20260530 SIGNING", "s RETIRED");
  }

  @Test
  void eachTypeIsRotatedForItself() {
    keys.handleDKIMKeysOfBothTypes(DOMAIN, "s", 1024);
    pass(90);
    rotate(ROTATING, entry -> PublicKeys.type(entry) == KeyType.ED25519 ? Seen.YES : Seen.NO);
    assertThat(states())
        .containsOnly(
            entry("s", State.SIGNING),
            entry("s-20260530", State.PUBLISHED),
            entry("s-ed", State.RETIRED),
            entry("s-ed-20260530", State.SIGNING));
  }

  /**
   * The process is gone after so many changes; what it was about to do is not known to the next.
   */
  private static final class Dying implements DkimKeyStore {
    private final DkimKeyStore kept;
    private int left;

    Dying(DkimKeyStore kept, int left) {
      this.kept = kept;
      this.left = left;
    }

    @Override
    public List<Entry> entries(String domain) {
      return kept.entries(domain);
    }

    @Override
    public void save(Entry entry) {
      live();
      kept.save(entry);
    }

    @Override
    public void delete(Entry entry) {
      live();
      kept.delete(entry);
    }

    private void live() {
      if (left-- == 0) {
        throw new IllegalStateException("killed");
      }
    }
  }

  @Test
  void whoeverIsKilledAnywhereGoesOnToTheSameEnd() {
    int kills = 0;
    for (boolean killed = true; killed; kills++) {
      now = START;
      store = DkimKeyStore.in(StorageManager.inMemory());
      keys = creator(store);
      keys.handleDKIMKeysOfBothTypes(DOMAIN, "s", 1024);
      pass(90);
      keys = creator(new Dying(store, kills));
      try {
        rotate(Seen.YES);
        killed = false;
      } catch (IllegalStateException e) {
        assertThat(e).hasMessage("killed");
      }
      for (var type : KeyType.values()) {
        assertThat(store.entries(DOMAIN))
            .anyMatch(key -> PublicKeys.type(key) == type && key.state() == State.SIGNING);
      }
      keys = creator(store);
      rotate(Seen.YES);
      assertThat(states())
          .containsOnly(
              entry("s", State.RETIRED),
              entry("s-20260530", State.SIGNING),
              entry("s-ed", State.RETIRED),
              entry("s-ed-20260530", State.SIGNING));
      pass(7);
      rotate(Seen.YES);
      assertThat(states()).containsEntry("s", State.REVOKED).containsEntry("s-ed", State.REVOKED);
    }
    assertThat(kills).isEqualTo(11); // ten saves, and once nobody was killed
  }

  /** A second key of each type, revoked, with a third one that signs. */
  private void revokeTheSecond() {
    keys.handleDKIMKeysOfBothTypes(DOMAIN, "s", 1024);
    pass(90);
    rotate(Seen.YES);
    pass(90);
    rotate(Seen.YES);
    pass(7);
    rotate(Seen.YES);
    assertThat(states())
        .containsOnly(
            entry("s", State.REVOKED),
            entry("s-20260530", State.REVOKED),
            entry("s-20260828", State.SIGNING),
            entry("s-ed", State.REVOKED),
            entry("s-ed-20260530", State.REVOKED),
            entry("s-ed-20260828", State.SIGNING));
  }

  @Test
  void aKeyThatWasRevokedLongAgoIsDeletedUnlessItIsTheOneThatIsMadeWhereItIsNot() {
    revokeTheSecond();
    pass(29);
    assertThat(rotate(Seen.YES)).isEmpty();
    pass(1);
    assertThat(rotate(Seen.YES)).containsExactly("s-20260530 deleted", "s-ed-20260530 deleted");
    assertThat(states()).containsOnlyKeys("s", "s-20260828", "s-ed", "s-ed-20260828");
    keys.handleDKIMKeysOfBothTypes(DOMAIN, "s", 1024); // as at every start
    assertThat(rotate(Seen.YES)).isEmpty();
    assertThat(states()).hasSize(4);
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "YES")
  void aRevokedKeyThatTheDnsMayStillHaveIsKept(Seen seen) {
    revokeTheSecond();
    pass(60);
    rotate(seen);
    assertThat(states()).containsEntry("s-20260530", State.REVOKED);
  }

  @Test
  void aRevokedKeyThatNoneFollowsIsKept() {
    revokeTheSecond();
    store.save(key("s-20260828").withState(State.REVOKED));
    pass(30);
    assertThat(rotate(Seen.NO)).contains("s-20260828 REVOKED", "s-20261004 CREATED");
    pass(30);
    rotate(ROTATING, key -> key.state() == State.REVOKED ? Seen.YES : Seen.NO);
    assertThat(states())
        .containsEntry("s-20260530", State.REVOKED)
        .containsEntry("s-20260828", State.REVOKED)
        .doesNotContainKey("s-ed-20260530");
  }

  @Test
  void withoutRotationARevokedKeyIsKept() {
    revokeTheSecond();
    pass(1000);
    assertThat(rotate(STANDING, entry -> Seen.YES)).isEmpty();
    assertThat(states()).hasSize(6);
  }

  @Test
  void whoeverIsKilledWhileKeysAreDeletedGoesOnToTheSameEnd() {
    int kills = 0;
    for (boolean killed = true; killed; kills++) {
      now = START;
      store = DkimKeyStore.in(StorageManager.inMemory());
      keys = creator(store);
      revokeTheSecond();
      pass(30);
      keys = creator(new Dying(store, kills));
      try {
        rotate(Seen.YES);
        killed = false;
      } catch (IllegalStateException e) {
        assertThat(e).hasMessage("killed");
      }
      keys = creator(store);
      rotate(Seen.YES);
      assertThat(states()).containsOnlyKeys("s", "s-20260828", "s-ed", "s-ed-20260828");
    }
    assertThat(kills).isEqualTo(3); // two are deleted, and once nobody was killed
  }

  /** As a store does that was written before there was anything to delete. */
  @Test
  void aStoreThatDoesNotDeleteHoldsUpNothingElse() {
    revokeTheSecond();
    var kept = store;
    store =
        new DkimKeyStore() {
          @Override
          public List<Entry> entries(String domain) {
            return kept.entries(domain);
          }

          @Override
          public void save(Entry entry) {
            kept.save(entry);
          }
        };
    keys = creator(store);
    pass(30);
    var delete = keys.next(DOMAIN, ROTATING, entry -> Seen.YES).orElseThrow();
    assertThat(delete).isInstanceOf(KeyRotation.Step.Delete.class);
    keys.apply(delete);
    assertThat(states()).containsEntry("s-20260530", State.REVOKED);
    pass(60);
    assertThat(keys.next(DOMAIN, ROTATING, entry -> Seen.YES))
        .get()
        .isInstanceOf(KeyRotation.Step.Create.class);
  }

  @Test
  void aKeyThatIsNoLongerRevokedIsNotDeleted() {
    revokeTheSecond();
    pass(30);
    var step = keys.next(DOMAIN, ROTATING, entry -> Seen.YES).orElseThrow();
    store.save(key("s-20260530").withState(State.SIGNING));
    assertThat(keys.apply(step)).isEmpty();
    assertThat(states()).containsEntry("s-20260530", State.SIGNING);
  }

  @Test
  void withoutRotationOnlyTheKeysThatAreAskedForAreBroughtToSign() {
    keys.handleDKIMKeysForDomain(DOMAIN, "s", KeyType.RSA, 1024);
    keys.handleDKIMKeysOfBothTypes(DOMAIN, "s", 1024); // s-ed is not the domain's first
    assertThat(rotate(STANDING, entry -> Seen.NO)).containsExactly("s-ed PUBLISHED");
    pass(200);
    keys.rotateDkimKeys(DOMAIN, "s", 1024);
    assertThat(rotate(STANDING, entry -> Seen.YES))
        .containsExactly("s-ed SEEN", "s-ed SIGNING"); // what was made by hand is handled by hand
    assertThat(states())
        .containsEntry("s", State.SIGNING)
        .containsEntry("s-20260917", State.CREATED);
    store.save(key("s-20260917").withState(State.SIGNING));
    assertThat(rotate(STANDING, entry -> Seen.YES)).isEmpty(); // both sign
  }

  @Test
  void aKeyThatIsRevokedByHandIsFollowedToo() {
    keys.handleDKIMKeysForDomain(DOMAIN, "s", KeyType.RSA, 1024);
    store.save(key("s").withState(State.REVOKED));
    assertThat(rotate(Seen.NO))
        .containsExactly("s-20260301 CREATED", "s-20260301 PUBLISHED", "s REVOKED");
    assertThat(key("s").since()).isEqualTo(now);
    assertThat(rotate(Seen.YES)).containsExactly("s-20260301 SEEN", "s-20260301 SIGNING");
  }

  @Test
  void aKeyThatWasRetiredNobodyKnowsWhenStaysForAWeekFromNow() {
    keys.handleDKIMKeysForDomain(DOMAIN, "s", KeyType.RSA, 1024);
    keys.handleDKIMKeysForDomain(DOMAIN, "t", KeyType.RSA, 1024);
    store.save(key("s").withState(State.RETIRED));
    store.save(key("t").withState(State.SIGNING));
    pass(30);
    rotate(Seen.YES);
    assertThat(states()).containsEntry("s", State.RETIRED);
    pass(7);
    rotate(Seen.YES);
    assertThat(states()).containsEntry("s", State.REVOKED);
  }

  @Test
  void aStoreThatDoesNotKeepTheTimeHoldsUpNothingElse() {
    keys.handleDKIMKeysForDomain(DOMAIN, "s", KeyType.RSA, 1024);
    keys.handleDKIMKeysForDomain(DOMAIN, "t", KeyType.RSA, 1024);
    store.save(key("s").withState(State.RETIRED));
    store.save(key("t").withState(State.PUBLISHED));
    assertThat(keys.next(DOMAIN, ROTATING, entry -> Seen.YES))
        .get()
        .isInstanceOfSatisfying(
            KeyRotation.Step.Move.class,
            move -> assertThat(move.entry().selector() + " " + move.to()).isEqualTo("t SEEN"));
  }

  @Test
  void whatSomebodyElseHasChangedMeanwhileStaysSo() {
    keys.handleDKIMKeysForDomain(DOMAIN, "s", KeyType.RSA, 1024);
    pass(90);
    rotate(Seen.NO);
    var step = keys.next(DOMAIN, ROTATING, entry -> Seen.YES).orElseThrow();
    store.save(key("s-20260530").withState(State.REVOKED));
    assertThat(keys.apply(step)).isEmpty();
    assertThat(states()).containsEntry("s-20260530", State.REVOKED);
  }

  @Test
  void aKeyThatIsOvertakenNeverSigns() {
    keys.handleDKIMKeysForDomain(DOMAIN, "s", KeyType.RSA, 1024);
    pass(90);
    var first = keys.rotateDkimKeys(DOMAIN, "s", 1024);
    pass(1);
    var second = keys.rotateDkimKeys(DOMAIN, first, 1024);
    rotate(ROTATING, entry -> entry.selector().equals(second) ? Seen.YES : Seen.NO);
    assertThat(states())
        .containsOnly(
            entry("s", State.RETIRED), entry(first, State.RETIRED), entry(second, State.SIGNING));
  }

  @Test
  void ofWhatSignsOrWaitsOrIsRevokedTheDnsIsAsked() {
    keys.handleDKIMKeysForDomain(DOMAIN, "s", KeyType.RSA, 1024);
    pass(90);
    rotate(Seen.NO);
    assertThat(lookedFor()).containsExactly("s", "s-20260530");
    rotate(Seen.YES);
    assertThat(lookedFor()).containsExactly("s-20260530");
    pass(7);
    rotate(Seen.YES);
    assertThat(lookedFor()).containsExactly("s", "s-20260530");
    pass(30);
    assertThat(lookedFor()).containsExactly("s-20260530");
  }

  private List<String> lookedFor() {
    return keys.lookedFor(DOMAIN, ROTATING).stream().map(Entry::selector).toList();
  }

  @Test
  void sinceWhenIsKept() {
    keys.handleDKIMKeysForDomain(DOMAIN, "s", KeyType.RSA, 1024);
    pass(3);
    keys.apply(new KeyRotation.Step.Move(key("s"), State.RETIRED));
    assertThat(key("s").since()).isEqualTo(now);
    assertThat(key("s").createdAt()).isEqualTo(START);
    store.save(key("s").withState(State.SIGNING));
    assertThat(key("s").since()).isNull();
  }

  @Test
  void aKeyLivesADayAtLeast() {
    assertThatThrownBy(() -> rotation(Duration.ZERO)).isInstanceOf(IllegalArgumentException.class);
  }
}
