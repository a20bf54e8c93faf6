package org.unifiedmta.security.spf;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;

/** What one check may ask of the DNS (RFC 7208 4.6.4). */
final class LookupBudget {
  /** Of one MX or PTR answer that are looked up. */
  static final int MAXIMUM_NAMES = 10;

  private static final int MAXIMUM_TERMS = 10;
  private static final int MAXIMUM_VOID = 2;
  private static final Duration MAXIMUM_TIME = Duration.ofSeconds(20);

  private final Clock clock;
  private final Instant end;
  private int terms;
  private int voids;
  private boolean isVoid; // the term under way

  LookupBudget(Clock clock) {
    this.clock = clock;
    end = clock.instant().plus(MAXIMUM_TIME);
  }

  /** Another term that causes DNS queries. */
  void spendTerm() throws SpfException {
    isVoid = false;
    if (++terms > MAXIMUM_TERMS) {
      throw SpfException.permanent("more than " + MAXIMUM_TERMS + " terms with DNS look-ups");
    }
  }

  /**
   * A query that found nothing. What counts are terms with such queries, however many each has:
   * servers without IPv6 addresses are no error of who names several of them.
   */
  void spendVoid() throws SpfException {
    if (!isVoid && ++voids > MAXIMUM_VOID) {
      throw SpfException.permanent("more than " + MAXIMUM_VOID + " terms with void DNS look-ups");
    }
    isVoid = true;
  }

  /** Before each query. */
  void checkTime() throws SpfException {
    if (isOver()) {
      throw SpfException.temporary("not done within " + MAXIMUM_TIME.toSeconds() + " s");
    }
  }

  boolean isOver() {
    return !clock.instant().isBefore(end);
  }
}
