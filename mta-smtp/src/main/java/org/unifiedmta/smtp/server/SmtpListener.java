package org.unifiedmta.smtp.server;

import java.net.InetSocketAddress;
import java.util.Set;
import org.unifiedmta.smtp.codec.Extension;

/**
 * An address that a server listens on. Made by {@link #of} and its {@code with} methods.
 *
 * @param name for logs and {@link SessionFacts}
 * @param bind port 0 for an ephemeral one
 * @param requireAuth MAIL before a login is {@code 530 5.7.0}
 * @param proxyProtocol whether each connection begins with a PROXY header, version 1 or 2, from a
 *     trusted peer; others are closed without a word
 * @param protocol SMTP, or LMTP (RFC 2033)
 * @param withoutExtensions those not offered here, whatever the options say
 * @param maxClients connections here, besides the server's own bound; 0 for no other
 * @param maxMessageSize octets, where less than the server's; 0 for the same
 */
public record SmtpListener(
    String name,
    InetSocketAddress bind,
    Mode mode,
    boolean requireAuth,
    boolean proxyProtocol,
    Protocol protocol,
    Set<Extension> withoutExtensions,
    int maxClients,
    long maxMessageSize) {

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

  /** What is spoken. */
  public enum Protocol {
    SMTP,
    /** RFC 2033: LHLO, and a reply for each recipient. */
    LMTP
  }

  public SmtpListener {
    withoutExtensions = Set.copyOf(withoutExtensions);
  }

  /** A listener without demands. */
  public static SmtpListener of(String name, InetSocketAddress bind, Mode mode) {
    return new SmtpListener(name, bind, mode, false, false, Protocol.SMTP, Set.of(), 0, 0);
  }

  public SmtpListener withRequireAuth(boolean required) {
    return new SmtpListener(
        name,
        bind,
        mode,
        required,
        proxyProtocol,
        protocol,
        withoutExtensions,
        maxClients,
        maxMessageSize);
  }

  public SmtpListener withProxyProtocol(boolean expected) {
    return new SmtpListener(
        name,
        bind,
        mode,
        requireAuth,
        expected,
        protocol,
        withoutExtensions,
        maxClients,
        maxMessageSize);
  }

  public SmtpListener withProtocol(Protocol spoken) {
    return new SmtpListener(
        name,
        bind,
        mode,
        requireAuth,
        proxyProtocol,
        spoken,
        withoutExtensions,
        maxClients,
        maxMessageSize);
  }

  public SmtpListener withoutExtensions(Extension... switchedOff) {
    return new SmtpListener(
        name,
        bind,
        mode,
        requireAuth,
        proxyProtocol,
        protocol,
        Set.of(switchedOff),
        maxClients,
        maxMessageSize);
  }

  public SmtpListener withMaxClients(int clients) {
    return new SmtpListener(
        name,
        bind,
        mode,
        requireAuth,
        proxyProtocol,
        protocol,
        withoutExtensions,
        clients,
        maxMessageSize);
  }

  public SmtpListener withMaxMessageSize(long octets) {
    return new SmtpListener(
        name,
        bind,
        mode,
        requireAuth,
        proxyProtocol,
        protocol,
        withoutExtensions,
        maxClients,
        octets);
  }

  /** The smaller of both bounds. */
  long maxMessageSizeWithin(ServerOptions options) {
    return maxMessageSize == 0
        ? options.maxMessageSize()
        : Math.min(maxMessageSize, options.maxMessageSize());
  }
}
