package org.unifiedmta.security.arc;

import org.jspecify.annotations.Nullable;

/**
 * What the ARC chain of a message says (RFC 8617 5.2).
 *
 * @param instance the highest instance, 0 for none
 * @param reason why it failed, or null
 */
public record ArcResult(Status status, int instance, @Nullable String reason) {

  /** RFC 8617 4.4. */
  public enum Status {
    NONE,
    PASS,
    FAIL,
    TEMPERROR
  }

  /** A message without a chain. */
  public static ArcResult none() {
    return new ArcResult(Status.NONE, 0, null);
  }
}
