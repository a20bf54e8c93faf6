package org.unifiedmta.security.sasl;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import javax.crypto.Mac;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;
import org.unifiedmta.security.sasl.CredentialStore.Scram;

/** The arithmetic of SCRAM (RFC 5802 3) with SHA-256 (RFC 7677). */
final class ScramSha256 {
  /** Octets of a hash, and so of each key. */
  static final int LENGTH = 32;

  private static final byte[] CLIENT_KEY = "Client Key".getBytes(US_ASCII);
  private static final byte[] SERVER_KEY = "Server Key".getBytes(US_ASCII);

  private ScramSha256() {}

  /**
   * What a server keeps of a password.
   *
   * <pre>
   * SaltedPassword := Hi(Normalize(password), salt, i)
   * ClientKey      := HMAC(SaltedPassword, "Client Key")
   * StoredKey      := H(ClientKey)
   * ServerKey      := HMAC(SaltedPassword, "Server Key")
   * </pre>
   */
  static Scram derive(String password, byte[] salt, int iterations) {
    return keys(salted(password, salt, iterations), salt, iterations);
  }

  /** The same from what {@link #salted} has made, which takes long. */
  static Scram keys(byte[] salted, byte[] salt, int iterations) {
    return new Scram(salt, iterations, hash(hmac(salted, CLIENT_KEY)), hmac(salted, SERVER_KEY));
  }

  static byte[] salted(String password, byte[] salt, int iterations) {
    return hi(SaslPrep.password(password), salt, iterations);
  }

  /**
   * What a client shows of its password.
   *
   * <pre>ClientProof := ClientKey XOR HMAC(H(ClientKey), AuthMessage)</pre>
   */
  static byte[] proof(byte[] salted, byte[] authMessage) {
    var proof = hmac(salted, CLIENT_KEY);
    var signature = hmac(hash(proof), authMessage);
    for (int i = 0; i < LENGTH; i++) {
      proof[i] ^= signature[i];
    }
    return proof;
  }

  /** Whether the proof is made with the key that the stored one is the hash of. */
  static boolean proves(Scram keys, byte[] authMessage, byte[] proof) {
    var clientKey = hmac(keys.storedKey(), authMessage);
    for (int i = 0; i < LENGTH; i++) {
      clientKey[i] ^= proof[i];
    }
    return MessageDigest.isEqual(hash(clientKey), keys.storedKey());
  }

  /** What shows the client that we know the password too. */
  static byte[] serverSignature(Scram keys, byte[] authMessage) {
    return hmac(keys.serverKey(), authMessage);
  }

  static byte[] hmac(byte[] key, byte[]... data) {
    try {
      var mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      for (var piece : data) {
        mac.update(piece);
      }
      return mac.doFinal();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("the JDK has no HMAC-SHA-256", e);
    }
  }

  private static byte[] hash(byte[] data) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(data);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("the JDK has no SHA-256", e);
    }
  }

  /** {@code Hi} is PBKDF2 with HMAC, RFC 5802 2.2. */
  private static byte[] hi(String password, byte[] salt, int iterations) {
    var spec = new PBEKeySpec(password.toCharArray(), salt, iterations, LENGTH * 8);
    try {
      return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256").generateSecret(spec).getEncoded();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("the JDK has no PBKDF2 with HMAC-SHA-256", e);
    } finally {
      spec.clearPassword();
    }
  }
}
