package org.unifiedmta.core.storage;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;
import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * Values in a directory, each in a file named by {@link FileNames}. A value is written to a file of
 * its own beside its place, then renamed; directories stay when they are empty, so that nobody
 * loses one that another process is about to write into.
 */
final class DirectoryStorage implements StorageManager {
  private static final String UNFINISHED = "t-";

  /** A value is written in seconds; whoever needs longer fails at the rename and has not set it. */
  private static final Duration ABANDONED_AFTER = Duration.ofHours(1);

  private final Path root;
  private final Clock clock;
  private final FileAttribute<?>[] forFiles;
  private final FileAttribute<?>[] forDirectories;

  DirectoryStorage(Path directory, Clock clock) {
    this.clock = clock;
    boolean posix = directory.getFileSystem().supportedFileAttributeViews().contains("posix");
    forFiles = posix ? permissions("rw-------") : new FileAttribute<?>[0];
    forDirectories = posix ? permissions("rwx------") : new FileAttribute<?>[0];
    try {
      makeRoot(directory.toAbsolutePath());
      root = directory.toRealPath(); // above it links are the host's own
    } catch (IOException e) {
      throw failed("cannot be used as a storage directory", directory, e);
    }
  }

  private static FileAttribute<?>[] permissions(String permissions) {
    return new FileAttribute<?>[] {
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
    };
  }

  private void makeRoot(Path directory) throws IOException {
    if (Files.isDirectory(directory)) {
      return;
    }
    var parent = directory.getParent();
    if (parent != null) {
      makeRoot(parent);
    }
    makeDirectory(directory);
    if (!Files.isDirectory(directory)) {
      throw new NotDirectoryException(directory.toString());
    }
    if (parent != null) {
      force(parent);
    }
  }

  private void makeDirectory(Path directory) throws IOException {
    try {
      Files.createDirectory(directory, forDirectories);
    } catch (FileAlreadyExistsException e) {
      // somebody else was faster
    }
  }

  @Override
  public Optional<byte[]> get(String key) {
    var file = file(Keys.checked(key));
    try {
      if (!isReachable(file)) {
        return Optional.empty();
      }
      return Optional.of(read(file));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw failed("cannot be read", file, e);
    }
  }

  private static byte[] read(Path file) throws IOException {
    try (var in = Files.newInputStream(file, READ, NOFOLLOW_LINKS)) {
      var value = in.readNBytes(MAXIMUM_VALUE + 1);
      if (value.length > MAXIMUM_VALUE) {
        throw new IOException("more than " + MAXIMUM_VALUE + " octets");
      }
      return value;
    }
  }

  @Override
  public void set(String key, byte[] value) {
    var file = file(Keys.checked(key));
    Keys.checked(key, value);
    var directory = directoryOf(file);
    var unfinished = directory.resolve(UNFINISHED + UUID.randomUUID());
    try {
      makeReachable(directory);
      write(unfinished, value);
      putInPlace(unfinished, file);
      // Every level, not only the new ones: who made one just now may not have forced it yet.
      for (var level = directory; level.startsWith(root); level = directoryOf(level)) {
        force(level);
      }
    } catch (IOException e) {
      var failure = failed("cannot be written", file, e);
      try {
        Files.deleteIfExists(unfinished);
      } catch (IOException alsoFailed) {
        failure.addSuppressed(alsoFailed);
      }
      throw failure;
    }
  }

  private void write(Path file, byte[] value) throws IOException {
    try (var channel = FileChannel.open(file, Set.of(CREATE_NEW, WRITE), forFiles)) {
      var rest = ByteBuffer.wrap(value);
      while (rest.hasRemaining()) {
        channel.write(rest);
      }
      channel.force(true);
    }
  }

  private static void putInPlace(Path unfinished, Path file) throws IOException {
    try {
      Files.move(unfinished, file, ATOMIC_MOVE, REPLACE_EXISTING);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(unfinished, file, REPLACE_EXISTING);
    }
  }

  @Override
  public boolean delete(String key) {
    var file = file(Keys.checked(key));
    try {
      if (!isReachable(file) || !Files.deleteIfExists(file)) {
        return false;
      }
      force(directoryOf(file));
      return true;
    } catch (IOException e) {
      throw failed("cannot be deleted", file, e);
    }
  }

