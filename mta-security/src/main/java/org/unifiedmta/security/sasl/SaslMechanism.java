package org.unifiedmta.security.sasl;

import java.util.Optional;

/** A way to log in. */
public enum SaslMechanism {
  /** RFC 4616. */
  PLAIN("PLAIN") {
    @Override
    public SaslExchange exchange(CredentialStore credentials) {
      return new PlainExchange(credentials);
    }
  },
  /** draft-murchison-sasl-login: obsolete, and still all that some clients know. */
  LOGIN("LOGIN") {
    @Override
    public SaslExchange exchange(CredentialStore credentials) {
      return new LoginExchange(credentials);
    }
  };

  private final String registeredName;

  SaslMechanism(String registeredName) {
    this.registeredName = registeredName;
  }

  /** The name on the wire, in upper case. */
  public String registeredName() {
    return registeredName;
  }

  /** The server's side of one login against these credentials. */
  public abstract SaslExchange exchange(CredentialStore credentials);

  /** The mechanism of this name, which is in upper case. */
  public static Optional<SaslMechanism> ofName(String name) {
    for (var mechanism : values()) {
      if (mechanism.registeredName.equals(name)) {
        return Optional.of(mechanism);
      }
    }
    return Optional.empty();
  }
}
