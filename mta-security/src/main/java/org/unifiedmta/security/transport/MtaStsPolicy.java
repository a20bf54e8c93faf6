package org.unifiedmta.security.transport;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a domain wants its mail to be sent: over TLS, and to which hosts (RFC 8461 3.2).
 *
 * @param mx names of hosts in lower case, or {@code *.} and the name that theirs end in; empty only
 *     where the mode is NONE
 * @param maxAge how long it holds from when it was fetched, at most a year
 */
public record MtaStsPolicy(Mode mode, List<String> mx, Duration maxAge) {
  private static final String VERSION = "STSv1";
  private static final Duration MAXIMUM_AGE = Duration.ofSeconds(31_557_600);
  private static final int MAXIMUM_LENGTH = 64 * 1024; // 3.3 suggests it
  private static final int MAXIMUM_NAME = 32;
  private static final int MAXIMUM_DIGITS = 10;
  private static final int MAXIMUM_DOMAIN = 255; // RFC 5321 4.5.3.1.2
  private static final int MAXIMUM_LABEL = 63; // RFC 1035 2.3.4
  private static final int SHOWN = 60;

  /** What is done with a host that does not do as the policy says (RFC 8461 5). */
  public enum Mode {
    /** It gets no mail. */
    ENFORCE,
    /** It gets its mail; the domain is told. */
    TESTING,
    /** As if there were no policy. */
    NONE
  }

  /**
   * @throws IllegalArgumentException if there is a pattern that is none, or none at all without the
   *     mode NONE, or an age that is not from 0 to a year
   */
  public MtaStsPolicy {
    mx = mx.stream().map(pattern -> pattern.toLowerCase(Locale.ROOT)).distinct().toList();
    for (var pattern : mx) {
      if (!isPattern(pattern)) {
        throw new IllegalArgumentException("mx that is no host: " + shown(pattern));
      }
    }
    if (mx.isEmpty() && mode != Mode.NONE) {
      throw new IllegalArgumentException("no mx");
    }
    if (maxAge.isNegative() || maxAge.compareTo(MAXIMUM_AGE) > 0) {
      throw new IllegalArgumentException("max_age that is not from 0 to a year: " + maxAge);
    }
  }

  /**
   * Reads a policy, whose fields come in any order.
   *
   * <pre>
   * sts-policy-record = sts-policy-field *WSP
   *                     *(sts-policy-term sts-policy-field *WSP)
   *                     [sts-policy-term]
   * sts-policy-term   = LF / CRLF
   * </pre>
   *
   * @throws IllegalArgumentException that says what is wrong with it, and where
   */
  public static MtaStsPolicy parse(String text) {
    if (text.length() > MAXIMUM_LENGTH) {
      throw new IllegalArgumentException("more than " + MAXIMUM_LENGTH + " characters");
    }
    var fields = new HashMap<String, String>();
    var mx = new ArrayList<String>();
    int start = 0;
    for (int number = 1; start < text.length() || number == 1; number++) {
      int lf = text.indexOf('\n', start);
      int end = lf < 0 ? text.length() : lf > start && text.charAt(lf - 1) == '\r' ? lf - 1 : lf;
      var fault = readField(text.substring(start, end), fields, mx);
      if (fault != null) {
        throw new IllegalArgumentException("line " + number + ": " + fault);
      }
      start = lf < 0 ? text.length() : lf + 1;
    }
    required(fields, "version");
    return new MtaStsPolicy(
        Mode.valueOf(required(fields, "mode").toUpperCase(Locale.ROOT)),
        mx,
        Duration.ofSeconds(
            Math.min(Long.parseLong(required(fields, "max_age")), MAXIMUM_AGE.toSeconds())));
  }

  private static String required(Map<String, String> fields, String name) {
    var value = fields.get(name);
    if (value == null) {
      throw new IllegalArgumentException("no " + name);
    }
    return value;
  }

  /** {@code name ":" *WSP value *WSP}; what is wrong with it, or null. */
  private static @Nullable String readField(
      String line, Map<String, String> fields, List<String> mx) {
    int colon = line.indexOf(':');
    if (colon < 0) {
      return "no colon in " + shown(line);
    }
    var name = line.substring(0, colon);
    if (!isName(name)) {
      return "no name of a field: " + shown(name);
    }
    int from = CoreRules.afterBlanks(line, colon + 1);
    int to = CoreRules.beforeBlanks(line, line.length());
    if (from >= to) {
      return name + " without a value";
    }
    var value = line.substring(from, to);
    if (!isText(value)) {
      return name + " with a character that no value has";
    }
    if (name.equals("mx")) {
      mx.add(value);
      return isPattern(value) ? null : "mx that is no host: " + shown(value);
    }
    // Of a field that is there twice the first counts, the others are as those that nobody knows.
    return fields.putIfAbsent(name, value) == null ? fault(name, value) : null;
  }

