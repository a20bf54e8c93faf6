package org.unifiedmta.security.dkim;

import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.Base64;

/** Keys as the JDK makes them. */
final class DkimKeys {
  static final KeyPair RSA = make();

  private DkimKeys() {}

  private static KeyPair make() {
    try {
      var generator = KeyPairGenerator.getInstance("RSA");
      generator.initialize(2048);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  static String record(KeyPair keys) {
    return "v=DKIM1; p=" + Base64.getEncoder().encodeToString(keys.getPublic().getEncoded());
  }
}
