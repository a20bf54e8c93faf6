package org.unifiedmta.smtp.client;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.StringTokenizer;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.smtp.codec.Extension;

/**
 * What a server said it can do (RFC 5321 4.1.1.1).
 *
 * @param keywords in upper case, with their parameters as given
 */
public record Capabilities(Map<String, String> keywords) {
  public Capabilities {
    keywords = Map.copyOf(keywords);
  }

  /** A server that knows HELO only. */
  static Capabilities none() {
    return new Capabilities(Map.of());
  }

  /** Reads the reply to EHLO, whose first line is a greeting. */
  static Capabilities of(SmtpReply ehlo) {
    var keywords = new HashMap<String, String>();
    for (var line : ehlo.lines().subList(1, ehlo.lines().size())) {
      var text = line.strip();
      int end = text.indexOf(' ');
      // "AUTH=LOGIN" is how some old servers write it.
      end = text.regionMatches(true, 0, "AUTH=", 0, 5) ? 4 : end;
      var keyword = end < 0 ? text : text.substring(0, end);
      keywords.putIfAbsent(
          keyword.toUpperCase(Locale.ROOT), end < 0 ? "" : text.substring(end + 1).strip());
    }
    return new Capabilities(keywords);
  }

  public boolean has(Extension extension) {
    return keywords.containsKey(extension.keyword());
  }

  /** The largest message it takes, in octets (RFC 1870); empty for no limit said. */
  public Optional<Long> maximumSize() {
    var size = keywords.getOrDefault(Extension.SIZE.keyword(), "");
    if (size.isEmpty() || size.length() > 18 || !size.chars().allMatch(c -> c >= '0' && c <= '9')) {
      return Optional.empty();
    }
    long octets = Long.parseLong(size);
    return octets == 0 ? Optional.empty() : Optional.of(octets); // RFC 1870 4: 0 is no limit
  }

  /** What RFC 9422 lets a server bound. */
  enum Limit {
    MAILMAX,
    RCPTMAX,
    RCPTDOMAINMAX
  }

  /** How many of these it takes at most; as good as any where it does not say. */
  int most(Limit limit) {
    if (!has(Extension.LIMITS)) {
      return Integer.MAX_VALUE;
    }
    var limits = new StringTokenizer(keywords.getOrDefault(Extension.LIMITS.keyword(), ""), " ");
    while (limits.hasMoreTokens()) {
      // RFC 9422 4: limits = limit *( SP limit ), limit = name "=" value, of up to six digits
      var word = limits.nextToken();
      int equals = word.indexOf('=');
      if (equals > 0 && word.substring(0, equals).equalsIgnoreCase(limit.name())) {
        var value = word.substring(equals + 1);
        if (!value.isEmpty()
            && value.length() <= 6
            && value.chars().allMatch(c -> c >= '0' && c <= '9')) {
          return Math.max(1, Integer.parseInt(value));
        }
      }
    }
    return Integer.MAX_VALUE;
  }

  /** How many messages it takes over one connection (RFC 9422 5.1). */
  public int mostMessages() {
    return most(Limit.MAILMAX);
  }

  /** SASL mechanisms in upper case. */
  public List<String> authMechanisms() {
    var mechanisms = keywords.getOrDefault(Extension.AUTH.keyword(), "").strip();
    return mechanisms.isEmpty()
        ? List.of()
        : List.of(mechanisms.toUpperCase(Locale.ROOT).split(" +"));
  }
}
