package org.unifiedmta.smtp.client;

import java.net.InetAddress;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.security.sasl.ClientLogin;
import org.unifiedmta.security.transport.EgressProxy;
import org.unifiedmta.security.transport.TlsPolicy;

/**
 * How a server is spoken to.
 *
 * @param heloName our name for EHLO
 * @param source our address, or null for the system's choice; behind a proxy it is the proxy's
 * @param implicitTls whether TLS begins with the first octet (RFC 8314), not with STARTTLS
 * @param trust whom a certificate is checked against, or null for the system's authorities
 * @param login under TLS with a checked certificate only, or null
 * @param proxy null to connect from here
 */
public record ClientOptions(
    String heloName,
    @Nullable InetAddress source,
    TlsPolicy tls,
    boolean implicitTls,
    @Nullable SSLContext trust,
    @Nullable ClientLogin login,
    @Nullable EgressProxy proxy,
    Protocol protocol,
    Timeouts timeouts) {

  /** What is spoken. */
  public enum Protocol {
    SMTP,
    /** RFC 2033: a reply for each recipient at the end. */
    LMTP
  }

  /**
   * How long is waited (RFC 5321 4.5.3.2); for a whole reply, not for each octet of it.
   *
   * @param connect for the connection, and that of a proxy
   * @param command for the greeting, for TLS, and for the reply to any command but DATA
   * @param dataStart for the reply to DATA
   * @param dataBlock for 64 KB of the message to be taken
   * @param dataEnd for the reply to the message
   */
  public record Timeouts(
      Duration connect,
      Duration command,
      Duration dataStart,
      Duration dataBlock,
      Duration dataEnd) {

    /** RFC 5321 4.5.3.2: 5 minutes, 2 for DATA, 3 for a block, 10 at the end; 30 s to connect. */
    public static Timeouts standard() {
      return of(Duration.ofSeconds(30), Duration.ofMinutes(5));
    }

    /** What the RFC says in proportion to the time for a command. */
    public static Timeouts of(Duration connect, Duration command) {
      return new Timeouts(
          connect,
          command,
          command.multipliedBy(2).dividedBy(5),
          command.multipliedBy(3).dividedBy(5),
          command.multipliedBy(2));
    }
  }

  public ClientOptions {
    if (login != null && !(tls.isMandatory() && tls.isChecked())) {
      throw new IllegalArgumentException("a login needs TLS with a checked certificate");
    }
    if (proxy instanceof EgressProxy.HaProxy && source == null) {
      throw new IllegalArgumentException("an HAProxy is to be told which address to send from");
    }
  }

  /** Opportunistic TLS, no login, the RFC's times. */
  public static ClientOptions of(String heloName) {
    return new ClientOptions(
        heloName,
        null,
        new TlsPolicy.Opportunistic(),
        false,
        null,
        null,
        null,
        Protocol.SMTP,
        Timeouts.standard());
  }

  public ClientOptions withHeloName(String name) {
    return new ClientOptions(
        name, source, tls, implicitTls, trust, login, proxy, protocol, timeouts);
  }

  /** From an address of ours, or any for null; directly, or through a proxy. */
  public ClientOptions from(@Nullable InetAddress address, @Nullable EgressProxy through) {
    return new ClientOptions(
        heloName, address, tls, implicitTls, trust, login, through, protocol, timeouts);
  }

  public ClientOptions withTls(TlsPolicy policy) {
    return new ClientOptions(
        heloName, source, policy, implicitTls, trust, login, proxy, protocol, timeouts);
  }

  /** TLS from the first octet on. */
  public ClientOptions withImplicitTls() {
    return new ClientOptions(heloName, source, tls, true, trust, login, proxy, protocol, timeouts);
  }

  public ClientOptions withTrust(@Nullable SSLContext context) {
    return new ClientOptions(
        heloName, source, tls, implicitTls, context, login, proxy, protocol, timeouts);
  }

  /** The TLS policy must be one that checks certificates, and is set before. */
  public ClientOptions withLogin(@Nullable ClientLogin who) {
    return new ClientOptions(
        heloName, source, tls, implicitTls, trust, who, proxy, protocol, timeouts);
  }

  public ClientOptions withProtocol(Protocol spoken) {
    return new ClientOptions(
        heloName, source, tls, implicitTls, trust, login, proxy, spoken, timeouts);
  }

  public ClientOptions withTimeouts(Timeouts times) {
    return new ClientOptions(
        heloName, source, tls, implicitTls, trust, login, proxy, protocol, times);
  }
}
