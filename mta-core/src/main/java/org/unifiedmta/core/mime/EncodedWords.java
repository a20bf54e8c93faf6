package org.unifiedmta.core.mime;

import java.io.ByteArrayOutputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * Reads the encoded words in a text, RFC 2047. In one pass, however hostile the text is, and as
 * senders write them: blanks and question marks inside, characters cut in two between one word and
 * the next.
 */
final class EncodedWords {
  private static final int MAXIMUM_CHARSET = 100;
  private static final int MAXIMUM_UNKNOWN = 20; // looking for a charset that is none takes long

  private final String text;
  private final StringBuilder decoded;
  private final ByteArrayOutputStream octets = new ByteArrayOutputStream();
  private @Nullable Charset charset; // of the octets
  private int unknown; // charsets
  private int nextEnd = -1; // of the next "?=" that was looked for

  private EncodedWords(String text) {
    this.text = text;
    this.decoded = new StringBuilder(text.length());
  }

  /** The text with every encoded word decoded that can be. */
  static String decode(String text) {
    return text.contains("=?") ? new EncodedWords(text).decode() : text;
  }

  /** {@code encoded-word = "=?" charset "?" encoding "?" encoded-text "?="}. */
  private String decode() {
    int from = 0; // behind the last word, or of the text that follows it
    for (int at = text.indexOf("=?"); at >= 0; at = text.indexOf("=?", Math.max(from, at + 2))) {
      int end = word(at, from);
      if (end > 0) {
        from = end;
      }
    }
    flush();
    return decoded.append(text, from, text.length()).toString();
  }

  /** Takes the word at an offset, and the text in front of it; gives its end, or -1 for none. */
  private int word(int at, int from) {
    int encoding = text.indexOf('?', at + 2) + 1;
    if (unknown == MAXIMUM_UNKNOWN
        || encoding == 0
        || encoding - at > MAXIMUM_CHARSET
        || encoding + 1 >= text.length()
        || text.charAt(encoding + 1) != '?') {
      return -1;
    }
    int start = encoding + 2;
    int end = end(start);
    boolean base64 = text.charAt(encoding) == 'B' || text.charAt(encoding) == 'b';
    if (end < 0 || (!base64 && text.charAt(encoding) != 'Q' && text.charAt(encoding) != 'q')) {
      return -1;
    }
    var charset = charset(text.substring(at + 2, encoding - 1));
    if (charset == null) {
      unknown++;
      return -1;
    }
    // RFC 2047 6.2: blanks between two words are none. Some cut a character in two there.
    boolean follows = this.charset != null && text.substring(from, at).isBlank();
    if (!follows || !charset.equals(this.charset)) {
      flush();
    }
    if (!follows) {
      decoded.append(text, from, at);
    }
    this.charset = charset;
    if (base64) {
      octets.writeBytes(base64(text, start, end));
    } else {
      quotedPrintable(start, end);
    }
    return end + 2;
  }

  private void flush() {
    if (charset != null) {
      decoded.append(Charsets.decode(octets.toByteArray(), charset));
      octets.reset();
      charset = null;
    }
  }

  /** The next {@code ?=}; not looked for again where it is known already. */
  private int end(int start) {
    if (nextEnd >= 0 && nextEnd < start) {
      nextEnd = -1;
    }
    if (nextEnd < 0) {
      int end = text.indexOf("?=", start);
      nextEnd = end < 0 ? Integer.MAX_VALUE : end;
    }
    return nextEnd == Integer.MAX_VALUE ? -1 : nextEnd;
  }

  /** RFC 2231 5: a language may follow the charset. */
  private static @Nullable Charset charset(String name) {
    int language = name.indexOf('*');
    return Charsets.find(language < 0 ? name : name.substring(0, language));
  }

  private static byte[] base64(String text, int from, int to) {
    var digits = new StringBuilder(to - from);
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      boolean digit =
          (c >= 'A' && c <= 'Z')
              || (c >= 'a' && c <= 'z')
              || (c >= '0' && c <= '9')
              || c == '+'
              || c == '/';
      if (digit) {
        digits.append(c);
      }
    }
    if (digits.length() % 4 == 1) {
      digits.setLength(digits.length() - 1); // six bits are no octet
    }
    return Base64.getDecoder().decode(digits.toString());
  }

  private void quotedPrintable(int from, int to) {
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      int high = i + 2 < to ? Character.digit(text.charAt(i + 1), 16) : -1;
      int low = i + 2 < to ? Character.digit(text.charAt(i + 2), 16) : -1;
      if (c == '=' && high >= 0 && low >= 0) {
        octets.write(high * 16 + low);
        i += 2;
      } else if (c == '_') {
        octets.write(' ');
      } else if (c < 128) {
        octets.write(c);
      } else {
        octets.writeBytes(String.valueOf(c).getBytes(StandardCharsets.UTF_8));
      }
    }
  }
}
