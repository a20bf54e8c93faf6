package org.unifiedmta.security.dkim;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LooseFilesTest {
  @TempDir Path directory;
  private Path key;

  @BeforeEach
  void makeKey() throws IOException {
    new DKIMCreator(directory).handleDKIMKeysForDomain("example.org");
    try (var files = Files.walk(directory)) {
      key = files.filter(Files::isRegularFile).findFirst().orElseThrow();
    }
  }

  private static void set(Path path, String permissions) throws IOException {
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
  }

  @ParameterizedTest
  @CsvSource({
    "rw-------, rwx------, ''",
    "r--------, rwxr-xr-x, ''",
    "rw-r--r--, rwx------, key",
    "rw----r--, rwx------, key",
    "rw--w----, rwx------, key",
    "rw-------, rwxrwx---, directory",
    "rw-------, rwxrwxrwx, directory"
  })
  void whatOthersCanReadOrChangeIsFound(String file, String parent, String found)
      throws IOException {
    set(key, file);
    set(key.getParent(), parent);
    var expected = found.equals("key") ? key : key.getParent();
    assertThat(LooseFiles.below(directory))
        .isEqualTo(found.isEmpty() ? List.of() : List.of(expected));
  }

  @Test
  @ResourceLock(Resources.SYSTEM_ERR)
  void itIsSaidWhenKeysAreLoaded() throws IOException {
    set(key, "rw-r--r--");
    var heard = new ByteArrayOutputStream();
    var before = System.err;
    System.setErr(new PrintStream(heard, true, StandardCharsets.UTF_8));
    try {
      new DKIMCreator(directory);
    } finally {
      System.setErr(before);
    }
    assertThat(heard.toString(StandardCharsets.UTF_8)).contains("WARN", key.toString());
  }

  @Test
  void aDirectoryThatIsNotThereIsNotLoose() {
    assertThat(LooseFiles.below(directory.resolve("none"))).isEmpty();
  }
}
