package org.unifiedmta.security.sasl;

import org.jspecify.annotations.Nullable;

/** EXTERNAL: the client is who its certificate says (RFC 4422 A). */
final class ExternalExchange implements SaslExchange {
  private final @Nullable String user;

  /**
   * @param certificateUser null where no certificate stands for a user
   */
  ExternalExchange(@Nullable String certificateUser) {
    this.user = certificateUser;
  }

  /** {@code initial-response = *( UTF8-char-no-nul )}: the authorization identity, or empty. */
  @Override
  public Step next(byte @Nullable [] response) {
    if (response == null) {
      return new Step.Challenge(new byte[0]);
    }
    if (user == null) {
      return new Step.Failure("no certificate that stands for a user");
    }
    // Nobody acts for another here, so an authorization identity must be the user's own.
    return response.length == 0 || user.equals(Utf8.name(response, 0, response.length))
        ? new Step.Success(user)
        : new Step.Failure("authorization identity is not the certificate's");
  }
}
