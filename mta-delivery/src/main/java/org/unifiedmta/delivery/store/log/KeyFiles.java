package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.IdempotencyKey;

/**
 * The idempotency keys of the last while, longer than their messages: files of entries, oldest
 * first, each file deleted as a whole when its last entry is too old. A key is in the record of its
 * message too; so an entry need not be on stable storage before that record may go, or is not read
 * at the next start.
 *
 * <pre>
 * file  = magic(8) *entry
 * entry = key(16) id(8) milliseconds-since-1970(8) crc(4)
 * </pre>
 *
 * In memory, a key of a full file takes 8 octets.
 */
final class KeyFiles implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(KeyFiles.class);
  static final String SUFFIX = ".keys";
  private static final byte[] MAGIC = "MTAKEYS1".getBytes(StandardCharsets.US_ASCII);
  static final int ENTRY = 36;
  private static final int BUFFERED = 4096;

  private record Entry(IdempotencyKey key, long id, long at) {}

  private final Path directory;
  private final Disk disk;
  private final Timer timer;
  private final Duration window;
  private final int perFile;
  private final CopyOnWriteArrayList<KeyFile> files = new CopyOnWriteArrayList<>();

  /** Guards the last file's entries, and that there is a last one; never held over files. */
  private final ReentrantLock lock = new ReentrantLock();

  /** Held by who writes files, which only threads of our own do. */
  private final ReentrantLock writing = new ReentrantLock();

  /**
   * @param window for which a key is kept
   * @param perFile entries of a file
   */
  KeyFiles(Path directory, Disk disk, Timer timer, Duration window, int perFile)
      throws IOException {
    this.directory = directory;
    this.disk = disk;
    this.timer = timer;
    this.window = window;
    this.perFile = perFile;
    List<Path> found;
    try (var all = Files.list(directory)) {
      found = all.filter(file -> file.getFileName().toString().endsWith(SUFFIX)).sorted().toList();
    }
    try {
      for (var path : found) {
        read(path, path.equals(found.getLast()));
      }
      if (!found.isEmpty()) {
        disk.forceDirectory(directory);
      }
    } catch (IOException | RuntimeException e) {
      files.forEach(KeyFile::close);
      throw e;
    }
  }

  private long oldest() {
    return timer.now().minus(window).toEpochMilli();
  }

  private void read(Path path, boolean last) throws IOException {
    var handle = disk.open(path);
    var bytes = ByteBuffer.allocate((int) Math.min(handle.size(), MAGIC.length + ENTRY * perFile));
    try {
      handle.read(bytes, 0);
      handle.force(); // what a crash has left may only be in the system's memory
    } catch (IOException | RuntimeException e) {
      handle.close();
      throw e;
    }
    var file = new KeyFile(path, handle);
    files.add(file);
    bytes.flip().position(Math.min(bytes.limit(), MAGIC.length));
    int damaged = 0;
    while (bytes.remaining() >= ENTRY) {
      var entry = entry(bytes);
      if (entry == null) {
        damaged++;
        file.forced = Math.min(file.forced, file.entries.size());
      } else {
        file.add(entry);
      }
    }
    if (damaged > 0 && !last) { // at the end of the last one, a crash has left them
      log.warn("{} is damaged: {} idempotency keys are forgotten", path, damaged);
    }
    file.forced = Math.min(file.forced, file.entries.size());
    if (damaged == 0 && (!last || file.isFull())) {
      file.freeze();
    }
  }

  private static @Nullable Entry entry(ByteBuffer in) {
    var bytes = in.slice(in.position(), ENTRY);
    in.position(in.position() + ENTRY);
    int crc = crc(bytes.slice(0, ENTRY - 4));
    return bytes.getInt(ENTRY - 4) == crc
        ? new Entry(IdempotencyKey.read(bytes), bytes.getLong(), bytes.getLong())
        : null;
  }

  private static int crc(ByteBuffer bytes) {
    var crc = new CRC32C();
    crc.update(bytes);
    return (int) crc.getValue();
  }

  /** The message that was stored with a key within the window. May read a file. */
  OptionalLong find(IdempotencyKey key) {
    long since = oldest();
    for (var file : files) {
      if (file.newest >= since) { // else it may be closed already
        try {
          var found = file.find(key);
          if (found != null && found.at >= since) {
            return OptionalLong.of(found.id);
          }
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
    return OptionalLong.empty();
  }

  /** Keeps a key; in a file after the next {@link #sync} at the latest. */
  void keep(IdempotencyKey key, long id, Instant at) {
    boolean many;
    lock.lock();
    try {
      if (files.isEmpty() || files.getLast().isFull()) {
        files.add(new KeyFile(nextPath(), null));
      }
      var last = files.getLast();
      last.add(new Entry(key, id, at.toEpochMilli()));
      many = last.isFull();
    } finally {
      lock.unlock();
    }
    if (many) {
      trySync();
    }
  }

  /** The same for one that the log has, unless it is here already or too old. */
  void keepAgain(IdempotencyKey key, long id, Instant at) {
    if (at.toEpochMilli() >= oldest() && find(key).isEmpty()) {
      keep(key, id, at);
    }
  }

  private Path nextPath() {
    long last = files.isEmpty() ? 0 : number(files.getLast().path);
    var digits = Long.toString(last + 1);
    return directory.resolve("0".repeat(Math.max(0, 12 - digits.length())) + digits + SUFFIX);
  }

  private static long number(Path path) {
    var name = path.getFileName().toString();
    return Long.parseLong(name.substring(0, name.length() - SUFFIX.length()));
  }

  private void trySync() {
    try {
      sync();
    } catch (IOException e) {
      log.warn("idempotency keys cannot be written; it is tried again: {}", e.toString());
    }
  }

  /**
   * Puts all that was kept so far on stable storage. Where that fails the same is written again the
   * next time, not only synced.
   */
  void sync() throws IOException {
    writing.lock();
    try {
      boolean isNew = false;
      for (var file : files) {
        isNew |= file.write();
      }
      if (isNew) {
        disk.forceDirectory(directory);
      }
      deleteOld();
    } finally {
      writing.unlock();
    }
  }

  private void deleteOld() throws IOException {
    long since = oldest();
    while (files.size() > 1 && files.getFirst().newest < since) {
      var old = files.removeFirst();
      old.close();
      boolean unused = disk.delete(old.path);
    }
  }

  @Override
  public void close() {
    trySync();
    files.forEach(KeyFile::close);
  }

  private final class KeyFile {
    private final Path path;
    private Disk.@Nullable Handle handle;
    private volatile long newest = Long.MIN_VALUE;

    // Until it is full and on stable storage:
    private List<Entry> entries = new ArrayList<>();
    private Map<IdempotencyKey, Entry> byKey = new HashMap<>();
    private int forced = Integer.MAX_VALUE;

    /** Afterwards: the first 32 bits of each key and its place, sorted. */
    private volatile long @Nullable [] prefixes;

    KeyFile(Path path, Disk.@Nullable Handle handle) {
      this.path = path;
      this.handle = handle;
      if (handle == null) {
        forced = 0;
      }
    }

    boolean isFull() {
      return prefixes != null || entries.size() >= perFile;
    }

    void add(Entry entry) {
      entries.add(entry);
      byKey.put(entry.key, entry);
      newest = Math.max(newest, entry.at);
    }

    @Nullable Entry find(IdempotencyKey key) throws IOException {
      lock.lock();
      try {
        if (prefixes == null) {
          return byKey.get(key);
        }
      } finally {
        lock.unlock();
      }
      var sorted = Facts.required(prefixes);
      long prefix = prefix(key);
      int at = Arrays.binarySearch(sorted, prefix);
      Entry found = null;
      for (int i = at < 0 ? -at - 1 : at;
          i < sorted.length && sorted[i] >>> 32 == prefix >>> 32;
          i++) {
        var bytes = ByteBuffer.allocate(ENTRY);
        Facts.required(handle).read(bytes, place((int) sorted[i]));
        var entry = bytes.hasRemaining() ? null : entry(bytes.flip());
        if (entry != null && entry.key.equals(key)) {
          found = entry; // the last one, if there are several
        }
      }
      return found;
    }

    /** Whether it has been made. */
    boolean write() throws IOException {
      List<Entry> left;
      int from;
      lock.lock();
      try {
        if (prefixes != null) {
          return false;
        }
        from = Math.min(forced, entries.size());
        left = List.copyOf(entries.subList(from, entries.size()));
      } finally {
        lock.unlock();
      }
      boolean isNew = handle == null;
      if (left.isEmpty() && !isFull()) {
        return false;
      }
      var to = handle == null ? disk.create(path) : handle;
      handle = to;
      if (from == 0) {
        to.write(ByteBuffer.wrap(MAGIC), 0);
      }
      for (int i = 0; i < left.size(); i += BUFFERED) {
        to.write(encoded(left.subList(i, Math.min(left.size(), i + BUFFERED))), place(from + i));
      }
      to.force();
      lock.lock();
      try {
        forced = from + left.size();
        if (isFull() && forced == entries.size()) {
          freeze();
        }
      } finally {
        lock.unlock();
      }
      return isNew;
    }

    private static ByteBuffer encoded(List<Entry> entries) {
      var bytes = ByteBuffer.allocate(entries.size() * ENTRY);
      for (var entry : entries) {
        int start = bytes.position();
        bytes.put(entry.key.bytes()).putLong(entry.id).putLong(entry.at);
        bytes.putInt(crc(bytes.slice(start, ENTRY - 4)));
      }
      return bytes.flip();
    }

    private static long place(int number) {
      return MAGIC.length + (long) ENTRY * number;
    }

    private static long prefix(IdempotencyKey key) {
      return key.high() & 0xffff_ffff_0000_0000L;
    }

    /** Keeps only what is needed to find a key in the file. */
    void freeze() {
      var sorted = new long[entries.size()];
      for (int i = 0; i < sorted.length; i++) {
        sorted[i] = prefix(entries.get(i).key) | i;
      }
      Arrays.sort(sorted);
      prefixes = sorted;
      entries = List.of();
      byKey = Map.of();
    }

    void close() {
      if (handle != null) {
        handle.close();
      }
    }
  }
}