  @Override
  public List<String> list(String prefix) {
    var keys = new ArrayList<String>();
    collect(root, "", prefix, keys);
    keys.sort(null);
    return List.copyOf(keys);
  }

  /**
   * @param text what the directory's name and those above it say of the key
   */
  private void collect(Path directory, String text, String prefix, List<String> keys) {
    try (var entries = Files.newDirectoryStream(directory)) {
      for (var entry : entries) {
        var name = String.valueOf(entry.getFileName());
        if (name.startsWith(UNFINISHED)) {
          removeIfAbandoned(entry);
          continue;
        }
        var part = FileNames.text(name);
        if (part == null || text.length() + part.length() > MAXIMUM_KEY) {
          continue;
        }
        var whole = text + part;
        if (FileNames.isValue(name)) {
          if (whole.startsWith(prefix) && isValue(entry, whole)) {
            keys.add(whole);
          }
        } else if ((whole.startsWith(prefix) || prefix.startsWith(whole))
            && Files.isDirectory(entry, NOFOLLOW_LINKS)) {
          collect(entry, whole, prefix, keys);
        }
      }
    } catch (DirectoryIteratorException e) {
      throw failed("cannot be listed", directory, new IOException(e.getCause()));
    } catch (IOException e) {
      throw failed("cannot be listed", directory, e);
    }
  }

  /** Whether that is the very file that {@link #get} reads for this key. */
  private boolean isValue(Path entry, String key) {
    return Keys.fault(key) == null
        && entry.equals(file(key))
        && Files.isRegularFile(entry, NOFOLLOW_LINKS);
  }

  /** What a crash left behind; a file that somebody is writing is younger. */
  private void removeIfAbandoned(Path unfinished) {
    try {
      var written = Files.getLastModifiedTime(unfinished, NOFOLLOW_LINKS).toInstant();
      if (written.isBefore(clock.instant().minus(ABANDONED_AFTER))) {
        Files.deleteIfExists(unfinished);
      }
    } catch (IOException e) {
      // it is in nobody's way
    }
  }

  // ---- places ---------------------------------------------------------------------------------

  private Path file(String key) {
    var path = root;
    for (var name : FileNames.of(key)) {
      path = path.resolve(name);
    }
    return path;
  }

  private static Path directoryOf(Path path) {
    return path.resolveSibling("");
  }

  /** Whether every directory on the way is there. */
  private boolean isReachable(Path file) throws IOException {
    var level = root;
    for (var name : root.relativize(directoryOf(file))) {
      level = level.resolve(name);
      if (Files.notExists(level, NOFOLLOW_LINKS)) {
        return false;
      }
      requireDirectory(level);
    }
    return true;
  }

  private void makeReachable(Path directory) throws IOException {
    var level = root;
    for (var name : root.relativize(directory)) {
      level = level.resolve(name);
      makeDirectory(level);
      requireDirectory(level);
    }
  }

  private static void requireDirectory(Path level) throws IOException {
    if (Files.isSymbolicLink(level)) {
      throw new FileSystemException(
          level.toString(), null, "is a symbolic link, which is not followed");
    }
    if (!Files.isDirectory(level, NOFOLLOW_LINKS)) {
      throw new NotDirectoryException(level.toString());
    }
  }

  /** Makes the names in a directory durable, where the platform can. */
  private static void force(Path directory) throws IOException {
    if (File.separatorChar == '\\') {
      return; // it opens no directories, and keeps names by itself
    }
    try (var channel = FileChannel.open(directory, READ)) {
      channel.force(true);
    } catch (IOException e) {
      if (!String.valueOf(e.getMessage()).contains("Invalid argument")) { // EINVAL: it cannot
        throw e;
      }
    }
  }

  private static UncheckedIOException failed(String what, Path path, IOException why) {
    // The message of the JDK is often the path alone.
    var name = why.getClass().getSimpleName();
    return new UncheckedIOException(
        path + " " + what + " (" + name + ": " + why.getMessage() + ")", why);
  }
}
