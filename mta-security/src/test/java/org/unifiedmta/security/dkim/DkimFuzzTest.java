package org.unifiedmta.security.dkim;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.authres.AuthenticationResults;
import org.unifiedmta.security.dkim.DKIMVerifier.Policy;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.tag.TagList;
import org.unifiedmta.security.testing.CountingResolver;

/**
 * Domains that publish anything and peers that send anything. To search:
 *
 * <pre>
 * JAZZER_FUZZ=1 mvn -Dquick -pl mta-security -am test -Dtest='DkimFuzzTest#anyTextIsATagListOrNone'
 * JAZZER_FUZZ=1 mvn -Dquick -pl mta-security -am test -Dtest='DkimFuzzTest#anyOctetsAreAKeyOrNone'
 * JAZZER_FUZZ=1 mvn -Dquick -pl mta-security -am test -Dtest='DkimFuzzTest#anyTextIsASignatureOrNone'
 * JAZZER_FUZZ=1 mvn -Dquick -pl mta-security -am test -Dtest='DkimFuzzTest#anyMessageHasOneResultForEachSignature'
 * </pre>
 */
class DkimFuzzTest {
  private static final int CHECKS = 5_000;
  private static final Clock CLOCK =
      Clock.fixed(Instant.ofEpochSecond(1_772_366_400), ZoneOffset.UTC);
  private static final String BODY = "From: a@example.org\r\nTo: b@example.net\r\n\r\nHello\r\n";
  private static final String[] PIECES = {
    "v=1",
    "v=DKIM1",
    "a=rsa-sha256",
    "a=ed25519-sha256",
    "a=rsa-sha1",
    "c=relaxed/relaxed",
    "c=simple",
    "c=/",
    "d=example.org",
    "d=org",
    "s=r",
    "s=a.b_c",
    "i=@example.org",
    "i=@",
    "h=from:to",
    "h=:",
    "h=",
    "q=dns/txt",
    "q=",
    "t=1",
    "t=y:s",
    "x=9999999999",
    "l=0",
    "l=7",
    "l=",
    "bh=Ba3gj8+xBPQLJTahTfzW6RbWQ/XPgESxkCi2B66PSQg=",
    "bh=",
    "b=AAAA",
    "b=",
    "b=" + "A".repeat(342) + "==",
    "k=rsa",
    "k=ed25519",
    "p=",
    "p=AAAA",
    "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ",
    "g=*",
    "n=",
    "s=email",
    "h=sha256",
    "=",
    ";",
    ":",
    " ",
    "\t",
    "\r\n ",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\"",
    "\\",
    "*",
    "..",
    "@",
    "(",
    "\u00e4",
    "\u00c3\u00bc",
    "x".repeat(64),
    "DKIM-Signature:",
    "From: a@example.org\r\n",
    "From: b@example.org\r\n",
    "dkim-signature :",
    "To: b@example.net\r\n",
    "\r\n\r\n"
  };

  @FuzzTest(maxDuration = "5m")
  void anyTextIsATagListOrNone(byte[] octets) {
    read(text(octets));
  }

  @FuzzTest(maxDuration = "5m")
  void anyOctetsAreAKeyOrNone(byte[] octets) {
    key(text(octets));
    key("v=DKIM1; p=" + Base64.getEncoder().encodeToString(octets));
    key("k=ed25519; p=" + Base64.getEncoder().encodeToString(Arrays.copyOf(octets, 32)));
  }

  @FuzzTest(maxDuration = "5m")
  void anyTextIsASignatureOrNone(byte[] octets) {
    var text = text(octets);
    var good = "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=r; h=from; bh=AA==; b=AA==;";
    verify("DKIM-Signature:" + text + "\r\n" + BODY, DkimKeys.record(DkimKeys.RSA));
    verify(good + text + "\r\n" + BODY, DkimKeys.record(DkimKeys.RSA));
  }

  @FuzzTest(maxDuration = "5m")
  void anyMessageHasOneResultForEachSignature(byte[] octets) {
    var text = text(octets);
    int half = text.length() / 2;
    verify(text, DkimKeys.record(DkimKeys.RSA));
    verify(text.substring(half), text.substring(0, half));
  }

  @Test
  void nothingThatADomainPublishesBreaksReading() {
    var random = new Random(6376);
    for (int i = 0; i < CHECKS; i++) {
      read(list(random));
      key(list(random));
      var octets = new byte[random.nextInt(400)];
      random.nextBytes(octets);
      key("p=" + Base64.getEncoder().encodeToString(octets));
    }
  }

  /** Most of its octets are those of a key. */
  @Test
  void aKeyOfWhichAFewOctetsAreOthersIsAKeyOrNone() {
    var random = new Random(8301);
    var good = DkimKeys.RSA.getPublic().getEncoded();
    for (int i = 0; i < CHECKS; i++) {
      var octets = Arrays.copyOf(good, good.length - (random.nextInt(4) == 0 ? 7 : 0));
      for (int n = 1 + random.nextInt(3); n > 0; n--) {
        octets[random.nextInt(random.nextBoolean() ? 40 : octets.length)] =
            (byte) random.nextInt(256);
      }
      key("p=" + Base64.getEncoder().encodeToString(octets));
    }
  }

