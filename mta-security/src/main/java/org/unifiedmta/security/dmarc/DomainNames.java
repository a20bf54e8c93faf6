package org.unifiedmta.security.dmarc;

import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Domains;

/** Names as they are compared: A-labels, in lower case, without the dot of the root. */
final class DomainNames {
  private DomainNames() {}

  /** Null if it is no domain name: an address literal, an empty label, a blank, too long. */
  static @Nullable String normal(String text) {
    var name = text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
    if (name.chars().anyMatch(c -> c > 127)) {
      try {
        name = Domains.toAscii(name);
      } catch (IllegalArgumentException e) {
        return null;
      }
    }
    int label = 0;
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c == '.' ? label == 0 : !isLetterDigitHyphen(c) || ++label > 63) {
        return null;
      }
      label = c == '.' ? 0 : label;
    }
    // 246: what there is room for behind "_dmarc." in a name of 253.
    return label == 0 || name.length() > 246 ? null : name.toLowerCase(Locale.ROOT);
  }

  /** Underscores too: no host has them, but domains that send mail do. */
  static boolean isLetterDigitHyphen(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || c == '-'
        || c == '_';
  }

  static boolean isOrIsBelow(String name, String above) {
    return name.equals(above) || name.endsWith("." + above);
  }

  static int labels(String name) {
    return 1 + (int) name.chars().filter(c -> c == '.').count();
  }

  /** The last of its labels. */
  static String last(String name, int labels) {
    int from = name.length();
    for (int i = 0; i < labels && from >= 0; i++) {
      from = name.lastIndexOf('.', from - 1);
    }
    return name.substring(from + 1);
  }
}
