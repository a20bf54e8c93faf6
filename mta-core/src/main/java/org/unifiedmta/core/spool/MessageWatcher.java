package org.unifiedmta.core.spool;

import java.nio.ByteBuffer;

/** Sees a message pass on its way into a spool. Nothing here may block. */
public interface MessageWatcher {

  /**
   * The blank line behind the header section has passed. Not called where the section ends
   * otherwise; then nothing is seen before the whole message.
   */
  default void header(HeaderSection header) {}

  /**
   * Octets of the body, behind the blank line, as they are kept. The buffer is borrowed for the
   * call only.
   */
  default void body(ByteBuffer octets) {}

  /** The message does not come to its end, or is not kept; nothing follows. */
  default void abandoned() {}
}
