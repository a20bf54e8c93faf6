package org.unifiedmta.security.dmarc;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.security.dmarc.DmarcResult.Policy;

/**
 * What a domain wants done with mail that says it is from there (RFC 9989 4.7 and 4.8), {@code
 * v=DMARC1; p=reject; rua=mailto:…}. Tags that are not known or not valid count as absent; of one
 * that is there twice the first counts.
 */
public final class DmarcRecord {
  private static final String VERSION = "DMARC1";
  private static final int MAXIMUM_LENGTH = 65_535; // that the DNS can carry
  private static final int MAXIMUM_URIS = 10;
  private static final String BLANKS = " \t";

  /**
   * Where reports are wanted.
   *
   * @param maximumSize of one report, in octets; {@link Long#MAX_VALUE} where it is not said. Of
   *     RFC 7489 6.2; RFC 9989 knows no such limit any more
   */
  public record ReportAddress(EmailAddress address, long maximumSize) {}

  /** Whether the domain is a public suffix (RFC 9989 4.7, psd). */
  enum Suffix {
    YES,
    NO,
    UNKNOWN
  }

  private final String text;
  private final Map<String, String> tags;
  private final @Nullable Policy policy; // null: this record asks for no processing
  private final @Nullable Policy subdomainPolicy;
  private final @Nullable Policy nonexistentPolicy;

  private DmarcRecord(String text, Map<String, String> tags) {
    this.text = text;
    this.tags = tags;
    var p = policy("p");
    var sp = policy("sp");
    var np = policy("np");
    // 4.10.1: where one of them is not valid, a wish for reports still is one to be watched.
    if (p == null || p == Policy.ABSENT || sp == Policy.ABSENT || np == Policy.ABSENT) {
      policy = wantsReports() ? Policy.NONE : null;
      subdomainPolicy = null;
      nonexistentPolicy = null;
    } else {
      policy = p;
      subdomainPolicy = sp;
      nonexistentPolicy = np;
    }
  }

  /**
   * Reads a TXT record. Empty if that is no DMARC record, or one by which nothing is to be done: no
   * valid {@code p}, or an {@code sp} or {@code np} that is not valid, and nowhere to report to.
   */
  public static Optional<DmarcRecord> parse(String txt) {
    return Optional.ofNullable(read(txt)).filter(DmarcRecord::isUsable);
  }

  /** As {@link #parse}, also of one that is not {@link #isUsable}; null if it is none. */
  static @Nullable DmarcRecord read(String txt) {
    if (txt.length() > MAXIMUM_LENGTH) {
      return null;
    }
    int end = txt.indexOf(';');
    var version = end < 0 ? txt : txt.substring(0, end);
    int equals = version.indexOf('=');
    if (equals < 0
        || !strip(version.substring(0, equals)).equalsIgnoreCase("v")
        || !strip(version.substring(equals + 1)).equals(VERSION)) {
      return null;
    }
    return new DmarcRecord(txt, end < 0 ? Map.of() : tags(txt, end + 1));
  }

  /** {@code *(dmarc-sep dmarc-tag) [dmarc-sep]}. */
  private static Map<String, String> tags(String txt, int from) {
    var tags = new LinkedHashMap<String, String>();
    int start = from;
    while (start < txt.length()) {
      int end = txt.indexOf(';', start);
      end = end < 0 ? txt.length() : end;
      int equals = txt.indexOf('=', start);
      if (equals >= 0 && equals < end) {
        var name = strip(txt.substring(start, equals)).toLowerCase(Locale.ROOT);
        tags.putIfAbsent(name, strip(txt.substring(equals + 1, end)));
      }
      start = end + 1;
    }
    return tags;
  }

  /** Not {@code String.strip}: other blanks are part of a value, and make it one that is wrong. */
  private static String strip(String text) {
    int from = 0;
    int to = text.length();
    while (from < to && BLANKS.indexOf(text.charAt(from)) >= 0) {
      from++;
    }
    while (to > from && BLANKS.indexOf(text.charAt(to - 1)) >= 0) {
      to--;
    }
    return text.substring(from, to);
  }

  /** Null where there is none, ABSENT where it is not valid. */
  private @Nullable Policy policy(String tag) {
    var value = tags.get(tag);
    return value == null
        ? null
        : switch (value.toLowerCase(Locale.ROOT)) {
          case "none" -> Policy.NONE;
          case "quarantine" -> Policy.QUARANTINE;
          case "reject" -> Policy.REJECT;
          default -> Policy.ABSENT;
        };
  }

