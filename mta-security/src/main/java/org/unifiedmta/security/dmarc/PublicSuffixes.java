package org.unifiedmta.security.dmarc;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.util.HashSet;
import java.util.Set;

/**
 * The list of <a href="https://publicsuffix.org/list/">publicsuffix.org</a>, of which RFC 7489 3.2
 * takes organizational domains. Bring your own, and keep it up: systems have it as {@code
 * /usr/share/publicsuffix/public_suffix_list.dat}. The rules of private domains count too.
 */
public final class PublicSuffixes {
  private final Set<String> rules; // as in the list, in A-labels

  private PublicSuffixes(Set<String> rules) {
    this.rules = Set.copyOf(rules);
  }

  /** Reads the list in its own format, UTF-8; rules that are none are left out. */
  public static PublicSuffixes read(Reader list) throws IOException {
    var rules = new HashSet<String>();
    var lines = new BufferedReader(list);
    for (var line = lines.readLine(); line != null; line = lines.readLine()) {
      int end = 0;
      while (end < line.length() && line.charAt(end) > ' ') {
        end++;
      }
      var rule = line.substring(0, end);
      var mark = rule.startsWith("*.") ? "*." : rule.startsWith("!") ? "!" : "";
      var name = DomainNames.normal(rule.substring(mark.length()));
      if (name != null && !rule.startsWith("//")) {
        rules.add(mark + name);
      }
    }
    return new PublicSuffixes(rules);
  }

  /** The public suffix of a name and one label, or the name where there is no more of it. */
  String organizationalDomain(String name) {
    int labels = DomainNames.labels(name);
    return DomainNames.last(name, Math.min(labels, suffixLabels(name, labels) + 1));
  }

  /** An exception counts before all, else the longest rule, else one label. */
  private int suffixLabels(String name, int labels) {
    for (int n = labels; n > 0; n--) {
      var end = DomainNames.last(name, n);
      if (rules.contains("!" + end)) {
        return n - 1;
      }
    }
    for (int n = labels; n > 0; n--) {
      var wildcard = n > 1 ? "*." + DomainNames.last(name, n - 1) : "";
      if (rules.contains(DomainNames.last(name, n)) || rules.contains(wildcard)) {
        return n;
      }
    }
    return 1;
  }
}
