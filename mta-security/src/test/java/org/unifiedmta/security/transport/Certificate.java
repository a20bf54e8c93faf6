package org.unifiedmta.security.transport;

import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** A certificate made for a test: the server's context, and one that trusts it. */
record Certificate(SSLContext server, SSLContext trust) {

  static Certificate of(String name) throws Exception {
    return of(name, true, Duration.ofDays(1));
  }

  /** One with the name where RFC 8461 3.3 does not look for it. */
  static Certificate ofCommonName(String name) throws Exception {
    return of(name, false, Duration.ofDays(1));
  }

  static Certificate expired(String name) throws Exception {
    return of(name, true, Duration.ofHours(-1));
  }

  private static Certificate of(String name, boolean alternative, Duration lasting)
      throws Exception {
    var authority = keys();
    var issuer = new X500Name("CN=An authority");
    var self = builder(issuer, authority, issuer, Duration.ofDays(1));
    self.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
    var issuing = signed(self, authority);
    var keys = keys();
    var builder = builder(issuer, keys, new X500Name("CN=" + name), lasting);
    if (alternative) {
      builder.addExtension(
          Extension.subjectAlternativeName,
          false,
          new GeneralNames(new GeneralName(GeneralName.dNSName, name)));
    }
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry(
        "key",
        keys.getPrivate(),
        new char[0],
        new X509Certificate[] {signed(builder, authority), issuing});
    var managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(store, new char[0]);
    var server = SSLContext.getInstance("TLS");
    server.init(managers.getKeyManagers(), null, null);
    var trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("authority", issuing);
    var trustManagers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trustManagers.init(trusted);
    var trust = SSLContext.getInstance("TLS");
    trust.init(null, trustManagers.getTrustManagers(), null);
    return new Certificate(server, trust);
  }

  private static KeyPair keys() throws GeneralSecurityException {
    var generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(256);
    return generator.generateKeyPair();
  }

  private static JcaX509v3CertificateBuilder builder(
      X500Name issuer, KeyPair keys, X500Name subject, Duration lasting) {
    var now = Instant.now();
    return new JcaX509v3CertificateBuilder(
        issuer,
        BigInteger.valueOf(keys.getPublic().hashCode()).abs(),
        Date.from(now.minus(Duration.ofDays(2))),
        Date.from(now.plus(lasting)),
        subject,
        keys.getPublic());
  }

  private static X509Certificate signed(JcaX509v3CertificateBuilder builder, KeyPair authority)
      throws Exception {
    var signer = new JcaContentSignerBuilder("SHA256withECDSA").build(authority.getPrivate());
    return new JcaX509CertificateConverter().getCertificate(builder.build(signer));
  }
}
