package org.unifiedmta.security.transport;

import java.util.List;
import java.util.Optional;

/**
 * What a domain says of its MTA-STS policy in the DNS, at {@code _mta-sts.DOMAIN} (RFC 8461 3.1):
 * {@code v=STSv1; id=20160831085700Z;}.
 *
 * @param id 1 to 32 letters and digits, others for another policy
 */
public record MtaStsRecord(String id) {
  private static final String VERSION = "v=STSv1";
  private static final int MAXIMUM_LENGTH = 65_535; // that the DNS can carry
  private static final int MAXIMUM_ID = 32;
  private static final int MAXIMUM_NAME = 32;

  public MtaStsRecord {
    if (!isId(id)) {
      throw new IllegalArgumentException("id that is not 1 to 32 letters and digits");
    }
  }

  /**
   * The record among the texts at that name. Empty if there is none, if there are two, or if the
   * one there is has an error.
   */
  public static Optional<MtaStsRecord> among(List<String> texts) {
    var records = texts.stream().filter(MtaStsRecord::isVersion1).toList();
    return records.size() == 1 ? parse(records.getFirst()) : Optional.empty();
  }

  /**
   * Reads a record; empty if it is none.
   *
   * <pre>
   * sts-text-record = sts-version 1*(sts-field-delim sts-field) [sts-field-delim]
   * sts-field-delim = *WSP ";" *WSP
   * </pre>
   */
  public static Optional<MtaStsRecord> parse(String text) {
    if (!isVersion1(text) || text.length() > MAXIMUM_LENGTH) {
      return Optional.empty();
    }
    var id = Optional.<MtaStsRecord>empty();
    int at = CoreRules.afterBlanks(text, VERSION.length());
    while (at < text.length()) {
      at = CoreRules.afterBlanks(text, at + 1); // the semicolon
      if (at == text.length()) {
        break; // the last may be followed by one
      }
      int end = text.indexOf(';', at);
      end = end < 0 ? text.length() : end;
      int equals = text.indexOf('=', at);
      // Blanks belong to the delimiter, and there may be one only where another field could follow.
      int valueEnd = end == text.length() ? end : CoreRules.beforeBlanks(text, end);
      if (equals < 0 || equals >= valueEnd || !isName(text, at, equals)) {
        return Optional.empty();
      }
      var value = text.substring(equals + 1, valueEnd);
      if (!isValue(value)) {
        return Optional.empty();
      }
      // 3.2, of both: of a field that is there twice the first counts.
      if (id.isEmpty() && text.startsWith("id=", at)) {
        if (!isId(value)) {
          return Optional.empty();
        }
        id = Optional.of(new MtaStsRecord(value));
      }
      at = end;
    }
    return id;
  }

  /** 3.1: records that do not begin with {@code v=STSv1;} are not counted. */
  private static boolean isVersion1(String text) {
    int end = VERSION.length();
    return text.startsWith(VERSION) && text.startsWith(";", CoreRules.afterBlanks(text, end));
  }

  private static boolean isId(String text) {
    if (text.isEmpty() || text.length() > MAXIMUM_ID) {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      if (!CoreRules.isLetterOrDigit(text.charAt(i))) {
        return false;
      }
    }
    return true;
  }

  /** {@code sts-ext-name = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")}. */
  private static boolean isName(String text, int from, int to) {
    if (from == to || to - from > MAXIMUM_NAME || !CoreRules.isLetterOrDigit(text.charAt(from))) {
      return false;
    }
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      if (!CoreRules.isLetterOrDigit(c) && "_-.".indexOf(c) < 0) {
        return false;
      }
    }
    return true;
  }

  /** {@code sts-ext-value = 1*(%x21-3A / %x3C / %x3E-7E)}: no {@code =}, blank or control. */
  private static boolean isValue(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c <= ' ' || c > '~' || c == '=') {
        return false;
      }
    }
    return !text.isEmpty();
  }
}
