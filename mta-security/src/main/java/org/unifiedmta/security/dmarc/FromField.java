package org.unifiedmta.security.dmarc;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads a From field as strictly as a decision needs: {@code mailbox-list} of RFC 5322 3.4, and a
 * quoted name in front of an address without brackets, which some write. Whatever could mean two
 * things to two readers is not understood. One cursor over the text.
 */
final class FromField {
  private static final int MAXIMUM_MAILBOXES = 1_000;

  private final String text;
  private int next;
  private boolean understood = true;

  private FromField(String text) {
    this.text = text;
  }

  /**
   * The domains of its mailboxes as they are written, or null if it is not understood.
   *
   * @param text unfolded, encoded words as they are
   */
  static @Nullable List<String> domains(String text) {
    var field = new FromField(text);
    var domains = new ArrayList<String>();
    do {
      domains.add(field.mailbox());
    } while (field.understood && field.skip(',') && domains.size() < MAXIMUM_MAILBOXES);
    field.skipBlanks();
    return field.understood && field.next == text.length() ? domains : null;
  }

  /** {@code mailbox = name-addr / addr-spec}. */
  private String mailbox() {
    int words = 0;
    boolean onlyQuoted = true; // those before the last
    boolean lastQuoted = true;
    boolean lastEncoded = false;
    skipBlanks();
    while (understood && (peek() == '"' || isAtom(peek()))) {
      onlyQuoted &= lastQuoted;
      lastQuoted = peek() == '"';
      int from = next;
      word();
      lastEncoded = text.startsWith("=?", from);
      words++;
      skipBlanks();
    }
    if (skip('<')) {
      skipBlanks();
      boolean encoded = text.startsWith("=?", next);
      understood &= !encoded && (peek() == '"' || isAtom(peek()));
      word();
      var domain = domain();
      skipBlanks();
      understood &= skip('>');
      skipBlanks();
      return domain;
    }
    understood &= words > 0 && onlyQuoted && !lastEncoded;
    return domain();
  }

  /** {@code "@" domain}, which is no literal: nobody publishes a policy for an address. */
  private String domain() {
    skipBlanks();
    understood &= skip('@');
    skipBlanks();
    int from = next;
    while (next < text.length()
        && (text.charAt(next) == '.'
            || text.charAt(next) > 127
            || DomainNames.isLetterDigitHyphen(text.charAt(next)))) {
      next++;
    }
    understood &= next > from;
    int to = next;
    skipBlanks();
    return text.substring(from, to);
  }

  private void word() {
    if (peek() == '"') {
      quoted();
      return;
    }
    int end = endOfEncodedWord();
    next = end < 0 ? next : end;
    while (isAtom(peek())) {
      next++;
    }
  }

  /** Behind an encoded word here, since some have commas and the like in it; or -1. */
  private int endOfEncodedWord() {
    if (!text.startsWith("=?", next)) {
      return -1;
    }
    int questions = 0;
    for (int i = next; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c <= ' ' || "<>\"@".indexOf(c) >= 0) {
        return -1;
      }
      if (c == '?' && ++questions == 4) {
        return i + 1 < text.length() && text.charAt(i + 1) == '=' ? i + 2 : -1;
      }
    }
    return -1;
  }

  private void quoted() {
    next++;
    while (next < text.length() && text.charAt(next) != '"') {
      next = Math.min(text.length(), next + (text.charAt(next) == '\\' ? 2 : 1));
    }
    understood &= skip('"');
  }

  /** {@code CFWS}. */
  private void skipBlanks() {
    int depth = 0;
    while (next < text.length()) {
      char c = text.charAt(next);
      if (c == '(') {
        depth++;
      } else if (depth > 0 && c == ')') {
        depth--;
      } else if (depth > 0 && c == '\\') {
        next = Math.min(text.length() - 1, next + 1);
      } else if (c != ' ' && c != '\t' && depth == 0) {
        return;
      }
      next++;
    }
    understood &= depth == 0;
  }

  private boolean skip(char special) {
    boolean here = peek() == special;
    next += here ? 1 : 0;
    return here;
  }

  private char peek() {
    return next < text.length() ? text.charAt(next) : 0;
  }

  /** {@code atext}, dots, and what is beyond ASCII. */
  private static boolean isAtom(char c) {
    return c > ' ' && c != 127 && "()<>[]:;@\\,\"".indexOf(c) < 0;
  }
}
