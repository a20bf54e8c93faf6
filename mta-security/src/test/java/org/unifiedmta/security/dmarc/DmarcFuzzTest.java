package org.unifiedmta.security.dmarc;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.security.dmarc.DmarcResult.Action;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.testing.CountingResolver;

/**
 * Domains that publish anything and peers that send anything. To search:
 *
 * <pre>
 * JAZZER_FUZZ=1 mvn -Dquick -pl mta-security -am test -Dtest='DmarcFuzzTest#anyTextIsARecordOrNone'
 * </pre>
 */
class DmarcFuzzTest {
  private static final int MESSAGES = 30_000;
  private static final String[] PIECES = {
    "From:",
    " ",
    "\r\n ",
    "\r\n",
    "a@legit.test",
    "b@evil.test",
    "<",
    ">",
    "<b@evil.test>",
    "<a@legit.test>",
    ",",
    ";",
    ":",
    "\"",
    "\\",
    "(",
    ")",
    "@",
    "legit.test",
    "evil.test",
    "=?utf-8?q?",
    "?=",
    "=40",
    "\0",
    "\u00c3\u00b6",
    "\u00ff",
    ".",
    "..",
    "Ann",
    "x:",
    "[",
    "]",
    "\t",
    "\r",
    "\n"
  };
  private static final String[] TAGS = {
    "v=DMARC1", "v", "=", "DMARC1", ";", " ", "p=reject", "p=none", "sp=", "np=", "reject", "bogus",
        "rua=", "mailto:",
    "a@b.example", ",", "!", "10m", "?", "psd=y", "psd=n", "t=y", "adkim=s", "%", "%00", "\0",
        "\u00e4", "\r\n"
  };
  private static final SpfResult SPF =
      new SpfResult(
          SpfResult.Result.PASS, "evil.test", InetAddress.getLoopbackAddress(), null, null);

  @FuzzTest(maxDuration = "5m")
  void anyTextIsARecordOrNone(byte[] octets) {
    var text = new String(octets, StandardCharsets.ISO_8859_1);
    read(text);
    read("v=DMARC1;" + text);
  }

  @FuzzTest(maxDuration = "5m")
  void anyHeaderPassesOnlyForItsOneDomain(byte[] octets) {
    pass(octets);
  }

  @Test
  void nothingThatADomainPublishesBreaksReading() {
    var random = new Random(9989);
    for (int i = 0; i < MESSAGES; i++) {
      read(text(TAGS, random));
    }
  }

  @Test
  void noMixOfFromFieldsPassesThatNamesTheVictimsDomain() {
    var random = new Random(7489);
    int passed = 0;
    for (int i = 0; i < MESSAGES; i++) {
      var header =
          "From: "
              + text(PIECES, random)
              + (random.nextBoolean() ? "b@evil.test" : "")
              + "\r\n\r\n";
      passed += pass(header.getBytes(StandardCharsets.ISO_8859_1)) ? 1 : 0;
    }
    assertThat(passed).as("some are as they should be").isPositive();
  }

  private static void read(String text) {
    var record = DmarcRecord.parse(text);
    if (record.isPresent()) {
      assertThat(record.get().policy()).isNotEqualTo(DmarcResult.Policy.ABSENT);
      assertThat(record.get().aggregateReports()).hasSizeLessThanOrEqualTo(10);
      assertThat(record.get().failureReports()).hasSizeLessThanOrEqualTo(10);
    }
  }

  private static boolean pass(byte[] message) {
    var zone =
        ZoneResolver.builder()
            .txt("_dmarc.evil.test", "v=DMARC1; p=none")
            .txt("_dmarc.legit.test", "v=DMARC1; p=reject");
    var dns = new CountingResolver(zone.build());
    var result = new DmarcVerifier(dns).verify(Email.parse(message), SPF, List.of());
    assertThat(dns.questions()).hasSizeLessThanOrEqualTo(64);
    boolean passed = result.action() == Action.PASS;
    if (passed) {
      assertThat(result.recordDomain()).isEqualTo("evil.test");
      var header = new String(message, StandardCharsets.ISO_8859_1).split("\r\n\r\n")[0];
      for (var line : header.replaceAll("\r?\n([ \t])", "$1").split("\n")) {
        assertThat(line).doesNotMatch("(?is)from[ \t]*:.*a@legit\\.test.*");
      }
    }
    return passed;
  }

  private static String text(String[] pieces, Random random) {
    var text = new StringBuilder();
    for (int i = random.nextInt(8); i > 0; i--) {
      text.append(pieces[random.nextInt(pieces.length)]);
    }
    return text.toString();
  }
}
