package org.unifiedmta.delivery.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** The Java that a document for users shows. */
public final class Snippets {
  private static final Pattern BLOCK = Pattern.compile("(?s)```java\n(.*?)```");

  private Snippets() {}

  /**
   * Asserts that a document shows so many snippets, and each stands in the source of a test.
   *
   * @param document from the top of the project
   */
  public static void areCompiled(String document, int count, Class<?> test) {
    try {
      var source = Path.of("src/test/java", test.getName().replace('.', '/') + ".java");
      var compiled = squeezed(Files.readString(source));
      var shown = BLOCK.matcher(Files.readString(Path.of("..", document))).results().toList();
      assertThat(shown).hasSize(count);
      for (var snippet : shown) {
        assertThat(compiled).contains(squeezed(snippet.group(1)));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String squeezed(String code) {
    return code.replaceAll("\\s+", "");
  }
}
