package org.unifiedmta.core.spool;

import org.unifiedmta.core.MtaException;

/** There is no room for this message now; the peer may try later ({@code 452 4.3.1}). */
public class InsufficientStorageException extends MtaException {
  private static final long serialVersionUID = 1L;

  public InsufficientStorageException(String message) {
    super(message);
  }
}
