package org.unifiedmta.security.spf;

import java.net.InetAddress;
import java.util.HexFormat;
import java.util.StringJoiner;

/** The client's address, in the forms of macros. IPv4-mapped ones are IPv4 (RFC 7208 5). */
record Client(byte[] octets) {
  private static final HexFormat HEX = HexFormat.of().withUpperCase();

  static Client of(InetAddress address) {
    return new Client(Network.octets(address));
  }

  boolean isIpv4() {
    return octets.length == 4;
  }

  /** Macro i: with dots between its octets, or between the nibbles of an IPv6 address. */
  String dotted() {
    if (isIpv4()) {
      return readable();
    }
    var nibbles = new StringJoiner(".");
    for (byte octet : octets) {
      nibbles.add(String.valueOf(HEX.toHighHexDigit(octet)));
      nibbles.add(String.valueOf(HEX.toLowHexDigit(octet)));
    }
    return nibbles.toString();
  }

  /** Macro c, and how addresses are shown: IPv6 by RFC 5952 4. */
  String readable() {
    return isIpv4() ? ipv4() : ipv6();
  }

  private String ipv4() {
    return (octets[0] & 0xFF)
        + "."
        + (octets[1] & 0xFF)
        + "."
        + (octets[2] & 0xFF)
        + "."
        + (octets[3] & 0xFF);
  }

  private String ipv6() {
    int start = -1; // of the longest run of zeros
    int length = 1; // a single group is not shortened
    for (int i = 0; i < 8; i++) {
      int end = i;
      while (end < 8 && group(end) == 0) {
        end++;
      }
      if (end - i > length) {
        start = i;
        length = end - i;
      }
    }
    var text = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      if (i == start) {
        text.append("::");
        i += length - 1;
      } else {
        boolean first = text.length() == 0 || text.charAt(text.length() - 1) == ':';
        text.append(first ? "" : ":").append(Integer.toHexString(group(i)));
      }
    }
    return text.toString();
  }

  private int group(int i) {
    return (octets[2 * i] & 0xFF) << 8 | (octets[2 * i + 1] & 0xFF);
  }
}
