package org.unifiedmta.core.email;

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