  private static @Nullable String fault(String name, String value) {
    boolean good =
        switch (name) {
          case "version" -> value.equals(VERSION);
          case "mode" -> value.equals("enforce") || value.equals("testing") || value.equals("none");
          case "max_age" ->
              value.length() <= MAXIMUM_DIGITS
                  && value.chars().allMatch(c -> CoreRules.isDigit((char) c));
          default -> true; // 3.2: fields that are not known are ignored
        };
    return good ? null : name + " that is not known: " + shown(value);
  }

  /**
   * {@code sts-policy-alphanum [*30(sts-policy-alphanum / "_" / "-" / ".") sts-policy-alphanum]}.
   */
  private static boolean isName(String name) {
    int last = name.length() - 1;
    if (last < 0
        || last >= MAXIMUM_NAME
        || !CoreRules.isLetterOrDigit(name.charAt(0))
        || !CoreRules.isLetterOrDigit(name.charAt(last))) {
      return false;
    }
    for (int i = 1; i < last; i++) {
      char c = name.charAt(i);
      if (!CoreRules.isLetterOrDigit(c) && "_-.".indexOf(c) < 0) {
        return false;
      }
    }
    return true;
  }

  /** {@code sts-policy-vchar [*(%x20 / sts-policy-vchar) sts-policy-vchar]}. */
  private static boolean isText(String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c < ' ' || c == 0x7F || (Character.isSurrogate(c) && !isPaired(value, i))) {
        return false;
      }
    }
    return true;
  }

  private static boolean isPaired(String value, int at) {
    return Character.isHighSurrogate(value.charAt(at))
        ? at + 1 < value.length() && Character.isLowSurrogate(value.charAt(at + 1))
        : at > 0 && Character.isHighSurrogate(value.charAt(at - 1));
  }

  /** {@code ["*."] Domain}, {@code Domain = sub-domain *("." sub-domain)} (RFC 5321 4.1.2). */
  private static boolean isPattern(String pattern) {
    if (pattern.length() > MAXIMUM_DOMAIN) {
      return false;
    }
    int label = pattern.startsWith("*.") ? 2 : 0;
    for (int i = label; i <= pattern.length(); i++) {
      if (i == pattern.length() || pattern.charAt(i) == '.') {
        if (!isLabel(pattern, label, i)) {
          return false;
        }
        label = i + 1;
      }
    }
    return true;
  }

  /** {@code sub-domain = Let-dig [Ldh-str]}. */
  private static boolean isLabel(String pattern, int from, int to) {
    if (from == to
        || to - from > MAXIMUM_LABEL
        || pattern.charAt(from) == '-'
        || pattern.charAt(to - 1) == '-') {
      return false;
    }
    for (int i = from; i < to; i++) {
      if (!CoreRules.isLetterOrDigit(pattern.charAt(i)) && pattern.charAt(i) != '-') {
        return false;
      }
    }
    return true;
  }

  /** What a stranger wrote, fit for a log. */
  private static String shown(String text) {
    var shown = new StringBuilder("\"");
    for (int i = 0; i < Math.min(text.length(), SHOWN); i++) {
      char c = text.charAt(i);
      shown.append(c >= ' ' && c <= '~' ? c : '?');
    }
    return shown.append(text.length() > SHOWN ? "…\"" : "\"").toString();
  }

  /**
   * Whether a host is one of those that take the domain's mail (RFC 8461 4.1): {@code
   * *.example.net} are those with one label more, neither {@code example.net} nor {@code
   * a.b.example.net}.
   */
  public boolean matches(String host) {
    var name = host.toLowerCase(Locale.ROOT);
    int dot = name.indexOf('.');
    // Without a first label there is nothing that the asterisk could stand for.
    var others = dot > 0 ? "*" + name.substring(dot) : name;
    return !name.startsWith("*") && (mx.contains(name) || mx.contains(others));
  }

  /** As it could be published: what is not known, and what was there twice, is gone. */
  public String text() {
    var text = new StringBuilder();
    text.append("version: ").append(VERSION).append("\r\n");
    text.append("mode: ").append(mode.name().toLowerCase(Locale.ROOT)).append("\r\n");
    mx.forEach(pattern -> text.append("mx: ").append(pattern).append("\r\n"));
    text.append("max_age: ").append(maxAge.toSeconds()).append("\r\n");
    return text.toString();
  }
}
