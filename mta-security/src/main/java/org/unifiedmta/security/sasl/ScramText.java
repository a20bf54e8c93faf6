package org.unifiedmta.security.sasl;

import java.security.SecureRandom;
import java.util.Base64;
import java.util.regex.Pattern;
import org.unifiedmta.security.sasl.CredentialStore.Scram;

/** SCRAM keys as text. */
final class ScramText {
  private static final int SALT = 16; // octets
  private static final int ITERATIONS = 100_000; // about the 0.1 seconds of RFC 7677 4
  private static final int MINIMUM_ITERATIONS = 4_096; // RFC 7677 4
  private static final int MAXIMUM_ITERATIONS = 1_000_000;

  private static final String BASE64 = "([A-Za-z0-9+/]{1,88}={0,2})";
  private static final Pattern OF_POSTGRESQL =
      Pattern.compile("SCRAM-SHA-256\\$(\\d{1,7}):" + BASE64 + "\\$" + BASE64 + ":" + BASE64);
  private static final Pattern OF_DOVECOT =
      Pattern.compile("\\{SCRAM-SHA-256}(\\d{1,7})," + BASE64 + "," + BASE64 + "," + BASE64);

  private ScramText() {}

  static Scram newKeys(char[] password) {
    var salt = new byte[SALT];
    new SecureRandom().nextBytes(salt);
    return ScramSha256.derive(new String(password), salt, ITERATIONS);
  }

  static String of(Scram keys) {
    var base64 = Base64.getEncoder();
    return "SCRAM-SHA-256$%d:%s$%s:%s"
        .formatted(
            keys.iterations(),
            base64.encodeToString(keys.salt()),
            base64.encodeToString(keys.storedKey()),
            base64.encodeToString(keys.serverKey()));
  }

  static Scram parse(String text) {
    var matcher = OF_POSTGRESQL.matcher(text);
    if (!matcher.matches()) {
      matcher = OF_DOVECOT.matcher(text);
      if (!matcher.matches()) {
        throw new IllegalArgumentException("malformed SCRAM-SHA-256 keys");
      }
    }
    int iterations = Integer.parseInt(matcher.group(1));
    if (iterations < MINIMUM_ITERATIONS || iterations > MAXIMUM_ITERATIONS) {
      throw new IllegalArgumentException("iterations of SCRAM-SHA-256 not in 4,096 to 1,000,000");
    }
    return new Scram(
        octets(matcher.group(2), 8, 64),
        iterations,
        octets(matcher.group(3), ScramSha256.LENGTH, ScramSha256.LENGTH),
        octets(matcher.group(4), ScramSha256.LENGTH, ScramSha256.LENGTH));
  }

  private static byte[] octets(String base64, int minimum, int maximum) {
    byte[] octets;
    try {
      octets = Base64.getDecoder().decode(base64);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("malformed base64 in SCRAM-SHA-256 keys");
    }
    if (octets.length < minimum || octets.length > maximum) {
      throw new IllegalArgumentException("wrong length of a salt or key of SCRAM-SHA-256");
    }
    return octets;
  }
}
