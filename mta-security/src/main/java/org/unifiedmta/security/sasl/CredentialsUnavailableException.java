package org.unifiedmta.security.sasl;

import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.MtaException;

/** Nobody can tell now whether a login is right; the client may try again later. */
public class CredentialsUnavailableException extends MtaException {
  private static final long serialVersionUID = 1L;

  public CredentialsUnavailableException(String message) {
    super(message);
  }

  public CredentialsUnavailableException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
