package org.unifiedmta.security.sasl;

/** What is kept of a password, from which nobody gets it back. */
sealed interface PasswordHash permits BcryptHash, Argon2Hash, ScramHash {

  /** Whether it is this password's. Takes long. */
  boolean matches(char[] password);

  /**
   * Reads one of the forms of {@link CredentialStore#ofHashes}.
   *
   * @throws IllegalArgumentException if that is no hash, or one out of bounds; the message does not
   *     hold it
   */
  static PasswordHash parse(String text) {
    if (text.startsWith("$2")) {
      return BcryptHash.parse(text);
    }
    if (text.startsWith("$argon2")) {
      return Argon2Hash.parse(text);
    }
    if (text.startsWith("SCRAM-SHA-256$") || text.startsWith("{SCRAM-SHA-256}")) {
      return new ScramHash(CredentialStore.Scram.parse(text));
    }
    throw new IllegalArgumentException("a hash that is not bcrypt, Argon2 or SCRAM-SHA-256");
  }
}
