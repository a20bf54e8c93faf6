package org.unifiedmta.security.dkim;

import org.jspecify.annotations.Nullable;

/**
 * What became of one signature (RFC 6376 3.9, RFC 8601 2.7.1).
 *
 * @param domain d=, or null where it could not be read
 * @param selector s=, or null where it could not be read
 * @param reason why it did not pass, or null
 * @param testing whether the key says t=y
 */
public record DkimResult(
    Status status,
    @Nullable String domain,
    @Nullable String selector,
    @Nullable String reason,
    boolean testing) {

  /** RFC 8601 2.7.1. */
  public enum Status {
    PASS,
    FAIL,
    NEUTRAL,
    POLICY,
    TEMPERROR,
    PERMERROR
  }

  public boolean isValid() {
    return status == Status.PASS;
  }
}
