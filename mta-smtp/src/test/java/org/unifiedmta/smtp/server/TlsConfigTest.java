package org.unifiedmta.smtp.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Map;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.smtp.server.SmtpListener.Mode;

class TlsConfigTest {
  @TempDir Path directory;

  private record Identity(KeyPair keys, X509Certificate certificate) {}

  @ParameterizedTest
  @ValueSource(strings = {"RSA", "EC", "Ed25519"})
  void pemFilesOfAnyUsualKindAreRead(String algorithm) throws Exception {
    var identity = identity("one", algorithm);
    write(identity, 0);
    var tls = TlsConfig.ofPem(certificateFile(), keyFile());
    assertThat(servedBy(tls, "x.test")).isEqualTo(identity.certificate);
  }

  @Test
  void renewedFilesAreUsedWithoutARestart() throws Exception {
    var first = identity("first", "EC");
    var second = identity("second", "EC");
    write(first, 0);
    var tls = TlsConfig.ofPem(certificateFile(), keyFile(), Duration.ZERO);
    assertThat(servedBy(tls, "x.test")).isEqualTo(first.certificate);

    // Half a renewal: the key is still the old one's.
    Files.writeString(certificateFile(), pem("CERTIFICATE", second.certificate.getEncoded()));
    age(certificateFile(), 10);
    for (int i = 0; i < 3; i++) {
      assertThat(servedBy(tls, "x.test")).isEqualTo(first.certificate);
    }
    write(second, 20);
    Await.until("the new pair is used", () -> servedBy(tls, "x.test").equals(second.certificate));
  }

