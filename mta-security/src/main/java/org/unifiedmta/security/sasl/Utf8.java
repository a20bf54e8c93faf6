package org.unifiedmta.security.sasl;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Names and passwords as they come over the wire: bounded, and UTF-8 or nothing. */
final class Utf8 {
  private static final int MAXIMUM = 1_024; // octets; RFC 4616 2 asks for 255

  private Utf8() {}

  /** The characters of a range, or null if it is empty, too long, has a NUL or is no UTF-8. */
  static char @Nullable [] chars(byte[] bytes, int from, int to) {
    if (from >= to || to - from > MAXIMUM) {
      return null;
    }
    CharBuffer decoded;
    try {
      decoded = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, from, to - from));
    } catch (CharacterCodingException e) {
      return null;
    }
    var chars = new char[decoded.remaining()];
    decoded.get(chars);
    for (char c : chars) {
      if (c == 0) {
        return null;
      }
    }
    return chars;
  }

  static @Nullable String string(byte[] bytes, int from, int to) {
    var chars = chars(bytes, from, to);
    return chars == null ? null : new String(chars);
  }
}
