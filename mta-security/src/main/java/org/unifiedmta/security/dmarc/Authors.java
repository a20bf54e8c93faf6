package org.unifiedmta.security.dmarc;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.mime.HeaderText;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.HeaderSection.Field;

/**
 * Whom a message says it is from (RFC 9989 5.3.1).
 *
 * @param domains one, or all that some reader might show; empty for none
 * @param isCertain whether every reader sees the one domain, and no other in a name or comment
 */
record Authors(List<String> domains, boolean isCertain) {
  private static final int MAXIMUM_DOMAINS = 8;
  private static final String FROM = "From";

  static Authors of(HeaderSection section) {
    var fields = new ArrayList<>(section.all("From"));
    boolean isPlain = fields.size() == 1;
    // Some readers skip a line that is no field and read on, or a mark in front of a name; they
    // would see these.
    section.hiddenFields().stream().filter(Authors::isFrom).forEach(fields::add);
    section.fields().stream()
        .filter(field -> isFrom(field) && !field.name().equalsIgnoreCase("From"))
        .forEach(fields::add);
    var shown = new LinkedHashSet<String>();
    fields.forEach(field -> shown.addAll(shownDomains(field.value())));
    var domain = fields.size() == 1 ? domain(fields.get(0).value()) : null;
    if (domain == null) {
      return new Authors(firstAndLast(List.copyOf(shown)), false);
    }
    boolean noOther =
        shown.stream()
            .allMatch(other ->
                DomainNames.isOrIsBelow(other, domain) || DomainNames.isOrIsBelow(domain, other));
    return new Authors(List.of(domain), noOther && isPlain && !section.isBeyondBounds());
  }

  /** Whether it is one with what is beyond ASCII left out, such as the mark of a byte order. */
  private static boolean isFrom(Field field) {
    var name = field.name();
    if (name.length() == FROM.length() || name.chars().allMatch(c -> c < 128)) {
      return name.equalsIgnoreCase(FROM);
    }
    var letters = new StringBuilder();
    name.chars().filter(c -> c < 128).forEach(c -> letters.append((char) c));
    return letters.toString().equalsIgnoreCase(FROM);
  }

  /** Of many, those that readers take: it is always one at either end. */
  private static List<String> firstAndLast(List<String> domains) {
    if (domains.size() <= MAXIMUM_DOMAINS) {
      return domains;
    }
    var some = new ArrayList<>(domains.subList(0, MAXIMUM_DOMAINS / 2));
    some.addAll(domains.subList(domains.size() - MAXIMUM_DOMAINS / 2, domains.size()));
    return some;
  }

  /** The one domain of a field, or null. */
  private static @Nullable String domain(String raw) {
    if (!isFolded(raw)) {
      return null;
    }
    var written = FromField.domains(HeaderText.unfold(raw));
    if (written == null) {
      return null;
    }
    String one = null;
    for (var text : written) {
      var domain = DomainNames.normal(text);
      if (domain == null || (one != null && !one.equals(domain))) {
        return null;
      }
      one = domain;
    }
    return one;
  }

  /** Whether each line break is one of folding, without other control characters and bad UTF-8. */
  private static boolean isFolded(String raw) {
    boolean eightBit = false;
    for (int i = 0; i < raw.length(); i++) {
      char c = raw.charAt(i);
      eightBit |= c > 127;
      boolean lineBreak = c == '\r' && raw.startsWith("\r\n", i) && i + 2 < raw.length();
      if (lineBreak) {
        i++; // a blank follows, else the field would have ended
      } else if ((c < ' ' && c != '\t') || c == 127) {
        return false;
      }
    }
    return !eightBit || HeaderText.isUtf8(raw);
  }

  /** What stands behind each at sign, whether in an address, a name or a comment. */
  private static Set<String> shownDomains(String raw) {
    var domains = new LinkedHashSet<String>();
    var unfolded = HeaderText.unfold(raw);
    addDomains(unfolded, domains);
    addDomains(HeaderText.decodeWords(unfolded), domains);
    return domains;
  }

  private static void addDomains(String text, Set<String> domains) {
    int at = text.indexOf('@');
    while (at >= 0) {
      int from = at + 1;
      while (from < text.length() && " \t\\".indexOf(text.charAt(from)) >= 0) {
        from++;
      }
      int to = from;
      while (to < text.length() && isDomainCharacter(text.charAt(to))) {
        to++;
      }
      var domain = DomainNames.normal(withoutDots(text.substring(from, to)));
      if (domain != null) {
        domains.add(domain);
      }
      at = text.indexOf('@', at + 1);
    }
  }

  private static boolean isDomainCharacter(char c) {
    return c == '.' || c > 127 || DomainNames.isLetterDigitHyphen(c);
  }

  /** As a sentence ends. */
  private static String withoutDots(String text) {
    int to = text.length();
    while (to > 0 && text.charAt(to - 1) == '.') {
      to--;
    }
    return text.substring(0, to);
  }
}