  @Test
  void aKeyOfAnotherCertificateIsRefused() throws Exception {
    write(identity("one", "EC"), 0);
    Files.writeString(
        keyFile(), pem("PRIVATE KEY", identity("two", "EC").keys.getPrivate().getEncoded()));
    assertThatThrownBy(() -> TlsConfig.ofPem(certificateFile(), keyFile()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("key");
  }

  @Test
  void filesThatAreNotThereAreNamed() {
    assertThatThrownBy(() -> TlsConfig.ofPem(certificateFile(), keyFile()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("cert.pem");
  }

  @Test
  void theCertificateIsTheOneForTheNameAskedFor() throws Exception {
    var named = identity("named", "EC");
    write(named, 0);
    var other = TlsConfig.ofPem(certificateFile(), keyFile());
    var tls = TlsConfig.selfSigned("mx.test").withSni(Map.of("Named.Test", other));
    assertThat(servedBy(tls, "named.test")).isEqualTo(named.certificate);
    assertThat(servedBy(tls, "unknown.test")).isNotEqualTo(named.certificate);
  }

  @Test
  void aClientsCertificateCountsIfOurAuthoritiesHaveSignedIt() throws Exception {
    var ann = identity("ann", "EC");
    var authorities = directory.resolve("authorities.pem");
    Files.writeString(authorities, pem("CERTIFICATE", ann.certificate.getEncoded()));
    var tls =
        TlsConfig.selfSigned("mx.test")
            .withClientCertificates(authorities)
            .withSni(Map.of("named.test", TlsConfig.selfSigned("named.test")));
    for (var name : List.of("mx.test", "named.test")) {
      assertThat(loginByCertificate(tls, name, keyManagers(ann))).startsWith("235 2.7.0");
      assertThat(loginByCertificate(tls, name, keyManagers(identity("ann", "EC"))))
          .as("a certificate of somebody else's, whose handshake goes on nevertheless")
          .startsWith("504 5.5.4");
      assertThat(loginByCertificate(tls, name, null)).as("none").startsWith("504 5.5.4");
    }
    assertThat(loginByCertificate(TlsConfig.selfSigned("mx.test"), "mx.test", keyManagers(ann)))
        .as("nobody asked for it")
        .startsWith("504 5.5.4");
  }

  @Test
  void aCertificateThatCountsStandsForNobodyWhoIsNotThere() throws Exception {
    var eve = identity("eve", "EC");
    var authorities = directory.resolve("authorities.pem");
    Files.writeString(authorities, pem("CERTIFICATE", eve.certificate.getEncoded()));
    var tls = TlsConfig.selfSigned("mx.test").withClientCertificates(authorities);
    assertThat(loginByCertificate(tls, "mx.test", keyManagers(eve))).startsWith("535 5.7.8");
  }

  @Test
  void authoritiesThatAreNotThereAreNamed() {
    var tls = TlsConfig.selfSigned("mx.test");
    assertThatThrownBy(() -> tls.withClientCertificates(directory.resolve("authorities.pem")))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("authorities.pem");
  }

  private static String loginByCertificate(TlsConfig tls, String name, KeyManager[] keys) {
    var options =
        ServerOptions.builder("mx.test")
            .tls(tls)
            .authMechanisms(List.of("EXTERNAL"))
            .failedLoginDelay(Duration.ZERO)
            .build();
    try (var server = new SmtpServer(options, new Postmaster(), new HeapSpool(), Metrics.none())) {
      var any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
      var address = server.bind(SmtpListener.of("tls", any, Mode.IMPLICIT_TLS));
      try (var client = RawClient.connect(address).secure(keys, name)) {
        assertThat(client.reply()).startsWith("220");
        client.command("EHLO client.test");
        return client.command("AUTH EXTERNAL =");
      }
    }
  }

  private static KeyManager[] keyManagers(Identity identity) throws Exception {
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry(
        "me",
        identity.keys.getPrivate(),
        new char[0],
        new X509Certificate[] {identity.certificate});
    var factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, new char[0]);
    return factory.getKeyManagers();
  }

  private static X509Certificate servedBy(TlsConfig tls, String name) {
    var options = ServerOptions.builder("mx.test").tls(tls).build();
    try (var server = new SmtpServer(options, new Postmaster(), new HeapSpool(), Metrics.none())) {
      var any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
      var address = server.bind(SmtpListener.of("tls", any, Mode.IMPLICIT_TLS));
      try (var client = RawClient.connect(address).secure(name)) {
        assertThat(client.reply()).startsWith("220");
        return client.certificate();
      }
    }
  }

  private Path certificateFile() {
    return directory.resolve("cert.pem");
  }

  private Path keyFile() {
    return directory.resolve("key.pem");
  }

  private void write(Identity identity, int age) throws Exception {
    Files.writeString(certificateFile(), pem("CERTIFICATE", identity.certificate.getEncoded()));
    Files.writeString(keyFile(), pem("PRIVATE KEY", identity.keys.getPrivate().getEncoded()));
    age(certificateFile(), age);
    age(keyFile(), age);
  }

  private static void age(Path file, int seconds) {
    try {
      Files.setLastModifiedTime(
          file, FileTime.from(Instant.parse("2026-01-01T00:00:00Z").plusSeconds(seconds)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String pem(String type, byte[] der) {
    var base64 = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
    return "-----BEGIN " + type + "-----\n" + base64 + "\n-----END " + type + "-----\n";
  }

  private static Identity identity(String name, String algorithm) throws Exception {
    var keys = KeyPairGenerator.getInstance(algorithm).generateKeyPair();
    var signing =
        switch (algorithm) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          default -> algorithm;
        };
    var subject = new X500Name("CN=" + name);
    var now = Instant.now();
    var builder =
        new JcaX509v3CertificateBuilder(
            subject,
            BigInteger.ONE,
            Date.from(now.minusSeconds(60)),
            Date.from(now.plusSeconds(86_400)),
            subject,
            keys.getPublic());
    var signer = new JcaContentSignerBuilder(signing).build(keys.getPrivate());
    return new Identity(
        keys, new JcaX509CertificateConverter().getCertificate(builder.build(signer)));
  }
}
