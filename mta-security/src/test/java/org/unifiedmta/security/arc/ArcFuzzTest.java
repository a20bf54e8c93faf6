package org.unifiedmta.security.arc;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.security.arc.ArcResult.Status;
import org.unifiedmta.security.authres.AuthenticationResults;
import org.unifiedmta.security.dkim.DKIMVerifier.Policy;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.testing.CountingResolver;

/**
 * Hops that write anything. To search:
 *
 * <pre>
 * JAZZER_FUZZ=1 mvn -Dquick -pl mta-security -am test -Dtest='ArcFuzzTest#anyMessageHasAChainOrNone'
 * JAZZER_FUZZ=1 mvn -Dquick -pl mta-security -am test -Dtest='ArcFuzzTest#anyTagsAreASetOrNone'
 * </pre>
 */
class ArcFuzzTest {
  private static final int CHECKS = 2_000;
  private static final Clock CLOCK =
      Clock.fixed(Instant.ofEpochSecond(1_772_366_400), ZoneOffset.UTC);
  private static final KeyPair KEYS = keys();
  private static final String KEY =
      "v=DKIM1; p=" + Base64.getEncoder().encodeToString(KEYS.getPublic().getEncoded());
  private static final String MESSAGE = "From: a@example.org\r\nTo: b@example.net\r\n\r\nHello\r\n";
  private static final String HASH = "bh=Ba3gj8+xBPQLJTahTfzW6RbWQ/XPgESxkCi2B66PSQg=";
  private static final String[] PIECES = {
    "ARC-Seal:",
    "ARC-Message-Signature:",
    "ARC-Authentication-Results:",
    "arc-seal :",
    "i=1;",
    "i=2;",
    "i=3;",
    "i=0;",
    "i=01;",
    "i=51;",
    "i=99999999999;",
    "i=;",
    "a=rsa-sha256;",
    "a=ed25519-sha256;",
    "a=rsa-sha1;",
    "cv=none;",
    "cv=pass;",
    "cv=fail;",
    "cv=;",
    "d=one.test;",
    "d=test;",
    "s=s;",
    "s=*;",
    "h=from:to;",
    "h=;",
    "h=arc-seal;",
    "c=relaxed/relaxed;",
    "c=x;",
    "t=1;",
    "x=1;",
    "l=0;",
    HASH + ";",
    "bh=;",
    "b=AAAA;",
    "b=;",
    "mx.test; none",
    "mx.test; dmarc=pass",
    "(",
    ")",
    "\\",
    "\"",
    ";",
    "=",
    " ",
    "\r\n ",
    "\r\n",
    "\r\n",
    "\r\n",
    "\0",
    "\u00e4",
    "From: a@example.org\r\n",
    "\r\n\r\n"
  };

