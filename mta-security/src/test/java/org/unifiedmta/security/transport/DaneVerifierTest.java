package org.unifiedmta.security.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.core.dns.DnsResolver.Tlsa;

class DaneVerifierTest {
  private static final Instant NOW = Instant.parse("2026-01-05T10:00:00Z");
  private static final List<String> NAMES = List.of("mx.far.test", "far.test");

  /** A certificate with its key, and what is behind it in the chain. */
  private record Issued(KeyPair keys, X509Certificate certificate) {}

  private static Issued root;
  private static Issued middle;
  private static Issued leaf;
  private static Issued stranger;

  @BeforeAll
  static void chain() throws Exception {
    root = issue("Root", null, true, null, Duration.ofDays(100));
    middle = issue("Middle", root, true, null, Duration.ofDays(50));
    leaf = issue("Leaf", middle, false, "mx.far.test", Duration.ofDays(10));
    stranger = issue("Stranger", null, true, null, Duration.ofDays(100));
  }

  private static Issued issue(
      String subject, @Nullable Issued by, boolean authority, @Nullable String name, Duration life)
      throws Exception {
    var generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(256);
    var keys = generator.generateKeyPair();
    var own = new X500Name("CN=" + subject);
    var issuer =
        by == null ? own : new X500Name(by.certificate().getSubjectX500Principal().getName());
    var builder =
        new JcaX509v3CertificateBuilder(
            issuer,
            BigInteger.valueOf(subject.hashCode() & 0xFFFF),
            Date.from(NOW.minus(Duration.ofDays(1))),
            Date.from(NOW.plus(life)),
            own,
            keys.getPublic());
    if (authority) {
      builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
    }
    if (name != null) {
      builder.addExtension(
          Extension.subjectAlternativeName,
          false,
          new GeneralNames(new GeneralName(GeneralName.dNSName, name)));
    }
    var signer =
        new JcaContentSignerBuilder("SHA256withECDSA")
            .build(by == null ? keys.getPrivate() : by.keys().getPrivate());
    return new Issued(
        keys, new JcaX509CertificateConverter().getCertificate(builder.build(signer)));
  }

  private static List<X509Certificate> whole() {
    return List.of(leaf.certificate(), middle.certificate(), root.certificate());
  }

  private static Tlsa record(int usage, int selector, int matching, X509Certificate certificate)
      throws Exception {
    var octets = selector == 0 ? certificate.getEncoded() : certificate.getPublicKey().getEncoded();
    var data =
        switch (matching) {
          case 1 -> MessageDigest.getInstance("SHA-256").digest(octets);
          case 2 -> MessageDigest.getInstance("SHA-512").digest(octets);
          default -> octets;
        };
    return new Tlsa(usage, selector, matching, data);
  }

  private static void verify(Instant now, List<X509Certificate> chain, Tlsa... records)
      throws CertificateException {
    new DaneVerifier(() -> now).verify(chain, new TlsPolicy.Dane(List.of(records), NAMES));
  }

  @ParameterizedTest
  @CsvSource({"0,0", "0,1", "0,2", "1,0", "1,1", "1,2"})
  void eachSelectorAndMatchingTypeNamesTheCertificate(int selector, int matching) throws Exception {
    verify(NOW, whole(), record(3, selector, matching, leaf.certificate()));
    verify(NOW, whole(), record(2, selector, matching, middle.certificate()));
    verify(NOW, whole(), record(2, selector, matching, root.certificate()));
    for (int usage : new int[] {2, 3}) {
      assertThatThrownBy(
              () -> verify(NOW, whole(), record(usage, selector, matching, stranger.certificate())))
          .isInstanceOf(CertificateException.class);
    }
  }

  /** RFC 7672 3.1.1: neither the name nor the date of what the record itself names counts. */
  @Test
  void aNamedCertificateMayBeExpiredAndForAnotherHost() throws Exception {
    var other = issue("Other", null, false, "other.test", Duration.ofDays(1));
    var late = NOW.plus(Duration.ofDays(300));
    verify(late, List.of(other.certificate()), record(3, 1, 1, other.certificate()));
  }

