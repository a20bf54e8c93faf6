package org.unifiedmta.security.transport;

import org.jspecify.annotations.Nullable;

/**
 * What stands between this machine and the address that mail is to leave from. Hosts are dialled by
 * the proxy, by the address that was found for them here.
 */
public sealed interface EgressProxy {
  String host();

  int port();

  /**
   * SOCKS, version 5 (RFC 1928), with a user's name and password (RFC 1929), or without for null.
   */
  record Socks5(String host, int port, @Nullable String user, @Nullable String password)
      implements EgressProxy {
    public Socks5(String host, int port) {
      this(host, port, null, null);
    }

    public Socks5 {
      if ((user == null) != (password == null)) {
        throw new IllegalArgumentException("a user without password, or the reverse");
      }
    }

    @Override
    public String toString() {
      return "Socks5[" + host + ":" + port + "]";
    }
  }

  /**
   * An HAProxy that is told in the PROXY protocol, version 2, which address to send from and where
   * to ({@code source 0.0.0.0 usesrc clientip}).
   */
  record HaProxy(String host, int port) implements EgressProxy {}
}
