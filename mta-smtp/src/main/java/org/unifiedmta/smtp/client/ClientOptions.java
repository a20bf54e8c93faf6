package org.unifiedmta.smtp.client;

import java.net.InetAddress;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * How a server is spoken to.
 *
 * @param heloName our name for EHLO
 * @param source our address, or null for the system's choice
 * @param trust whom a checked certificate is checked against, or null for the system's authorities
 * @param login over TLS only, or null
 * @param replyTimeout for one reply; the end of data has twice that (RFC 5321 4.5.3.2)
 */
public record ClientOptions(
    String heloName,
    @Nullable InetAddress source,
    Tls tls,
    @Nullable SSLContext trust,
    @Nullable Login login,
    Duration connectTimeout,
    Duration replyTimeout) {

  /** What TLS is demanded. */
  public enum Tls {
    NONE,
    /** STARTTLS where it is offered, with any certificate (RFC 7435). */
    OPPORTUNISTIC,
    /** STARTTLS with a certificate for the host's name, or nothing. */
    REQUIRED,
    /** TLS from the first octet, with a certificate for the host's name (RFC 8314). */
    IMPLICIT;

    /** Whether the certificate is checked. */
    public boolean isChecked() {
      return this == REQUIRED || this == IMPLICIT;
    }
  }

  /** A user's name and password. */
  public record Login(String user, String password) {
    @Override
    public String toString() {
      return "Login[" + user + "]";
    }
  }

  public ClientOptions {
    if (login != null && !tls.isChecked()) {
      throw new IllegalArgumentException("a login needs TLS with a checked certificate");
    }
  }

  /** Opportunistic TLS, no login, 30 s to connect, 5 min for a reply. */
  public static ClientOptions of(String heloName) {
    return new ClientOptions(
        heloName,
        null,
        Tls.OPPORTUNISTIC,
        null,
        null,
        Duration.ofSeconds(30),
        Duration.ofMinutes(5));
  }

  /** The same by another name of ours, and from an address, or from any for null. */
  public ClientOptions from(String name, @Nullable InetAddress address) {
    return new ClientOptions(name, address, tls, trust, login, connectTimeout, replyTimeout);
  }

  public ClientOptions withTls(Tls other) {
    return new ClientOptions(heloName, source, other, trust, login, connectTimeout, replyTimeout);
  }
}
