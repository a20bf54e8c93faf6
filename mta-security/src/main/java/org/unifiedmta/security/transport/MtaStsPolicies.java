package org.unifiedmta.security.transport;

import java.time.Instant;

/** stub. */
public final class MtaStsPolicies {
  public sealed interface Found {
    record None() implements Found {}

    record Failed(String resultType, String reason) implements Found {}

    record Policy(MtaStsPolicy policy, String id, Instant until) implements Found {}
  }

  public Found of(String domain) {
    return new Found.None();
  }
}
