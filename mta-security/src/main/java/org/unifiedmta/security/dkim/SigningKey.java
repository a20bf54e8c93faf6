package org.unifiedmta.security.dkim;

import java.security.PrivateKey;
import java.security.interfaces.EdECPrivateKey;
import java.security.interfaces.RSAPrivateKey;
import java.util.Locale;
import org.bouncycastle.crypto.params.Ed25519PrivateKeyParameters;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Domains;

/** A private key with the name by which its public key is found. */
public final class SigningKey {
  private static final int LEAST_BITS = 1024; // RFC 8301 3.2

  private final String domain;
  private final String selector;
  private final @Nullable PrivateKey rsa;
  private final @Nullable Ed25519PrivateKeyParameters ed25519;

  /**
   * @param selector by which the public key is found, at {@code selector._domainkey.domain}
   * @param key of RSA with at least 1,024 bits, or Ed25519
   * @throws IllegalArgumentException if one of them is not that
   */
  public SigningKey(String domain, String selector, PrivateKey key) {
    this.domain = Domains.toAscii(domain);
    this.selector = selector.toLowerCase(Locale.ROOT);
    if (!this.selector.matches(
        "[a-z0-9]([a-z0-9_-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9_-]*[a-z0-9])?)*")) {
      throw new IllegalArgumentException("no selector: " + selector);
    }
    rsa = key instanceof EdECPrivateKey ? null : rsa(key);
    ed25519 = key instanceof EdECPrivateKey edwards ? ed25519(edwards) : null;
  }

  private static PrivateKey rsa(PrivateKey key) {
    if (!key.getAlgorithm().equals("RSA")
        || (key instanceof RSAPrivateKey rsa && rsa.getModulus().bitLength() < LEAST_BITS)) {
      throw new IllegalArgumentException("no key that signs mail: " + key.getAlgorithm());
    }
    return key;
  }

  private static Ed25519PrivateKeyParameters ed25519(EdECPrivateKey key) {
    var octets =
        key.getBytes().orElseThrow(() -> new IllegalArgumentException("a key that cannot be read"));
    if (octets.length != Ed25519PrivateKeyParameters.KEY_SIZE) {
      throw new IllegalArgumentException("no key of Ed25519");
    }
    return new Ed25519PrivateKeyParameters(octets);
  }

  /** In A-labels and lower case. */
  public String domain() {
    return domain;
  }

  public String selector() {
    return selector;
  }

  public SignatureAlgorithm algorithm() {
    return rsa != null ? SignatureAlgorithm.RSA_SHA256 : SignatureAlgorithm.ED25519_SHA256;
  }

  public byte[] sign(byte[] data) {
    if (ed25519 != null) {
      return DkimCrypto.signEd25519(ed25519, data);
    }
    if (rsa == null) {
      throw new IllegalStateException("no key");
    }
    return DkimCrypto.signRsa(rsa, data);
  }
}