  private static KeyPair keys() {
    try {
      var generator = KeyPairGenerator.getInstance("RSA");
      generator.initialize(1024);
      return generator.generateKeyPair();
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @FuzzTest(maxDuration = "5m")
  void anyMessageHasAChainOrNone(byte[] octets) {
    var text = text(octets);
    int half = text.length() / 2;
    assertThat(verify(text, KEY)).isNotEqualTo(Status.PASS);
    assertThat(verify(text.substring(half), text.substring(0, half))).isNotEqualTo(Status.PASS);
  }

  @FuzzTest(maxDuration = "5m")
  void anyTagsAreASetOrNone(byte[] octets) {
    var text = text(octets);
    int third = text.length() / 3;
    assertThat(
            verify(
                set(
                    text.substring(0, third),
                    text.substring(third, 2 * third),
                    text.substring(2 * third)),
                KEY))
        .isNotEqualTo(Status.PASS);
  }

  /** One that lacks nothing but a signature. */
  private static String set(String seal, String signature, String results) {
    return "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=one.test; s=s; b=AAAA;"
        + seal
        + "\r\nARC-Message-Signature: i=1; a=rsa-sha256; d=one.test; s=s; h=from; b=AAAA; "
        + HASH
        + ";"
        + signature
        + "\r\nARC-Authentication-Results: i=1; mx.test; none"
        + results
        + "\r\n"
        + MESSAGE;
  }

  @Test
  void nothingThatAHopWritesBreaksVerifyingOrSealing() {
    var random = new Random(8617);
    for (int i = 0; i < CHECKS; i++) {
      var message =
          random.nextBoolean()
              ? list(random) + "\r\n" + MESSAGE
              : set(list(random), list(random), list(random));
      assertThat(verify(message, random.nextBoolean() ? KEY : list(random)))
          .isNotEqualTo(Status.PASS);
    }
  }

  /** What passes says what was sealed, blanks aside. */
  @Test
  void aSealedMessageThatWasChangedPassesOnlyWhereNobodyReadsAnythingElse() {
    var sealed = MESSAGE.getBytes(StandardCharsets.ISO_8859_1);
    for (int i = 0; i < 2; i++) {
      sealed = seal(sealed, i == 0 ? ArcResult.none() : new ArcResult(Status.PASS, i, null));
    }
    var random = new Random(5322);
    int passed = 0;
    for (int i = 0; i < CHECKS; i++) {
      var message = new StringBuilder(text(sealed));
      for (int n = 1 + random.nextInt(2); n > 0; n--) {
        int at = random.nextInt(message.length());
        int to = Math.min(message.length(), at + random.nextInt(3));
        message.replace(at, to, random.nextBoolean() ? PIECES[random.nextInt(PIECES.length)] : " ");
      }
      if (verify(message.toString(), KEY) == Status.PASS) {
        passed++;
        var header = HeaderSection.of(message.toString().getBytes(StandardCharsets.ISO_8859_1));
        assertThat(header.all("From"))
            .singleElement()
            .matches(field -> field.value().strip().equals("a@example.org"));
        assertThat(header.all("ARC-Seal")).hasSize(2);
        assertThat(header.all("ARC-Authentication-Results"))
            .allMatch(field -> field.value().replaceAll("\\s+", " ").endsWith("mx.test; none"));
        assertThat(message.toString().strip()).endsWith("Hello");
      }
    }
    assertThat(passed).as("some are as they should be").isPositive();
  }

  private static byte[] seal(byte[] message, ArcResult soFar) {
    return ArcSealer.builder("one.test", "s", KEYS.getPrivate())
        .clock(CLOCK)
        .build()
        .seal(message, "mx.test", "none", soFar);
  }

  private static Status verify(String message, String record) {
    var octets = message.getBytes(StandardCharsets.ISO_8859_1);
    var dns = CountingResolver.withText(record);
    var result = new ArcVerifier(dns, CLOCK, Policy.rfc8301()).verify(octets);
    assertThat(dns.questions()).hasSizeLessThanOrEqualTo(51).doesNotHaveDuplicates();
    for (var question : dns.questions()) {
      assertThat(question).matches("TXT [a-z0-9_.-]{1,253}").doesNotContain("..");
    }
    assertThat(result.instance()).isBetween(0, 50);
    assertThat(result.status() == Status.FAIL).isEqualTo(result.reason() != null);
    assertThat(String.valueOf(result.reason())).matches("[ -~]{1,300}");
    var spf =
        new SpfResult(SpfResult.Result.NONE, "", InetAddress.getLoopbackAddress(), null, null);
    var all = new AuthenticationResults(spf, List.of(), result, DmarcResult.none());
    assertThat(all.header("mx.here.test")).matches("([ -~]+|\r\n[ \t])*");
    var sealed = seal(octets, result);
    int added = HeaderSection.of(sealed).fields().size() - HeaderSection.of(octets).fields().size();
    // A first line that begins with a blank is folded into the last field in front of it.
    assertThat(message.startsWith(" ") || message.startsWith("\t") || added == 0 || added == 3)
        .isTrue();
    return result.status();
  }

  private static String text(byte[] octets) {
    return new String(octets, StandardCharsets.ISO_8859_1);
  }

  private static String list(Random random) {
    var text = new StringBuilder();
    for (int i = random.nextInt(14); i > 0; i--) {
      text.append(PIECES[random.nextInt(PIECES.length)]);
    }
    return text.toString();
  }
}
