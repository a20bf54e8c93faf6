package org.unifiedmta.core.mime;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which charset mail is in, whatever it says. */
final class Charsets {
  private static final int MAXIMUM_NAME = 75; // RFC 2047 2
  private static final Charset WINDOWS_1252 = Charset.forName("windows-1252");

  /**
   * What senders mean by a name, where that is more than what it stands for (the WHATWG encoding
   * standard, 4.2), and names that the JDK does not know.
   */
  private static final Map<String, String> MEANT =
      Map.ofEntries(
          Map.entry("iso-8859-1", "windows-1252"),
          Map.entry("latin1", "windows-1252"),
          Map.entry("iso-8859-9", "windows-1254"),
          Map.entry("iso-8859-11", "x-windows-874"),
          Map.entry("tis-620", "x-windows-874"),
          Map.entry("iso-8859-8-i", "iso-8859-8"),
          Map.entry("iso-8859-8-e", "iso-8859-8"),
          Map.entry("iso-8859-6-i", "iso-8859-6"),
          Map.entry("iso-8859-6-e", "iso-8859-6"),
          Map.entry("gb2312", "gb18030"),
          Map.entry("gb_2312-80", "gb18030"),
          Map.entry("gbk", "gb18030"),
          Map.entry("hz-gb-2312", "gb18030"),
          Map.entry("ks_c_5601-1987", "x-windows-949"),
          Map.entry("ks_c_5601", "x-windows-949"),
          Map.entry("euc-kr", "x-windows-949"),
          Map.entry("korean", "x-windows-949"),
          Map.entry("shift_jis", "windows-31j"),
          Map.entry("shift-jis", "windows-31j"),
          Map.entry("x-sjis", "windows-31j"),
          Map.entry("utf8", "utf-8"),
          Map.entry("x-utf-8", "utf-8"),
          Map.entry("unicode-1-1-utf-8", "utf-8"),
          Map.entry("x-mac-roman", "x-MacRoman"),
          Map.entry("macintosh", "x-MacRoman"));

  private Charsets() {}

  /** The charset of a name, or null where there is no such one here. */
  static @Nullable Charset find(@Nullable String name) {
    if (name == null || name.length() > MAXIMUM_NAME) {
      return null;
    }
    if (name.equalsIgnoreCase("utf-8")) {
      return StandardCharsets.UTF_8;
    }
    var lower = name.strip().toLowerCase(Locale.ROOT);
    try {
      return Charset.forName(MEANT.getOrDefault(lower, lower));
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  /** Octets in the charset that was declared, else UTF-8 if they are that, else windows-1252. */
  static String decode(byte[] bytes, @Nullable Charset declared) {
    return decode(bytes, bytes.length, declared);
  }

  /** As {@link #decode(byte[], Charset)}, of the first octets. */
  static String decode(byte[] bytes, int length, @Nullable Charset declared) {
    if (declared != null && declared != StandardCharsets.US_ASCII) {
      return new String(bytes, 0, length, declared);
    }
    for (int i = 0; i < length; i++) {
      if (bytes[i] < 0) {
        var utf8 = new String(bytes, 0, length, StandardCharsets.UTF_8);
        return utf8.indexOf('\uFFFD') < 0 || isUtf8(bytes, length)
            ? utf8
            : new String(bytes, 0, length, WINDOWS_1252);
      }
    }
    return new String(bytes, 0, length, StandardCharsets.ISO_8859_1);
  }

  static boolean isUtf8(byte[] bytes, int length) {
    try {
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .decode(ByteBuffer.wrap(bytes, 0, length));
      return true;
    } catch (CharacterCodingException e) {
      return false;
    }
  }
}
