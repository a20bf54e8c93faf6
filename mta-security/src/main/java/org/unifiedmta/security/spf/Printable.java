package org.unifiedmta.security.spf;

/** What peers and their DNS said, made fit for replies, header fields and logs. */
final class Printable {
  private static final int MAXIMUM = 450;

  private Printable() {}

  /** One line of ASCII, 450 characters at most; what is no such character is a question mark. */
  static String line(String text) {
    var line = new StringBuilder(Math.min(text.length(), MAXIMUM));
    for (int i = 0; i < text.length() && i < MAXIMUM; i++) {
      char c = text.charAt(i);
      line.append(c >= ' ' && c < 127 ? c : '?');
    }
    return line.toString();
  }
}
