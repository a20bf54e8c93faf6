package org.unifiedmta.smtp.server;

import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.security.transport.TlsFacts;

/**
 * What is known of a session; facts only grow.
 *
 * @param id unique in this process
 * @param helo the argument of EHLO or HELO, or null before
 * @param tls null without TLS
 * @param authenticatedUser null without login
 * @param listener the listener's name
 * @param hello how the client introduced itself; HELO before it has
 */
public record SessionFacts(
    String id,
    InetSocketAddress remote,
    InetSocketAddress local,
    @Nullable String helo,
    @Nullable TlsFacts tls,
    @Nullable String authenticatedUser,
    String listener,
    Hello hello) {

  /** The command of an introduction. */
  public enum Hello {
    HELO,
    EHLO,
    LHLO
  }

  /** Of a client that said EHLO. */
  public SessionFacts(
      String id,
      InetSocketAddress remote,
      InetSocketAddress local,
      @Nullable String helo,
      @Nullable TlsFacts tls,
      @Nullable String authenticatedUser,
      String listener) {
    this(id, remote, local, helo, tls, authenticatedUser, listener, Hello.EHLO);
  }

  SessionFacts withHelo(@Nullable String name, Hello said) {
    return new SessionFacts(id, remote, local, name, tls, authenticatedUser, listener, said);
  }

  SessionFacts withTls(TlsFacts facts) {
    // RFC 3207 4.2: what the client said before is forgotten.
    return new SessionFacts(id, remote, local, null, facts, null, listener, Hello.HELO);
  }

  /** As a trusted peer says of its client; what it said of itself is forgotten. */
  SessionFacts withClient(InetSocketAddress client, @Nullable String name, @Nullable String user) {
    return new SessionFacts(id, client, local, name, tls, user, listener, Hello.HELO);
  }

  SessionFacts withUser(String user) {
    return new SessionFacts(id, remote, local, helo, tls, user, listener, hello);
  }
}
