package org.unifiedmta.smtp.codec;

import java.nio.ByteBuffer;
import org.unifiedmta.core.spool.ByteSink;
import org.unifiedmta.smtp.codec.DotUnstuffer.Outcome;

/**
 * Reads the data of one message from a client that does not know how lines end: a bare CR or LF
 * becomes CRLF, a NUL goes. Still only {@code CRLF . CRLF} ends the data (RFC 5321 4.1.1.4), and
 * only behind a true CRLF is a dot a stuffed one; what is kept has no line end but CRLF, so no next
 * host reads it differently.
 */
public final class LineNormalizer {
  private static final int BUFFER = 4096;

  private enum State {
    LINE_START,
    TEXT,
    CR,
    DOT,
    DOT_CR
  }

  private final boolean dots;
  private final byte[] out = new byte[BUFFER];
  private int length;
  private State state;

  private LineNormalizer(boolean dots) {
    this.dots = dots;
    this.state = dots ? State.LINE_START : State.TEXT;
  }

  /** For the data behind DATA. */
  public static LineNormalizer ofData() {
    return new LineNormalizer(true);
  }

  /** For chunks (RFC 3030 2), in which dots are dots, and which {@link #finish} ends. */
  public static LineNormalizer ofChunks() {
    return new LineNormalizer(false);
  }

  /** Reads on, up to the end of the buffer or of the data; never a violation. */
  public Outcome read(ByteBuffer in, ByteSink to) {
    while (in.hasRemaining()) {
      if (next(in.get(), to)) {
        flush(to);
        return Outcome.END;
      }
    }
    flush(to);
    return Outcome.MORE;
  }

  /** The chunks are at their end. */
  public void finish(ByteSink to) {
    if (state == State.CR) {
      lineEnd(to);
      state = State.TEXT;
      flush(to);
    }
  }

  private boolean next(byte b, ByteSink to) {
    switch (state) {
      case LINE_START -> {
        if (b == '.') {
          state = State.DOT;
        } else {
          text(b, to);
        }
      }
      case TEXT -> text(b, to);
      case CR -> {
        lineEnd(to);
        if (b == '\n') {
          state = dots ? State.LINE_START : State.TEXT;
        } else {
          text(b, to);
        }
      }
      case DOT -> {
        if (b == '\r') {
          state = State.DOT_CR;
        } else {
          text(b, to);
        }
      }
      case DOT_CR -> {
        if (b == '\n') {
          return true;
        }
        lineEnd(to);
        text(b, to);
      }
    }
    return false;
  }

  private void text(byte b, ByteSink to) {
    state = b == '\r' ? State.CR : State.TEXT;
    if (b == '\n') {
      lineEnd(to);
    } else if (b != '\r' && b != 0) {
      put(b, to);
    }
  }

  private void lineEnd(ByteSink to) {
    put((byte) '\r', to);
    put((byte) '\n', to);
  }

  private void put(byte b, ByteSink to) {
    if (length == out.length) {
      flush(to);
    }
    out[length++] = b;
  }

  private void flush(ByteSink to) {
    if (length > 0) {
      to.write(ByteBuffer.wrap(out, 0, length));
      length = 0;
    }
  }
}
