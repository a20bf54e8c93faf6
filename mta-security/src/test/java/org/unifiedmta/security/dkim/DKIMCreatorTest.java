package org.unifiedmta.security.dkim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPairGenerator;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.NoSuchElementException;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.security.dkim.DKIMCreator.KeyType;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry.State;

class DKIMCreatorTest {
  private static final Instant START = Instant.parse("2026-03-01T12:00:00Z");
  private static final byte[] MESSAGE =
      "From: <ann@example.org>\r\n\r\nHello\r\n".getBytes(StandardCharsets.US_ASCII);

  private final StorageManager storage = StorageManager.inMemory();

  private DKIMCreator creator(Instant now) {
    return new DKIMCreator(new StoredDkimKeys(storage), Clock.fixed(now, ZoneOffset.UTC));
  }

  @ParameterizedTest
  @EnumSource
  void whatIsSignedVerifiesByWhatIsPublished(KeyType type) {
    creator(START).handleDKIMKeysForDomain("Example.ORG", "s1", type, 2048);
    var creator = creator(START); // which reads what the other has kept
    var record = creator.getDNSRecordForDomain("example.org", "s1");
    assertThat(record.name()).isEqualTo("s1._domainkey.example.org");
    assertThat(record.type()).isEqualTo("TXT");
    var dns = ZoneResolver.builder().txt(record.name(), record.value()).build();
    var verifier =
        new DKIMVerifier(dns, Clock.fixed(START, ZoneOffset.UTC), DKIMVerifier.Policy.rfc8301());
    assertThat(verifier.verify(creator.signer("example.org", "s1").sign(MESSAGE)))
        .singleElement()
        .matches(DkimResult::isValid);
  }

  @Test
  void aKeyIsMadeOnceAndFilesAreTheOwnersAlone(@TempDir Path directory) throws IOException {
    var creator = new DKIMCreator(directory);
    creator.handleDKIMKeysForDomain("example.org");
    var first = creator.getDNSRecordForDomain("example.org");
    creator.handleDKIMKeysForDomain("example.org");
    assertThat(new DKIMCreator(directory).getDNSRecordForDomain("example.org")).isEqualTo(first);
    try (var files = Files.walk(directory)) {
      for (var file : files.filter(Files::isRegularFile).toList()) {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
            .isEqualTo("rw-------");
      }
    }
  }

  @Test
  void anotherKeyDoesNotSignUntilItIsSaidTo() {
    var creator = creator(START);
    creator.handleDKIMKeysForDomain("example.org");
    assertThat(creator.needsRotation("example.org", "default", 90)).isFalse();
    var later = creator(START.plus(Duration.ofDays(90)));
    assertThat(later.needsRotation("example.org", "default", 90)).isTrue();
    var next = later.rotateDkimKeys("example.org", "default", 2048);
    assertThat(next).isEqualTo("default-20260530");
    assertThat(later.rotateDkimKeys("example.org", next, 2048)).isEqualTo("default-20260530-2");
    assertThat(later.signers("example.org"))
        .extracting(DKIMSigner::selector)
        .containsExactly("default");
    var store = new StoredDkimKeys(storage);
    var entry = store.entries("example.org").get(1);
    assertThat(entry.state()).isEqualTo(State.CREATED);
    store.save(entry.withState(State.SIGNING));
    assertThat(creator(START.plus(Duration.ofDays(91))).signers("example.org"))
        .extracting(DKIMSigner::selector)
        .containsExactly("default", next);
  }

  @Test
  void aRevokedKeySignsNothingAndIsPublishedAsNone() {
    var creator = creator(START);
    creator.handleDKIMKeysForDomain("example.org");
    var store = new StoredDkimKeys(storage);
    store.save(store.entries("example.org").getFirst().withState(State.REVOKED));
    assertThat(creator.getDNSRecordForDomain("example.org").value())
        .isEqualTo("v=DKIM1; k=rsa; p=");
    assertThat(creator.signers("example.org")).isEmpty();
    assertThatThrownBy(() -> creator.signer("example.org", "default"))
        .isInstanceOf(NoSuchElementException.class);
  }

  @Test
  void whatIsNotThereIsNamed() {
    assertThatThrownBy(() -> creator(START).signer("example.org", "none"))
        .isInstanceOf(NoSuchElementException.class)
        .hasMessageContaining("none")
        .hasMessageContaining("example.org");
    assertThat(creator(START).signers("no domain!")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x", "a b", "", "a..b", "a/b"})
  void selectorsThatCannotBeAreRefused(String selector) {
    assertThatThrownBy(() ->
            creator(START).handleDKIMKeysForDomain("example.org", selector, KeyType.RSA, 2048))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(storage.list("")).isEmpty();
  }

  @Test
  void keysOfOthersAreReadInBothForms() throws Exception {
    var generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    var keys = generator.generateKeyPair();
    var pkcs1 = new StringWriter();
    try (var pem = new JcaPEMWriter(pkcs1)) {
      pem.writeObject(keys.getPrivate());
    }
    assertThat(pkcs1.toString()).contains("RSA PRIVATE KEY");
    assertThat(PemKeys.read(pkcs1.toString(), null).getPublic()).isEqualTo(keys.getPublic());
    assertThatThrownBy(() -> PemKeys.read("nothing", null))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
