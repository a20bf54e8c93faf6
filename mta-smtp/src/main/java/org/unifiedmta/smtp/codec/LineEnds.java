package org.unifiedmta.smtp.codec;

import java.nio.ByteBuffer;

/**
 * Whether text has no other line end than CRLF, and no NUL, wherever it is cut: another server
 * could see the message end elsewhere (SMTP smuggling).
 */
public final class LineEnds {
  private boolean afterCr;

  /** Looks at the next octets, whose position stays; false once one of them should not be there. */
  public boolean check(ByteBuffer in) {
    int end = in.limit();
    int i = in.position();
    while (i < end) {
      if (afterCr) {
        if (in.get(i) != '\n') {
          return false;
        }
        afterCr = false;
        i++;
        continue;
      }
      i = Octets.nextLineOctet(in, i, end);
      if (i < end) {
        if (in.get(i) != '\r') {
          return false;
        }
        afterCr = true;
        i++;
      }
    }
    return true;
  }

  /** Whether the last octet was a CR, whose LF is missing so far. */
  public boolean isAfterCr() {
    return afterCr;
  }
}
