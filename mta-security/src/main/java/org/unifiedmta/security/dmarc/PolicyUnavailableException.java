package org.unifiedmta.security.dmarc;

/** The DNS did not answer: there may be a policy, but nobody can say now. */
final class PolicyUnavailableException extends Exception {
  private static final long serialVersionUID = 1L;

  PolicyUnavailableException(String name) {
    super(name, null, false, false);
  }
}
