package org.unifiedmta.core.address;

import com.ibm.icu.text.IDNA;
import java.util.EnumSet;
import java.util.Locale;

/**
 * Domain names: letters, digits and hyphens in lower case, U-labels turned into A-labels and back
 * by UTS #46, non-transitional: {@code faß.de} is {@code xn--fa-hia.de}, not {@code fass.de}.
 */
public final class Domains {
  private static final int MAXIMUM_DOMAIN = 255; // RFC 5321 4.5.3.1.2
  private static final int MAXIMUM_LABEL = 63; // RFC 1035 2.3.4
  private static final String ACE = "xn--"; // RFC 5890 2.3.2.5

  /** What is loaded only where a domain has other letters than ASCII. */
  private static final class Uts46 {
    static final IDNA IDNA_2008 =
        IDNA.getUTS46Instance(
            IDNA.NONTRANSITIONAL_TO_ASCII
                | IDNA.NONTRANSITIONAL_TO_UNICODE
                | IDNA.USE_STD3_RULES
                | IDNA.CHECK_BIDI
                | IDNA.CHECK_CONTEXTJ);
  }

  private Domains() {}

  /**
   * The name in lower case, its U-labels as A-labels.
   *
   * @throws IllegalArgumentException if it is no host name, or has a label that is no valid U-label
   *     or A-label (RFC 5891 4.2, RFC 5893, UTS #46 4.1)
   */
  public static String toAscii(String domain) {
    var ascii = isPlain(domain) ? domain.toLowerCase(Locale.ROOT) : internationalized(domain);
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
      // UTS #46 would map them to full stops; RFC 6531 3.3 knows one dot between labels.
      if ("\u3002\uFF0E\uFF61".indexOf(domain.charAt(i)) >= 0) {
        throw new IllegalArgumentException("dot that is no full stop in a domain");
      }
    }
    if (domain.length() > MAXIMUM_DOMAIN) {
      throw new IllegalArgumentException("domain longer than 255 octets");
    }
    var ascii = new StringBuilder();
    var info = new IDNA.Info();
    Uts46.IDNA_2008.nameToASCII(domain, ascii, info);
    var errors = EnumSet.noneOf(IDNA.Error.class);
    errors.addAll(info.getErrors());
    if (!hasUnicodeLabelWithHyphens(domain)) {
      // A label in ASCII may have hyphens there, RFC 5890 2.3.1, as host names of machines do.
      errors.remove(IDNA.Error.HYPHEN_3_4);
    }
    if (!errors.isEmpty()) {
      throw new IllegalArgumentException(
          "domain label that is not valid (IDNA: "
              + String.join(", ", errors.stream().map(Domains::inWords).toList())
              + ")");
    }
    return ascii.toString();
  }

  private static String inWords(IDNA.Error error) {
    return error.name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }

  /** RFC 5891 4.2.3.1. */
  private static boolean hasUnicodeLabelWithHyphens(String domain) {
    for (var label : domain.split("\\.")) {
      if (label.startsWith("--", 2) && label.chars().anyMatch(c -> c > 127)) {
        return true;
      }
    }
    return false;
  }

  /** A-labels as U-labels; what is none stays as it is. */
  static String toUnicode(String domain) {
    if (domain.startsWith("[") || !domain.contains(ACE)) {
      return domain;
    }
    var unicode = new StringBuilder();
    var info = new IDNA.Info();
    Uts46.IDNA_2008.nameToUnicode(domain, unicode, info);
    return info.hasErrors() ? domain : unicode.toString();
  }

  /** Whether no label is a U-label or an A-label. */
  private static boolean isPlain(String domain) {
    boolean atLabel = true;
    for (int i = 0; i < domain.length(); i++) {
      char c = domain.charAt(i);
      if (c > 127 || (atLabel && domain.regionMatches(true, i, ACE, 0, ACE.length()))) {
        return false;
      }
      atLabel = c == '.';
    }
    return true;
  }
}
