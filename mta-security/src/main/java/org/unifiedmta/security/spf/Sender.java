package org.unifiedmta.security.spf;

import java.util.Locale;
import org.unifiedmta.core.address.Domains;

/**
 * Who says that mail comes from whom.
 *
 * @param localPart without quotes; {@code postmaster} where there is none (RFC 7208 4.3)
 * @param domain as its A-labels, in lower case; empty if it is no domain name
 * @param helo what the client calls itself, A-labels where it can have them
 */
record Sender(String localPart, String domain, String helo) {
  private static final int MAXIMUM = 1_000; // characters that macros see

  /**
   * @param mailFrom without brackets, empty for the null sender; whatever a peer sends
   */
  static Sender of(String mailFrom, String helo) {
    if (mailFrom.isEmpty()) {
      return of("", helo, helo); // RFC 7208 2.4
    }
    int at = mailFrom.lastIndexOf('@');
    return of(mailFrom.substring(0, Math.max(0, at)), mailFrom.substring(at + 1), helo);
  }

  static Sender of(String localPart, String domain, String helo) {
    var local = unquoted(localPart);
    return new Sender(
        local.isEmpty() ? "postmaster" : end(local), domainName(domain), end(ascii(helo)));
  }

  boolean isInternationalized() {
    return localPart.chars().anyMatch(c -> c > 126);
  }

  /** What is kept of a text that is too long: names are cut on their left (RFC 7208 7.3). */
  private static String end(String text) {
    return text.substring(Math.max(0, text.length() - MAXIMUM));
  }

  /** RFC 5321 4.1.2: the quotes are no part of the name. */
  private static String unquoted(String localPart) {
    int end = localPart.length() - 1;
    if (end < 1 || localPart.charAt(0) != '"' || localPart.charAt(end) != '"') {
      return localPart;
    }
    var plain = new StringBuilder(end);
    for (int i = 1; i < end; i++) {
      if (localPart.charAt(i) == '\\' && i + 1 < end) {
        i++;
      }
      plain.append(localPart.charAt(i));
    }
    return plain.toString();
  }

  /** RFC 7208 4.3: several labels of letters, digits, hyphens and underscores; else empty. */
  private static String domainName(String text) {
    var name = ascii(text.endsWith(".") ? text.substring(0, text.length() - 1) : text);
    boolean valid = name.length() <= 253 && name.indexOf('.') > 0;
    int label = 0;
    for (int i = 0; valid && i < name.length(); i++) {
      char c = name.charAt(i);
      if (c == '.') {
        valid = label > 0;
        label = 0;
      } else {
        valid =
            ++label <= 63
                && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_');
      }
    }
    return valid && label > 0 ? name : "";
  }

  /** In A-labels where it has U-labels (RFC 8616 4), in lower case; else as it is. */
  private static String ascii(String name) {
    if (name.chars().allMatch(c -> c < 128)) {
      return name.toLowerCase(Locale.ROOT);
    }
    try {
      return Domains.toAscii(name);
    } catch (IllegalArgumentException e) {
      return name;
    }
  }
}
