package org.unifiedmta.security.dmarc;

import org.jspecify.annotations.Nullable;

/**
 * What DMARC says of a message.
 *
 * @param action after alignment and {@code t=y}; TEMPERROR where the DNS did not answer
 * @param policy the policy that applies, before {@code t=y}; ABSENT = no processing
 * @param spfDomainAligned whether SPF passed for a domain that is aligned with the author's
 * @param dkimDomainAligned whether a signature passed of a domain that is
 * @param recordDomain where the record was found, without {@code _dmarc.}, or null
 * @param record what was found there, or null; not kept with a queued message
 */
public record DmarcResult(
    Action action,
    Policy policy,
    boolean spfDomainAligned,
    boolean dkimDomainAligned,
    @Nullable String recordDomain,
    @Nullable DmarcRecord record) {

  /** Without the record. */
  public DmarcResult(
      Action action,
      Policy policy,
      boolean spfDomainAligned,
      boolean dkimDomainAligned,
      @Nullable String recordDomain) {
    this(action, policy, spfDomainAligned, dkimDomainAligned, recordDomain, null);
  }

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
