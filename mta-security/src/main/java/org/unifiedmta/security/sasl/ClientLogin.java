package org.unifiedmta.security.sasl;

import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** How we log in at a server of others; only ever under TLS with a checked certificate. */
public sealed interface ClientLogin {
  String user();

  /** A name and a password: SCRAM-SHA-256, PLAIN or LOGIN, whatever the server knows, in turn. */
  record Password(String user, String password) implements ClientLogin {
    @Override
    public String toString() {
      return "Password[" + user + "]";
    }
  }

  /**
   * A name and a token: OAUTHBEARER (RFC 7628) or XOAUTH2.
   *
   * @param token asked for each time a connection is opened; may block, and may throw
   */
  record Token(String user, Supplier<String> token) implements ClientLogin {
    @Override
    public String toString() {
      return "Token[" + user + "]";
    }
  }

  /** One login. */
  interface Exchange {
    /** What is named behind AUTH. */
    String mechanism();

    /** Sent with the command (RFC 4954 4); null where the server speaks first. */
    byte @Nullable [] initialResponse();

    /**
     * Answers the server.
     *
     * @return null to end it: the server is not who it says it is, or says what nobody understands
     */
    byte @Nullable [] answer(byte[] challenge);

    /** Whether the server has shown what it had to, so that its yes can be believed. */
    boolean isComplete();
  }

  /**
   * Begins with the strongest mechanism that both know.
   *
   * @param offered in upper case
   * @return empty if there is none
   */
  default Optional<Exchange> begin(List<String> offered) {
    return switch (this) {
      case Password password when offered.contains("SCRAM-SHA-256") ->
          Optional.of(new ScramLogin(password));
      case Password password when offered.contains("PLAIN") ->
          Optional.of(SimpleLogin.plain(password));
      case Password password when offered.contains("LOGIN") ->
          Optional.of(SimpleLogin.login(password));
      case Token token when offered.contains("OAUTHBEARER") ->
          Optional.of(SimpleLogin.oauthbearer(token));
      case Token token when offered.contains("XOAUTH2") -> Optional.of(SimpleLogin.xoauth2(token));
      default -> Optional.empty();
    };
  }
}
