package org.unifiedmta.delivery.testing;

import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.UUID;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.delivery.testing.Fault.BadTls;

/**
 * The certificate authority of one fixture, and the server's contexts with certificates of it. A
 * context of its own for each certificate, so that no session is resumed from one to the other.
 */
final class FixtureCertificates {
  private static final X500Name SERVER = new X500Name("CN=UnifiedMTA test server");
  private static final Duration YEAR = Duration.ofDays(365);
  private static final char[] NO_PASSWORD = {};

  private final X500Name name =
      new X500Name("CN=UnifiedMTA test authority " + UUID.randomUUID()); // one for each fixture
  private final KeyPair authorityKeys;
  private final KeyPair serverKeys;
  private final X509Certificate authority;
  private final SSLContext good;

  FixtureCertificates() {
    try {
      authorityKeys = newKeys();
      serverKeys = newKeys();
      var now = Instant.now();
      authority =
          sign(
              certificate(name, authorityKeys, now.minus(YEAR), now.plus(YEAR))
                  .addExtension(Extension.basicConstraints, true, new BasicConstraints(0)),
              authorityKeys);
      good = server(now.plus(YEAR), "localhost", "127.0.0.1");
    } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
      throw new MtaException("cannot make the fixture's certificate", e);
    }
  }

  SSLContext server() {
    return good;
  }

  SSLContext server(BadTls kind) {
    var now = Instant.now();
    try {
      return switch (kind) {
        case EXPIRED -> server(now.minus(Duration.ofDays(1)), "localhost");
        case WRONG_HOST -> server(now.plus(YEAR), "elsewhere.invalid");
        case UNTRUSTED -> new FixtureCertificates().server();
      };
    } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
      throw new MtaException("cannot make a bad certificate", e);
    }
  }

  /** A context that trusts this authority and nobody else. */
  SSLContext client() {
    try {
      var store = emptyStore();
      store.setCertificateEntry("authority", authority);
      var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(store);
      var context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException | IOException e) {
      throw new MtaException("cannot make a TLS context", e);
    }
  }

  /** The authority's certificate. */
  String pem() {
    try {
      return "-----BEGIN CERTIFICATE-----\n"
          + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(authority.getEncoded())
          + "\n-----END CERTIFICATE-----\n";
    } catch (GeneralSecurityException e) {
      throw new MtaException("cannot encode the fixture's certificate", e);
    }
  }

  private SSLContext server(Instant until, String... names)
      throws GeneralSecurityException, OperatorCreationException, IOException {
    var alternatives = new GeneralName[names.length];
    for (int i = 0; i < names.length; i++) {
      boolean address = Character.isDigit(names[i].charAt(0));
      alternatives[i] =
          new GeneralName(address ? GeneralName.iPAddress : GeneralName.dNSName, names[i]);
    }
    var certificate =
        sign(
            certificate(SERVER, serverKeys, until.minus(YEAR), until)
                .addExtension(
                    Extension.subjectAlternativeName, false, new GeneralNames(alternatives)),
            authorityKeys);
    var store = emptyStore();
    store.setKeyEntry(
        "server",
        serverKeys.getPrivate(),
        NO_PASSWORD,
        new X509Certificate[] {certificate, authority});
    var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(store, NO_PASSWORD);
    var context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    return context;
  }

  private JcaX509v3CertificateBuilder certificate(
      X500Name subject, KeyPair keys, Instant from, Instant until) {
    return new JcaX509v3CertificateBuilder(
        name,
        new BigInteger(64, new SecureRandom()).setBit(64),
        Date.from(from),
        Date.from(until),
        subject,
        keys.getPublic());
  }

  private static X509Certificate sign(X509v3CertificateBuilder certificate, KeyPair issuer)
      throws GeneralSecurityException, OperatorCreationException {
    var signer = new JcaContentSignerBuilder("SHA256withECDSA").build(issuer.getPrivate());
    return new JcaX509CertificateConverter().getCertificate(certificate.build(signer));
  }

  private static KeyPair newKeys() throws GeneralSecurityException {
    var generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }

  private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }
}
