package org.unifiedmta.security.transport;

import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.storage.StorageManager;

/**
 * Policies among other small values, {@code mta-sts/DOMAIN}: its id and when it was fetched, a line
 * each, and the policy. Bounded, so that nobody fills a disk by names under his own domain; then
 * those that are there stay.
 */
final class StoredPolicies {
  private static final Logger log = LoggerFactory.getLogger(StoredPolicies.class);
  private static final String PREFIX = "mta-sts/";
  private static final String ID = "id: ";
  private static final String FETCHED = "fetched: ";

  /** A policy, and what is known of it. */
  record Stored(MtaStsPolicy policy, String id, Instant fetched) {

    Instant until() {
      return fetched.plus(policy.maxAge());
    }
  }

  private final StorageManager storage;
  private final int maximum;
  private final AtomicInteger count = new AtomicInteger(-1); // about; below 0 before it is known

  StoredPolicies(StorageManager storage, int maximum) {
    this.storage = storage;
    this.maximum = maximum;
  }

  /** Null if there is none that can be read. */
  @Nullable Stored get(String domain) {
    return storage.get(PREFIX + domain).flatMap(octets -> read(domain, octets)).orElse(null);
  }

  private static Optional<Stored> read(String domain, byte[] octets) {
    var text = new String(octets, StandardCharsets.UTF_8);
    int first = text.indexOf('\n');
    int second = text.indexOf('\n', first + 1);
    if (first < 0 || second < 0 || !text.startsWith(ID) || !text.startsWith(FETCHED, first + 1)) {
      log.warn("the MTA-STS policy that was kept of {} cannot be read", domain);
      return Optional.empty();
    }
    try {
      return Optional.of(
          new Stored(
              MtaStsPolicy.parse(text.substring(second + 1)),
              text.substring(ID.length(), first),
              Instant.parse(text.substring(first + 1 + FETCHED.length(), second))));
    } catch (IllegalArgumentException | DateTimeException e) {
      log.warn("the MTA-STS policy that was kept of {} cannot be read: {}", domain, e.getMessage());
      return Optional.empty();
    }
  }

  /** False if there is no room for another domain. */
  boolean set(String domain, Stored stored) {
    var key = PREFIX + domain;
    boolean another = storage.get(key).isEmpty();
    if (another && count.get() < 0) {
      count.set(storage.list(PREFIX).size());
    }
    if (another && count.get() >= maximum) {
      return false;
    }
    var text = ID + stored.id() + '\n' + FETCHED + stored.fetched() + '\n' + stored.policy().text();
    storage.set(key, text.getBytes(StandardCharsets.UTF_8));
    if (another) {
      count.incrementAndGet();
    }
    return true;
  }

  /** Forgets those that are over, and what cannot be read. */
  void sweep(Instant now) {
    for (var key : storage.list(PREFIX)) {
      var stored = get(key.substring(PREFIX.length()));
      if (stored == null || !now.isBefore(stored.until())) {
        storage.delete(key);
      }
    }
    count.set(storage.list(PREFIX).size());
  }
}
