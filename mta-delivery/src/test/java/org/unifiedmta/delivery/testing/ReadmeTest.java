package org.unifiedmta.delivery.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ReadmeTest {
  private static final Pattern BLOCK = Pattern.compile("(?s)```java\n(.*?)```");

  @Test
  void everythingThatTheReadmeShowsIsCompiled() throws IOException {
    var compiled =
        squeezed(
            Files.readString(
                Path.of("src/test/java/org/unifiedmta/delivery/testing/ReadmeHellos.java")));
    var blocks = BLOCK.matcher(Files.readString(Path.of("..", "README.md"))).results().toList();
    assertThat(blocks).hasSize(3);
    for (var block : blocks) {
      assertThat(compiled).contains(squeezed(block.group(1)));
    }
  }

  private static String squeezed(String code) {
    return code.replaceAll("\\s+", "");
  }
}
