package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files that become segments, written full of something in the background beforehand: one to
 * come next, and a small one in reserve for what must be written when the disk is full.
 */
final class Spares implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Spares.class);
  static final String SUFFIX = ".spare";
  static final String UNFINISHED = ".tmp";
  private static final int RESERVE_SHARE = 16;
  private static final int PIECE = 256 * 1024;
  private static final int MOST_FREED = 2;
  private static final long ENOUGH = 1L << 30; // however large the disk is

  /** A file of this size that nobody uses. */
  record Spare(Path path, int size, boolean reserve) {}

  private final Path directory;
  private final Disk disk;
  private final int segmentSize;
  private final Duration retryAfter;
  private final int minFree; // percent
  private final Thread thread;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Queue<Path> freed = new ConcurrentLinkedQueue<>();
  private final AtomicLong names = new AtomicLong();
  private @Nullable Spare next;
  private @Nullable Spare reserve;
  private @Nullable String failure;
  private @Nullable String almostFull;
  private boolean closed;

  Spares(Path directory, Disk disk, Settings settings) {
    this.directory = directory;
    this.disk = disk;
    this.segmentSize = settings.segmentSize();
    this.retryAfter = settings.retryAfter();
    this.minFree = settings.minFreeDisk();
    this.thread = new Thread(this::prepare, "mta-log-preparer");
    thread.setDaemon(true);
  }

  /** Makes the first one here and now, and the others from then on in the background. */
  void start() throws IOException {
    lock.lock();
    try {
      adopt();
      while (next == null) {
        prepareOne();
      }
    } finally {
      lock.unlock();
    }
    thread.start();
  }

  private void adopt() throws IOException {
    try (var files = Files.list(directory)) {
      for (var file : files.toList()) {
        var name = file.getFileName().toString();
        if (name.endsWith(SUFFIX)) {
          freed.add(file);
          names.accumulateAndGet(numberOf(name), Math::max);
        } else if (name.endsWith(SUFFIX + UNFINISHED)) {
          boolean unused = disk.delete(file);
        }
      }
    }
  }

  private static long numberOf(String name) {
    return Long.parseLong(name, 0, name.length() - SUFFIX.length(), 10);
  }

  /**
   * A file with room for so many octets; waits while it is being prepared.
   *
   * @param mail false for what may use the reserve
   * @return null if there is no room
   */
  @Nullable Spare take(boolean mail, int size) {
    if (size > segmentSize) {
      return takeLarge(size);
    }
    lock.lock();
    try {
      while (next == null && failure == null && !closed) {
        changed.awaitUninterruptibly();
      }
      var taken = next;
      if (taken != null) {
        next = null;
      } else if (!mail && reserve != null && reserve.size() >= size) {
        taken = reserve;
        reserve = null;
      }
      changed.signalAll();
      return taken;
    } finally {
      lock.unlock();
    }
  }

  /** For a record that is larger than a segment; rare, so made when it is needed. */
  private @Nullable Spare takeLarge(int size) {
    try {
      return create(size, false);
    } catch (IOException e) {
      log.error("no room for a large record in {}", directory, e);
      return null;
    }
  }

  /** Whether there was no room when a file was last to be made. */
  boolean isFull() {
    lock.lock();
    try {
      return failure != null;
    } finally {
      lock.unlock();
    }
  }

  /** A name that no spare has. */
  Path newName() {
    return directory.resolve(names.incrementAndGet() + SUFFIX);
  }

  /** Takes a file back that is no longer a segment. */
  void free(Path file) {
    lock.lock();
    try {
      freed.add(file);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Why there is no room, or empty. */
  Optional<String> failure() {
    lock.lock();
    try {
      return next == null && failure != null
          ? Optional.of(failure)
          : Optional.ofNullable(almostFull);
    } finally {
      lock.unlock();
    }
  }

  private void prepare() {
    lock.lock();
    try {
      while (!closed) {
        look();
        if (next != null && reserve != null && freed.size() <= MOST_FREED) {
          awaitRetry();
          continue;
        }
        try {
          prepareOne();
          failure = null;
        } catch (IOException | RuntimeException e) {
          if (failure == null) {
            log.error("no room for new mail in {}", directory, e);
          }
          failure = "no room in " + directory + ": " + e.getMessage();
          changed.signalAll();
          awaitRetry();
        }
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Whether others have filled the disk; what is settled still has its room. */
  private void look() {
    String found = null;
    try {
      var free = unlocked(() -> disk.free(directory));
      long wanted = Math.min(free.total() / 100 * minFree, ENOUGH);
      if (free.usable() < wanted) {
        found = "only " + free.usable() + " octets are left on the disk of " + directory;
      }
    } catch (IOException | RuntimeException e) {
      log.debug("cannot tell what is left of the disk of {}", directory, e);
    }
    if (found != null && almostFull == null) {
      log.error("no new mail: {}", found);
    }
    almostFull = found;
  }

  @SuppressWarnings("WaitNotInLoop") // a spurious wake-up is one more try
  private void awaitRetry() {
    try {
      long unused = changed.awaitNanos(retryAfter.toNanos());
    } catch (InterruptedException e) {
      closed = true; // nobody interrupts this thread; should somebody, it ends
    }
  }

  private void prepareOne() throws IOException {
    if (failure != null && reserve == null && !freed.isEmpty()) {
      reserve = unlocked(this::shortened); // what is settled comes first
    } else if (next == null) {
      next = unlocked(() -> reusedOrNew(segmentSize, false));
    } else if (reserve == null) {
      reserve = unlocked(() -> reusedOrNew(reserveSize(), true));
    } else {
      var superfluous = freed.remove();
      boolean unused = unlocked(() -> disk.delete(superfluous));
    }
  }

  private Spare shortened() throws IOException {
    var path = freed.remove();
    try (var file = disk.open(path)) {
      if (file.size() < reserveSize()) {
        throw new IOException("a file that was given back is too small: " + path);
      }
      file.truncate(reserveSize());
      file.force();
    }
    return new Spare(path, reserveSize(), true);
  }

  /** Octets of the file for what must be written when the disk is full. */
  int reserveSize() {
    return Math.max(segmentSize / RESERVE_SHARE, Math.min(segmentSize, 64 * 1024));
  }

  private interface Work<T> {
    T run() throws IOException;
  }

  private <T> T unlocked(Work<T> work) throws IOException {
    lock.unlock();
    try {
      return work.run();
    } finally {
      lock.lock();
    }
  }

  private Spare reusedOrNew(int size, boolean forReserve) throws IOException {
    for (var file : List.copyOf(freed)) {
      if (Files.size(file) == size) {
        freed.remove(file);
        return new Spare(file, size, forReserve);
      }
    }
    return create(size, forReserve);
  }

  /** Under its name only when it is whole, so that a name vouches for the room. */
  private Spare create(int size, boolean forReserve) throws IOException {
    var whole = newName();
    var unfinished = directory.resolve(whole.getFileName() + UNFINISHED);
    try {
      try (var file = disk.create(unfinished)) {
        var zeros = ByteBuffer.allocateDirect(Math.min(size, PIECE));
        for (int at = 0; at < size; at += zeros.limit()) {
          zeros.clear().limit(Math.min(zeros.capacity(), size - at));
          file.write(zeros, at);
        }
        file.force();
      }
      disk.rename(unfinished, whole);
      disk.forceDirectory(directory);
    } catch (IOException e) {
      try {
        boolean unused = disk.delete(unfinished);
      } catch (IOException again) {
        e.addSuppressed(again);
      }
      throw e;
    }
    return new Spare(whole, size, forReserve);
  }

  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
