package org.unifiedmta.core.address;

import org.jspecify.annotations.Nullable;

/**
 * An address with the name of whom it belongs to (RFC 5322 3.4).
 *
 * @param displayName decoded, or null for none
 */
public record Mailbox(@Nullable String displayName, EmailAddress address) implements Address {

  public Mailbox {
    if (displayName != null && hasControl(displayName)) {
      throw new IllegalArgumentException("control character in a display name");
    }
  }

  /**
   * Reads {@code ann@example.org} or {@code Ann Example <ann@example.org>}, the name also quoted.
   *
   * @throws IllegalArgumentException with what is wrong
   */
  public static Mailbox parse(String text) {
    var trimmed = text.strip();
    int lt = lastAngle(trimmed);
    if (lt < 0 || !trimmed.endsWith(">")) {
      return new Mailbox(null, EmailAddress.parse(trimmed));
    }
    var name = unquote(trimmed.substring(0, lt).strip());
    return new Mailbox(
        name.isEmpty() ? null : name,
        EmailAddress.parse(trimmed.substring(lt + 1, trimmed.length() - 1)));
  }

  /** The last {@code <} outside quoted strings, or the last at all where a quote has no end. */
  private static int lastAngle(String s) {
    int last = -1;
    boolean quoted = false;
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c == '"') {
        quoted = !quoted;
      } else if (c == '\\' && quoted) {
        i++;
      } else if (c == '<' && !quoted) {
        last = i;
      }
    }
    return quoted ? s.lastIndexOf('<') : last;
  }

  private static String unquote(String name) {
    if (name.length() < 2 || name.charAt(0) != '"' || name.charAt(name.length() - 1) != '"') {
      return name;
    }
    var plain = new StringBuilder();
    for (int i = 1; i < name.length() - 1; i++) {
      if (name.charAt(i) == '\\' && i + 1 < name.length() - 1) {
        i++;
      }
      plain.append(name.charAt(i));
    }
    return plain.toString();
  }

  static boolean hasControl(String s) {
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if ((c < 32 && c != '\t') || c == 127) {
        return true;
      }
    }
    return false;
  }
}
