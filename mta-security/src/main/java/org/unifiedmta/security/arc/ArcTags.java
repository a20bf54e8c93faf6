package org.unifiedmta.security.arc;

import org.jspecify.annotations.Nullable;

/** What the fields of a set have in common (RFC 8617 4.1, 4.2.1). */
final class ArcTags {
  static final int MAXIMUM_INSTANCE = 50; // 4.2.1

  private ArcTags() {}

  /** i=, or 0 if it is not in {@code 1*2DIGIT ; 1 - 50}, or written with a zero in front. */
  static int instance(@Nullable String text) {
    if (text == null || text.isEmpty() || text.length() > 2 || text.charAt(0) == '0') {
      return 0;
    }
    int number = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < '0' || c > '9') {
        return 0;
      }
      number = number * 10 + c - '0';
    }
    return number > MAXIMUM_INSTANCE ? 0 : number;
  }

  /**
   * The instance of an ARC-Authentication-Results field, 0 for none:
   *
   * <pre>{@code
   * arc-info = instance [CFWS] ";" authres-payload
   * instance = [CFWS] "i" [CFWS] "=" [CFWS] position
   * }</pre>
   */
  static int instanceOfResults(String value) {
    int at = afterBlanks(value, 0);
    if (at == value.length() || value.charAt(at) != 'i') {
      return 0;
    }
    at = afterBlanks(value, at + 1);
    if (at == value.length() || value.charAt(at) != '=') {
      return 0;
    }
    int from = afterBlanks(value, at + 1);
    int to = from;
    while (to < value.length() && value.charAt(to) >= '0' && value.charAt(to) <= '9') {
      to++;
    }
    int end = afterBlanks(value, to);
    if (end == value.length()
        || value.charAt(end) != ';'
        || afterBlanks(value, end + 1) == value.length()) {
      return 0;
    }
    return instance(value.substring(from, to));
  }

  /** Behind blanks and comments (RFC 5322 3.2.2); at the end of the text if a comment has none. */
  private static int afterBlanks(String text, int from) {
    int depth = 0;
    int at = from;
    for (; at < text.length(); at++) {
      char c = text.charAt(at);
      if (c == '(') {
        depth++;
      } else if (c == ')' && depth > 0) {
        depth--;
      } else if (c == '\\' && depth > 0) {
        at++;
      } else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n') {
        return at;
      }
    }
    return text.length();
  }
}
