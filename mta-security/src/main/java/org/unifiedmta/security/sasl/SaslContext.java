package org.unifiedmta.security.sasl;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a login can rest on.
 *
 * @param credentials who may log in, and by what
 * @param channelBindings what this very channel is told by (RFC 5056), by the name of the binding,
 *     such as {@code tls-server-end-point}. Empty where no mechanism with {@code -PLUS} is offered:
 *     where there are some, a client that could bind and was not offered to has been lied to
 * @param certificateUser the user that the client's certificate stands for, or null
 */
public record SaslContext(
    CredentialStore credentials,
    Map<String, byte[]> channelBindings,
    @Nullable String certificateUser) {

  public SaslContext {
    channelBindings = Map.copyOf(channelBindings);
  }

  /** Nothing but credentials. */
  public static SaslContext of(CredentialStore credentials) {
    return new SaslContext(credentials, Map.of(), null);
  }

  public SaslContext withChannelBindings(Map<String, byte[]> bindings) {
    return new SaslContext(credentials, bindings, certificateUser);
  }

  public SaslContext withCertificateUser(@Nullable String user) {
    return new SaslContext(credentials, channelBindings, user);
  }
}
