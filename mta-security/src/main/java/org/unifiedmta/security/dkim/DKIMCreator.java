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
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.core.dns.DnsRecord;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry.State;

/**
 * Makes and keeps the keys that sign a domain's mail, and says what is to be published of them.
 * Thread-safe; blocks.
 */
public final class DKIMCreator {
  private static final String SELECTOR = "default";
  private static final int BITS = 2048;
  private static final long TTL = 3600;
  private static final int REMEMBERED = 10_000; // domains
  private static final Duration REREAD = Duration.ofMinutes(1);

  /** What kind of key. */
  public enum KeyType {
    RSA,
    ED25519
  }

  private final DkimKeyStore store;
  private final Clock clock;
  private final ReentrantLock making = new ReentrantLock();
  private final Cache<String, List<DKIMSigner>> signing;

  /** Keeps keys in a directory, in files that only their owner can read. */
  public DKIMCreator(Path keysDir) {
    this(new StoredDkimKeys(StorageManager.directory(keysDir)), Clock.systemUTC());
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
      if (known.stream().noneMatch(entry -> entry.selector().equals(selector))) {
        make(name, selector, type, bits, known.isEmpty() ? State.SIGNING : State.CREATED);
      }
    } finally {
      making.unlock();
    }
  }

  private void make(String domain, String selector, KeyType type, int bits, State state) {
    var keys = generate(type, bits);
    var unused = DKIMSigner.builder(domain, selector, keys.getPrivate()); // refuses odd selectors
    store.save(new Entry(domain, selector, keys, clock.instant(), state));
    signing.invalidate(domain);
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
    var entry = entry(domain, selector);
    var publicKey = entry.keys().getPublic();
    boolean rsa = publicKey.getAlgorithm().equals("RSA");
    var encoded = publicKey.getEncoded();
    var octets = rsa ? encoded : Arrays.copyOfRange(encoded, encoded.length - 32, encoded.length);
    var key = entry.state() == State.REVOKED ? "" : Base64.getEncoder().encodeToString(octets);
    return new DnsRecord(
        "TXT",
        entry.selector() + "._domainkey." + entry.domain(),
        "v=DKIM1; k=" + (rsa ? "rsa" : "ed25519") + "; p=" + key,
        TTL);
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
    var old = entry(domain, selector);
    var today = LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC).toString().replace("-", "");
    int dash = selector.lastIndexOf('-');
    boolean dated = dash > 0 && selector.substring(dash + 1).chars().allMatch(Character::isDigit);
    var base = (dated ? selector.substring(0, dash) : selector) + "-" + today;
    making.lock();
    try {
      var taken = store.entries(old.domain()).stream().map(Entry::selector).toList();
      var next = base;
      for (int i = 2; taken.contains(next); i++) {
        next = base + "-" + i;
      }
      make(old.domain(), next, KeyType.RSA, keySize, State.CREATED);
      return next;
    } finally {
      making.unlock();
    }
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
