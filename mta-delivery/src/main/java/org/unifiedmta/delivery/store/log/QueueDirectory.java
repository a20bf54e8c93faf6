package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.ConfigException;

/** A directory that is ours alone: made if it is missing, known by its marker, and locked. */
final class QueueDirectory implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(QueueDirectory.class);
  private static final String MARKER = "unifiedmta-queue";
  private static final String MARKER_PREFIX = "UnifiedMTA queue, format ";
  private static final String LOCK = "lock";
  private static final Set<String> NOT_FOREIGN = Set.of(LOCK, MARKER + ".tmp", "lost+found");

  /**
   * The directories in use by this process. File locks belong to the process, and closing any
   * channel of a locked file gives its lock up: a second store must not even open the lock file.
   */
  private static final Set<Path> IN_USE = ConcurrentHashMap.newKeySet();

  private final Path path;
  private final FileChannel lock;

  private QueueDirectory(Path path, FileChannel lock) {
    this.path = path;
    this.lock = lock;
  }

  /**
   * @throws ConfigException with the path and the remedy
   */
  static QueueDirectory open(Path directory, Disk disk) {
    create(directory);
    requireOurs(directory);
    Path real;
    try {
      real = directory.toRealPath();
    } catch (IOException e) {
      throw unusable(directory, e);
    }
    if (!IN_USE.add(real)) {
      throw inUse(directory);
    }
    try {
      var opened = new QueueDirectory(real, lock(directory));
      opened.mark(disk);
      return opened;
    } catch (RuntimeException | Error e) {
      IN_USE.remove(real);
      throw e;
    }
  }

  /**
   * Keeps others from opening a queue, which need not be whole, while it is read.
   *
   * @return what ends that
   * @throws ConfigException if there is none, or it is open
   */
  static Runnable lockedForReading(Path directory) {
    Path real;
    try {
      real = directory.toRealPath();
    } catch (IOException e) {
      throw unusable(directory, e);
    }
    if (!IN_USE.add(real)) {
      throw inUse(directory);
    }
    try {
      var locked = lock(real);
      return () -> {
        close(locked);
        IN_USE.remove(real);
      };
    } catch (RuntimeException | Error e) {
      IN_USE.remove(real);
      throw e;
    }
  }

  Path path() {
    return path;
  }

  private static void create(Path directory) {
    if (Files.isDirectory(directory)) {
      return;
    }
    if (Files.exists(directory)) {
      throw new ConfigException(
          "the queue's directory " + directory + " is a file: name a directory, or move it away");
    }
    var parent = directory.toAbsolutePath().getParent();
    if (parent != null && !Files.isDirectory(parent)) {
      throw new ConfigException(
          "the queue's directory "
              + directory
              + " cannot be created: create "
              + parent
              + " first, or name another one");
    }
    try {
      if (directory.getFileSystem().supportedFileAttributeViews().contains("posix")) {
        Files.createDirectory(
            directory,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      } else {
        Files.createDirectory(directory);
      }
    } catch (IOException e) {
      throw unusable(directory, e);
    }
  }

  private static void requireOurs(Path directory) {
    if (Files.exists(directory.resolve(MARKER))) {
      return;
    }
    List<String> others = new ArrayList<>();
    try (var files = Files.list(directory)) {
      files.map(file -> file.getFileName().toString()).forEach(others::add);
    } catch (IOException e) {
      throw unusable(directory, e);
    }
    others.removeAll(NOT_FOREIGN);
    if (!others.isEmpty()) {
      throw new ConfigException(
          "the directory "
              + directory
              + " is not a UnifiedMTA queue, but holds other files: name an empty or new one");
    }
  }

  private static FileChannel lock(Path directory) {
    FileChannel channel = null;
    try {
      channel =
          FileChannel.open(
              directory.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (channel.tryLock() != null) {
        return channel;
      }
      close(channel);
    } catch (OverlappingFileLockException e) {
      // Another copy of this class has it; closing our channel would give its lock up.
      throw inUse(directory);
    } catch (IOException e) {
      close(channel);
      throw unusable(directory, e);
    }
    throw inUse(directory);
  }

  private void mark(Disk disk) {
    var marker = path.resolve(MARKER);
    try {
      if (Files.exists(marker)) {
        requireKnownFormat(marker);
        return;
      }
      var unfinished = path.resolve(MARKER + ".tmp");
      try (var file = disk.create(unfinished)) {
        file.write(StandardCharsets.US_ASCII.encode(MARKER_PREFIX + Format.VERSION + "\n"), 0);
        file.force();
      }
      disk.rename(unfinished, marker);
      disk.forceDirectory(path);
    } catch (IOException e) {
      close(lock);
      throw unusable(path, e);
    } catch (ConfigException e) {
      close(lock);
      throw e;
    }
  }

  private void requireKnownFormat(Path marker) throws IOException {
    var text = new String(Files.readAllBytes(marker), StandardCharsets.ISO_8859_1);
    if (!text.equals(MARKER_PREFIX + Format.VERSION + "\n")) {
      throw text.startsWith(MARKER_PREFIX)
          ? unknownFormat(path)
          : new ConfigException(
              "the directory "
                  + path
                  + " is not a UnifiedMTA queue, its file "
                  + MARKER
                  + " is another's: name an empty or new one, or restore that file from a copy");
    }
  }

  // ---- what is wrong, and what to do ----------------------------------------------------------

  static ConfigException unknownFormat(Path directory) {
    return new ConfigException(
        "the queue in "
            + directory
            + " has an unknown format, this version knows "
            + Format.VERSION
            + ": start the version that wrote it and let it empty the queue, or name another one");
  }

  static ConfigException damaged(Path file, long offset, String what) {
    return new ConfigException(
        "the queue's log is damaged: "
            + file
            + " at offset "
            + offset
            + " "
            + what
            + "; restore the file from a copy, or salvage what is readable into a new directory (see"
            + " docs/queue.md), or move the file away to start without the mail in it");
  }

  static ConfigException unusable(Path directory, IOException why) {
    if (isFull(why)) {
      return new ConfigException(
          "the queue's directory "
              + directory
              + " has no room: free some, or name one on another disk ("
              + reason(why)
              + ")");
    }
    return new ConfigException(
        "the queue's directory "
            + directory
            + " cannot be used: let this process read and write it, or name another one ("
            + reason(why)
            + ")");
  }

  private static ConfigException inUse(Path directory) {
    return new ConfigException(
        "the queue's directory "
            + directory
            + " is in use by another process, or by another server in this one: stop that, or"
            + " name another directory");
  }

  private static boolean isFull(IOException why) {
    var text = String.valueOf(why.getMessage());
    return text.contains("No space left")
        || text.contains("Disk quota exceeded")
        || text.contains("not enough space");
  }

  private static String reason(IOException why) {
    if (why instanceof AccessDeniedException) {
      return "access denied";
    }
    return why instanceof FileSystemException e && e.getReason() != null
        ? e.getReason()
        : String.valueOf(why.getMessage());
  }

  private static void close(@Nullable FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        log.warn("cannot close a lock file", e);
      }
    }
  }

  @Override
  public void close() {
    close(lock);
    IN_USE.remove(path);
  }
}
