package org.unifiedmta.core.spool;

/** Where the bodies of a store's messages are written before the message exists. */
public interface Spool {

  /**
   * Starts a message.
   *
   * @param announcedSize octets as announced by SIZE=, or -1; a hint only
   * @throws InsufficientStorageException when memory or disk are too short for another message
   */
  SpoolWriter open(long announcedSize);
}
