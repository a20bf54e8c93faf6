package org.unifiedmta.core.mime;

import java.io.ByteArrayOutputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The parameters of a field such as Content-Type, in all the ways that mailers write them: tokens,
 * quoted strings, RFC 2231 with and without continuations, encoded words.
 */
final class Parameters {
  private static final int MAXIMUM_PIECES = 1_000;

  private final Map<String, String> raw = new LinkedHashMap<>();

  /** Reads what follows the first semicolon. */
  Parameters(String value) {
    int i = value.indexOf(';');
    while (i >= 0 && i < value.length() && raw.size() < MAXIMUM_PIECES) {
      i = parameter(value, i + 1);
    }
  }

  /** {@code attribute "=" value}; gives the offset of the next semicolon. */
  private int parameter(String s, int from) {
    int equals = from;
    while (equals < s.length() && s.charAt(equals) != '=' && s.charAt(equals) != ';') {
      equals++;
    }
    if (equals == s.length() || s.charAt(equals) == ';') {
      return equals;
    }
    var name = s.substring(from, equals).strip().toLowerCase(Locale.ROOT);
    int i = equals + 1;
    while (i < s.length() && (s.charAt(i) == ' ' || s.charAt(i) == '\t')) {
      i++;
    }
    var value = new StringBuilder();
    if (i < s.length() && s.charAt(i) == '"') {
      for (i++; i < s.length() && s.charAt(i) != '"'; i++) {
        if (s.charAt(i) == '\\' && i + 1 < s.length()) {
          i++;
        }
        value.append(s.charAt(i));
      }
      while (i < s.length() && s.charAt(i) != ';') {
        i++;
      }
      raw.putIfAbsent(name, value.toString());
    } else {
      for (; i < s.length() && s.charAt(i) != ';'; i++) {
        value.append(s.charAt(i));
      }
      raw.putIfAbsent(name, value.toString().strip());
    }
    return i;
  }

  /** The value of a parameter as it stands, blanks and all; null for none. */
  @Nullable String raw(String name) {
    return raw.get(name);
  }

  /** The value of a parameter, decoded. */
  Optional<String> get(String name) {
    return Optional.ofNullable(extended(name))
        .or(() -> Optional.ofNullable(raw.get(name)).map(HeaderText::decode))
        .map(HeaderText::oneLine)
        .filter(value -> !value.isBlank());
  }

  /** RFC 2231 3 and 4. */
  private @Nullable String extended(String name) {
    var whole = raw.get(name + "*");
    if (whole != null) {
      int first = whole.indexOf('\'');
      int second = whole.indexOf('\'', first + 1);
      return first < 0 || second < 0
          ? Charsets.decode(percentDecoded(whole), null)
          : Charsets.decode(
              percentDecoded(whole.substring(second + 1)),
              Charsets.find(whole.substring(0, first)));
    }
    Charset charset = null;
    var bytes = new ByteArrayOutputStream();
    for (int i = 0; i < MAXIMUM_PIECES; i++) {
      var plain = raw.get(name + "*" + i);
      var encoded = raw.get(name + "*" + i + "*");
      if (plain == null && encoded == null) {
        return i == 0 ? null : Charsets.decode(bytes.toByteArray(), charset);
      }
      if (encoded != null && i == 0) {
        int first = encoded.indexOf('\'');
        int second = encoded.indexOf('\'', first + 1);
        if (first >= 0 && second >= 0) {
          charset = Charsets.find(encoded.substring(0, first));
          encoded = encoded.substring(second + 1);
        }
      }
      bytes.writeBytes(
          encoded != null
              ? percentDecoded(encoded)
              : String.valueOf(plain).getBytes(StandardCharsets.UTF_8));
    }
    return Charsets.decode(bytes.toByteArray(), charset);
  }

  private static byte[] percentDecoded(String s) {
    var bytes = new ByteArrayOutputStream();
    for (int i = 0; i < s.length(); i++) {
      int high = digit(s, i + 1);
      int low = digit(s, i + 2);
      if (s.charAt(i) == '%' && high >= 0 && low >= 0) {
        bytes.write(high * 16 + low);
        i += 2;
      } else {
        bytes.writeBytes(String.valueOf(s.charAt(i)).getBytes(StandardCharsets.UTF_8));
      }
    }
    return bytes.toByteArray();
  }

  private static int digit(String s, int i) {
    return i < s.length() ? Character.digit(s.charAt(i), 16) : -1;
  }
}
