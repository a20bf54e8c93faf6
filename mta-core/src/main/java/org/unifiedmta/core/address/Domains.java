package org.unifiedmta.core.address;

import java.net.IDN;
import java.util.Locale;

/** Domain names: letters, digits and hyphens in lower case, U-labels turned into A-labels. */
public final class Domains {
  private static final int MAXIMUM_DOMAIN = 255; // RFC 5321 4.5.3.1.2
  private static final int MAXIMUM_LABEL = 63; // RFC 1035 2.3.4

  private Domains() {}

  /**
   * The name in lower case, its U-labels as A-labels.
   *
   * @throws IllegalArgumentException if it is no host name
   */
  public static String toAscii(String domain) {
    var ascii = isAscii(domain) ? domain.toLowerCase(Locale.ROOT) : internationalized(domain);
    if (ascii.length() > MAXIMUM_DOMAIN) {
      throw new IllegalArgumentException("domain longer than 255 octets");
    }
    int label = 0;
    for (int i = 0; i <= ascii.length(); i++) {
      if (i == ascii.length() || ascii.charAt(i) == '.') {
        checkLabel(ascii, label, i);
        label = i + 1;
      }
    }
    return ascii;
  }

  /** {@code sub-domain = Let-dig [Ldh-str]}. */
  private static void checkLabel(String domain, int from, int to) {
    if (from == to) {
      throw new IllegalArgumentException("empty domain label");
    }
    if (to - from > MAXIMUM_LABEL) {
      throw new IllegalArgumentException("domain label longer than 63 octets");
    }
    if (domain.charAt(from) == '-' || domain.charAt(to - 1) == '-') {
      throw new IllegalArgumentException("domain label with a hyphen at its end");
    }
    for (int i = from; i < to; i++) {
      char c = domain.charAt(i);
      if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
        throw new IllegalArgumentException("character that no domain has");
      }
    }
  }

  private static String internationalized(String domain) {
    for (int i = 0; i < domain.length(); i++) {
      // IDNA2003, which the JDK has, maps these to other letters: another domain than the one
      // meant.
      if ("\u00DF\u1E9E\u03C2\u200C\u200D".indexOf(domain.charAt(i)) >= 0) {
        throw new IllegalArgumentException("domain label that must be given in its A-label form");
      }
      if ("\u3002\uFF0E\uFF61".indexOf(domain.charAt(i)) >= 0) {
        throw new IllegalArgumentException("dot that is no full stop in a domain");
      }
    }
    return IDN.toASCII(domain, IDN.USE_STD3_ASCII_RULES).toLowerCase(Locale.ROOT);
  }

  static String toUnicode(String domain) {
    return domain.startsWith("[") ? domain : IDN.toUnicode(domain);
  }

  private static boolean isAscii(String s) {
    for (int i = 0; i < s.length(); i++) {
      if (s.charAt(i) > 127) {
        return false;
      }
    }
    return true;
  }
}
