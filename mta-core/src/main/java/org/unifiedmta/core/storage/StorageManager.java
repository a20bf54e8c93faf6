package org.unifiedmta.core.storage;

import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;

/**
 * Small named values. Thread-safe; blocks. Arrays are copied on the way in and out.
 *
 * <p>A key such as {@code dkim/example.org/default} is made of segments divided by {@code /}. It
 * has 1 to {@value #MAXIMUM_KEY} octets of UTF-8, all of them printable; no segment is empty,
 * {@code .} or {@code ..}, and there is no backslash. Keys that differ in case differ, and {@code
 * a} may be there beside {@code a/b}. Any other key is an {@link IllegalArgumentException} that
 * names it.
 */
public interface StorageManager {

  /** The most octets that a key has. */
  int MAXIMUM_KEY = 512;

  /** The most octets that a value has, 16 MB. */
  int MAXIMUM_VALUE = 16 * 1024 * 1024;

  /** The value of this key, or empty. */
  Optional<byte[]> get(String key);

  /**
   * Puts a value in place of whatever was there. Whoever reads meanwhile sees the old one or the
   * new one, whole; of two that are set at once, one stays.
   *
   * @throws IllegalArgumentException if the value has more than {@link #MAXIMUM_VALUE} octets
   */
  void set(String key, byte[] value);

  /** Forgets a value; false if there was none. */
  boolean delete(String key);

  /**
   * The keys whose text begins like this, which need not be a whole segment, in the order of {@link
   * String#compareTo}; all for an empty prefix.
   */
  List<String> list(String prefix);

  /** Values that are gone with the process. */
  static StorageManager inMemory() {
    return new MemoryStorage();
  }

  /**
   * Values in a directory, a file each, that several processes may share. A value that was set, or
   * deleted, stays so through a crash or a power failure.
   *
   * <p>The directory is made if it is missing. Files are readable by their owner alone, also while
   * they are written, where the file system has POSIX permissions. Symbolic links below the
   * directory are refused, never followed. What could not be read or written is an {@link
   * UncheckedIOException} that names the path; a {@code set} or {@code delete} that threw may or
   * may not have been done.
   *
   * @throws UncheckedIOException if that is no directory, or none that can be made
   */
  static StorageManager directory(Path directory) {
    return new DirectoryStorage(directory, Clock.systemUTC());
  }
}
