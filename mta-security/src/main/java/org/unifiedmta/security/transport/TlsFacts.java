package org.unifiedmta.security.transport;

import org.jspecify.annotations.Nullable;

/**
 * What a TLS connection has.
 *
 * @param protocol such as {@code TLSv1.3}
 * @param cipher the suite's name
 * @param peerName subject of the peer's certificate, or null without one
 * @param sni the name that the client asked for, or null
 */
public record TlsFacts(
    String protocol, String cipher, @Nullable String peerName, @Nullable String sni) {}
