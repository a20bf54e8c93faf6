package org.unifiedmta.security.dkim;

import java.io.IOException;
import java.io.StringReader;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.interfaces.EdECPrivateKey;
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.RSAPublicKeySpec;
import java.security.spec.X509EncodedKeySpec;
import org.bouncycastle.asn1.edec.EdECObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.crypto.params.Ed25519PrivateKeyParameters;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMEncryptedKeyPair;
import org.bouncycastle.openssl.PEMException;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JceOpenSSLPKCS8DecryptorProviderBuilder;
import org.bouncycastle.openssl.jcajce.JcePEMDecryptorProviderBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.pkcs.PKCS8EncryptedPrivateKeyInfo;
import org.bouncycastle.pkcs.PKCSException;
import org.jspecify.annotations.Nullable;

/** Private keys as others keep them. */
final class PemKeys {
  private PemKeys() {}

  /**
   * Reads the first private key in PEM, of PKCS#8 or PKCS#1, with whatever text around it.
   *
   * @param password null if there is none
   * @throws IllegalArgumentException if there is none of RSA or Ed25519, or the password is wrong
   */
  static KeyPair read(String text, char @Nullable [] password) {
    try (var pem = new PEMParser(new StringReader(text))) {
      return pair(
          switch (pem.readObject()) {
            case PEMKeyPair pair -> pair.getPrivateKeyInfo();
            case PrivateKeyInfo key -> key;
            case PKCS8EncryptedPrivateKeyInfo key -> decrypted(key, needed(password));
            case PEMEncryptedKeyPair pair -> decrypted(pair, needed(password));
            case null -> throw new IllegalArgumentException("no key in PEM");
            case Object other ->
                throw new IllegalArgumentException(
                    "no private key, but " + other.getClass().getSimpleName());
          });
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalArgumentException("no key that can be read: " + e.getMessage(), e);
    }
  }

  private static char[] needed(char @Nullable [] password) {
    if (password == null) {
      throw new IllegalArgumentException("the key is encrypted, and no password is given");
    }
    return password;
  }

  /** RFC 5958 3. */
  private static PrivateKeyInfo decrypted(PKCS8EncryptedPrivateKeyInfo key, char[] password) {
    try {
      return key.decryptPrivateKeyInfo(
          new JceOpenSSLPKCS8DecryptorProviderBuilder()
              .setProvider(new BouncyCastleProvider())
              .build(password));
    } catch (PKCSException | OperatorCreationException | RuntimeException e) {
      throw wrong(e);
    }
  }

  /** What OpenSSL wrote before its version 1.0: {@code DEK-Info} in the PEM. */
  private static PrivateKeyInfo decrypted(PEMEncryptedKeyPair pair, char[] password)
      throws IOException {
    try {
      return pair.decryptKeyPair(
              new JcePEMDecryptorProviderBuilder()
                  .setProvider(new BouncyCastleProvider())
                  .build(password))
          .getPrivateKeyInfo();
    } catch (PEMException | RuntimeException e) {
      throw wrong(e);
    }
  }

  /** A wrong password shows as bad padding, or in one case of 256 as something that is no key. */
  private static IllegalArgumentException wrong(Exception e) {
    return new IllegalArgumentException(
        "the password is wrong, or the key is encrypted in a way that is not known here", e);
  }

  private static KeyPair pair(PrivateKeyInfo info) throws IOException, GeneralSecurityException {
    var algorithm = info.getPrivateKeyAlgorithm().getAlgorithm();
    boolean edwards = algorithm.equals(EdECObjectIdentifiers.id_Ed25519);
    if (!edwards && !algorithm.equals(PKCSObjectIdentifiers.rsaEncryption)) {
      throw new IllegalArgumentException("a key neither of RSA nor of Ed25519: " + algorithm);
    }
    var key =
        KeyFactory.getInstance(edwards ? "Ed25519" : "RSA")
            .generatePrivate(new PKCS8EncodedKeySpec(info.getEncoded()));
    return new KeyPair(publicOf(key), key);
  }

  private static PublicKey publicOf(PrivateKey key) throws IOException, GeneralSecurityException {
    if (key instanceof RSAPrivateCrtKey rsa) {
      return KeyFactory.getInstance("RSA")
          .generatePublic(new RSAPublicKeySpec(rsa.getModulus(), rsa.getPublicExponent()));
    }
    if (key instanceof EdECPrivateKey edwards) {
      var octets = new Ed25519PrivateKeyParameters(edwards.getBytes().orElseThrow());
      var info =
          new SubjectPublicKeyInfo(
              new AlgorithmIdentifier(EdECObjectIdentifiers.id_Ed25519),
              octets.generatePublicKey().getEncoded());
      return KeyFactory.getInstance("Ed25519")
          .generatePublic(new X509EncodedKeySpec(info.getEncoded()));
    }
    throw new GeneralSecurityException("neither RSA nor Ed25519");
  }
}
