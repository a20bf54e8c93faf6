package org.unifiedmta.delivery.submission;

import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.routing.zone.RetryPolicy;

/** What can be said of a message beside the message. */
public final class SubmitOptions {
  private static final SubmitOptions NONE = builder().build();
  private static final int LONGEST_KEY = 255;
  private static final int LONGEST_POLICY = 1000;

  private final @Nullable Instant notBefore;
  private final @Nullable String idempotencyKey;
  private final @Nullable String zone;
  private final @Nullable RetryPolicy retry;
  private final @Nullable String dkimDomain;

  private SubmitOptions(Builder builder) {
    notBefore = builder.notBefore;
    idempotencyKey = builder.idempotencyKey;
    zone = builder.zone;
    retry = builder.retry;
    dkimDomain = builder.dkimDomain;
  }

  /** Nothing special. */
  public static SubmitOptions none() {
    return NONE;
  }

  public static Builder builder() {
    return new Builder();
  }

  /** The first attempt is not made before. */
  public Optional<Instant> notBefore() {
    return Optional.ofNullable(notBefore);
  }

  /** With which the message is queued only once. */
  public Optional<String> idempotencyKey() {
    return Optional.ofNullable(idempotencyKey);
  }

  /** The sending zone, in place of the one that the route says. */
  public Optional<String> zone() {
    return Optional.ofNullable(zone);
  }

  /** When it is tried again, in place of what the sending zone says. */
  public Optional<RetryPolicy> retry() {
    return Optional.ofNullable(retry);
  }

  /** Whose keys sign it, in place of those of its author's domain. */
  public Optional<String> dkimDomain() {
    return Optional.ofNullable(dkimDomain);
  }

  /** Collects options. */
  public static final class Builder {
    private @Nullable Instant notBefore;
    private @Nullable String idempotencyKey;
    private @Nullable String zone;
    private @Nullable RetryPolicy retry;
    private @Nullable String dkimDomain;

    private Builder() {}

    public Builder notBefore(Instant time) {
      notBefore = time;
      return this;
    }

    /**
     * Whoever submits with the same key within 24 hours, at once, after a restart or when the
     * message has long been delivered, queues nothing and gets the id of the message that was
     * queued first, whatever the second one says. So what may have been submitted can be submitted
     * again.
     *
     * @param key 1 to 255 characters
     * @throws IllegalArgumentException if it is shorter or longer
     */
    public Builder idempotencyKey(String key) {
      if (key.isEmpty() || key.length() > LONGEST_KEY) {
        throw new IllegalArgumentException(
            "an idempotency key has 1 to " + LONGEST_KEY + " characters, not " + key.length());
      }
      idempotencyKey = key;
      return this;
    }

    /** All recipients that do not go to the mail handler leave by this sending zone. */
    public Builder zone(String name) {
      zone = name;
      return this;
    }

    /**
     * This message is tried again, and given up, by a policy of its own.
     *
     * @throws IllegalArgumentException if it is longer than 1,000 characters as text
     */
    public Builder retry(RetryPolicy policy) {
      if (policy.toString().length() > LONGEST_POLICY) {
        throw new IllegalArgumentException("a policy with too many delays");
      }
      retry = policy;
      return this;
    }

    /**
     * The message is signed with the keys of this domain, or not taken where it has none.
     *
     * @throws IllegalArgumentException if that is no domain
     */
    public Builder dkimDomain(String domain) {
      dkimDomain = Domains.toAscii(domain);
      return this;
    }

    public SubmitOptions build() {
      return new SubmitOptions(this);
    }
  }
}
