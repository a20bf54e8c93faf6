package org.unifiedmta.security.transport;

import java.security.cert.X509Certificate;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a TLS connection has.
 *
 * @param protocol such as {@code TLSv1.3}
 * @param cipher the suite's name
 * @param peerName subject of the peer's certificate, or null without one that we trust
 * @param sni the name that the client asked for, or null
 * @param peerCertificate that the peer has proved to own and that we trust, or null; null too once
 *     the connection is gone
 * @param channelBindings what a login can be bound to, by the names of {@link ChannelBinding};
 *     empty where no login needs them, and once the connection is gone
 */
public record TlsFacts(
    String protocol,
    String cipher,
    @Nullable String peerName,
    @Nullable String sni,
    @Nullable X509Certificate peerCertificate,
    Map<String, byte[]> channelBindings) {

  public TlsFacts {
    channelBindings = Map.copyOf(channelBindings);
  }

  /** What stays when the connection is gone. */
  public TlsFacts(String protocol, String cipher, @Nullable String peerName, @Nullable String sni) {
    this(protocol, cipher, peerName, sni, null, Map.of());
  }
}
