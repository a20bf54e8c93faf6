package org.unifiedmta.security.dkim;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Clock;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.core.dns.DnsRecord;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.security.dkim.DKIMSigner.Canonicalization;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry.State;
import org.unifiedmta.security.dkim.KeyRotation.Step;
import org.unifiedmta.security.dkim.PublishedKeys.Seen;

/**
 * Makes and keeps the keys that sign a domain's mail, and says what is to be published of them.
 * Thread-safe; blocks.
 */
public final class DKIMCreator {
  private static final Logger log = LoggerFactory.getLogger(DKIMCreator.class);
  private static final Pattern DATE = Pattern.compile("-\\d{8}(-\\d+)?$");
  private static final String ED25519_SUFFIX = "-ed";
  private static final String SELECTOR = "default";
  private static final int BITS = 2048;
  private static final long TTL = 3600;
  private static final int REMEMBERED = 10_000; // domains
  private static final Duration REREAD = Duration.ofMinutes(1);

  /** What kind of key. */
  public enum KeyType {
    RSA,
    ED25519;

    /** As k= has it. */
    String tag() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final DkimKeyStore store;
  private final Clock clock;
  private final ReentrantLock making = new ReentrantLock();
  private final Cache<String, List<DKIMSigner>> signing;

  /**
   * Keeps keys in a directory, in files that only their owner can read. Warns of those that others
   * have put there, and others can read.
   */
  public DKIMCreator(Path keysDir) {
    this(new StoredDkimKeys(StorageManager.directory(keysDir)), Clock.systemUTC());
    for (var file : LooseFiles.below(keysDir)) {
      log.warn("others than its owner can read or change {}; chmod go-rwx it", file);
    }
  }

  /**
   * Keeps keys among other values.
   *
   * @param keysDir not used
   */
  public DKIMCreator(Path keysDir, StorageManager storage) {
    this(new StoredDkimKeys(storage), Clock.systemUTC());
  }

  public DKIMCreator(DkimKeyStore store, Clock clock) {
    this.store = store;
    this.clock = clock;
    this.signing =
        Caffeine.newBuilder()
            .maximumSize(REMEMBERED)
            .expireAfterWrite(REREAD)
            .ticker(() -> TimeUnit.MILLISECONDS.toNanos(clock.millis()))
            .executor(Runnable::run)
            .build();
  }

  /** Makes a key of RSA with 2,048 bits by the selector {@code default}, where there is none. */
  public void handleDKIMKeysForDomain(String domain) {
    handleDKIMKeysForDomain(domain, SELECTOR, KeyType.RSA, BITS);
  }

  /**
   * Makes a key where there is none by this selector. A domain's first key signs at once, another
   * one when it is {@linkplain State#SIGNING said to}.
   *
   * @param bits of RSA, from 1,024 to 8,192
   * @throws IllegalArgumentException if there can be none
   */
  public void handleDKIMKeysForDomain(String domain, String selector, KeyType type, int bits) {
    var name = Domains.toAscii(domain);
    making.lock(); // seldom, and only those that make keys wait
    try {
      var known = store.entries(name);
      makeWhereNone(known, name, selector, type, bits);
    } finally {
      making.unlock();
    }
  }

  /**
   * Makes two keys where there are none: of RSA by this selector, and of Ed25519 (RFC 8463) by that
   * of {@link #ed25519Selector}. Both sign at once if the domain had no key at all.
   */
  public void handleDKIMKeysOfBothTypes(String domain, String selector, int bits) {
    var name = Domains.toAscii(domain);
    making.lock();
    try {
      var known = store.entries(name);
      makeWhereNone(known, name, selector, KeyType.RSA, bits);
      makeWhereNone(known, name, ed25519Selector(selector), KeyType.ED25519, 0);
    } finally {
      making.unlock();
    }
  }

  /** The selector of the key of Ed25519 beside the one of RSA: with {@code -ed} behind it. */
  public static String ed25519Selector(String selector) {
    return selector + ED25519_SUFFIX;
  }

  private void makeWhereNone(
      List<Entry> known, String domain, String selector, KeyType type, int bits) {
    if (known.stream().noneMatch(entry -> entry.selector().equals(selector))) {
      make(domain, selector, type, bits, known.isEmpty() ? State.SIGNING : State.CREATED);
    }
  }

  private Entry make(String domain, String selector, KeyType type, int bits, State state) {
    var keys = generate(type, bits);
    var unused = DKIMSigner.builder(domain, selector, keys.getPrivate()); // refuses odd selectors
    var now = clock.instant();
    var made = new Entry(domain, selector, keys, now, state, now);
    store.save(made);
    signing.invalidate(domain);
    return made;
  }

  private static KeyPair generate(KeyType type, int bits) {
    try {
      var generator = KeyPairGenerator.getInstance(type == KeyType.RSA ? "RSA" : "Ed25519");
      if (type == KeyType.RSA) {
        if (bits < 1024 || bits > 8192) {
          throw new IllegalArgumentException("no size of a key: " + bits);
        }
        generator.initialize(bits);
      }
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has " + type, e);
    }
  }

  /** What is to be published of the key by the selector {@code default}. */
  public DnsRecord getDNSRecordForDomain(String domain) {
    return getDNSRecordForDomain(domain, SELECTOR);
  }

  /**
   * What is to be published of a key (RFC 6376 3.6.1, RFC 8463 4): a TXT record, whose text is cut
   * into strings of 255 octets by whoever publishes it.
   *
   * @throws NoSuchElementException if there is none
   */
  public DnsRecord getDNSRecordForDomain(String domain, String selector) {
    return dnsRecord(entry(domain, selector));
  }

