package org.unifiedmta.security.sasl;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** LOGIN: asks for the name, then for the password. */
final class LoginExchange implements SaslExchange {
  private final CredentialStore credentials;
  private boolean asked;
  private @Nullable String user;

  LoginExchange(CredentialStore credentials) {
    this.credentials = credentials;
  }

  @Override
  public Step next(byte @Nullable [] response) {
    var given = response == null ? new byte[0] : response;
    if (user == null && given.length == 0 && !asked) {
      asked = true;
      return challenge("Username:");
    }
    if (user == null) { // some clients give the name as the initial response
      user = Utf8.name(given, 0, given.length);
      return user == null ? new Step.Failure("malformed user name") : challenge("Password:");
    }
    var password = Utf8.chars(given, 0, given.length);
    if (password == null) {
      return new Step.Failure("malformed password");
    }
    try {
      return credentials.verifyPassword(user, password)
          ? new Step.Success(user)
          : new Step.Failure("wrong password or unknown user");
    } finally {
      Arrays.fill(password, '\0');
    }
  }

  private static Step challenge(String text) {
    return new Step.Challenge(text.getBytes(StandardCharsets.US_ASCII));
  }
}
