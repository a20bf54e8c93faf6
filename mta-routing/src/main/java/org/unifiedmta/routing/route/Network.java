package org.unifiedmta.routing.route;

import java.net.InetAddress;
import org.unifiedmta.core.address.Literals;

/**
 * An IP network.
 *
 * @param prefix its leading bits
 */
public record Network(InetAddress address, int prefix) {

  /**
   * Reads {@code 192.0.2.0/24}, {@code 2001:db8::/32} or one address.
   *
   * @throws IllegalArgumentException if that is no network
   */
  public static Network parse(String cidr) {
    int slash = cidr.indexOf('/');
    var address = Literals.ip(slash < 0 ? cidr : cidr.substring(0, slash));
    if (address == null) {
      throw new IllegalArgumentException("no network: " + cidr);
    }
    int bits = address.getAddress().length * 8;
    try {
      int prefix = slash < 0 ? bits : Integer.parseInt(cidr.substring(slash + 1));
      if (prefix >= 0 && prefix <= bits) {
        return new Network(address, prefix);
      }
    } catch (NumberFormatException e) {
      // falls through to the one complaint
    }
    throw new IllegalArgumentException("no network: " + cidr);
  }

  public boolean contains(InetAddress other) {
    var ours = address.getAddress();
    var theirs = other.getAddress();
    if (ours.length != theirs.length) {
      return false;
    }
    for (int bit = 0; bit < prefix; bit += 8) {
      int mask = prefix - bit >= 8 ? 0xFF : 0xFF << (8 - (prefix - bit)) & 0xFF;
      if (((ours[bit / 8] ^ theirs[bit / 8]) & mask) != 0) {
        return false;
      }
    }
    return true;
  }
}
