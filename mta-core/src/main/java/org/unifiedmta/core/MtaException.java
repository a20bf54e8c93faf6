package org.unifiedmta.core;

import org.jspecify.annotations.Nullable;

/**
 * The root of what this library throws when it, its configuration or its host fails; never for a
 * verdict.
 */
public class MtaException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public MtaException(String message) {
    super(message);
  }

  public MtaException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
