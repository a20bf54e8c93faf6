package org.unifiedmta.smtp.codec;

import java.nio.ByteBuffer;
import org.unifiedmta.core.spool.ByteSink;

/**
 * Writes the data of one message for the wire (RFC 5321 4.5.2): dots stuffed, ended by {@code CRLF
 * . CRLF}. Whatever comes in, only clean CRLF leaves, so that no server behind can see another end
 * than ours: a bare CR or LF becomes CRLF, a NUL a blank. What needs no change is passed on as
 * slices. In chunks (RFC 3030 2) dots are dots, nothing marks the end, and a NUL goes.
 */
public final class DotStuffer {
  private static final byte[] CRLF = {'\r', '\n'};
  private static final byte[] DOT = {'.'};
  private static final byte[] BLANK = {' '};
  private static final byte[] END = {'.', '\r', '\n'};

  private final boolean dots;
  private boolean atLineStart = true;
  private boolean afterCr; // a CR was held back: its LF may come with the next chunk
  private boolean changed;

  /** For the data behind DATA, which {@link #finish} ends. */
  public DotStuffer() {
    this(true);
  }

  private DotStuffer(boolean dots) {
    this.dots = dots;
  }

  /** For chunks, of which {@link #complete} gives the rest. */
  public static DotStuffer ofChunks() {
    return new DotStuffer(false);
  }

  /** Takes the next part of the message. */
  public void write(ByteBuffer in, ByteSink out) {
    int end = in.limit();
    int i = in.position();
    int from = i; // what was not passed on yet
    if (afterCr && i < end) {
      boolean whole = in.get(i) == '\n';
      changed |= !whole;
      i += whole ? 1 : 0;
      from = i;
      lineEnd(out);
    }
    while (i < end) {
      if (dots && atLineStart && in.get(i) == '.') {
        pass(in, from, i, out);
        from = i;
        put(DOT, out);
      }
      atLineStart = false;
      i = Octets.nextLineOctet(in, i, end);
      if (i == end) {
        break;
      }
      byte b = in.get(i);
      if (b == '\r' && i + 1 < end && in.get(i + 1) == '\n') {
        i += 2;
        atLineStart = true;
        continue;
      }
      pass(in, from, i, out);
      i++;
      from = i;
      if (b == '\r' && i == end) {
        afterCr = true;
      } else if (b == 0) {
        changed = true;
        if (dots) {
          put(BLANK, out);
        }
      } else {
        changed = true;
        lineEnd(out);
      }
    }
    pass(in, from, end, out);
    in.position(end);
  }

  /** Passes on what is held back: a CR at the very end. */
  public void complete(ByteSink out) {
    if (afterCr) {
      changed = true;
      lineEnd(out);
    }
  }

  /** Ends the message: a CRLF if the last line lacks it, then the dot. */
  public void finish(ByteSink out) {
    if (!endsWithCrlf()) {
      changed = true;
      lineEnd(out);
    }
    put(END, out);
  }

  /** Whether what was written so far ends with CRLF, or is nothing. */
  public boolean endsWithCrlf() {
    return atLineStart && !afterCr;
  }

  /** Whether anything but stuffed dots was changed, which breaks a signature over the message. */
  public boolean hasChangedContent() {
    return changed;
  }

  private void lineEnd(ByteSink out) {
    put(CRLF, out);
    afterCr = false;
    atLineStart = true;
  }

  private static void put(byte[] bytes, ByteSink out) {
    out.write(ByteBuffer.wrap(bytes));
  }

  private static void pass(ByteBuffer in, int from, int to, ByteSink out) {
    if (from < to) {
      out.write(in.slice(from, to - from));
    }
  }
}
