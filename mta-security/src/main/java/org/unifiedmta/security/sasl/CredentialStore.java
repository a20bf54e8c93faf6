package org.unifiedmta.security.sasl;

import java.security.cert.X509Certificate;
import java.util.Map;
import java.util.Optional;

/**
 * Who may log in. Blocks as it likes; thread-safe. Names of users come prepared by SASLprep (RFC
 * 4013), in which {@code dörte} is one name however it is typed.
 *
 * <p>Whoever cannot tell now throws {@link CredentialsUnavailableException}.
 */
public interface CredentialStore {

  /** Whether this is the user's password; takes as long for an unknown user. */
  boolean verifyPassword(String user, char[] password);

  /** The user's SCRAM keys (RFC 5802 3), where the store has them. */
  default Optional<Scram> scram(String user) {
    return Optional.empty();
  }

  /**
   * Made-up keys for a name that has none, which no password fits, so that nobody learns who is
   * there: the same for the same name each time, and in salt and iterations like those that the
   * store has. The default makes 16 octets of salt and 4,096 iterations; a store whose keys have
   * others, or stay when the process ends, makes its own.
   */
  default Scram decoy(String user) {
    return Decoys.ofProcess().scram(user);
  }

  /** Whether this bearer token (RFC 6750) is the user's. */
  default boolean verifyToken(String user, String bearer) {
    return false;
  }

  /**
   * The user that a client's certificate stands for, which the client has proved to own and one of
   * the authorities given to the server has signed (EXTERNAL, RFC 4422 A). The default knows none;
   * {@link #ofUsers} and {@link #ofHashes} take the first that is a user of theirs: of its mail
   * addresses (RFC 5280 4.2.1.6) and then its common name.
   */
  default Optional<String> certificateUser(X509Certificate certificate) {
    return Optional.empty();
  }

  /**
   * Whether the user may send as this address: asked about MAIL FROM, and about each address in
   * From, Sender, Resent-From and Resent-Sender. No is {@code 553 5.7.1}. The default lets
   * everybody who has logged in send as anybody.
   *
   * @param address in ASCII where it can be, else UTF-8
   */
  default boolean maySendAs(String user, String address) {
    return true;
  }

  /** What a server keeps of a password for SCRAM-SHA-256 (RFC 5802 3, RFC 7677). */
  record Scram(byte[] salt, int iterations, byte[] storedKey, byte[] serverKey) {

    /** Keys of this password with a salt of their own and 100,000 iterations. */
    public static Scram of(char[] password) {
      return ScramText.newKeys(password);
    }

    /**
     * Reads {@link #text()}, and {@code {SCRAM-SHA-256}iterations,salt,StoredKey,ServerKey} as
     * Dovecot has it.
     *
     * @throws IllegalArgumentException if that is neither, or is out of bounds: 8 to 64 octets of
     *     salt, 4,096 (RFC 7677 4) to 1,000,000 iterations; the message does not hold the text
     */
    public static Scram parse(String text) {
      return ScramText.parse(text);
    }

    /**
     * {@code SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey} in base64, as PostgreSQL has it.
     */
    public String text() {
      return ScramText.of(this);
    }
  }

  /**
   * Passwords by user, in plain text; the map is copied. SCRAM keys are made of them when somebody
   * asks.
   *
   * @throws IllegalArgumentException if a name is none by SASLprep, or two are the same
   */
  static CredentialStore ofUsers(Map<String, String> passwords) {
    return new PlainPasswords(passwords);
  }

  /**
   * Hashes of passwords by user; the map is copied. Each is one of
   *
   * <ul>
   *   <li>bcrypt, {@code $2b$}, {@code $2a$} or {@code $2y$}, with a cost of 20 at most
   *   <li>Argon2id or Argon2i in the form of the PHC, with 256 MB and 20 passes at most
   *   <li>SCRAM-SHA-256 as in {@link Scram#parse}, by which the user can log in with SCRAM too
   * </ul>
   *
   * Passwords are hashed on daemon threads of the store, one per processor, which end when nobody
   * has logged in for a while. When too many wait for them, {@code verifyPassword} throws {@link
   * CredentialsUnavailableException}.
   *
   * @throws IllegalArgumentException if a hash is none of these, naming the user and not the hash,
   *     if a name is none by SASLprep, or two are the same
   */
  static CredentialStore ofHashes(Map<String, String> hashes) {
    return new HashedPasswords(hashes);
  }

  /**
   * Argon2id of a password with a salt of its own, 19 MB and 2 passes, for {@link #ofHashes};
   * {@link Scram#of} makes one that serves SCRAM too. Takes some 50 ms and that memory.
   */
  static String hash(char[] password) {
    return Argon2Hash.newHash(password).text();
  }
}
