package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.time.Timer;

/** Small logs for tests, and what is done to them. */
final class Logs {
  private static final AtomicInteger COPIES = new AtomicInteger();

  private Logs() {}

  static Settings settings(int segmentSize, long bufferMemory) {
    return settings(segmentSize, bufferMemory, 10_000);
  }

  static Settings settings(int segmentSize, long bufferMemory, int rowsInMemory) {
    return new Settings(
        segmentSize,
        bufferMemory,
        256 * 1024,
        Duration.ofMillis(20),
        5,
        rowsInMemory,
        new Random()::nextLong);
  }

  static LogQueueStore open(Path directory, Timer timer, int segmentSize, Disk disk) {
    return LogQueueStore.open(
        directory, timer, Metrics.none(), settings(segmentSize, 1 << 20), disk);
  }

  /** The directory as a crash would leave it now. */
  static Path copy(Path directory) {
    var copy = directory.resolveSibling(directory.getFileName() + "-" + COPIES.incrementAndGet());
    try {
      Files.createDirectory(copy);
      for (var file : files(directory, "")) {
        copyUnlessRenamed(file, copy);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return copy;
  }

  /** A spare segment may get another name meanwhile, or go; it holds nothing. */
  private static void copyUnlessRenamed(Path file, Path to) throws IOException {
    try {
      Files.copy(file, to.resolve(file.getFileName()));
    } catch (NoSuchFileException e) {
      if (file.toString().endsWith(Segment.SUFFIX)) {
        throw e;
      }
    }
  }

  static void delete(Path directory) throws IOException {
    for (var file : files(directory, "")) {
      Files.delete(file);
    }
    Files.delete(directory);
  }

  static List<Path> segments(Path directory) {
    return files(directory, Segment.SUFFIX);
  }

  /** How many files are ready to become segments. */
  static int spares(Path directory) {
    return files(directory, Spares.SUFFIX).size();
  }

  private static List<Path> files(Path directory, String suffix) {
    try (var files = Files.list(directory)) {
      return files.filter(file -> file.getFileName().toString().endsWith(suffix)).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
