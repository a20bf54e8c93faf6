package org.unifiedmta.core.storage;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a key is written as names of directories and, last, of a file that any platform can hold.
 *
 * <pre>
 * name   = ("c-" / "d-" / "v-") 1*(plain / "." plain / escape)    ; at most 120 characters
 *          ; c: the segment goes on in the next name, d: it ends here, v: the key ends here
 * plain  = a-z / 0-9 / "_" / "-" / "@" / "+"
 * escape = 1*4("%" 2(0-9 / a-f))                                  ; the UTF-8 of one character
 * </pre>
 *
 * <p>So no two keys share a file where case does not count, no name is a device of Windows or ends
 * in a dot there, and a value is never in the way of a directory.
 */
final class FileNames {
  private static final int MAXIMUM_NAME = 120; // some encrypted file systems take no more than 143
  private static final int PREFIX = 2;
  private static final String PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789_-@+";

  private FileNames() {}

  /** The names on the way to the value of a key; its file is the last. */
  static List<String> of(String key) {
    var names = new ArrayList<String>();
    var segments = key.split("/");
    for (int i = 0; i < segments.length; i++) {
      var name = new StringBuilder();
      var characters = segments[i].codePoints().toArray();
      for (int c = 0; c < characters.length; c++) {
        boolean dot =
            characters[c] == '.' && c + 1 < characters.length && isPlain(characters[c + 1]);
        var written = dot ? "." : written(characters[c]);
        int room = dot ? 2 : written.length(); // a dot takes along what follows it
        if (PREFIX + name.length() + room > MAXIMUM_NAME) {
          names.add("c-" + name);
          name.setLength(0);
        }
        name.append(written);
      }
      names.add((i == segments.length - 1 ? "v-" : "d-") + name);
    }
    return names;
  }

  private static boolean isPlain(int character) {
    return PLAIN.indexOf(character) >= 0;
  }

  private static String written(int character) {
    var text = Character.toString(character);
    return isPlain(character)
        ? text
        : "%" + HexFormat.ofDelimiter("%").formatHex(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Whether a key goes on behind a directory of this name. */
  static boolean isDirectory(String name) {
    return name.startsWith("c-") || name.startsWith("d-");
  }

  static boolean isValue(String name) {
    return name.startsWith("v-");
  }

  /** The part of a key that a name stands for, or null if it is none of ours. */
  static @Nullable String text(String name) {
    if (!isDirectory(name) && !isValue(name)) {
      return null;
    }
    var octets = new byte[name.length()];
    int length = 0;
    for (int i = PREFIX; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c != '%') {
        octets[length++] = (byte) c;
      } else if (i + 2 < name.length()
          && HexFormat.isHexDigit(name.charAt(i + 1))
          && HexFormat.isHexDigit(name.charAt(i + 2))) {
        octets[length++] = (byte) HexFormat.fromHexDigits(name, i + 1, i + 3);
        i += 2;
      } else {
        return null;
      }
    }
    return new String(octets, 0, length, StandardCharsets.UTF_8)
        + (name.startsWith("d-") ? "/" : "");
  }
}
