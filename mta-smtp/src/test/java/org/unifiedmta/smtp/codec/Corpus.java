package org.unifiedmta.smtp.codec;

import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/** The public conformance corpora, in JSON lines, where they are at hand. */
final class Corpus {
  private Corpus() {}

  /** The cases of a file; the test is skipped, saying so, where there is none. */
  static List<Map<String, Object>> cases(String name) {
    var directory = System.getProperty("shared.directory", "");
    var file = Path.of(directory, "conformance", name);
    assumeThat(file).as("conformance corpus %s is not here: skipped", file).exists();
    var reader = new ObjectMapper().readerForMapOf(Object.class);
    try (var cases = reader.<Map<String, Object>>readValues(file.toFile())) {
      return cases.readAll();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static byte[] octets(Object base64) {
    return Base64.getDecoder().decode((String) base64);
  }
}
