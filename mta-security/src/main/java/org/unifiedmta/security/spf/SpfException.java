package org.unifiedmta.security.spf;

/** The evaluation ended early: nothing that follows in the record can change its result. */
final class SpfException extends Exception {
  private static final long serialVersionUID = 1L;

  private final SpfResult.Result result;

  private SpfException(SpfResult.Result result, String reason) {
    super(reason, null, false, false);
    this.result = result;
  }

  /** What the domain published cannot be understood (RFC 7208 2.6.7). */
  static SpfException permanent(String reason) {
    return new SpfException(SpfResult.Result.PERMERROR, reason);
  }

  /** The DNS did not answer (RFC 7208 2.6.6). */
  static SpfException temporary(String reason) {
    return new SpfException(SpfResult.Result.TEMPERROR, reason);
  }

  SpfResult.Result result() {
    return result;
  }

  String reason() {
    return String.valueOf(getMessage());
  }
}