  /** RFC 7672 3.1.2. */
  @Test
  void whatANamedAuthorityIssuedMustBeForTheHostAndInDate() throws Exception {
    var other = issue("Other", middle, false, "other.test", Duration.ofDays(10));
    var byRoot = record(2, 0, 1, root.certificate());
    var chain = List.of(other.certificate(), middle.certificate(), root.certificate());
    assertThatThrownBy(() -> verify(NOW, chain, byRoot)).hasMessageContaining("for none of");
    assertThatThrownBy(() -> verify(NOW.plus(Duration.ofDays(20)), whole(), byRoot))
        .isInstanceOf(CertificateException.class);
    assertThatCode(() -> verify(NOW, whole(), byRoot)).doesNotThrowAnyException();
  }

  @Test
  void anAuthorityThatIsOnlyPutIntoTheChainVouchesForNothing() throws Exception {
    var forged = issue("Forged", stranger, false, "mx.far.test", Duration.ofDays(10));
    var chain = List.of(forged.certificate(), middle.certificate(), root.certificate());
    assertThatThrownBy(() -> verify(NOW, chain, record(2, 1, 1, root.certificate())))
        .hasMessageContaining("no chain");
    assertThatThrownBy(() -> verify(NOW, chain, record(2, 1, 1, middle.certificate())))
        .hasMessageContaining("no chain");
  }

  /** A leaf is no authority: its key must not be able to name hosts for a zone. */
  @Test
  void whatALeafIssuedIsNotVouchedForByTheAuthority() throws Exception {
    var below = issue("Below", leaf, false, "mx.far.test", Duration.ofDays(5));
    var chain =
        List.of(below.certificate(), leaf.certificate(), middle.certificate(), root.certificate());
    assertThatThrownBy(() -> verify(NOW, chain, record(2, 1, 1, root.certificate())))
        .hasMessageContaining("no chain");
  }

  @Test
  void oneOfSeveralRecordsIsEnough() throws Exception {
    verify(
        NOW,
        whole(),
        record(3, 1, 1, stranger.certificate()),
        record(2, 1, 1, stranger.certificate()),
        record(3, 1, 1, leaf.certificate()));
  }

  @Test
  void chainsWithoutEndAndWithoutBeginningAreRefused() throws Exception {
    var named = record(3, 1, 1, leaf.certificate());
    var endless = Collections.nCopies(101, leaf.certificate());
    assertThatThrownBy(() -> verify(NOW, endless, named)).isInstanceOf(CertificateException.class);
    assertThatThrownBy(() -> verify(NOW, List.of(), named))
        .isInstanceOf(CertificateException.class);
  }

  /** RFC 7672 3.1.3, RFC 6698 2.1: what nobody can use is as if it were not there. */
  @ParameterizedTest
  @CsvSource({
    "3, 1, 1, 32, true",
    "2, 0, 2, 64, true",
    "3, 1, 0, 91, true",
    "0, 1, 1, 32, false",
    "1, 1, 1, 32, false",
    "4, 1, 1, 32, false",
    "3, 2, 1, 32, false",
    "3, 1, 3, 32, false",
    "3, 1, 1, 31, false",
    "3, 1, 2, 32, false",
    "3, 1, 0, 0, false",
  })
  void recordsThatCanBeUsed(int usage, int selector, int matching, int length, boolean usable) {
    var record = new Tlsa(usage, selector, matching, new byte[length]);
    assertThat(DaneVerifier.usable(List.of(record))).hasSize(usable ? 1 : 0);
  }

  @ParameterizedTest
  @CsvSource({
    "mx.far.test, mx.far.test, true",
    "MX.far.TEST, mx.Far.test, true",
    "*.far.test, mx.far.test, true",
    "*.far.test, far.test, false",
    "*.far.test, a.mx.far.test, false",
    "*.test, far.test, false",
    "m*.far.test, mx.far.test, false",
    "*.*.test, mx.far.test, false",
    "far.test, mx.far.test, false",
    "*, test, false",
  })
  void namesOfCertificates(String name, String host, boolean matches) {
    assertThat(CertificateNames.matches(name, host)).isEqualTo(matches);
  }
}
