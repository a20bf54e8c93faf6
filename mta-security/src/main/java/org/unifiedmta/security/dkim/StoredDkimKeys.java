package org.unifiedmta.security.dkim;

import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.bouncycastle.util.io.pem.PemObject;
import org.bouncycastle.util.io.pem.PemWriter;
import org.unifiedmta.core.storage.StorageManager;

/**
 * Signing keys among other small values, {@code dkim/DOMAIN/SELECTOR}: a few lines of what is known
 * of it, and the private key in PEM (PKCS#8). A key is written with its state in one value, so that
 * a crash leaves the old state or the new one.
 */
final class StoredDkimKeys implements DkimKeyStore {
  private static final String PREFIX = "dkim/";
  private static final String STATE = "State: ";
  private static final String CREATED = "Created: ";
  private static final String SINCE = "Since: ";

  private final StorageManager storage;

  StoredDkimKeys(StorageManager storage) {
    this.storage = storage;
  }

  @Override
  public List<Entry> entries(String domain) {
    var prefix = PREFIX + domain + "/";
    var entries = new ArrayList<Entry>();
    for (var key : storage.list(prefix)) {
      storage
          .get(key)
          .map(bytes -> new String(bytes, StandardCharsets.US_ASCII))
          .ifPresent(text -> entries.add(read(domain, key.substring(prefix.length()), text)));
    }
    entries.sort(Comparator.comparing(Entry::createdAt));
    return entries;
  }

  private static Entry read(String domain, String selector, String text) {
    var state = Entry.State.SIGNING;
    var created = Instant.EPOCH;
    Instant since = null;
    try {
      for (var line : text.lines().toList()) {
        if (line.startsWith(STATE)) {
          state = Entry.State.valueOf(line.substring(STATE.length()));
        } else if (line.startsWith(CREATED)) {
          created = Instant.parse(line.substring(CREATED.length()));
        } else if (line.startsWith(SINCE)) {
          since = Instant.parse(line.substring(SINCE.length()));
        }
      }
      return new Entry(domain, selector, PemKeys.read(text, null), created, state, since);
    } catch (IllegalArgumentException | DateTimeParseException e) {
      throw new IllegalArgumentException(
          PREFIX + domain + "/" + selector + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void save(Entry entry) {
    var text = new StringWriter();
    text.append(STATE).append(entry.state().name()).append('\n');
    text.append(CREATED).append(entry.createdAt().toString()).append('\n');
    var since = entry.since();
    if (since != null) {
      text.append(SINCE).append(since.toString()).append('\n');
    }
    try (var pem = new PemWriter(text)) {
      pem.writeObject(new PemObject("PRIVATE KEY", entry.keys().getPrivate().getEncoded()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    storage.set(key(entry), text.toString().getBytes(StandardCharsets.US_ASCII));
  }

  @Override
  public void delete(Entry entry) {
    storage.delete(key(entry));
  }

  private static String key(Entry entry) {
    return PREFIX + entry.domain() + "/" + entry.selector();
  }
}
