package org.unifiedmta.smtp.client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.unifiedmta.core.spool.ByteSink;

/**
 * Cuts a message into chunks (RFC 3030 2), each of which is announced by its exact length when it
 * is known: what comes in may still be changed on its way here. The last chunk is held back until
 * it is known to be the last.
 */
final class ChunkWriter implements ByteSink {
  private static final int CHUNK = 64 * 1024;

  /** Takes chunks. */
  interface Chunks {
    void chunk(ByteBuffer octets, boolean last) throws IOException;
  }

  private final byte[] buffer = new byte[CHUNK];
  private final Chunks chunks;
  private int length;

  ChunkWriter(Chunks chunks) {
    this.chunks = chunks;
  }

  @Override
  public void write(ByteBuffer octets) {
    while (octets.hasRemaining()) {
      if (length == CHUNK) {
        pass(false);
      }
      int taken = Math.min(octets.remaining(), CHUNK - length);
      octets.get(buffer, length, taken);
      length += taken;
    }
  }

  void finish() {
    pass(true);
  }

  private void pass(boolean last) {
    try {
      chunks.chunk(ByteBuffer.wrap(buffer, 0, length), last);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    length = 0;
  }
}
