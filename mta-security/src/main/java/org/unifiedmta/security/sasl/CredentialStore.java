package org.unifiedmta.security.sasl;

import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Map;
import java.util.Optional;

/** Who may log in. Blocks as it likes; thread-safe. */
public interface CredentialStore {

  /** Whether this is the user's password; takes as long for an unknown user. */
  boolean verifyPassword(String user, char[] password);

  /** The user's SCRAM keys (RFC 5802 3), where the store has them. */
  default Optional<Scram> scram(String user) {
    return Optional.empty();
  }

  /** Whether this bearer token (RFC 7628) is the user's. */
  default boolean verifyToken(String user, String bearer) {
    return false;
  }

  /** What a server keeps of a password for SCRAM (RFC 5802 3). */
  record Scram(byte[] salt, int iterations, byte[] storedKey, byte[] serverKey) {}

  /** Passwords by user, in plain text; the map is copied. */
  static CredentialStore ofUsers(Map<String, String> passwords) {
    var users = Map.copyOf(passwords);
    return (user, password) -> {
      var given = StandardCharsets.UTF_8.encode(CharBuffer.wrap(password));
      var bytes = new byte[given.remaining()];
      given.get(bytes);
      var known = users.get(user);
      // An unknown user costs the same comparison.
      var wanted = (known == null ? "" : known).getBytes(StandardCharsets.UTF_8);
      return MessageDigest.isEqual(wanted, bytes) & known != null;
    };
  }
}
