package org.unifiedmta.security.dkim;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.security.dkim.DKIMCreator.KeyType;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry.State;
import org.unifiedmta.security.dkim.PublishedKeys.Seen;

/**
 * How the keys of a domain follow each other: created, published, seen in the DNS, signing,
 * retired, revoked and at last deleted. What is next follows from the keys as they are kept and
 * from nothing else, and each step changes one of them; so whoever is killed between two steps goes
 * on where he was, and a key that signs is retired only when a newer one of its type signs.
 *
 * @param selectors of the keys that are brought to sign even if nothing else is rotated; they are
 *     never deleted, since they are made where they are not
 * @param types of which there shall be a key
 * @param bits of RSA, the least of a new key, which is never smaller than the old one
 * @param interval the age at which a key that signs is to be followed; null for never, then no key
 *     is made, retired or revoked either
 */
public record KeyRotation(
    Set<String> selectors, Set<KeyType> types, int bits, @Nullable Duration interval) {

  /** How long a key stays published that signs no more: longer than mail is under way. */
  public static final Duration RETIRED_FOR = Duration.ofDays(7);

  /** For how long it is looked after that the DNS no longer has a revoked key, which then goes. */
  public static final Duration REVOKED_FOR = Duration.ofDays(30);

  private static final Duration LEAST_INTERVAL = Duration.ofDays(1);
  private static final Comparator<Entry> BY_AGE =
      Comparator.comparing(Entry::createdAt).thenComparing(Entry::selector);

  /** What is to be done next. */
  public sealed interface Step {
    /** A new key is made in place of this one. */
    record Create(Entry old, KeyType type, int bits) implements Step {}

    /**
     * A key changes its state; or the time at which it came to it, which nobody had noted, is now.
     */
    record Move(Entry entry, State to) implements Step {}

    /** A revoked key is kept no longer. */
    record Delete(Entry entry) implements Step {}
  }

  public KeyRotation {
    selectors = Set.copyOf(selectors);
    types = Set.copyOf(types);
    if (interval != null && interval.compareTo(LEAST_INTERVAL) < 0) {
      throw new IllegalArgumentException("keys are rotated once a day at most: " + interval);
    }
  }

  /**
   * The next step, to be done before the one after it is asked for; empty when there is nothing to
   * do now.
   *
   * @param entries all of the domain
   * @param dns is asked only for what the step depends on
   */
  public Optional<Step> next(List<Entry> entries, Instant now, Function<Entry, Seen> dns) {
    for (var type : KeyType.values()) {
      var keys =
          entries.stream().filter(entry -> PublicKeys.type(entry) == type).sorted(BY_AGE).toList();
      var step = move(keys, now, dns).or(() -> create(type, keys, now));
      if (step.isPresent()) {
        return step;
      }
    }
    return note(entries).or(() -> delete(entries, now, dns));
  }

  private Optional<Step> move(List<Entry> keys, Instant now, Function<Entry, Seen> dns) {
    var newest = newestThatSigns(keys);
    for (var entry : keys) {
      boolean older = newest != null && BY_AGE.compare(entry, newest) < 0;
      var to =
          switch (entry.state()) {
            case CREATED, PUBLISHED, SEEN -> waiting(entry, older, dns);
            case SIGNING -> interval != null && older ? State.RETIRED : null;
            case RETIRED ->
                interval != null && isPast(entry, RETIRED_FOR, now) ? State.REVOKED : null;
            case REVOKED -> null;
          };
      if (to != null) {
        return Optional.of(new Step.Move(entry, to));
      }
    }
    return Optional.empty();
  }

  private static boolean isPast(Entry entry, Duration time, Instant now) {
    var since = entry.since();
    return since != null && !now.isBefore(since.plus(time));
  }

  /** Last of all, so that a store that does not keep it holds up nothing else. */
  private Optional<Step> note(List<Entry> entries) {
    return entries.stream()
        .filter(entry -> interval != null && entry.since() == null)
        .filter(entry -> entry.state() == State.RETIRED || entry.state() == State.REVOKED)
        .findFirst()
        .map(entry -> new Step.Move(entry, entry.state()));
  }

  /** Behind everything else, too: not every store deletes. One that nothing follows stays. */
  private Optional<Step> delete(List<Entry> entries, Instant now, Function<Entry, Seen> dns) {
    return entries.stream()
        .filter(entry -> interval != null && entry.state() == State.REVOKED)
        .filter(entry -> isPast(entry, REVOKED_FOR, now))
        .filter(entry -> !selectors.contains(entry.selector()))
        .filter(entry -> entries.stream().anyMatch(other -> follows(other, entry)))
        .filter(entry -> dns.apply(entry) == Seen.YES)
        .findFirst()
        .map(Step.Delete::new);
  }

  private static boolean follows(Entry other, Entry entry) {
    return other.state() == State.SIGNING
        && PublicKeys.type(other) == PublicKeys.type(entry)
        && BY_AGE.compare(entry, other) < 0;
  }

  private @Nullable State waiting(Entry entry, boolean older, Function<Entry, Seen> dns) {
    if (!isOurs(entry)) {
      return null;
    }
    if (interval != null && older) {
      return State.RETIRED; // another one was faster
    }
    return switch (entry.state()) {
      case CREATED -> State.PUBLISHED;
      case PUBLISHED -> dns.apply(entry) == Seen.YES ? State.SEEN : null;
      // Once more: it may have been taken out again since then.
      default -> dns.apply(entry) == Seen.YES ? State.SIGNING : null;
    };
  }

  private Optional<Step> create(KeyType type, List<Entry> keys, Instant now) {
    if (interval == null || !types.contains(type) || keys.stream().anyMatch(KeyRotation::waits)) {
      return Optional.empty();
    }
    var newest = newestThatSigns(keys);
    if (newest != null && now.isBefore(newest.createdAt().plus(interval))) {
      return Optional.empty();
    }
    // With none that signs, somebody has retired or revoked it by hand.
    return keys.stream()
        .reduce((elder, younger) -> younger)
        .map(last -> newest == null ? last : newest)
        .map(old -> new Step.Create(old, type, Math.max(bits, PublicKeys.bits(old))));
  }

  private static @Nullable Entry newestThatSigns(List<Entry> keys) {
    Entry newest = null;
    for (var entry : keys) {
      newest = entry.state() == State.SIGNING ? entry : newest;
    }
    return newest;
  }

  private boolean isOurs(Entry entry) {
    return interval != null || selectors.contains(entry.selector());
  }

  private static boolean waits(Entry entry) {
    return switch (entry.state()) {
      case CREATED, PUBLISHED, SEEN -> true;
      case SIGNING, RETIRED, REVOKED -> false;
    };
  }

  /** Whether somebody is to be told if the DNS has not what it should have of a key. */
  public boolean isLookedFor(Entry entry, Instant now) {
    return switch (entry.state()) {
      case CREATED, RETIRED -> false;
      case PUBLISHED, SEEN -> isOurs(entry);
      case SIGNING -> true;
      case REVOKED -> interval != null && !isPast(entry, REVOKED_FOR, now);
    };
  }
}
