package org.unifiedmta.security.sasl;

import java.util.Optional;
import java.util.function.Function;

/** A way to log in. */
public enum SaslMechanism {
  /** RFC 4616. */
  PLAIN("PLAIN", context -> new PlainExchange(context.credentials())),

  /** draft-murchison-sasl-login: obsolete, and still all that some clients know. */
  LOGIN("LOGIN", context -> new LoginExchange(context.credentials())),

  /** RFC 5802, RFC 7677: neither the password nor anything to log in with crosses the wire. */
  SCRAM_SHA_256("SCRAM-SHA-256", context -> new ScramExchange(context, false)),

  /** The same, bound to the channel: whoever sits in the middle of TLS cannot pass it on. */
  SCRAM_SHA_256_PLUS("SCRAM-SHA-256-PLUS", context -> new ScramExchange(context, true)),

  /** A bearer token, as Google and Microsoft had it before there was an RFC. */
  XOAUTH2("XOAUTH2", context -> BearerExchange.xoauth2(context.credentials())),

  /** A bearer token, RFC 7628. */
  OAUTHBEARER("OAUTHBEARER", context -> BearerExchange.oauthbearer(context.credentials())),

  /** The certificate of the client, RFC 4422 A. */
  EXTERNAL("EXTERNAL", context -> new ExternalExchange(context.certificateUser()));

  private final String registeredName;
  private final Function<SaslContext, SaslExchange> start;

  SaslMechanism(String registeredName, Function<SaslContext, SaslExchange> start) {
    this.registeredName = registeredName;
    this.start = start;
  }

  /** The name on the wire, in upper case. */
  public String registeredName() {
    return registeredName;
  }

  /** The server's side of one login. */
  public SaslExchange exchange(SaslContext context) {
    return start.apply(context);
  }

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
