package org.unifiedmta.security.dkim;

import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.RSAPublicKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.bouncycastle.crypto.params.Ed25519PublicKeyParameters;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.security.tag.TagList;

/**
 * A domain's public key as it is in the DNS (RFC 6376 3.6.1, RFC 8463 4).
 *
 * @param type k=
 * @param hashes h=, empty for any
 * @param isForMail whether s= lets it sign mail
 * @param isTesting t=y
 * @param isStrict t=s: for the domain itself only
 * @param octets p=, empty where the key is revoked
 */
record DkimKeyRecord(
    String type,
    List<String> hashes,
    boolean isForMail,
    boolean isTesting,
    boolean isStrict,
    byte[] octets) {
  private static final int MOST_BITS = 8192;
  private static final int MOST_EXPONENT_BITS = 33;

  /** Reads a TXT record; empty if that is none of a key. */
  static Optional<DkimKeyRecord> parse(String txt) {
    var tags = TagList.parse(txt).orElse(null);
    if (tags == null) {
      return Optional.empty();
    }
    var version = tags.get("v");
    if (version != null && !(version.equals("DKIM1") && tags.first().equals("v"))) {
      return Optional.empty();
    }
    var key = tags.compact("p");
    if (key == null) {
      return Optional.empty();
    }
    byte[] octets;
    try {
      octets = Base64.getDecoder().decode(key);
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
    var services = list(tags.compact("s"));
    var flags = list(tags.compact("t"));
    return Optional.of(
        new DkimKeyRecord(
            tags.get("k", "rsa").toLowerCase(Locale.ROOT),
            list(tags.compact("h")),
            services.isEmpty() || services.contains("*") || services.contains("email"),
            flags.contains("y"),
            flags.contains("s"),
            octets));
  }

  private static List<String> list(@Nullable String text) {
    return text == null || text.isEmpty()
        ? List.of()
        : Arrays.stream(text.toLowerCase(Locale.ROOT).split(":"))
            .filter(item -> !item.isEmpty())
            .toList();
  }

  boolean isRevoked() {
    return octets.length == 0;
  }

  /** Not one that takes a long time to work with, or that proves nothing. */
  private static boolean isSound(BigInteger modulus, BigInteger exponent) {
    return modulus.bitLength() <= MOST_BITS
        && modulus.testBit(0)
        && exponent.testBit(0)
        && exponent.bitLength() > 1
        && exponent.bitLength() <= MOST_EXPONENT_BITS;
  }

  /** Null if it is none that can be used, or has more than 8,192 bits. */
  @Nullable RSAPublicKey rsa() {
    try {
      var factory = KeyFactory.getInstance("RSA");
      var found = (RSAPublicKey) factory.generatePublic(new X509EncodedKeySpec(octets));
      return isSound(found.getModulus(), found.getPublicExponent()) ? found : null;
    } catch (GeneralSecurityException | RuntimeException e) {
      return bareRsa();
    }
  }

  /** RFC 6376 3.6.1 asks for the key without its algorithm in front, which few publish. */
  private @Nullable RSAPublicKey bareRsa() {
    try {
      var bare = org.bouncycastle.asn1.pkcs.RSAPublicKey.getInstance(octets);
      BigInteger modulus = bare.getModulus();
      return isSound(modulus, bare.getPublicExponent())
          ? (RSAPublicKey)
              KeyFactory.getInstance("RSA")
                  .generatePublic(new RSAPublicKeySpec(modulus, bare.getPublicExponent()))
          : null;
    } catch (GeneralSecurityException | RuntimeException e) {
      return null;
    }
  }

  /** Null if it is none. */
  @Nullable Ed25519PublicKeyParameters ed25519() {
    try {
      return octets.length == Ed25519PublicKeyParameters.KEY_SIZE
          ? new Ed25519PublicKeyParameters(octets)
          : null;
    } catch (RuntimeException e) {
      return null;
    }
  }
}
