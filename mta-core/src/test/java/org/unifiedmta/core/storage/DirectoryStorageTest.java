package org.unifiedmta.core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.File;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoryStorageTest extends StorageContract {
  private static final Instant NOW = Instant.parse("2026-11-26T12:00:00Z");

  @TempDir Path directory;

  @Override
  StorageManager storage() {
    return StorageManager.directory(directory.resolve("values"));
  }

  @Test
  void anotherProcessFindsWhatWasSet() {
    storage().set("dkim/example.org", octets("key"));
    assertThat(storage().get("dkim/example.org")).contains(octets("key"));
    assertThat(storage().list("dkim/")).containsExactly("dkim/example.org");
  }

  @Test
  void missingDirectoriesAreMade() {
    var deep = directory.resolve("a/b/c");
    StorageManager.directory(deep).set("k", octets("v"));
    assertThat(StorageManager.directory(deep).get("k")).contains(octets("v"));
  }

  @Test
  void aFileIsNoDirectory() throws Exception {
    var file = Files.createFile(directory.resolve("file"));
    for (var place : List.of(file, file.resolve("below"))) {
      assertThatThrownBy(() -> StorageManager.directory(place))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining(place.toString());
    }
  }

  @Test
  void onlyTheOwnerReadsAValueOrSeesItsName() throws Exception {
    assumeThat(directory.getFileSystem().supportedFileAttributeViews()).contains("posix");
    storage().set("dkim/example.org/default", octets("secret"));
    try (var paths = Files.walk(directory.resolve("values"))) {
      for (var path : (Iterable<Path>) paths::iterator) {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
            .as(path.toString())
            .isEqualTo(Files.isDirectory(path) ? "rwx------" : "rw-------");
      }
    }
  }

  @Test
  void aCrashWhileAValueIsWrittenLeavesTheOldOne() throws Exception {
    var storage = storage();
    storage.set("a/k", octets("old"));
    var half = directory.resolve("values/d-a/t-1f0e");
    Files.write(half, octets("ne"));
    assertThat(storage.get("a/k")).contains(octets("old"));
    assertThat(storage.list("")).containsExactly("a/k");
    storage.set("a/k", octets("new"));
    assertThat(storage().get("a/k")).contains(octets("new"));
  }

  @Test
  void whatACrashLeftIsRemovedWhenNobodyCanBeWritingItAnyMore() throws Exception {
    var storage =
        new DirectoryStorage(directory.resolve("values"), Clock.fixed(NOW, ZoneOffset.UTC));
    storage.set("a/k", octets("v"));
    var abandoned = Files.createFile(directory.resolve("values/d-a/t-1"));
    var beingWritten = Files.createFile(directory.resolve("values/d-a/t-2"));
    Files.setLastModifiedTime(abandoned, FileTime.from(NOW.minusSeconds(3_601)));
    Files.setLastModifiedTime(beingWritten, FileTime.from(NOW.minusSeconds(3_599)));
    assertThat(storage.list("")).containsExactly("a/k");
    assertThat(abandoned).doesNotExist();
    assertThat(beingWritten).exists();
  }

  @Test
  void aFailedWriteLeavesNothing() throws Exception {
    var storage = storage();
    storage.set("k", octets("v"));
    Files.delete(directory.resolve("values/v-k"));
    Files.createDirectories(directory.resolve("values/v-k/x"));
    assertThatThrownBy(() -> storage.set("k", octets("w")))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("v-k");
    try (var files = Files.list(directory.resolve("values"))) {
      assertThat(files).containsExactly(directory.resolve("values/v-k"));
    }
  }

  @Test
  void aFileLargerThanAValueIsReportedNotLoaded() throws Exception {
    var storage = storage();
    try (var file = new java.io.RandomAccessFile(directory.resolve("values/v-k").toFile(), "rw")) {
      file.setLength(StorageManager.MAXIMUM_VALUE + 1L);
    }
    assertThatThrownBy(() -> storage.get("k"))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("v-k")
        .hasMessageContaining("16777216");
  }

  @Test
  void noLinkLeadsOutOfTheDirectory() throws Exception {
    assumeThat(File.separatorChar).isEqualTo('/');
    var outside = Files.createDirectory(directory.resolve("outside"));
    Files.write(outside.resolve("v-k"), octets("outside"));
    var storage = storage();
    Files.createSymbolicLink(directory.resolve("values/d-a"), outside);
    Files.createSymbolicLink(directory.resolve("values/v-k"), outside.resolve("v-k"));
    assertThatThrownBy(() -> storage.get("a/k"))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("symbolic link");
    assertThatThrownBy(() -> storage.set("a/k", octets("x")))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("d-a");
    assertThatThrownBy(() -> storage.delete("a/k")).isInstanceOf(UncheckedIOException.class);
    assertThatThrownBy(() -> storage.get("k"))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("v-k");
    assertThat(storage.list("")).isEmpty();
    storage.set("k", octets("inside"));
    assertThat(storage.get("k")).contains(octets("inside"));
    assertThat(Files.readAllBytes(outside.resolve("v-k"))).isEqualTo(octets("outside"));
  }

  @Test
  void aDirectoryThatIsALinkItselfIsTheHostsChoice() throws Exception {
    assumeThat(File.separatorChar).isEqualTo('/');
    var real = Files.createDirectory(directory.resolve("real"));
    var link = Files.createSymbolicLink(directory.resolve("link"), real);
    StorageManager.directory(link).set("k", octets("v"));
    assertThat(StorageManager.directory(real).get("k")).contains(octets("v"));
  }

  @Test
  void whatSomebodyElsePutThereIsNotListed() throws Exception {
    var storage = storage();
    storage.set("k", octets("v"));
    for (var name :
        List.of("README", "v-", "v-%61", "v-%2E", "v-%2e", "v-%", "v-%zz", "v-a%2fb", "v-%ff")) {
      Files.createFile(directory.resolve("values").resolve(name));
    }
    Files.createDirectory(directory.resolve("values/v-dir"));
    Files.createDirectories(directory.resolve("values/lost+found/v-k"));
    assertThat(storage.list("")).containsExactly("k");
  }

  @Test
  void noTwoNamesDifferInCaseAloneOrNameADeviceOrEndInADot() {
    var names = new HashSet<String>();
    var keys =
        List.of(
            "a",
            "A",
            "con",
            "aux.txt",
            "x.",
            "x..",
            ".x",
            "a".repeat(117) + ".b",
            "J",
            "\u00c4",
            "a".repeat(116) + "..b",
            "a".repeat(117) + "." + "b".repeat(200),
            "j");
    for (var key : keys) {
      var whole = new ArrayList<String>();
      for (var name : FileNames.of(key)) {
        assertThat(name).matches("[cdv]-[a-z0-9_@+.%-]+").doesNotEndWith(".");
        assertThat(name).hasSizeLessThanOrEqualTo(120);
        whole.add(name.toLowerCase(Locale.ROOT));
      }
      assertThat(names.add(String.join("/", whole))).as(key).isTrue();
    }
  }

  @Test
  void processesThatSetTheSameKeyLeaveOneValueWhole() throws Exception {
    var place = directory.resolve("values");
    var writers = new ArrayList<Process>();
    for (var fill : List.of("a", "b")) {
      writers.add(
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  Writer.class.getName(),
                  place.toString(),
                  fill)
              .inheritIO()
              .start());
    }
    for (var writer : writers) {
      assertThat(writer.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(writer.exitValue()).isZero();
    }
    assertThat(new String(storage().get("shared/k").orElseThrow())).matches("a{50000}|b{50000}");
    try (var files = Files.list(place.resolve("d-shared"))) {
      assertThat(files).hasSize(1);
    }
  }

  /** Sets a value again and again; fails if it ever reads a mixed one. */
  static final class Writer {
    public static void main(String[] arguments) {
      var storage = StorageManager.directory(Path.of(arguments[0]));
      for (int i = 0; i < 50; i++) {
        storage.set("shared/k", octets(arguments[1].repeat(50_000)));
        var read = new String(storage.get("shared/k").orElseThrow());
        if (!read.equals(read.substring(0, 1).repeat(50_000))) {
          throw new IllegalStateException("a mixed value");
        }
        storage.list("");
      }
    }
  }
}
