package org.unifiedmta.delivery.submission;

import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What can be said of a message beside the message. */
public final class SubmitOptions {
  private static final SubmitOptions NONE = builder().build();

  private final @Nullable Instant notBefore;

  private SubmitOptions(Builder builder) {
    notBefore = builder.notBefore;
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

  /** Collects options. */
  public static final class Builder {
    private @Nullable Instant notBefore;

    private Builder() {}

    public Builder notBefore(Instant time) {
      notBefore = time;
      return this;
    }

    public Builder idempotencyKey(String key) {
      return this;
    }

    public SubmitOptions build() {
      return new SubmitOptions(this);
    }
  }
}
