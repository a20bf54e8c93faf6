package org.unifiedmta.core.limit;

import java.net.InetAddress;
import java.nio.ByteBuffer;

/**
 * What one peer has of addresses: an IPv4 address, or the /64 of an IPv6 address, as anybody has
 * all the others in there too (RFC 6177 2). An IPv4-mapped address (RFC 4291 2.5.5.2) is the IPv4
 * one.
 *
 * @param bits the 32 or the first 64 of the address
 */
record Network(boolean ipv4, long bits) {
  private static final int MAPPED = 0xFFFF;

  static Network of(InetAddress address) {
    var octets = ByteBuffer.wrap(address.getAddress());
    if (octets.remaining() == 4) {
      return new Network(true, octets.getInt());
    }
    long first = octets.getLong();
    return first == 0 && octets.getInt() == MAPPED
        ? new Network(true, octets.getInt())
        : new Network(false, first);
  }
}
