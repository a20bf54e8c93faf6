package org.unifiedmta.smtp.server;

import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.IdentityCipherSuiteFilter;
import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyException;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Date;
import javax.net.ssl.SSLContext;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.MtaException;

/** Makes TLS contexts of certificates and keys. */
final class Certificates {
  private static final String[] PROTOCOLS = {"TLSv1.3", "TLSv1.2"}; // RFC 8996, RFC 9325 3.1.1

  private Certificates() {}

  static SslContext wrap(SSLContext context) {
    return new JdkSslContext(
        context,
        false,
        null,
        IdentityCipherSuiteFilter.INSTANCE,
        ApplicationProtocolConfig.DISABLED,
        ClientAuth.NONE,
        PROTOCOLS,
        false);
  }

  static SslContext read(Path certificate, Path key, ClientCertificates clients)
      throws IOException, GeneralSecurityException {
    var chain = chain(certificate);
    var privateKey = privateKey(key);
    if (!belongTogether(privateKey, chain[0])) {
      throw new KeyException("the key is not the certificate's");
    }
    return context(clients, privateKey, chain);
  }

  /** A key and a certificate for it that nobody else has signed. */
  record SelfSigned(PrivateKey key, X509Certificate certificate) {
    SslContext context(ClientCertificates clients) {
      try {
        return Certificates.context(clients, key, certificate);
      } catch (IOException e) {
        throw new MtaException("cannot use a certificate made for this", e);
      }
    }
  }

  static SelfSigned selfSigned(String hostname) {
    try {
      var generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      var keys = generator.generateKeyPair();
      var name = new X500Name("CN=UnifiedMTA");
      var now = Instant.now();
      var builder =
          new JcaX509v3CertificateBuilder(
              name,
              new BigInteger(64, new SecureRandom()).setBit(64),
              Date.from(now.minus(1, ChronoUnit.DAYS)),
              Date.from(now.plus(365, ChronoUnit.DAYS)),
              name,
              keys.getPublic());
      builder.addExtension(
          Extension.subjectAlternativeName,
          false,
          new GeneralNames(new GeneralName(kindOf(hostname), hostname)));
      var signer = new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate());
      var certificate = new JcaX509CertificateConverter().getCertificate(builder.build(signer));
      return new SelfSigned(keys.getPrivate(), certificate);
    } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
      throw new MtaException("cannot make a certificate for " + hostname, e);
    }
  }

  private static int kindOf(String hostname) {
    return NetUtil.createByteArrayFromIpAddressString(hostname) == null
        ? GeneralName.dNSName
        : GeneralName.iPAddress;
  }

  private static SslContext context(
      ClientCertificates clients, PrivateKey key, X509Certificate... chain) throws IOException {
    return SslContextBuilder.forServer(key, chain)
        .trustManager(clients.anybody())
        .protocols(PROTOCOLS)
        .build();
  }

  static X509Certificate[] chain(Path file) throws IOException, CertificateException {
    try (var in = Files.newInputStream(file)) {
      var chain =
          CertificateFactory.getInstance("X.509").generateCertificates(in).stream()
              .map(X509Certificate.class::cast)
              .toArray(X509Certificate[]::new);
      if (chain.length == 0) {
        throw new CertificateException("no certificate in " + file);
      }
      return chain;
    }
  }

  private static PrivateKey privateKey(Path file) throws IOException, KeyException {
    var converter = new JcaPEMKeyConverter();
    try (var parser = new PEMParser(Files.newBufferedReader(file))) {
      for (var object = parser.readObject(); object != null; object = parser.readObject()) {
        PrivateKeyInfo info = privateKeyOf(object);
        if (info != null) {
          return converter.getPrivateKey(info);
        }
      }
    }
    throw new KeyException("no unencrypted private key in " + file);
  }

  private static @Nullable PrivateKeyInfo privateKeyOf(Object pem) {
    return switch (pem) {
      case PEMKeyPair pair -> pair.getPrivateKeyInfo();
      case PrivateKeyInfo info -> info;
      default -> null;
    };
  }

  private static boolean belongTogether(PrivateKey key, X509Certificate certificate)
      throws GeneralSecurityException {
    var algorithm =
        switch (key.getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          default -> key.getAlgorithm();
        };
    var signature = Signature.getInstance(algorithm);
    signature.initSign(key);
    signature.update((byte) 1);
    var signed = signature.sign();
    signature.initVerify(certificate.getPublicKey());
    signature.update((byte) 1);
    return signature.verify(signed);
  }
}
