package org.unifiedmta.smtp.codec;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Text in a parameter: {@code xtext = *( xchar / "+" 2HEXDIG )}, RFC 3461 4. */
public final class Xtext {
  private static final String HEX = "0123456789ABCDEF";

  private Xtext() {}

  /** The text, or null if that is no xtext or holds what breaks out of a field. */
  public static @Nullable String decode(String xtext) {
    var octets = new byte[xtext.length()];
    int length = 0;
    for (int i = 0; i < xtext.length(); i++) {
      char c = xtext.charAt(i);
      if (c == '+') {
        boolean complete = i + 2 < xtext.length();
        int high = complete ? HEX.indexOf(xtext.charAt(i + 1)) : -1;
        int low = complete ? HEX.indexOf(xtext.charAt(i + 2)) : -1;
        if (high < 0 || low < 0) {
          return null;
        }
        c = (char) (high * 16 + low);
        i += 2;
      } else if (c <= ' ' || c > 126 || c == '=') {
        return null;
      }
      octets[length++] = (byte) c;
    }
    var text = new String(octets, 0, length, StandardCharsets.UTF_8);
    for (int i = 0; i < text.length(); i++) {
      if (Character.isISOControl(text.charAt(i)) || text.charAt(i) == '\uFFFD') {
        return null;
      }
    }
    return text;
  }

  /** The text as it may stand in a parameter. */
  public static String encode(String text) {
    var xtext = new StringBuilder(text.length());
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      if (b > ' ' && b < 127 && b != '+' && b != '=') {
        xtext.append((char) b);
      } else {
        xtext.append('+').append(HEX.charAt((b >> 4) & 15)).append(HEX.charAt(b & 15));
      }
    }
    return xtext.toString();
  }
}
