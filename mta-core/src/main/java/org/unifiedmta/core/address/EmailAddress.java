package org.unifiedmta.core.address;

import java.util.Optional;

/**
 * A mailbox as SMTP names it (RFC 5321 4.1.2, RFC 6531 3.3).
 *
 * @param localPart as the peer wrote it, without quotes: {@code a b} for {@code "a b"@example.com};
 *     case kept, since only its own domain may interpret it (RFC 5321 2.4)
 * @param domain A-labels in lower case, or an address literal such as {@code [192.0.2.1]}
 */
public record EmailAddress(String localPart, String domain) {

  /**
   * Not the grammar, see {@link #parse}: only that no address breaks out of its command or field.
   *
   * @throws IllegalArgumentException for control characters, and blanks, brackets or quotes in the
   *     domain
   */
  public EmailAddress {
    for (int i = 0; i < localPart.length(); i++) {
      if (Character.isISOControl(localPart.charAt(i))) {
        throw new IllegalArgumentException("control character in a local part");
      }
    }
    for (int i = 0; i < domain.length(); i++) {
      if (domain.charAt(i) <= ' ' || "<>@,;\"\u007F".indexOf(domain.charAt(i)) >= 0) {
        throw new IllegalArgumentException("character that no domain has");
      }
    }
  }

  /**
   * Reads an addr-spec such as {@code ann@example.org} or {@code "a b"@[192.0.2.1]}.
   *
   * @throws IllegalArgumentException with what is wrong and at which offset
   */
  public static EmailAddress parse(String addrSpec) {
    try {
      return AddressParser.mailbox(addrSpec);
    } catch (AddressSyntaxException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  /** As {@link #parse}, empty where that would throw. */
  public static Optional<EmailAddress> tryParse(String addrSpec) {
    try {
      return Optional.of(AddressParser.mailbox(addrSpec));
    } catch (AddressSyntaxException e) {
      return Optional.empty();
    }
  }

  /** The form for the wire: local part quoted where it must be, domain in A-labels. */
  public String toAscii() {
    return AddressParser.quoteIfNeeded(localPart) + "@" + domain;
  }

  /** The form for people: domain in U-labels. */
  public String toUnicode() {
    return AddressParser.quoteIfNeeded(localPart) + "@" + Domains.toUnicode(domain);
  }

  /** Whether the local part needs SMTPUTF8 (RFC 6531). */
  public boolean isInternationalized() {
    for (int i = 0; i < localPart.length(); i++) {
      if (localPart.charAt(i) > 127) {
        return true;
      }
    }
    return false;
  }

  /** Whether the domain is an address literal (RFC 5321 4.1.3). */
  public boolean isLiteral() {
    return domain.startsWith("[");
  }

  /** The address for the wire, as {@link #toAscii}. */
  @Override
  public String toString() {
    return toAscii();
  }
}
