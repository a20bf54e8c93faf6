package org.unifiedmta.security.dkim;

import java.util.Locale;

/** How a signature is made: a= (RFC 6376 3.3, RFC 8463 3). */
public enum SignatureAlgorithm {
  RSA_SHA1("rsa", "SHA-1"),
  RSA_SHA256("rsa", "SHA-256"),
  ED25519_SHA256("ed25519", "SHA-256");

  final String keyType;
  private final String hash;

  SignatureAlgorithm(String keyType, String hash) {
    this.keyType = keyType;
    this.hash = hash;
  }

  /** The hash as Java calls it. */
  public String hash() {
    return hash;
  }

  /** The hash as key records call it. */
  String hashName() {
    return hash.replace("-", "").toLowerCase(Locale.ROOT);
  }

  /** As it is written in a=. */
  public String tagValue() {
    return keyType + "-" + hashName();
  }
}
