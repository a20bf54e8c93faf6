package org.unifiedmta.security.dkim;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Signature;
import org.bouncycastle.crypto.params.Ed25519PrivateKeyParameters;
import org.bouncycastle.crypto.params.Ed25519PublicKeyParameters;
import org.bouncycastle.crypto.signers.Ed25519Signer;
import org.jspecify.annotations.Nullable;

/** The signatures themselves. */
final class DkimCrypto {

  /**
   * Amazon's provider where it is on the class path, which signs more than twice as fast; it is not
   * registered for others.
   */
  private static final class Fast {
    static final @Nullable Provider PROVIDER = find();

    private static @Nullable Provider find() {
      try {
        var type =
            Class.forName("com.amazon.corretto.crypto.provider.AmazonCorrettoCryptoProvider");
        var provider = (Provider) type.getField("INSTANCE").get(null);
        Signature.getInstance("SHA256withRSA", provider); // its library may not load here
        return provider;
      } catch (ReflectiveOperationException
          | GeneralSecurityException
          | RuntimeException
          | LinkageError e) {
        return null;
      }
    }
  }

  private DkimCrypto() {}

  static Signature rsa(String hash) throws NoSuchAlgorithmException {
    var name = hash.replace("-", "") + "withRSA";
    var fast = Fast.PROVIDER;
    return fast == null ? Signature.getInstance(name) : Signature.getInstance(name, fast);
  }

  static boolean verifyRsa(String hash, PublicKey key, byte[] data, byte[] signature) {
    try {
      var verifier = rsa(hash);
      verifier.initVerify(key);
      verifier.update(data);
      return verifier.verify(signature);
    } catch (GeneralSecurityException | RuntimeException e) {
      return false;
    }
  }

  static byte[] signRsa(PrivateKey key, byte[] data) {
    try {
      var signer = rsa("SHA-256");
      signer.initSign(key);
      signer.update(data);
      return signer.sign();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("the key cannot sign: " + e.getMessage(), e);
    }
  }

  /** RFC 8463 3: what is signed is the hash. */
  static boolean verifyEd25519(Ed25519PublicKeyParameters key, byte[] data, byte[] signature) {
    var verifier = new Ed25519Signer();
    verifier.init(false, key);
    var hash = sha256(data);
    verifier.update(hash, 0, hash.length);
    return verifier.verifySignature(signature);
  }

  static byte[] signEd25519(Ed25519PrivateKeyParameters key, byte[] data) {
    var signer = new Ed25519Signer();
    signer.init(true, key);
    var hash = sha256(data);
    signer.update(hash, 0, hash.length);
    return signer.generateSignature();
  }

  private static byte[] sha256(byte[] data) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(data);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
