package org.unifiedmta.core.storage;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;

/** Values in a map. */
final class MemoryStorage implements StorageManager {
  private final ConcurrentSkipListMap<String, byte[]> values = new ConcurrentSkipListMap<>();

  @Override
  public Optional<byte[]> get(String key) {
    return Optional.ofNullable(values.get(Keys.checked(key))).map(byte[]::clone);
  }

  @Override
  public void set(String key, byte[] value) {
    values.put(Keys.checked(key), Keys.checked(key, value).clone());
  }

  @Override
  public boolean delete(String key) {
    return values.remove(Keys.checked(key)) != null;
  }

  @Override
  public List<String> list(String prefix) {
    return values.tailMap(prefix).keySet().stream()
        .takeWhile(key -> key.startsWith(prefix))
        .toList();
  }
}
