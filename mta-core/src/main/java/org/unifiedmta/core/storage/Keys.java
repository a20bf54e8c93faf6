package org.unifiedmta.core.storage;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** What a key and a value must be, wherever they are kept. */
final class Keys {
  private static final int SHOWN = 100;

  private Keys() {}

  /** The key, if it is one. */
  static String checked(String key) {
    var fault = fault(key);
    if (fault != null) {
      throw new IllegalArgumentException("the storage key \"" + shown(key) + "\" " + fault);
    }
    return key;
  }

  /** What keeps a text from being a key, or null. */
  static @Nullable String fault(String key) {
    if (key.isEmpty()) {
      return "is empty";
    }
    if (!key.codePoints().allMatch(Keys::isPrintable)) {
      return "has a character that cannot be printed";
    }
    if (key.indexOf('\\') >= 0) {
      return "has a backslash";
    }
    if (key.getBytes(StandardCharsets.UTF_8).length > StorageManager.MAXIMUM_KEY) {
      return "has more than " + StorageManager.MAXIMUM_KEY + " octets";
    }
    for (var segment : key.split("/", -1)) {
      if (segment.isEmpty() || segment.equals(".") || segment.equals("..")) {
        return "has the segment \"" + segment + '"';
      }
    }
    return null;
  }

  /** The value, if it is not too large. */
  static byte[] checked(String key, byte[] value) {
    if (value.length > StorageManager.MAXIMUM_VALUE) {
      throw new IllegalArgumentException(
          "the value of the storage key \""
              + key
              + "\" has "
              + value.length
              + " octets, more than "
              + StorageManager.MAXIMUM_VALUE);
    }
    return value;
  }

  /** Unassigned ones too: which they are depends on the version of the JDK. */
  private static boolean isPrintable(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      default -> true;
    };
  }

  private static String shown(String key) {
    var shown = new StringBuilder();
    key.codePoints()
        .limit(SHOWN)
        .forEach(c -> shown.append(isPrintable(c) ? Character.toString(c) : "?"));
    return shown + (key.codePointCount(0, key.length()) > SHOWN ? "\u2026" : "");
  }
}
