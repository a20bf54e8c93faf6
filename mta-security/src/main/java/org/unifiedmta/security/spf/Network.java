package org.unifiedmta.security.spf;

import java.net.InetAddress;
import java.util.Arrays;

/**
 * Addresses that begin alike.
 *
 * @param address 4 or 16 octets
 * @param bits how many of them count
 */
record Network(byte[] address, int bits) {

  /** The octets of an address; an IPv4-mapped one is that IPv4 address (RFC 7208 5). */
  static byte[] octets(InetAddress address) {
    var octets = address.getAddress();
    return isMapped(octets) ? Arrays.copyOfRange(octets, 12, 16) : octets;
  }

  private static boolean isMapped(byte[] octets) {
    if (octets.length != 16 || octets[10] != (byte) 0xFF || octets[11] != (byte) 0xFF) {
      return false;
    }
    for (int i = 0; i < 10; i++) {
      if (octets[i] != 0) {
        return false;
      }
    }
    return true;
  }

  boolean contains(byte[] other) {
    if (other.length != address.length) {
      return false;
    }
    int whole = bits / 8;
    if (!Arrays.equals(address, 0, whole, other, 0, whole)) {
      return false;
    }
    int rest = bits % 8;
    return rest == 0 || ((address[whole] ^ other[whole]) & 0xFF) >>> (8 - rest) == 0;
  }
}
