package org.unifiedmta.security.dkim;

import java.security.interfaces.RSAPublicKey;
import java.util.Arrays;
import java.util.Base64;
import org.unifiedmta.security.dkim.DKIMCreator.KeyType;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry.State;

/** What everybody may know of a key (RFC 6376 3.6.1, RFC 8463 4). */
final class PublicKeys {
  private PublicKeys() {}

  static KeyType type(Entry entry) {
    return entry.keys().getPublic() instanceof RSAPublicKey ? KeyType.RSA : KeyType.ED25519;
  }

  /** Of RSA; 0 of others, which have one size only. */
  static int bits(Entry entry) {
    return entry.keys().getPublic() instanceof RSAPublicKey rsa ? rsa.getModulus().bitLength() : 0;
  }

  /** Where it is published. */
  static String name(Entry entry) {
    return entry.selector() + "._domainkey." + entry.domain();
  }

  /** What is between p= and the end: of RSA with its algorithm in front, of Ed25519 without. */
  static byte[] octets(Entry entry) {
    var encoded = entry.keys().getPublic().getEncoded();
    return type(entry) == KeyType.RSA
        ? encoded
        : Arrays.copyOfRange(encoded, encoded.length - 32, encoded.length);
  }

  static String record(Entry entry) {
    var key =
        entry.state() == State.REVOKED ? "" : Base64.getEncoder().encodeToString(octets(entry));
    return "v=DKIM1; k=" + type(entry).tag() + "; p=" + key;
  }
}
