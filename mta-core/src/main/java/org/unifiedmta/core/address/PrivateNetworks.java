package org.unifiedmta.core.address;

import java.net.Inet6Address;
import java.net.InetAddress;

/**
 * Addresses that no server of the Internet has: loopback, link-local, private, shared, reserved and
 * multicast ones. A stranger's DNS that gives one wants to reach what only this machine can.
 */
public final class PrivateNetworks {
  private PrivateNetworks() {}

  public static boolean contains(InetAddress address) {
    return address.isLoopbackAddress()
        || address.isAnyLocalAddress()
        || address.isLinkLocalAddress()
        || address.isSiteLocalAddress()
        || address.isMulticastAddress()
        || isOther(address.getAddress(), address instanceof Inet6Address);
  }

  /** RFC 6890: shared address space, this network, reserved; RFC 4193: unique local. */
  private static boolean isOther(byte[] octets, boolean v6) {
    int first = octets[0] & 0xFF;
    int second = octets[1] & 0xFF;
    return v6
        ? (first & 0xFE) == 0xFC
        : first == 0 || first >= 240 || (first == 100 && (second & 0xC0) == 64);
  }
}
