package org.unifiedmta.security.sasl;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** PLAIN: one message with everything (RFC 4616). */
final class PlainExchange implements SaslExchange {
  private static final Step MALFORMED = new Step.Failure("malformed PLAIN message");

  private final CredentialStore credentials;
  private boolean asked;

  PlainExchange(CredentialStore credentials) {
    this.credentials = credentials;
  }

  /** {@code message = [authzid] UTF8NUL authcid UTF8NUL passwd}. */
  @Override
  public Step next(byte @Nullable [] response) {
    if ((response == null || response.length == 0) && !asked) {
      asked = true;
      return new Step.Challenge(new byte[0]); // RFC 4954 4: an empty challenge asks for it
    }
    if (response == null) {
      return MALFORMED;
    }
    int first = indexOfNul(response, 0);
    int second = indexOfNul(response, first + 1);
    if (first == response.length || second == response.length) {
      return MALFORMED;
    }
    var user = Utf8.name(response, first + 1, second);
    var password = Utf8.chars(response, second + 1, response.length);
    if (user == null || password == null) {
      return MALFORMED;
    }
    try {
      // Nobody acts for another here, so an authorization identity must be the user's own.
      if (first > 0 && !user.equals(Utf8.name(response, 0, first))) {
        return new Step.Failure("authorization identity is not the user's");
      }
      return credentials.verifyPassword(user, password)
          ? new Step.Success(user)
          : new Step.Failure("wrong password or unknown user");
    } finally {
      Arrays.fill(password, '\0');
    }
  }

  private static int indexOfNul(byte[] bytes, int from) {
    int i = from;
    while (i < bytes.length && bytes[i] != 0) {
      i++;
    }
    return Math.min(i, bytes.length);
  }
}
