package org.unifiedmta.security.transport;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a TLS connection has.
 *
 * @param protocol such as {@code TLSv1.3}
 * @param cipher the suite's name
 * @param peerName subject of the peer's certificate, or null without one
 * @param sni the name that the client asked for, or null
 * @param channelBindings what a login can be bound to, by the names of {@link ChannelBinding};
 *     empty where no login needs them, and once the connection is gone
 */
public record TlsFacts(
    String protocol,
    String cipher,
    @Nullable String peerName,
    @Nullable String sni,
    Map<String, byte[]> channelBindings) {

  public TlsFacts {
    channelBindings = Map.copyOf(channelBindings);
  }

  /** Without channel bindings. */
  public TlsFacts(String protocol, String cipher, @Nullable String peerName, @Nullable String sni) {
    this(protocol, cipher, peerName, sni, Map.of());
  }

  public TlsFacts withChannelBindings(Map<String, byte[]> bindings) {
    return new TlsFacts(protocol, cipher, peerName, sni, bindings);
  }
}
