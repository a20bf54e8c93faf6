package org.unifiedmta.security.transport;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Date;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.RSASSAPSSparams;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.DefaultDigestAlgorithmIdentifierFinder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChannelBindingTest {

  @ParameterizedTest
  @CsvSource({
    "RSA, MD5withRSA, SHA-256",
    "RSA, SHA1withRSA, SHA-256",
    "RSA, SHA224withRSA, SHA-224",
    "RSA, SHA256withRSA, SHA-256",
    "RSA, SHA384withRSA, SHA-384",
    "RSA, SHA512withRSA, SHA-512",
    "RSA, SHA3-256withRSA, SHA3-256",
    "EC, SHA1withECDSA, SHA-256",
    "EC, SHA256withECDSA, SHA-256",
    "EC, SHA384withECDSA, SHA-384",
    "EC, SHA512withECDSA, SHA-512"
  })
  void aCertificateIsHashedByTheHashOfItsSignature(String key, String signature, String hash)
      throws Exception {
    var keys = keys(key);
    var signer = new JcaContentSignerBuilder(signature).build(keys.getPrivate());
    var certificate = certificate(keys, signer);
    assertThat(ChannelBinding.serverEndPoint(certificate))
        .hasValue(MessageDigest.getInstance(hash).digest(certificate.getEncoded()));
  }

  @ParameterizedTest
  @CsvSource({"SHA-256, SHA-256", "SHA-384, SHA-384", "SHA-512, SHA-512", "SHA-1, SHA-256"})
  void pssSaysItsHashInItsParameters(String signed, String hash) throws Exception {
    var certificate = certificate(keys("RSA"), new PssSigner(signed, signed));
    assertThat(ChannelBinding.serverEndPoint(certificate))
        .hasValue(MessageDigest.getInstance(hash).digest(certificate.getEncoded()));
  }

  @Test
  void aSignatureWithTwoHashesOrNoneGivesNoBinding() throws Exception {
    var two = certificate(keys("RSA"), new PssSigner("SHA-256", "SHA-512"));
    assertThat(ChannelBinding.serverEndPoint(two)).isEmpty();
    var keys = keys("Ed25519");
    var signer = new JcaContentSignerBuilder("Ed25519").build(keys.getPrivate());
    assertThat(ChannelBinding.serverEndPoint(certificate(keys, signer))).isEmpty();
  }

  private static KeyPair keys(String algorithm) throws Exception {
    return KeyPairGenerator.getInstance(algorithm).generateKeyPair();
  }

  private static X509Certificate certificate(KeyPair keys, ContentSigner signer) throws Exception {
    var name = new X500Principal("CN=mx.local.test");
    var now = Instant.parse("2026-01-01T00:00:00Z");
    var holder =
        new JcaX509v3CertificateBuilder(
                name,
                BigInteger.ONE,
                Date.from(now),
                Date.from(now.plusSeconds(3_600)),
                name,
                keys.getPublic())
            .build(signer);
    return (X509Certificate)
        CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(holder.getEncoded()));
  }

  /** Writes any pair of hashes down; what it signs with is no signature, and nobody looks at it. */
  private record PssSigner(String hash, String mask) implements ContentSigner {
    @Override
    public AlgorithmIdentifier getAlgorithmIdentifier() {
      var digests = new DefaultDigestAlgorithmIdentifierFinder();
      return new AlgorithmIdentifier(
          PKCSObjectIdentifiers.id_RSASSA_PSS,
          new RSASSAPSSparams(
              digests.find(hash),
              new AlgorithmIdentifier(PKCSObjectIdentifiers.id_mgf1, digests.find(mask)),
              new ASN1Integer(20),
              new ASN1Integer(1)));
    }

    @Override
    public OutputStream getOutputStream() {
      return new ByteArrayOutputStream();
    }

    @Override
    public byte[] getSignature() {
      return new byte[256];
    }
  }
}
