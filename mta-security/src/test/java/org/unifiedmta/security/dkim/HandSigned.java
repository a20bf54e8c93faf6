package org.unifiedmta.security.dkim;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.regex.Pattern;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.oiw.OIWObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.RSAPublicKey;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.DigestInfo;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.security.dkim.DKIMSigner.Canonicalization;

/**
 * Signatures that no signer of ours would write, though each is of what it says and verifies by its
 * key: any tags, any size of a key. What a verifier says against one of them is said of nothing
 * else.
 */
final class HandSigned {

  /** A key of RSA; the private exponent is 1 where there is none. */
  record Key(BigInteger modulus, BigInteger exponent, BigInteger secret) {

    /** Of several primes, which are quicker to find than two large ones (RFC 8017 3). */
    static Key of(int bits, String exponent) {
      var random = new Random(bits);
      var e = new BigInteger(exponent);
      while (true) {
        var modulus = BigInteger.ONE;
        var phi = BigInteger.ONE;
        while (modulus.bitLength() < bits) {
          int left = bits - modulus.bitLength() + 1;
          var prime = BigInteger.probablePrime(left > 400 ? 256 : left, random);
          var order = prime.subtract(BigInteger.ONE);
          if (!e.testBit(0) || e.gcd(order).equals(BigInteger.ONE)) {
            modulus = modulus.multiply(prime);
            phi = phi.multiply(order);
          }
        }
        if (modulus.bitLength() == bits) {
          boolean invertible = e.gcd(phi).equals(BigInteger.ONE);
          return new Key(modulus, e, invertible ? e.modInverse(phi) : BigInteger.ONE);
        }
      }
    }

    static Key of(int bits) {
      return of(bits, "65537");
    }

    /** The same with twice the modulus, which is even. */
    Key doubled() {
      return new Key(modulus.shiftLeft(1), exponent, secret);
    }

    byte[] octets() {
      try {
        return new SubjectPublicKeyInfo(
                new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption, DERNull.INSTANCE),
                new RSAPublicKey(modulus, exponent))
            .getEncoded();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    String record() {
      return "v=DKIM1; k=rsa; p=" + Base64.getEncoder().encodeToString(octets());
    }

    /** RFC 8017 8.2.1. */
    byte[] sign(String hash, byte[] data) {
      int length = (modulus.bitLength() + 7) / 8;
      var digest = digestInfo(hash, data);
      var encoded = new byte[length];
      Arrays.fill(encoded, (byte) 0xFF);
      encoded[0] = 0;
      encoded[1] = 1;
      encoded[length - digest.length - 1] = 0;
      System.arraycopy(digest, 0, encoded, length - digest.length, digest.length);
      var signature = new BigInteger(1, encoded).modPow(secret, modulus).toByteArray();
      var sized = new byte[length];
      int n = Math.min(length, signature.length);
      System.arraycopy(signature, signature.length - n, sized, length - n, n);
      return sized;
    }

    private static byte[] digestInfo(String hash, byte[] data) {
      var algorithm =
          hash.equals("SHA-1") ? OIWObjectIdentifiers.idSHA1 : NISTObjectIdentifiers.id_sha256;
      try {
        return new DigestInfo(
                new AlgorithmIdentifier(algorithm, DERNull.INSTANCE),
                MessageDigest.getInstance(hash).digest(data))
            .getEncoded();
      } catch (IOException | GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private HandSigned() {}

  /**
   * The message with a signature in front.
   *
   * @param tags all of it, with {@code bh=} and {@code b=} empty where they are to be filled in
   */
  static String sign(String tags, Key key, String message) {
    var octets = octets(message);
    var section = HeaderSection.of(octets);
    var hash = tag(tags, "a", "").endsWith("sha1") ? "SHA-1" : "SHA-256";
    var forms = tag(tags, "c", "simple").split("/", 2);
    var limit = tag(tags, "l", "");
    var hasher =
        new BodyHasher(
            hash,
            form(forms.length > 1 ? forms[1] : "simple"),
            limit.matches("\\d{1,9}") ? Long.parseLong(limit) : -1);
    hasher.write(BodyHasher.body(octets, section));
    var filled = fill(" " + tags, "bh", base64(hasher.hash()));
    var names = List.of(tag(tags, "h", "").replaceAll("\\s", "").split(":"));
    var data = new DkimHeaders(section).canonical(names, form(forms[0]), "DKIM-Signature", filled);
    return "DKIM-Signature:" + fill(filled, "b", base64(key.sign(hash, data))) + "\r\n" + message;
  }

  private static Canonicalization form(String name) {
    return Canonicalization.valueOf(name.strip().toUpperCase(Locale.ROOT));
  }

  private static Pattern pattern(String name) {
    return Pattern.compile("(?:^|;)\\s*" + name + "\\s*=([^;]*)");
  }

  private static String tag(String tags, String name, String otherwise) {
    var found = pattern(name).matcher(tags);
    return found.find() ? found.group(1).strip() : otherwise;
  }

  private static String fill(String tags, String name, String value) {
    var found = pattern(name).matcher(tags);
    return found.find() && found.group(1).isBlank()
        ? tags.substring(0, found.end()) + value + tags.substring(found.end())
        : tags;
  }

  private static String base64(byte[] octets) {
    return Base64.getEncoder().encodeToString(octets);
  }

  static byte[] octets(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }
}
