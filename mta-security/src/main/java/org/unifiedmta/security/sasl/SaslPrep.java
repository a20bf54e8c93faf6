package org.unifiedmta.security.sasl;

import java.text.Normalizer;
import org.jspecify.annotations.Nullable;

/**
 * SASLprep (RFC 4013), which PLAIN (RFC 4616 2) and SCRAM (RFC 5802 5.1) name, so that what a
 * person types on another keyboard is the same name and password. OpaqueString (RFC 8265 4.2), its
 * successor, keeps characters apart that SASLprep makes one: a client that proves a password by
 * SCRAM has used SASLprep, and so must we.
 *
 * <p>Characters that Unicode 3.2 did not have yet are taken as they are, as in the queries of RFC
 * 3454 7.
 */
final class SaslPrep {
  private SaslPrep() {}

  /** The prepared form of a user's name, or null if it has none or that is empty. */
  static @Nullable String name(String text) {
    var prepared = prepare(text);
    return prepared == null || prepared.isEmpty() ? null : prepared;
  }

  /** The prepared form of a password; what has none stays as it is, and can still be typed. */
  static String password(String text) {
    var prepared = prepare(text);
    return prepared == null ? text : prepared;
  }

  private static @Nullable String prepare(String text) {
    if (text.chars().allMatch(c -> c >= ' ' && c <= '~')) {
      return text;
    }
    var normalized = Normalizer.normalize(mapped(text), Normalizer.Form.NFKC);
    return normalized.codePoints().anyMatch(SaslPrep::isProhibited) || !isOneDirection(normalized)
        ? null
        : normalized;
  }

  /** RFC 4013 2.1. */
  private static String mapped(String text) {
    var mapped = new StringBuilder(text.length());
    text.codePoints()
        .forEach(c -> {
          if (isSpace(c)) {
            mapped.append(' ');
          } else if (!isMappedToNothing(c)) {
            mapped.appendCodePoint(c);
          }
        });
    return mapped.toString();
  }

  /** RFC 3454 C.1.2, where U+200B is too. */
  private static boolean isSpace(int c) {
    return c == 0x200B || Character.getType(c) == Character.SPACE_SEPARATOR;
  }

  /** RFC 3454 B.1. */
  private static boolean isMappedToNothing(int c) {
    return switch (c) {
      case 0x00AD, 0x034F, 0x1806, 0x180B, 0x180C, 0x180D, 0x200C, 0x200D, 0x2060, 0xFEFF -> true;
      default -> c >= 0xFE00 && c <= 0xFE0F;
    };
  }

  /**
   * RFC 4013 2.3. Its tables list the format characters of Unicode 3.2; those that came later are
   * as invisible.
   */
  private static boolean isProhibited(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.PRIVATE_USE,
          Character.SURROGATE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          true;
      default ->
          (c & 0xFFFE) == 0xFFFE // C.4
              || (c >= 0xFDD0 && c <= 0xFDEF)
              || c == 0xFFFC // C.6
              || c == 0xFFFD
              || (c >= 0x2FF0 && c <= 0x2FFB) // C.7
              || c == 0x0340 // C.8
              || c == 0x0341;
    };
  }

  /** RFC 3454 6: what is written from right to left begins and ends so, and holds nothing else. */
  private static boolean isOneDirection(String text) {
    if (text.codePoints().noneMatch(SaslPrep::isRightToLeft)) {
      return true;
    }
    return isRightToLeft(text.codePointAt(0))
        && isRightToLeft(text.codePointBefore(text.length()))
        && text.codePoints()
            .noneMatch(
                c -> Character.getDirectionality(c) == Character.DIRECTIONALITY_LEFT_TO_RIGHT);
  }

  private static boolean isRightToLeft(int c) {
    byte direction = Character.getDirectionality(c);
    return direction == Character.DIRECTIONALITY_RIGHT_TO_LEFT
        || direction == Character.DIRECTIONALITY_RIGHT_TO_LEFT_ARABIC;
  }
}
