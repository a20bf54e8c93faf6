package org.unifiedmta.security.sasl;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Names and passwords as they come over the wire: bounded, and UTF-8 or nothing. */
final class Utf8 {
  private static final int MAXIMUM_FIELD = 1_024; // octets; RFC 4616 2 asks for 255

  /** The most octets of a message with several fields: an OAuth token may have some thousand. */
  private static final int MAXIMUM_MESSAGE = 9_216; // what 12,288 of base64 hold, RFC 4954 4

  private Utf8() {}

  /** The characters of a range, or null if it is empty, too long, has a NUL or is no UTF-8. */
  static char @Nullable [] chars(byte[] bytes, int from, int to) {
    return chars(bytes, from, to, MAXIMUM_FIELD);
  }

  private static char @Nullable [] chars(byte[] bytes, int from, int to, int maximum) {
    if (from >= to || to - from > maximum) {
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

  /** A user's name, prepared; null if there is none that can be a user's. */
  static @Nullable String name(byte[] bytes, int from, int to) {
    var chars = chars(bytes, from, to);
    return chars == null ? null : SaslPrep.name(new String(chars));
  }

  /** A whole message as text. */
  static @Nullable String message(byte[] bytes) {
    var chars = chars(bytes, 0, bytes.length, MAXIMUM_MESSAGE);
    return chars == null ? null : new String(chars);
  }

  /** The octets of a password, for the caller to wipe. */
  static byte[] octets(char[] password) {
    var encoded = StandardCharsets.UTF_8.encode(CharBuffer.wrap(password));
    var octets = new byte[encoded.remaining()];
    encoded.get(octets);
    Arrays.fill(encoded.array(), (byte) 0);
    return octets;
  }
}
