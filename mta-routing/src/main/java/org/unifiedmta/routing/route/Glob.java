package org.unifiedmta.routing.route;

import java.util.Locale;
import org.unifiedmta.core.address.EmailAddress;

/**
 * A pattern for addresses, or for other short text: {@code *} any characters, {@code ?} one,
 * without regard to case.
 *
 * @param pattern in lower case
 */
public record Glob(String pattern) {
  private static final int MAXIMUM_LENGTH = 320;

  /**
   * Reads a pattern.
   *
   * @throws IllegalArgumentException if it is blank or longer than any address
   */
  public static Glob of(String pattern) {
    if (pattern.isBlank() || pattern.length() > MAXIMUM_LENGTH) {
      throw new IllegalArgumentException("no pattern: " + pattern);
    }
    return new Glob(pattern.toLowerCase(Locale.ROOT));
  }

  /** Whether the address fits, its domain in either form. */
  public boolean matches(EmailAddress address) {
    return matches(address.toString().toLowerCase(Locale.ROOT))
        || (address.domain().startsWith("xn--") || address.domain().contains(".xn--"))
            && matches(address.toUnicode().toLowerCase(Locale.ROOT));
  }

  /** Whether the domain is written out, so that the pattern cannot mean just anybody. */
  boolean namesDomain() {
    int at = pattern.lastIndexOf('@');
    return at >= 0
        && at < pattern.length() - 1
        && pattern.indexOf('*', at) < 0
        && pattern.indexOf('?', at) < 0;
  }

  /** Whether text fits, in lower case. Linear: on a mismatch only the last star takes one more. */
  public boolean matches(String text) {
    int p = 0;
    int t = 0;
    int star = -1;
    int mark = 0;
    while (t < text.length()) {
      if (p < pattern.length() && pattern.charAt(p) == '*') {
        star = p++;
        mark = t;
      } else if (p < pattern.length()
          && (pattern.charAt(p) == '?' || pattern.charAt(p) == text.charAt(t))) {
        p++;
        t++;
      } else if (star >= 0) {
        p = star + 1;
        t = ++mark;
      } else {
        return false;
      }
    }
    while (p < pattern.length() && pattern.charAt(p) == '*') {
      p++;
    }
    return p == pattern.length();
  }
}
