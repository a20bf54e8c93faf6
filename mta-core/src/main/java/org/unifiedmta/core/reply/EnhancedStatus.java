package org.unifiedmta.core.reply;

import java.util.Optional;

/**
 * An enhanced status code (RFC 3463): {@code 5.1.1}.
 *
 * @param klass 2 success, 4 persistent transient failure, 5 permanent failure
 * @param subject 0 to 999
 * @param detail 0 to 999
 */
public record EnhancedStatus(int klass, int subject, int detail) {

  public EnhancedStatus {
    if ((klass != 2 && klass != 4 && klass != 5)
        || subject < 0
        || subject > 999
        || detail < 0
        || detail > 999) {
      throw new IllegalArgumentException("no status code: " + klass + "." + subject + "." + detail);
    }
  }

  /** The first status code that stands as a word of its own in the text. */
  public static Optional<EnhancedStatus> find(String text) {
    for (int i = 0; i + 4 < text.length(); i++) {
      if ((i == 0 || !partOfWord(text.charAt(i - 1))) && length(text, i) > 0) {
        return at(text, i);
      }
    }
    return Optional.empty();
  }

  /** The status code that the text starts with. */
  static Optional<EnhancedStatus> at(String text, int from) {
    int length = length(text, from);
    if (length == 0) {
      return Optional.empty();
    }
    int second = text.indexOf('.', from + 2);
    return Optional.of(
        new EnhancedStatus(
            text.charAt(from) - '0',
            Integer.parseInt(text, from + 2, second, 10),
            Integer.parseInt(text, second + 1, from + length, 10)));
  }

  /** {@code class "." 1*3DIGIT "." 1*3DIGIT}: its length at an offset, 0 if there is none. */
  static int length(String text, int from) {
    if (from + 5 > text.length()
        || "245".indexOf(text.charAt(from)) < 0
        || text.charAt(from + 1) != '.') {
      return 0;
    }
    int i = digits(text, from + 2);
    if (i == from + 2 || i >= text.length() || text.charAt(i) != '.') {
      return 0;
    }
    int end = digits(text, i + 1);
    boolean whole =
        end == text.length() || !partOfNumber(text.charAt(end)) || endsSentence(text, end);
    return end > i + 1 && whole ? end - from : 0;
  }

  private static boolean endsSentence(String text, int at) {
    return text.charAt(at) == '.'
        && (at + 1 == text.length() || !Character.isDigit(text.charAt(at + 1)));
  }

  private static int digits(String text, int from) {
    int i = from;
    while (i < text.length() && i < from + 3 && text.charAt(i) >= '0' && text.charAt(i) <= '9') {
      i++;
    }
    return i;
  }

  /** The 4.2.1 of {@code v4.2.1} is the version of something. */
  private static boolean partOfWord(char c) {
    return partOfNumber(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }

  private static boolean partOfNumber(char c) {
    return (c >= '0' && c <= '9') || c == '.';
  }

  @Override
  public String toString() {
    return klass + "." + subject + "." + detail;
  }
}
