package org.unifiedmta.smtp.server;

import java.net.InetSocketAddress;

/**
 * An address that a server listens on.
 *
 * @param name for logs and {@link SessionFacts}
 * @param bind port 0 for an ephemeral one
 * @param requireAuth MAIL before a login is {@code 530 5.7.0}
 * @param proxyProtocol reserved; true is refused by {@link SmtpServer#bind}
 */
public record SmtpListener(
    String name, InetSocketAddress bind, Mode mode, boolean requireAuth, boolean proxyProtocol) {

  /** How TLS comes in. */
  public enum Mode {
    /** Never. */
    PLAIN,
    /** If the client asks for it (RFC 3207); where there is no {@link TlsConfig}, never. */
    STARTTLS,
    /** The client must ask for it before MAIL. */
    REQUIRE_STARTTLS,
    /** From the first octet (RFC 8314 3.3). */
    IMPLICIT_TLS
  }

  /** A listener without demands. */
  public static SmtpListener of(String name, InetSocketAddress bind, Mode mode) {
    return new SmtpListener(name, bind, mode, false, false);
  }
}
