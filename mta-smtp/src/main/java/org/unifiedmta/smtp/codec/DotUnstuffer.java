package org.unifiedmta.smtp.codec;

import java.nio.ByteBuffer;
import org.unifiedmta.core.spool.ByteSink;

/**
 * Reads the data of one message up to its end (RFC 5321 4.1.1.4, 4.5.2). Only {@code CRLF . CRLF}
 * ends it; a CR or LF that stands alone, or a NUL, is a violation wherever the stream is cut.
 * Copies nothing: what belongs to the message is passed on as slices of what comes in.
 */
public final class DotUnstuffer {

  /** What the octets so far amount to. */
  public enum Outcome {
    /** The message goes on. */
    MORE,
    /** The message has ended; what remains in the buffer is behind it. */
    END,
    /**
     * A bare CR or LF, or a NUL. Another server may see the message end here (SMTP smuggling), so
     * nothing behind it can be trusted.
     */
    VIOLATION
  }

  private enum State {
    LINE_START,
    TEXT,
    CR,
    DOT,
    DOT_CR
  }

  // The CRLF of the DATA command is the first half of the end of an empty message.
  private State state = State.LINE_START;

  /**
   * Reads on; after {@code END} or {@code VIOLATION} it must not be called again.
   *
   * @param out takes the message without the dots that were stuffed
   */
  public Outcome read(ByteBuffer in, ByteSink out) {
    int end = in.limit();
    int i = in.position();
    int from = i; // what was not passed on yet
    while (i < end) {
      switch (state) {
        case TEXT -> {
          i = Octets.nextLineOctet(in, i, end);
          if (i < end) {
            if (in.get(i) != '\r') {
              return violation(in, i);
            }
            i++;
            state = State.CR;
          }
        }
        case CR -> {
          if (in.get(i) != '\n') {
            return violation(in, i);
          }
          i++;
          state = State.LINE_START;
        }
        case LINE_START -> {
          if (in.get(i) == '.') {
            pass(in, from, i, out);
            i++;
            from = i;
            state = State.DOT;
          } else {
            state = State.TEXT;
          }
        }
        case DOT -> {
          if (in.get(i) == '\r') {
            i++;
            state = State.DOT_CR;
          } else {
            state = State.TEXT;
          }
        }
        case DOT_CR -> {
          if (in.get(i) != '\n') {
            return violation(in, i);
          }
          in.position(i + 1);
          return Outcome.END;
        }
      }
    }
    if (state != State.DOT_CR) { // the CR behind a lone dot is not the message's
      pass(in, from, end, out);
    }
    in.position(end);
    return Outcome.MORE;
  }

  private static Outcome violation(ByteBuffer in, int at) {
    in.position(at);
    return Outcome.VIOLATION;
  }

  private static void pass(ByteBuffer in, int from, int to, ByteSink out) {
    if (from < to) {
      out.write(in.slice(from, to - from));
    }
  }
}
