package org.unifiedmta.core.spool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ByteSourceTest {

  @Test
  void aSourceIsReadFromTheStartAsOftenAsNeeded(@TempDir Path directory) throws IOException {
    var bytes = new byte[] {1, 2, 3};
    var file = Files.write(directory.resolve("file"), bytes);
    for (var source : new ByteSource[] {ByteSource.of(bytes), ByteSource.of(file)}) {
      assertThat(source.size()).isEqualTo(3);
      for (int i = 0; i < 2; i++) {
        try (var in = source.open()) {
          assertThat(in.readAllBytes()).isEqualTo(bytes);
        }
      }
    }
  }

  @Test
  void aFileThatIsGoneIsAnError(@TempDir Path directory) {
    var source = ByteSource.of(directory.resolve("gone"));
    assertThatThrownBy(source::open).isInstanceOf(UncheckedIOException.class);
    assertThatThrownBy(source::size).isInstanceOf(UncheckedIOException.class);
  }
}
