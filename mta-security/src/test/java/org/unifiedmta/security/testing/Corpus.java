package org.unifiedmta.security.testing;

import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The public conformance corpora, where they are at hand; else the test is skipped, saying so. */
public final class Corpus {
  private Corpus() {}

  /** The cases of a file of JSON lines. */
  public static List<Map<String, Object>> cases(String name) {
    var reader = new ObjectMapper().readerForMapOf(Object.class);
    try (var cases = reader.<Map<String, Object>>readValues(at(name).toFile())) {
      return cases.readAll();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A whole JSON file. */
  public static Map<String, Object> json(String name) {
    try {
      return new ObjectMapper().readerForMapOf(Object.class).readValue(at(name).toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Another file. */
  public static Path path(String name) {
    return at(name);
  }

  private static Path at(String name) {
    var path = Path.of(System.getProperty("shared.directory", ""), "conformance", name);
    assumeThat(path).as("conformance corpus %s is not here: skipped", path).exists();
    return path;
  }
}
