package org.unifiedmta.core.address;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * IP addresses written down, as in {@code [192.0.2.1]} and {@code [IPv6:2001:db8::1]}; never a
 * look-up.
 */
public final class Literals {
  private Literals() {}

  /** The address in a literal, without its brackets; null if there is none. */
  public static @Nullable InetAddress parse(String content) {
    var ipv6 = content.regionMatches(true, 0, "IPv6:", 0, 5);
    var text = ipv6 ? content.substring(5) : content;
    return ipv6 ? (isIpv6(text) ? inet(text) : null) : ipv4(text);
  }

  /** An IPv4 or IPv6 address as text, or null; a name is never looked up. */
  public static @Nullable InetAddress ip(String text) {
    return text.indexOf(':') >= 0 ? (isIpv6(text) ? inet(text) : null) : ipv4(text);
  }

  static @Nullable String canonical(String content) {
    var address = parse(content);
    return address == null
        ? null
        : "[" + content.toLowerCase(Locale.ROOT).replace("ipv6:", "IPv6:") + "]";
  }

  /** {@code IPv4-address-literal = Snum 3("." Snum)}: four decimal numbers up to 255. */
  private static @Nullable InetAddress ipv4(String text) {
    var bytes = new byte[4];
    int part = 0;
    int digits = 0;
    int value = 0;
    for (int i = 0; i <= text.length(); i++) {
      char c = i < text.length() ? text.charAt(i) : '.';
      if (c >= '0' && c <= '9' && digits < 3) {
        value = value * 10 + (c - '0');
        digits++;
      } else if (c == '.' && digits > 0 && value <= 255 && part < 4) {
        bytes[part++] = (byte) value;
        digits = 0;
        value = 0;
      } else {
        return null;
      }
    }
    try {
      return part == 4 ? InetAddress.getByAddress(bytes) : null;
    } catch (UnknownHostException e) {
      return null;
    }
  }

  /**
   * Characters that cannot make a host name, so that the JDK's parser does not look anything up.
   */
  private static boolean isIpv6(String text) {
    // The JDK looks up what starts with none of its digits or a colon, such as ".:1".
    if (text.indexOf(':') < 0 || text.length() > 45 || text.charAt(0) == '.') {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      if ("0123456789abcdefABCDEF:.".indexOf(text.charAt(i)) < 0) {
        return false;
      }
    }
    return true;
  }

  private static @Nullable InetAddress inet(String text) {
    try {
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      return null;
    }
  }
}
