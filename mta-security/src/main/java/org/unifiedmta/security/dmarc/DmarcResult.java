package org.unifiedmta.security.dmarc;

import org.jspecify.annotations.Nullable;

/**
 * What DMARC says of a message.
 *
 * @param action after alignment and {@code t=y}
 * @param policy the policy that applies, before {@code t=y}; ABSENT = no record
 * @param recordDomain where the record was found, without {@code _dmarc.}, or null
 */
public record DmarcResult(
    Action action,
    Policy policy,
    boolean spfDomainAligned,
    boolean dkimDomainAligned,
    @Nullable String recordDomain) {

  /** What is to be done with the message. */
  public enum Action {
    PASS,
    NONE,
    QUARANTINE,
    REJECT,
    TEMPERROR
  }

  /** What the domain asks for. */
  public enum Policy {
    ABSENT,
    NONE,
    QUARANTINE,
    REJECT
  }

  /** No domain was asked. */
  public static DmarcResult none() {
    return new DmarcResult(Action.NONE, Policy.ABSENT, false, false, null);
  }
}
