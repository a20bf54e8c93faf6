package org.unifiedmta.core.email;

import java.net.URI;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What keeps text from breaking out of its header field. */
final class Text {
  private static final int MAXIMUM_NAME = 76;
  private static final int MAXIMUM_ID = 900; // it cannot be folded, RFC 5322 2.1.1

  private Text() {}

  /** The text, if it is one line: header injection is impossible by construction. */
  static String line(String what, String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\r' || c == '\n' || c == 0 || (c < 32 && c != '\t') || c == 127) {
        throw new IllegalArgumentException("control character in the " + what);
      }
    }
    return text;
  }

  /** {@code <URI>, <URI>} (RFC 2369 2), of URIs that a List field may have. */
  static String uris(URI... uris) {
    if (uris.length == 0) {
      throw new IllegalArgumentException("no URI");
    }
    return Stream.of(uris).map(Text::uri).collect(Collectors.joining(", "));
  }

  private static String uri(URI uri) {
    var text = uri.toASCIIString();
    boolean known =
        Set.of("https", "http", "mailto")
            .contains(String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT));
    if (!known || text.length() > MAXIMUM_ID || text.indexOf(',') >= 0) {
      throw new IllegalArgumentException(
          "no https or mailto URI of at most " + MAXIMUM_ID + " characters without comma: " + uri);
    }
    return "<" + text + ">";
  }

  /** RFC 5322 2.2, and short enough for a line. */
  static boolean isFieldName(String name) {
    return !name.isEmpty()
        && name.length() <= MAXIMUM_NAME
        && name.chars().allMatch(c -> c > 32 && c < 127 && c != ':');
  }

  /** What may stand between the brackets of a Message-ID or Content-ID, laxer than its grammar. */
  static boolean isId(@Nullable String id) {
    return id != null
        && !id.isEmpty()
        && id.length() <= MAXIMUM_ID
        && id.chars().allMatch(c -> c > 32 && c < 127 && c != '<' && c != '>');
  }
}
