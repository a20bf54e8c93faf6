package org.unifiedmta.smtp.codec;

import java.nio.ByteBuffer;

/** Finds the octets that may not stand alone in a message: CR, LF and NUL. */
final class Octets {
  private static final long ONES = 0x0101010101010101L;
  private static final long HIGHS = 0x8080808080808080L;
  private static final long CRS = '\r' * ONES;
  private static final long LFS = '\n' * ONES;

  private Octets() {}

  /** The index of the next CR, LF or NUL, or the end; eight octets at a time. */
  static int nextLineOctet(ByteBuffer bytes, int from, int end) {
    int i = from;
    while (i + 8 <= end) {
      long word = bytes.getLong(i);
      if ((zeroes(word) | zeroes(word ^ CRS) | zeroes(word ^ LFS)) != 0) {
        break;
      }
      i += 8;
    }
    while (i < end && !isLineOctet(bytes.get(i))) {
      i++;
    }
    return i;
  }

  /** Not zero exactly if one of the eight octets is. */
  private static long zeroes(long word) {
    return (word - ONES) & ~word & HIGHS;
  }

  private static boolean isLineOctet(byte b) {
    return b == '\r' || b == '\n' || b == 0;
  }
}
