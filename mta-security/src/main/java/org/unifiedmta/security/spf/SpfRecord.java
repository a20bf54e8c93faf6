package org.unifiedmta.security.spf;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.security.spf.SpfResult.Result;

/**
 * What a domain published (RFC 7208 4.6 and 12).
 *
 * @param directives in their order
 * @param redirect whose record counts where none of them matches
 * @param explanation where the text for those who fail is
 */
record SpfRecord(
    List<Directive> directives, @Nullable MacroString redirect, @Nullable MacroString explanation) {
  private static final String VERSION = "v=spf1";
  private static final int MAXIMUM_LENGTH = 65_535; // that the DNS can carry

  /**
   * A mechanism, and what it means to match it.
   *
   * @param text as published
   */
  record Directive(Result result, Mechanism mechanism, String text) {}

  /** Whether a TXT record is an SPF record: {@code version} and a blank or nothing (4.5). */
  static boolean isOne(String txt) {
    return txt.regionMatches(true, 0, VERSION, 0, VERSION.length())
        && (txt.length() == VERSION.length() || txt.charAt(VERSION.length()) == ' ');
  }

  /** {@code record = version terms *SP}: an error anywhere is one of the whole record (4.6). */
  static SpfRecord parse(String txt) throws SpfException {
    if (txt.length() > MAXIMUM_LENGTH) {
      throw SpfException.permanent("record longer than " + MAXIMUM_LENGTH + " octets");
    }
    return new Parser(txt).parse();
  }

  private static final class Parser {
    private final String txt;
    private final List<Directive> directives = new ArrayList<>();
    private @Nullable MacroString redirect;
    private @Nullable MacroString explanation;

    Parser(String txt) {
      this.txt = txt;
    }

    SpfRecord parse() throws SpfException {
      int from = VERSION.length();
      while (from < txt.length()) {
        int to = txt.indexOf(' ', from);
        to = to < 0 ? txt.length() : to;
        if (to > from) {
          term(txt.substring(from, to));
        }
        from = to + 1;
      }
      return new SpfRecord(List.copyOf(directives), redirect, explanation);
    }

    /** {@code directive / modifier}: only the latter has {@code "="} behind its name. */
    private void term(String term) throws SpfException {
      for (int i = 0; i < term.length(); i++) {
        if (term.charAt(i) <= ' ' || term.charAt(i) > 126) {
          throw SpfException.permanent("character that no term has");
        }
      }
      int name = "+-?~".indexOf(term.charAt(0)) >= 0 ? 1 : 0;
      int end = name;
      while (end < term.length() && isNameCharacter(term.charAt(end))) {
        end++;
      }
      var word = term.substring(name, end).toLowerCase(Locale.ROOT);
      if (end < term.length() && term.charAt(end) == '=') {
        if (name > 0 || end == 0 || !isAlpha(term.charAt(0))) {
          throw invalid(term);
        }
        modifier(word, term.substring(end + 1), term);
      } else {
        var result = name == 0 ? Result.PASS : result(term.charAt(0));
        directives.add(new Directive(result, mechanism(word, term.substring(end), term), term));
      }
    }

    private static Result result(char qualifier) {
      return switch (qualifier) {
        case '-' -> Result.FAIL;
        case '~' -> Result.SOFTFAIL;
        case '?' -> Result.NEUTRAL;
        default -> Result.PASS;
      };
    }

    private void modifier(String name, String value, String term) throws SpfException {
      switch (name) {
        case "redirect" -> {
          if (redirect != null) {
            throw SpfException.permanent("more than one redirect"); // 6
          }
          redirect = domainSpec(value, term);
        }
        case "exp" -> {
          if (explanation != null) {
            throw SpfException.permanent("more than one exp");
          }
          explanation = domainSpec(value, term);
        }
        default -> MacroString.parseExplanation(value); // 6: unknown ones are ignored
      }
    }

    private static Mechanism mechanism(String name, String rest, String term) throws SpfException {
      return switch (name) {
        case "all" -> {
          if (!rest.isEmpty()) {
            throw invalid(term);
          }
          yield new Mechanism.All();
        }
        case "include" -> new Mechanism.Include(requiredDomain(rest, term));
        case "exists" -> new Mechanism.Exists(requiredDomain(rest, term));
        case "ptr" -> new Mechanism.Ptr(rest.isEmpty() ? null : requiredDomain(rest, term));
        case "ip4" -> ip(rest, 4, term);
        case "ip6" -> ip(rest, 16, term);
        case "a" -> {
          int slash = prefixes(rest);
          yield new Mechanism.A(optionalDomain(rest, slash, term), prefixes(rest, slash, term));
        }
        case "mx" -> {
          int slash = prefixes(rest);
          yield new Mechanism.Mx(optionalDomain(rest, slash, term), prefixes(rest, slash, term));
        }
        default -> throw SpfException.permanent("unknown mechanism: " + term);
      };
    }

    /** {@code ":" domain-spec}. */
    private static MacroString requiredDomain(String rest, String term) throws SpfException {
      if (!rest.startsWith(":")) {
        throw invalid(term);
      }
      return domainSpec(rest.substring(1), term);
    }

    private static @Nullable MacroString optionalDomain(String rest, int end, String term)
        throws SpfException {
      return end == 0 ? null : requiredDomain(rest.substring(0, end), term);
    }

    /** {@code domain-spec = macro-string domain-end}. */
    private static MacroString domainSpec(String text, String term) throws SpfException {
      var spec = MacroString.parse(text);
      if (!spec.endsInMacro() && !endsInTopLabel(text)) {
        throw invalid(term);
      }
      return spec;
    }

    /** {@code "." toplabel [ "." ]}: letters, digits and hyphens, but not digits alone. */
    private static boolean endsInTopLabel(String text) {
      int end = text.endsWith(".") ? text.length() - 1 : text.length();
      int from = end;
      boolean onlyDigits = true;
      while (from > 0 && isLetterDigitHyphen(text.charAt(from - 1))) {
        from--;
        onlyDigits &= isDigit(text.charAt(from));
      }
      return from < end
          && from > 0
          && text.charAt(from - 1) == '.'
          && !onlyDigits
          && text.charAt(from) != '-'
          && text.charAt(end - 1) != '-';
    }

    /**
     * Where {@code dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ]} begins, which is
     * at the end: slashes are allowed in names too.
     */
    private static int prefixes(String rest) {
      int start = prefix(rest, rest.length());
      if (start > 0 && start < rest.length() && rest.charAt(start - 1) == '/') {
        start--; // that was the IPv6 one
        return prefix(rest, start);
      }
      return start;
    }

    /** Where {@code "/" *DIGIT} begins that ends here; here if there is none. */
    private static int prefix(String rest, int end) {
      int digits = end;
      while (digits > 0 && isDigit(rest.charAt(digits - 1))) {
        digits--;
      }
      return digits > 0 && rest.charAt(digits - 1) == '/' ? digits - 1 : end;
    }

    private static Mechanism.Prefixes prefixes(String rest, int from, String term)
        throws SpfException {
      if (from == rest.length()) {
        return Mechanism.Prefixes.WHOLE;
      }
      int slashes = rest.indexOf("//", from);
      int ipv4 =
          slashes == from
              ? 32
              : bits(rest.substring(from + 1, slashes < 0 ? rest.length() : slashes), 32, term);
      int ipv6 = slashes < 0 ? 128 : bits(rest.substring(slashes + 2), 128, term);
      return new Mechanism.Prefixes(ipv4, ipv6);
    }

    /** A number without leading zeros, up to the maximum. */
    private static int bits(String digits, int maximum, String term) throws SpfException {
      boolean valid = !digits.isEmpty() && digits.length() <= 3;
      int number = 0;
      for (int i = 0; valid && i < digits.length(); i++) {
        valid = isDigit(digits.charAt(i)) && (number > 0 || i == 0);
        number = number * 10 + (digits.charAt(i) - '0');
      }
      if (!valid || number > maximum) {
        throw invalid(term);
      }
      return number;
    }

    /** {@code ":" ip4-network [ ip4-cidr-length ]}, and the same for IPv6. */
    private static Mechanism.Ip ip(String rest, int octets, String term) throws SpfException {
      int slash = rest.indexOf('/');
      int end = slash < 0 ? rest.length() : slash;
      int bits = slash < 0 ? octets * 8 : bits(rest.substring(slash + 1), octets * 8, term);
      if (!rest.startsWith(":")) {
        throw invalid(term);
      }
      var text = rest.substring(1, end);
      var address = octets == 16 == text.indexOf(':') >= 0 ? Literals.ip(text) : null;
      if (address == null || (octets == 4 && hasLeadingZero(text))) {
        throw invalid(term);
      }
      return new Mechanism.Ip(new Network(octets(address, octets), bits));
    }

    /** The JDK makes IPv4 addresses of mapped ones; here they are no client's (5). */
    private static byte[] octets(InetAddress address, int length) {
      var octets = address.getAddress();
      if (octets.length == length) {
        return octets;
      }
      var mapped = new byte[16];
      mapped[10] = (byte) 0xFF;
      mapped[11] = (byte) 0xFF;
      System.arraycopy(octets, 0, mapped, 12, 4);
      return mapped;
    }

    /** {@code qnum}. */
    private static boolean hasLeadingZero(String ipv4) {
      for (int i = 0; i + 1 < ipv4.length(); i++) {
        boolean first = i == 0 || ipv4.charAt(i - 1) == '.';
        if (first && ipv4.charAt(i) == '0' && ipv4.charAt(i + 1) != '.') {
          return true;
        }
      }
      return false;
    }

    private static SpfException invalid(String term) {
      return SpfException.permanent("invalid term: " + term);
    }

    private static boolean isNameCharacter(char c) {
      return isLetterDigitHyphen(c) || c == '_' || c == '.';
    }

    private static boolean isLetterDigitHyphen(char c) {
      return isAlpha(c) || isDigit(c) || c == '-';
    }

    private static boolean isAlpha(char c) {
      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    }

    private static boolean isDigit(char c) {
      return c >= '0' && c <= '9';
    }
  }
}
