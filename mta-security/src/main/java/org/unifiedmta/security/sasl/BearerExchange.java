package org.unifiedmta.security.sasl;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A bearer token of OAuth 2.0 (RFC 6750) as a login: one message with the user and the token. A
 * token that is refused is answered by a challenge that says so in JSON; whatever the client
 * responds to that, the login has failed (RFC 7628 3.2.3).
 */
final class BearerExchange implements SaslExchange {
  private static final Step MALFORMED = new Step.Failure("malformed bearer message");
  private static final Step REFUSED = new Step.Failure("token refused");

  /** {@code b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="}. */
  private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9._~+/-]++=*+");

  private static final String SCHEME = "Bearer ";

  /** What the client claims. */
  private record Claim(String user, String token) {}

  private final CredentialStore credentials;
  private final Function<String, @Nullable Claim> grammar;
  private final String refusal;
  private boolean refused;

  private BearerExchange(
      CredentialStore credentials, Function<String, @Nullable Claim> grammar, String refusal) {
    this.credentials = credentials;
    this.grammar = grammar;
    this.refusal = refusal;
  }

  static SaslExchange xoauth2(CredentialStore credentials) {
    return new BearerExchange(
        credentials,
        BearerExchange::readXoauth2,
        "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"\"}");
  }

  static SaslExchange oauthbearer(CredentialStore credentials) {
    return new BearerExchange(
        credentials, BearerExchange::readOauthbearer, "{\"status\":\"invalid_token\"}");
  }

  @Override
  public Step next(byte @Nullable [] response) {
    if (refused) {
      return REFUSED;
    }
    if (response == null) {
      return new Step.Challenge(new byte[0]);
    }
    var message = Utf8.message(response);
    var claim = message == null ? null : grammar.apply(message);
    if (claim == null) {
      return MALFORMED;
    }
    if (credentials.verifyToken(claim.user, claim.token)) {
      return new Step.Success(claim.user);
    }
    refused = true;
    return new Step.Challenge(refusal.getBytes(US_ASCII));
  }

  /** {@code "user=" User %x01 "auth=Bearer " token %x01 %x01}. */
  private static @Nullable Claim readXoauth2(String message) {
    var fields = message.split("\1", -1);
    return fields.length == 4
            && fields[0].startsWith("user=")
            && fields[2].isEmpty()
            && fields[3].isEmpty()
        ? claim(SaslPrep.name(fields[0].substring("user=".length())), fields[1])
        : null;
  }

  /**
   * {@code client-resp = gs2-header %x01 *(key "=" value %x01) %x01} (RFC 7628 3.1). The user is
   * the authorization identity, which must be there: no token is asked whose it is.
   */
  private static @Nullable Claim readOauthbearer(String message) {
    var header = Gs2Header.of(message);
    if (header == null || header.binding().startsWith("p=")) {
      return null;
    }
    var fields = message.substring(header.text().length()).split("\1", -1);
    if (fields.length < 4
        || !fields[0].isEmpty()
        || !fields[fields.length - 1].isEmpty()
        || !fields[fields.length - 2].isEmpty()) {
      return null;
    }
    String auth = null;
    for (int i = 1; i < fields.length - 2; i++) {
      if (fields[i].indexOf('=') < 1) {
        return null;
      }
      if (fields[i].startsWith("auth=")) {
        if (auth != null) {
          return null;
        }
        auth = fields[i];
      }
    }
    return auth == null ? null : claim(header.authorizationIdentity(), auth);
  }

  private static @Nullable Claim claim(@Nullable String user, String auth) {
    int token = "auth=".length() + SCHEME.length();
    if (user == null
        || !auth.startsWith("auth=")
        || !auth.regionMatches(true, "auth=".length(), SCHEME, 0, SCHEME.length())
        || !TOKEN.matcher(auth).region(token, auth.length()).matches()) {
      return null;
    }
    return new Claim(user, auth.substring(token));
  }
}
