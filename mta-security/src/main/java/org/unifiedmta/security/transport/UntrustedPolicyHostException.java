package org.unifiedmta.security.transport;

import java.io.IOException;

/** A policy host without a certificate that we trust, or with one for another name. */
public final class UntrustedPolicyHostException extends IOException {
  private static final long serialVersionUID = 1;

  public UntrustedPolicyHostException(String message) {
    super(message);
  }

  public UntrustedPolicyHostException(String message, Throwable cause) {
    super(message, cause);
  }
}
