package org.unifiedmta.core.address;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One recipient of an envelope, with what its sender wants to hear of it (RFC 3461 4.1, 4.2).
 *
 * @param notifyOn empty = not said: failures, and delays as the server likes
 * @param originalRecipient ORCPT as given, {@code rfc822;ann@example.org}, or null
 */
public record Recipient(
    EmailAddress address, Set<Notify> notifyOn, @Nullable String originalRecipient) {

  /** When a report is wanted. */
  public enum Notify {
    NEVER,
    SUCCESS,
    FAILURE,
    DELAY
  }

  public Recipient {
    notifyOn = Set.copyOf(notifyOn);
  }

  /**
   * @throws IllegalArgumentException if the text is no address
   */
  public static Recipient of(String address) {
    return of(EmailAddress.parse(address));
  }

  public static Recipient of(EmailAddress address) {
    return new Recipient(address, Set.of(), null);
  }
}