  /** As {@link #getDNSRecordForDomain(String, String)}, of a key that is at hand. */
  public static DnsRecord dnsRecord(Entry entry) {
    return new DnsRecord("TXT", PublicKeys.name(entry), PublicKeys.record(entry), TTL);
  }

  /**
   * Whether a key is so old.
   *
   * @throws NoSuchElementException if there is none
   */
  public boolean needsRotation(String domain, String selector, int days) {
    var since = Duration.between(entry(domain, selector).createdAt(), clock.instant());
    return since.compareTo(Duration.ofDays(days)) >= 0;
  }

  /**
   * Makes another key of RSA, which does not sign yet; the old one stays as it is.
   *
   * @return its selector: the old one's without a date, and today's
   * @throws NoSuchElementException if there is no old one
   */
  public String rotateDkimKeys(String domain, String selector, int keySize) {
    return makeNext(entry(domain, selector), KeyType.RSA, keySize).selector();
  }

  private Entry makeNext(Entry old, KeyType type, int bits) {
    var today = LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC).toString().replace("-", "");
    var base = DATE.matcher(old.selector()).replaceFirst("") + "-" + today;
    making.lock();
    try {
      var taken = store.entries(old.domain()).stream().map(Entry::selector).toList();
      var next = base;
      for (int i = 2; taken.contains(next); i++) {
        next = base + "-" + i;
      }
      return make(old.domain(), next, type, bits, State.CREATED);
    } finally {
      making.unlock();
    }
  }

  /** All keys of a domain, the eldest first. */
  public List<Entry> keys(String domain) {
    return store.entries(Domains.toAscii(domain));
  }

  /**
   * What is to be done next with the keys of a domain.
   *
   * @param dns is asked only for what that depends on
   */
  public Optional<Step> next(String domain, KeyRotation rotation, Function<Entry, Seen> dns) {
    return rotation.next(keys(domain), clock.instant(), dns);
  }

  /** As {@link KeyRotation#isLookedFor}, now. */
  public List<Entry> lookedFor(String domain, KeyRotation rotation) {
    var now = clock.instant();
    return keys(domain).stream().filter(entry -> rotation.isLookedFor(entry, now)).toList();
  }

  /**
   * Does a step of a rotation.
   *
   * @return the key as it is now, or was until it was deleted; empty if it was no longer as the
   *     step has it, then nothing is done
   */
  public Optional<Entry> apply(Step step) {
    return switch (step) {
      case Step.Create(var old, var type, int bits) -> Optional.of(makeNext(old, type, bits));
      case Step.Move(var entry, var to) -> move(entry, to);
      case Step.Delete(var entry) -> delete(entry);
    };
  }

  private Optional<Entry> move(Entry wanted, State to) {
    making.lock();
    try {
      var moved = still(wanted).map(entry -> entry.withState(to, clock.instant()));
      moved.ifPresent(store::save);
      signing.invalidate(wanted.domain());
      return moved;
    } finally {
      making.unlock();
    }
  }

  private Optional<Entry> delete(Entry wanted) {
    making.lock();
    try {
      var last = still(wanted);
      last.ifPresent(store::delete);
      return last;
    } finally {
      making.unlock();
    }
  }

  /** The key, if it is in the same state: somebody may have changed that meanwhile. */
  private Optional<Entry> still(Entry wanted) {
    return store.entries(wanted.domain()).stream()
        .filter(entry -> entry.selector().equals(wanted.selector()))
        .filter(entry -> entry.state() == wanted.state())
        .findFirst();
  }

  /**
   * Reads a private key in PEM: PKCS#8, PKCS#1, or what OpenSSL has encrypted of either.
   *
   * @param password is not kept; not used where the key is not encrypted
   * @throws IllegalArgumentException if there is none of RSA or Ed25519, or the password is wrong
   */
  public static KeyPair readKey(String pem, char[] password) {
    return PemKeys.read(pem, password);
  }

  /**
   * Signs with a key.
   *
   * @throws NoSuchElementException if there is none, or it is revoked
   */
  public DKIMSigner signer(String domain, String selector) {
    var entry = entry(domain, selector);
    if (entry.state() == State.REVOKED) {
      throw new NoSuchElementException("the key " + selector + " of " + domain + " is revoked");
    }
    return signer(entry);
  }

  private DKIMSigner signer(Entry entry) {
    return DKIMSigner.builder(entry.domain(), entry.selector(), entry.keys().getPrivate())
        .clock(clock)
        .build();
  }

  /** Whether there is such a key, and what was signed with it no longer counts. */
  public boolean isRevoked(String domain, String selector) {
    return signers(domain).stream().noneMatch(signer -> signer.selector().equals(selector))
        && keys(domain).stream()
            .filter(entry -> entry.selector().equals(selector))
            .anyMatch(entry -> entry.state() == State.REVOKED);
  }

  /** For what all signers from here can sign: they hash the body in the same form. */
  public static BodyHasher bodyHasher() {
    return BodyHasher.of(Canonicalization.RELAXED);
  }

  /**
   * Those that sign a domain's mail now; none for a domain without keys, or that is none. What is
   * changed in the store by others is seen within a minute.
   */
  public List<DKIMSigner> signers(String domain) {
    return ascii(domain).map(name -> signing.get(name, this::signing)).orElse(List.of());
  }

  private List<DKIMSigner> signing(String domain) {
    return store.entries(domain).stream()
        .filter(entry -> entry.state() == State.SIGNING)
        .map(this::signer)
        .toList();
  }

  private static Optional<String> ascii(String domain) {
    try {
      return Optional.of(Domains.toAscii(domain));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private Entry entry(String domain, String selector) {
    return store.entries(Domains.toAscii(domain)).stream()
        .filter(entry -> entry.selector().equals(selector))
        .findFirst()
        .orElseThrow(() -> new NoSuchElementException("no key " + selector + " of " + domain));
  }
}
