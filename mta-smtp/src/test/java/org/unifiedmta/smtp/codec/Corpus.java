package org.unifiedmta.smtp.codec;

import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The public conformance corpora, in JSON lines of flat objects, where they are at hand. */
final class Corpus {
  private final String text;
  private int position;

  private Corpus(String text) {
    this.text = text;
  }

  /** The cases of a file; the test is skipped, saying so, where there is none. */
  static List<Map<String, Object>> cases(String name) {
    var directory = System.getProperty("shared.directory", "");
    var file = Path.of(directory, "conformance", name);
    assumeThat(file).as("conformance corpus %s is not here: skipped", file).exists();
    try {
      return Files.readAllLines(file).stream().map(line -> new Corpus(line).object()).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static byte[] octets(Object base64) {
    return Base64.getDecoder().decode((String) base64);
  }

  private Map<String, Object> object() {
    var members = new LinkedHashMap<String, Object>();
    expect('{');
    while (peek() != '}') {
      var name = string();
      expect(':');
      members.put(name, value());
      if (peek() == ',') {
        position++;
      }
    }
    return members;
  }

  private Object value() {
    return switch (peek()) {
      case '"' -> string();
      case '[' -> array();
      case 't' -> word("true", true);
      case 'f' -> word("false", false);
      default -> throw new IllegalArgumentException("at " + position + " of " + text);
    };
  }

  private List<Object> array() {
    var values = new ArrayList<Object>();
    expect('[');
    while (peek() != ']') {
      values.add(value());
      if (peek() == ',') {
        position++;
      }
    }
    position++;
    return values;
  }

  private String string() {
    expect('"');
    var string = new StringBuilder();
    while (text.charAt(position) != '"') {
      char c = text.charAt(position++);
      if (c == '\\') {
        c = text.charAt(position++);
        if (c == 'u') {
          c = (char) Integer.parseInt(text, position, position + 4, 16);
          position += 4;
        }
      }
      string.append(c);
    }
    position++;
    return string.toString();
  }

  private Object word(String word, boolean value) {
    position += word.length();
    return value;
  }

  private void expect(char c) {
    if (peek() != c) {
      throw new IllegalArgumentException("no " + c + " at " + position + " of " + text);
    }
    position++;
  }

  private char peek() {
    while (text.charAt(position) == ' ') {
      position++;
    }
    return text.charAt(position);
  }
}
