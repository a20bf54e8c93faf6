package org.unifiedmta.security.arc;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.security.arc.ArcResult.Status;
import org.unifiedmta.security.dkim.DKIMVerifier.Policy;
import org.unifiedmta.security.testing.CountingResolver;

/** Chains that are valid but for what they try (RFC 8617 9). */
class ArcAttackTest {
  private static final Instant NOW = Instant.ofEpochSecond(1_772_366_400);
  private static final KeyPair KEYS = keys();
  private static final byte[] MESSAGE =
      "From: Ann <ann@example.org>\r\nSubject: x\r\n\r\nHello\r\n"
          .getBytes(StandardCharsets.US_ASCII);

  private static KeyPair keys() {
    try {
      var generator = KeyPairGenerator.getInstance("RSA");
      generator.initialize(1024);
      return generator.generateKeyPair();
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private static String key() {
    return "v=DKIM1; p=" + Base64.getEncoder().encodeToString(KEYS.getPublic().getEncoded());
  }

  private static byte[] chain(int sets) {
    var message = MESSAGE;
    for (int i = 1; i <= sets; i++) {
      var soFar = i == 1 ? ArcResult.none() : new ArcResult(Status.PASS, i - 1, null);
      message =
          ArcSealer.builder("d" + i + ".test", "s", KEYS.getPrivate())
              .clock(Clock.fixed(NOW, ZoneOffset.UTC))
              .build()
              .seal(message, "mx.d" + i + ".test", "none", soFar);
    }
    return message;
  }

  /** 9.2: each set may name another server, and each server may take its time. */
  @ParameterizedTest
  @CsvSource({"0, PASS, 50", "5, TEMPERROR, 5", "21, TEMPERROR, 1"})
  void aChainOfManyNamesIsNotAskedForAllDay(int seconds, Status status, int questions) {
    var zone = ZoneResolver.builder();
    for (int i = 1; i <= 50; i++) {
      zone.txt("s._domainkey.d" + i + ".test", key());
    }
    var now = new AtomicReference<>(NOW);
    InstantSource source = now::get;
    var slow =
        new CountingResolver(zone.build()) {
          @Override
          protected void asked(String question) {
            super.asked(question);
            now.updateAndGet(before -> before.plus(Duration.ofSeconds(seconds)));
          }
        };
    var verifier = new ArcVerifier(slow, source.withZone(ZoneOffset.UTC), Policy.rfc8301());
    var result = verifier.verify(chain(50));
    assertThat(result.status()).as("%s", result).isEqualTo(status);
    assertThat(result.instance()).isEqualTo(50);
    assertThat(slow.questions()).hasSize(questions);
  }

  /** Whoever has a domain can say of a broken chain that it was whole, but not seal that. */
  @Test
  void aHopThatLiesAboutTheChainBeforeItIsFoundOut() {
    var zone = ZoneResolver.builder();
    for (int i = 1; i <= 3; i++) {
      zone.txt("s._domainkey.d" + i + ".test", key());
    }
    var changed =
        new String(chain(2), StandardCharsets.US_ASCII)
            .replace("i=1; mx.d1.test; none", "i=1; mx.d1.test; dmarc=pass");
    var sealer =
        ArcSealer.builder("d3.test", "s", KEYS.getPrivate())
            .clock(Clock.fixed(NOW, ZoneOffset.UTC))
            .build();
    var sealed =
        sealer.seal(
            changed.getBytes(StandardCharsets.US_ASCII),
            "mx.d3.test",
            "arc=pass",
            new ArcResult(Status.PASS, 2, null));
    var verifier =
        new ArcVerifier(zone.build(), Clock.fixed(NOW, ZoneOffset.UTC), Policy.rfc8301());
    assertThat(verifier.verify(sealed))
        .isEqualTo(
            new ArcResult(Status.FAIL, 3, "ARC-Seal i=2: the header is not what was signed"));
  }
}
