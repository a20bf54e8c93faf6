package org.unifiedmta.security.dkim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Security;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.jcajce.JcaMiscPEMGenerator;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;
import org.bouncycastle.openssl.jcajce.JceOpenSSLPKCS8EncryptorBuilder;
import org.bouncycastle.openssl.jcajce.JcePEMEncryptorBuilder;
import org.bouncycastle.util.io.pem.PemObjectGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.storage.StorageManager;

class PemKeysTest {
  private static final BouncyCastleProvider PROVIDER = new BouncyCastleProvider();

  private static KeyPair keys(String algorithm) throws Exception {
    return KeyPairGenerator.getInstance(algorithm).generateKeyPair();
  }

  private static String pem(PemObjectGenerator object) throws IOException {
    var text = new StringWriter();
    try (var pem = new JcaPEMWriter(text)) {
      pem.writeObject(object);
    }
    return text.toString();
  }

  private static String pkcs8(KeyPair keys, String password) throws Exception {
    return pem(
        new JcaPKCS8Generator(
            keys.getPrivate(),
            new JceOpenSSLPKCS8EncryptorBuilder(NISTObjectIdentifiers.id_aes256_CBC)
                .setProvider(PROVIDER)
                .setPassword(password.toCharArray())
                .build()));
  }

  private static String traditional(KeyPair keys, String password) throws Exception {
    return pem(
        new JcaMiscPEMGenerator(
            keys.getPrivate(),
            new JcePEMEncryptorBuilder("AES-128-CBC")
                .setProvider(PROVIDER)
                .build(password.toCharArray())));
  }

  @ParameterizedTest
  @ValueSource(strings = {"RSA", "Ed25519"})
  void anEncryptedKeyIsReadWithItsPassword(String algorithm) throws Exception {
    var keys = keys(algorithm);
    var pem = pkcs8(keys, "secret");
    assertThat(pem).contains("ENCRYPTED PRIVATE KEY");
    var read = DKIMCreator.readKey(pem, "secret".toCharArray());
    assertThat(read.getPublic()).isEqualTo(keys.getPublic());
    assertThat(Security.getProvider("BC")).isNull(); // nothing is changed for the host
  }

  @Test
  void soIsOneOfAnOldOpenSsl() throws Exception {
    var keys = keys("RSA");
    var pem = traditional(keys, "secret");
    assertThat(pem).contains("DEK-Info");
    var read = DKIMCreator.readKey(pem, "secret".toCharArray());
    assertThat(read.getPublic()).isEqualTo(keys.getPublic());
  }

  @Test
  void aWrongPasswordIsSaidToBeOne() throws Exception {
    var keys = keys("RSA");
    for (var pem : new String[] {pkcs8(keys, "secret"), traditional(keys, "secret")}) {
      for (int i = 0; i < 20; i++) {
        var wrong = ("wrong" + i).toCharArray();
        assertThatThrownBy(() -> DKIMCreator.readKey(pem, wrong))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("password is wrong");
      }
      assertThatThrownBy(() -> PemKeys.read(pem, null))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("encrypted");
    }
  }

  @Test
  void aKeyWithoutPasswordNeedsNone() throws Exception {
    var keys = keys("Ed25519");
    var pem = pem(new JcaPKCS8Generator(keys.getPrivate(), null)).replace("\n", "\r\n");
    assertThat(DKIMCreator.readKey(pem, new char[0]).getPublic()).isEqualTo(keys.getPublic());
  }

  @Test
  void linesMayEndAsTheyDoElsewhereAndOtherTextMayBeAround() throws Exception {
    var keys = keys("RSA");
    var plain = pem(new JcaMiscPEMGenerator(keys.getPrivate()));
    assertThat(plain).contains("BEGIN RSA PRIVATE KEY");
    for (var pem : new String[] {plain, traditional(keys, "secret"), pkcs8(keys, "secret")}) {
      var around = "Bag Attributes\n  name: x\n\n" + pem + "\n# the end\n";
      for (var text : new String[] {around, around.replace("\n", "\r\n")}) {
        var read = DKIMCreator.readKey(text, "secret".toCharArray());
        assertThat(read.getPublic()).isEqualTo(keys.getPublic());
      }
    }
  }

  @Test
  void whatIsNoKeyThatSignsMailIsNamed() throws Exception {
    var ec = pem(new JcaPKCS8Generator(keys("EC").getPrivate(), null));
    var lone =
        pem(
            new JcaMiscPEMGenerator(
                SubjectPublicKeyInfo.getInstance(keys("RSA").getPublic().getEncoded())));
    assertThatThrownBy(() -> DKIMCreator.readKey(ec, new char[0]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("neither of RSA nor of Ed25519");
    assertThatThrownBy(() -> DKIMCreator.readKey(lone, new char[0]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no private key");
  }

  @ParameterizedTest
  @CsvSource({
    "'', no key in PEM",
    "hello, no key in PEM",
    "'-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----', no key that can be read",
    "'-----BEGIN PRIVATE KEY-----\nAAAA', no key that can be read",
    "'State: SOMETHING', example.org/s"
  })
  void aFileThatCannotBeReadIsNamedAndNothingGoesUnsigned(String text, String reason) {
    var storage = StorageManager.inMemory();
    storage.set("dkim/example.org/s", text.getBytes(StandardCharsets.US_ASCII));
    var store = DkimKeyStore.in(storage);
    assertThatThrownBy(() -> store.entries("example.org"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("dkim/example.org/s")
        .hasMessageContaining(reason);
  }
}
