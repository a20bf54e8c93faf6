package org.unifiedmta.core.email;

import org.unifiedmta.core.MtaException;

/** A stream holds more than can be read into memory; parse it from a source instead. */
public class MessageTooLargeException extends MtaException {
  private static final long serialVersionUID = 1L;

  MessageTooLargeException(long limit) {
    super("message larger than " + limit + " octets; parse it from a ByteSource");
  }
}
