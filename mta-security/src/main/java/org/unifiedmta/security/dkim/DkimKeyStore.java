package org.unifiedmta.security.dkim;

import java.security.KeyPair;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.storage.StorageManager;

/** Where signing keys are kept. Thread-safe; blocks. */
public interface DkimKeyStore {

  /**
   * A key of a domain.
   *
   * @param domain in A-labels and lower case
   * @param keys RSA or Ed25519
   * @param since when it came to its state; null if nobody has noted it
   */
  record Entry(
      String domain,
      String selector,
      KeyPair keys,
      Instant createdAt,
      State state,
      @Nullable Instant since) {

    /** One of which nobody has noted since when it is in its state. */
    public Entry(String domain, String selector, KeyPair keys, Instant createdAt, State state) {
      this(domain, selector, keys, createdAt, state, null);
    }

    /** How far a key has come. */
    public enum State {
      /** It is made; nobody else knows of it. */
      CREATED,
      /** It has been handed to whoever publishes it. */
      PUBLISHED,
      /** It has been seen in the DNS. */
      SEEN,
      /** It signs. */
      SIGNING,
      /** It signs no more, but stays in the DNS for what is under way. */
      RETIRED,
      /** What is in the DNS says that it is good for nothing. */
      REVOKED
    }

    public Entry withState(State other) {
      return new Entry(domain, selector, keys, createdAt, other);
    }

    public Entry withState(State other, Instant since) {
      return new Entry(domain, selector, keys, createdAt, other, since);
    }
  }

  /** Keeps keys among other small values, {@code dkim/DOMAIN/SELECTOR}. */
  static DkimKeyStore in(StorageManager storage) {
    return new StoredDkimKeys(storage);
  }

  /** All of a domain, the eldest first. */
  List<Entry> entries(String domain);

  /** Keeps a key, or its new state, as a whole; returns when it is on stable storage. */
  void save(Entry entry);

  /** Keeps a key no longer. A store that does nothing here keeps those that are revoked, too. */
  default void delete(Entry entry) {}
}
