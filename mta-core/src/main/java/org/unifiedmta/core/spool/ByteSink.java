package org.unifiedmta.core.spool;

import java.nio.ByteBuffer;

/** Where bytes go as they pass. */
public interface ByteSink {

  /** Takes all remaining bytes; the buffer is borrowed for the call only. */
  void write(ByteBuffer bytes);
}
