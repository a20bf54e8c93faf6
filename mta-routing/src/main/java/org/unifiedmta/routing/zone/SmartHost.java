package org.unifiedmta.routing.zone;

import org.unifiedmta.routing.route.OutboundOptions;

/** The one host that a zone hands its mail to, whatever the recipients' MX hosts are. */
public record SmartHost(String host, int port, OutboundOptions options) {
  public SmartHost {
    if (host.isBlank() || port < 1 || port > 65535) {
      throw new IllegalArgumentException("no host and port: " + host + ":" + port);
    }
  }

  /** With the options that {@link OutboundOptions#standard} says. */
  public static SmartHost of(String host, int port) {
    return new SmartHost(host, port, OutboundOptions.standard());
  }
}
