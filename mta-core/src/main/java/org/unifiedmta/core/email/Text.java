package org.unifiedmta.core.email;

/** What keeps text from breaking out of its header field. */
final class Text {
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
}