  private boolean is(String tag, String value) {
    return value.equalsIgnoreCase(tags.get(tag));
  }

  /** As published. */
  public String text() {
    return text;
  }

  /** What is asked for the domain itself: {@code p}, or NONE where only reports are wanted. */
  public Policy policy() {
    return policy == null ? Policy.ABSENT : policy;
  }

  /** {@code sp}: for domains below it that are there. */
  public Optional<Policy> subdomainPolicy() {
    return Optional.ofNullable(subdomainPolicy);
  }

  /** {@code np}: for domains below it that are not there. */
  public Optional<Policy> nonexistentPolicy() {
    return Optional.ofNullable(nonexistentPolicy);
  }

  /** {@code adkim=s}: a signature must be of the very domain. */
  public boolean isDkimStrict() {
    return is("adkim", "s");
  }

  /** {@code aspf=s}: the envelope's sender must be of the very domain. */
  public boolean isSpfStrict() {
    return is("aspf", "s");
  }

  /** {@code t=y}: to be treated one step milder than it says. */
  public boolean isTesting() {
    return is("t", "y");
  }

  /**
   * {@code rua}: where aggregate reports are wanted, at most ten. Only {@code mailto} addresses,
   * and of these none that sets other fields of the mail.
   */
  public List<ReportAddress> aggregateReports() {
    return reportAddresses("rua");
  }

  /** {@code ruf}: where failure reports are wanted; as {@link #aggregateReports}. */
  public List<ReportAddress> failureReports() {
    return reportAddresses("ruf");
  }

  /** Whether it asks for anything (4.10.1). */
  boolean isUsable() {
    return policy != null;
  }

  Suffix publicSuffix() {
    return is("psd", "y") ? Suffix.YES : is("psd", "n") ? Suffix.NO : Suffix.UNKNOWN;
  }

  private boolean wantsReports() {
    for (var uri : tags.getOrDefault("rua", "").split(",", MAXIMUM_URIS + 1)) {
      if (uri(withoutSize(strip(uri))) != null) {
        return true;
      }
    }
    return false;
  }

  private List<ReportAddress> reportAddresses(String tag) {
    var addresses = new ArrayList<ReportAddress>();
    for (var text : tags.getOrDefault(tag, "").split(",", -1)) {
      var address = reportAddress(strip(text));
      if (address != null && addresses.size() < MAXIMUM_URIS) {
        addresses.add(address);
      }
    }
    return List.copyOf(addresses);
  }

  private static @Nullable ReportAddress reportAddress(String text) {
    var withoutSize = withoutSize(text);
    var uri = uri(withoutSize);
    if (uri == null || !"mailto".equalsIgnoreCase(uri.getScheme()) || text.indexOf('?') >= 0) {
      return null;
    }
    var size =
        withoutSize.length() == text.length()
            ? Long.valueOf(Long.MAX_VALUE)
            : size(text.substring(withoutSize.length() + 1));
    var address = EmailAddress.tryParse(uri.getSchemeSpecificPart()).orElse(null);
    return size == null || address == null ? null : new ReportAddress(address, size);
  }

  private static String withoutSize(String text) {
    int mark = text.indexOf('!'); // in a URI it must be encoded
    return mark < 0 ? text : text.substring(0, mark);
  }

  private static @Nullable URI uri(String text) {
    try {
      var uri = new URI(text);
      return uri.isAbsolute() && text.chars().allMatch(c -> c < 128) ? uri : null;
    } catch (URISyntaxException e) {
      return null;
    }
  }

  /** {@code 1*DIGIT [ "k" / "m" / "g" / "t" ]}, powers of 1,024; null if it is none. */
  private static @Nullable Long size(String text) {
    int digits = 0;
    long size = 0;
    while (digits < text.length() && digits < 12 && Character.isDigit(text.charAt(digits))) {
      size = size * 10 + Character.digit(text.charAt(digits++), 10);
    }
    int shift =
        switch (text.substring(digits).toLowerCase(Locale.ROOT)) {
          case "" -> 0;
          case "k" -> 10;
          case "m" -> 20;
          case "g" -> 30;
          case "t" -> 40;
          default -> -1;
        };
    if (digits == 0 || shift < 0) {
      return null;
    }
    return size > Long.MAX_VALUE >> shift ? Long.MAX_VALUE : size << shift;
  }

  /** Two are equal that are published alike. */
  @Override
  public boolean equals(Object other) {
    return other instanceof DmarcRecord that && text.equals(that.text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  @Override
  public String toString() {
    return text;
  }
}
