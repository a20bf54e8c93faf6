package org.unifiedmta.smtp.client;

import java.net.InetAddress;

/**
 * Where a server is.
 *
 * @param host its name, which a checked certificate must be for
 * @param address that is dialled
 */
public record Endpoint(String host, InetAddress address, int port) {
  @Override
  public String toString() {
    return host + "[" + address.getHostAddress() + "]:" + port;
  }
}
