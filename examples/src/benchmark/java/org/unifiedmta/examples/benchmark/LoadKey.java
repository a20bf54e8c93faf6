package org.unifiedmta.examples.benchmark;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.util.Base64;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.security.dkim.DKIMSigner;

/**
 * Signs the messages of {@link LoadClient}; every process comes to the same key of RSA, which
 * protects nothing.
 */
final class LoadKey {
  private static final String DOMAIN = "example.org";
  private static final KeyPair PAIR = pair();

  private LoadKey() {}

  private static KeyPair pair() {
    try {
      var random = SecureRandom.getInstance("SHA1PRNG");
      random.setSeed(1); // before anything else: then all that follows is the same each time
      var generator = KeyPairGenerator.getInstance("RSA");
      generator.initialize(2048, random);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  static String sign(String message) {
    var signer = DKIMSigner.builder(DOMAIN, "load", PAIR.getPrivate()).build();
    var signed = signer.sign(message.getBytes(StandardCharsets.US_ASCII));
    return new String(signed, StandardCharsets.US_ASCII);
  }

  /** Where SPF, DKIM and DMARC of the messages pass. */
  static ZoneResolver zone() {
    var key = Base64.getEncoder().encodeToString(PAIR.getPublic().getEncoded());
    return ZoneResolver.builder()
        .txt("load._domainkey." + DOMAIN, "v=DKIM1; p=" + key)
        .txt("_dmarc." + DOMAIN, "v=DMARC1; p=reject")
        .txt(DOMAIN, "v=spf1 ip4:127.0.0.1 -all")
        .build();
  }
}
