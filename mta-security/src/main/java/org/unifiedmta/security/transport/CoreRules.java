package org.unifiedmta.security.transport;

/** The core rules of ABNF that records and policies are made of (RFC 5234 B.1), in US-ASCII. */
final class CoreRules {
  private CoreRules() {}

  /** {@code ALPHA / DIGIT}. */
  static boolean isLetterOrDigit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || isDigit(c);
  }

  static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  /** {@code WSP}. */
  private static boolean isBlank(char c) {
    return c == ' ' || c == '\t';
  }

  /** Where {@code *WSP} that begins here ends. */
  static int afterBlanks(String text, int from) {
    int at = from;
    while (at < text.length() && isBlank(text.charAt(at))) {
      at++;
    }
    return at;
  }

  /** Where {@code *WSP} that ends here begins. */
  static int beforeBlanks(String text, int to) {
    int at = to;
    while (at > 0 && isBlank(text.charAt(at - 1))) {
      at--;
    }
    return at;
  }
}
