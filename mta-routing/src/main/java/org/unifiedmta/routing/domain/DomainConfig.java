package org.unifiedmta.routing.domain;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Domains;

/**
 * A domain that is ours: mail for it is accepted, mail from it signed.
 *
 * @param domain A-labels in lower case
 * @param dmarc the DMARC record to be published, or null for the default
 */
public record DomainConfig(
    String domain, DnsMode dnsMode, Dkim dkim, RateLimits rateLimits, @Nullable String dmarc) {

  /** Who publishes the domain's records. */
  public enum DnsMode {
    /** Nobody here. */
    NONE,
    /** A provider's API. */
    EXTERNAL_DNS,
    /** This process. */
    INTERNAL_DNS
  }

  /**
   * The domain's signing keys.
   *
   * @param selector of the key of RSA; that of Ed25519 has {@code -ed} behind it
   * @param keySize of RSA, in bits
   * @param rotationInterval in days
   * @param ed25519 whether a key of Ed25519 (RFC 8463) signs beside the one of RSA
   * @param lifetime of signatures, or null for no end
   */
  public record Dkim(
      String selector,
      int keySize,
      boolean rotateKeys,
      int rotationInterval,
      boolean ed25519,
      @Nullable Duration lifetime) {
    private static final Duration LEAST_LIFETIME = Duration.ofHours(2);

    /**
     * @throws IllegalArgumentException if keys are to be rotated more often than once a day, or
     *     signatures are to end within two hours
     */
    public Dkim {
      if (rotateKeys && rotationInterval < 1) {
        throw new IllegalArgumentException("no days between rotations: " + rotationInterval);
      }
      if (lifetime != null && lifetime.compareTo(LEAST_LIFETIME) < 0) {
        throw new IllegalArgumentException("signatures that end too soon: " + lifetime);
      }
    }

    /** With a key of Ed25519. */
    public Dkim(String selector, int keySize, boolean rotateKeys, int rotationInterval) {
      this(selector, keySize, rotateKeys, rotationInterval, true, null);
    }

    /**
     * Selector {@code default}, RSA 2048 and Ed25519, rotated every 90 days where rotation is on;
     * it is off.
     */
    public static Dkim standard() {
      return new Dkim("default", 2048, false, 90);
    }

    /** Rotated, at an interval in days. */
    public Dkim withRotation(int days) {
      return new Dkim(selector, keySize, true, days, ed25519, lifetime);
    }

    public Dkim withoutEd25519() {
      return new Dkim(selector, keySize, rotateKeys, rotationInterval, false, lifetime);
    }

    /**
     * Signatures say how long they are good (x=, RFC 6376 3.5), so that nobody can send the
     * messages again for ever. What waits longer in the queue is signed anew.
     *
     * @param time two hours or more
     */
    public Dkim withLifetime(Duration time) {
      return new Dkim(selector, keySize, rotateKeys, rotationInterval, ed25519, time);
    }
  }

  /** Null for no limit of its own. */
  public record RateLimits(
      @Nullable Integer outboundMessagesPerMinute,
      @Nullable Integer inboundMessagesPerMinute,
      @Nullable Integer connectionsPerIp) {
    public static RateLimits none() {
      return new RateLimits(null, null, null);
    }
  }

  /**
   * @throws IllegalArgumentException if that is no domain
   */
  public static DomainConfig of(String domain) {
    return new DomainConfig(
        Domains.toAscii(domain), DnsMode.NONE, Dkim.standard(), RateLimits.none(), null);
  }

  public DomainConfig withDkim(Dkim other) {
    return new DomainConfig(domain, dnsMode, other, rateLimits, dmarc);
  }

  public DomainConfig withDnsMode(DnsMode other) {
    return new DomainConfig(domain, other, dkim, rateLimits, dmarc);
  }

  public DomainConfig withRateLimits(RateLimits other) {
    return new DomainConfig(domain, dnsMode, dkim, other, dmarc);
  }

  /**
   * @param policyRecord such as {@code v=DMARC1; p=reject}
   */
  public DomainConfig withDmarc(String policyRecord) {
    return new DomainConfig(domain, dnsMode, dkim, rateLimits, policyRecord);
  }
}