  @Test
  void nothingThatAPeerSendsBreaksVerifying() {
    var random = new Random(8463);
    for (int i = 0; i < CHECKS; i++) {
      var record = random.nextBoolean() ? DkimKeys.record(DkimKeys.RSA) : list(random);
      var message = new StringBuilder();
      for (int n = random.nextInt(4); n > 0; n--) {
        message.append("DKIM-Signature:").append(list(random)).append("\r\n");
      }
      verify(message + (random.nextBoolean() ? BODY : list(random)), record);
    }
  }

  /** What passes says what was signed, blanks aside. */
  @Test
  void aSignedMessageThatWasChangedPassesOnlyWhereNobodyReadsAnythingElse() {
    var signer =
        DKIMSigner.builder("example.org", "r", DkimKeys.RSA.getPrivate()).clock(CLOCK).build();
    var signed = text(signer.sign(BODY.getBytes(StandardCharsets.US_ASCII)));
    var random = new Random(5322);
    int passed = 0;
    for (int i = 0; i < CHECKS; i++) {
      var message = new StringBuilder(signed);
      for (int n = 1 + random.nextInt(2); n > 0; n--) {
        int at = random.nextInt(message.length());
        int to = Math.min(message.length(), at + random.nextInt(3));
        message.replace(at, to, random.nextBoolean() ? PIECES[random.nextInt(PIECES.length)] : " ");
      }
      if (verify(message.toString(), DkimKeys.record(DkimKeys.RSA))) {
        passed++;
        assertThat(read(message.toString(), "From")).isEqualTo("a@example.org");
        assertThat(read(message.toString(), "To")).isEqualTo("b@example.net");
        assertThat(body(message.toString())).isEqualTo("Hello");
      }
    }
    assertThat(passed).as("some are as they should be").isPositive();
  }

  private static String read(String message, String name) {
    var fields = HeaderSection.of(HandSigned.octets(message)).all(name);
    assertThat(fields).hasSize(1);
    return fields.getFirst().value().replaceAll("[ \t\r\n]+", " ").strip();
  }

  private static String body(String message) {
    var octets = HandSigned.octets(message);
    var body = BodyHasher.body(octets, HeaderSection.of(octets));
    var text = text(octets).substring(body.position());
    return text.replaceAll("[ \t\r\n]+", " ").strip();
  }

  private static void read(String text) {
    var tags = TagList.parse(text).orElse(null);
    if (tags != null && tags.get("b") != null) {
      var unsigned = TagList.without(text, "b");
      var without = TagList.parse(unsigned).orElseThrow();
      assertThat(without.get("b")).isEmpty();
      assertThat(without.first()).isEqualTo(tags.first());
      for (var tag : List.of("v", "a", "d", "s", "h", "bh", "x")) {
        assertThat(without.get(tag)).isEqualTo(tags.get(tag));
      }
      assertThat(TagList.without(unsigned, "b")).isEqualTo(unsigned);
    }
  }

  private static void key(String record) {
    var key = DkimKeyRecord.parse(record).orElse(null);
    if (key != null) {
      var rsa = key.rsa();
      if (rsa != null) {
        assertThat(rsa.getModulus().bitLength()).isLessThanOrEqualTo(8_192);
      }
      key.ed25519();
    }
    var data = HandSigned.octets(record);
    for (var algorithm : SignatureAlgorithm.values()) {
      var answer =
          new DnsResolver.Answer<>(
              DnsResolver.Status.OK, List.of(record), Duration.ofHours(1), false);
      var found = SignatureKey.of(answer, algorithm, false);
      for (int length : new int[] {64, 256}) {
        var verdict =
            found.refusal().orElseGet(() -> found.prove(data, new byte[length], Policy.rfc8301()));
        assertThat(verdict.status()).isNotEqualTo(DkimResult.Status.PASS);
        assertThat(verdict.reason()).matches("[ -~]+");
      }
    }
  }

  /** Whether one of its signatures passes. */
  private static boolean verify(String message, String record) {
    var octets = HandSigned.octets(message);
    var dns = CountingResolver.withText(record);
    var results = new DKIMVerifier(dns, CLOCK, Policy.rfc8301()).verify(octets);
    assertThat(results).hasSameSizeAs(HeaderSection.of(octets).all("DKIM-Signature"));
    assertThat(dns.questions()).hasSizeLessThanOrEqualTo(10);
    for (var question : dns.questions()) {
      assertThat(question).matches("TXT [a-z0-9_.-]{1,253}").doesNotContain("..");
    }
    for (var result : results) {
      assertThat(result.status() == DkimResult.Status.PASS).isEqualTo(result.reason() == null);
      assertThat(String.valueOf(result.reason())).matches("[ -~]{1,200}");
      assertThat(String.valueOf(result.domain())).matches("[a-z0-9.-]{1,255}");
      assertThat(String.valueOf(result.selector())).matches("[a-z0-9_.-]{1,255}");
    }
    var spf =
        new SpfResult(SpfResult.Result.NONE, "", InetAddress.getLoopbackAddress(), null, null);
    var all = new AuthenticationResults(spf, results, ArcResult.none(), DmarcResult.none());
    assertThat(all.header("mx.here.test")).matches("([ -~]+|\r\n[ \t])*");
    return results.stream().anyMatch(DkimResult::isValid);
  }

  private static String text(byte[] octets) {
    return new String(octets, StandardCharsets.ISO_8859_1);
  }

  private static String list(Random random) {
    var text = new StringBuilder();
    for (int i = random.nextInt(14); i > 0; i--) {
      text.append(PIECES[random.nextInt(PIECES.length)]);
      text.append(random.nextInt(3) == 0 ? "" : ";");
    }
    return text.toString();
  }
}
