package org.unifiedmta.delivery.store.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.unifiedmta.delivery.queue.Mail.START;
import static org.unifiedmta.delivery.queue.Mail.add;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.delivery.queue.ManualTimer;

/** Each directory that cannot be a queue is refused with its path and what to do. */
@Timeout(60)
class QueueDirectoryTest {
  @TempDir Path place;
  private final FaultyDisk disk = new FaultyDisk();

  private LogQueueStore open(Path directory) {
    return Logs.open(directory, new ManualTimer(START), 8 * 1024, disk);
  }

  private void refused(Path directory, String why, String remedy) {
    assertThatThrownBy(() -> open(directory).close())
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(directory.toString())
        .hasMessageContaining(why)
        .hasMessageContaining(remedy);
  }

  @Test
  void aMissingDirectoryIsMadeForItsOwnerAlone() throws IOException {
    var directory = place.resolve("queue");
    open(directory).close();
    if (directory.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)))
          .isEqualTo("rwx------");
    }
    assertThat(directory.resolve("unifiedmta-queue")).hasContent("UnifiedMTA queue, format 2");
  }

  @Test
  void aMissingParentIsNotMade() {
    refused(place.resolve("no/queue"), "cannot be created", "create " + place.resolve("no"));
  }

  @Test
  void aFileIsNoDirectory() throws IOException {
    refused(Files.createFile(place.resolve("file")), "is a file", "name a directory");
  }

  @Test
  void aDirectoryThatCannotBeWrittenIsRefused() {
    // Permissions do not stop root, so this is a place where nobody may create anything.
    var nowhere = Path.of("/sys/kernel/unifiedmta-queue");
    Assumptions.assumeTrue(Files.isDirectory(nowhere.getParent()));
    refused(nowhere, "cannot be used", "let this process read and write it");
  }

  @Test
  void aDirectoryWithPermissionsTakenAwayIsRefused() throws IOException {
    var directory = Files.createDirectory(place.resolve("readonly"));
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("r-x------"));
    Assumptions.assumeFalse(Files.isWritable(directory), "root may write everywhere");
    refused(directory, "cannot be used", "let this process read and write it");
  }

  @Test
  void aFullDiskIsRefused() {
    disk.full = true;
    refused(place.resolve("queue"), "has no room", "free some");
    disk.full = false;
    open(place.resolve("queue")).close();
  }

  @Test
  void aForeignDirectoryIsRefusedAndLeftAlone() throws IOException {
    Files.writeString(place.resolve("thesis.txt"), "precious");
    refused(place, "is not a UnifiedMTA queue", "name an empty or new one");
    try (var files = Files.list(place)) {
      assertThat(files).containsExactly(place.resolve("thesis.txt"));
    }
  }

  @Test
  void theRootOfAFileSystemMayBeAQueue() throws IOException {
    Files.createDirectory(place.resolve("lost+found"));
    open(place).close();
  }

  @Test
  void anUnknownFormatIsRefused() throws IOException {
    var directory = place.resolve("queue");
    open(directory).close();
    Files.writeString(directory.resolve("unifiedmta-queue"), "UnifiedMTA queue, format 3\n");
    refused(directory, "unknown format", "start the version that wrote it");
  }

  @Test
  void anUnknownFormatOfASegmentIsRefused() throws IOException {
    var directory = place.resolve("queue");
    try (var store = open(directory)) {
      add(store, "mail", "a.example");
    }
    var segment = Logs.segments(directory).getLast();
    var bytes = ByteBuffer.wrap(Files.readAllBytes(segment)).putInt(8, 3);
    var crc = new CRC32C();
    crc.update(bytes.array(), 0, Format.SEGMENT_HEADER - 4);
    bytes.putInt(Format.SEGMENT_HEADER - 4, (int) crc.getValue());
    Files.write(segment, bytes.array());
    refused(directory, "unknown format", "start the version that wrote it");
  }

  @Test
  void aSecondStoreInThisProcessIsRefusedAndTheFirstKeepsItsLock() throws Exception {
    var directory = place.resolve("queue");
    try (var store = open(directory)) {
      refused(directory, "in use by another process", "stop that");
      refused(place.resolve("queue/../queue"), "in use by another process", "stop that");
      assertThat(otherProcessOpens(directory)).contains("in use by another process");
      add(store, "mail", "a.example");
    }
    open(directory).close();
  }

  private static String otherProcessOpens(Path directory) throws Exception {
    var process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                OtherProcess.class.getName(),
                directory.toString())
            .redirectErrorStream(true)
            .start();
    var output = new String(process.getInputStream().readAllBytes());
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return output;
  }

  /** Opens the queue, and says why it could not. */
  static final class OtherProcess {
    public static void main(String[] args) {
      try {
        Logs.open(Path.of(args[0]), new ManualTimer(START), 8 * 1024, new FileDisk()).close();
        System.out.println("opened");
      } catch (ConfigException e) {
        System.out.println(e.getMessage());
      }
    }
  }
}
