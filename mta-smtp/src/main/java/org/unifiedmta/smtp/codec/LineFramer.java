package org.unifiedmta.smtp.codec;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a stream into lines. Only CRLF ends a line (RFC 5321 2.3.8); a bare CR or LF is an ordinary,
 * if forbidden, octet of it. Holds one line at most.
 */
public final class LineFramer {
  /** The longest line with a command and its extensions' parameters (RFC 5321 4.5.3.1.4). */
  public static final int COMMAND_LINE = 2_048;

  /** The longest line of a SASL exchange (RFC 4954 4). */
  public static final int AUTH_LINE = 12_288;

  private static final int ENDLESS = 256 * 1024;
  private static final int USUAL = 256;

  /** What was found. */
  public sealed interface Line {
    /**
     * A line without its CRLF.
     *
     * @param text read as UTF-8, malformed octets as U+FFFD
     */
    record Text(String text) implements Line {}

    /** A line over the limit; it was skipped up to its CRLF. */
    record TooLong() implements Line {}

    /** Octets without end and without CRLF: where the next line begins can't be known. */
    record Endless() implements Line {}
  }

  private byte[] line = new byte[USUAL];
  private int length;
  private boolean afterCr;

  /**
   * The next line.
   *
   * @param limit octets of a line, its CRLF included
   * @return null if the buffer is used up before a line ends
   */
  public @Nullable Line next(ByteBuffer in, int limit) {
    while (in.hasRemaining()) {
      byte b = in.get();
      if (length < limit) {
        store(b, limit);
      }
      length++;
      if (b == '\n' && afterCr) {
        return ended(limit);
      }
      afterCr = b == '\r';
      if (length > ENDLESS) {
        reset();
        return new Line.Endless();
      }
    }
    return null;
  }

  /** Whether a line has begun. */
  public boolean isInsideLine() {
    return length > 0;
  }

  private void store(byte b, int limit) {
    if (length == line.length) {
      line = Arrays.copyOf(line, Math.min(limit, line.length * 2));
    }
    line[length] = b;
  }

  private Line ended(int limit) {
    Line found =
        length > limit
            ? new Line.TooLong()
            : new Line.Text(new String(line, 0, length - 2, StandardCharsets.UTF_8));
    reset();
    return found;
  }

  private void reset() {
    length = 0;
    afterCr = false;
    if (line.length > COMMAND_LINE) {
      line = new byte[USUAL];
    }
  }
}
