package org.unifiedmta.security.spf;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.security.testing.CountingResolver;

/**
 * Domains that publish anything and peers that send anything. To search:
 *
 * <pre>
 * JAZZER_FUZZ=1 mvn -Dquick -pl mta-security -am test -Dtest='SpfFuzzTest#anyTextIsARecord'
 * </pre>
 */
class SpfFuzzTest {
  private static final int CHECKS = 30_000;
  private static final InetAddress CLIENT = InetAddress.getLoopbackAddress();
  private static final String[] PIECES = {
    "v=spf1",
    " ",
    "  ",
    "a",
    "mx",
    "ptr",
    "all",
    "include",
    "exists",
    "redirect",
    "exp",
    "ip4",
    "ip6",
    ":",
    "=",
    "/",
    "//",
    "24",
    "0",
    "129",
    "+",
    "-",
    "~",
    "?",
    "%",
    "{",
    "}",
    "%{",
    "%{d}",
    "%{l1r-}",
    "%{s}",
    "%{p}",
    "%{h}",
    "%{i}",
    "%{D2R+}",
    "%%",
    "%_",
    "%-",
    ".",
    "..",
    "x.test",
    "y.test",
    "e.test",
    "1.2.3.4",
    "127.0.0.1",
    "::1",
    "\"",
    "@",
    "\0",
    "\u00e4",
    "\u200b",
    "\r\n",
    "\t",
    "a".repeat(64),
    "\ud800"
  };

  @FuzzTest(maxDuration = "5m")
  void anyTextIsARecord(byte[] octets) {
    var text = new String(octets, StandardCharsets.ISO_8859_1);
    int half = text.length() / 2;
    check(text, "v=spf1 " + text.substring(half), text.substring(0, half));
  }

  @Test
  void nothingThatADomainPublishesOrAPeerSendsBreaksACheck() {
    var random = new Random(7208);
    for (int i = 0; i < CHECKS; i++) {
      check(text(random), text(random), text(random));
    }
  }

  private static void check(String record, String other, String sender) {
    var zone =
        ZoneResolver.builder()
            .txt("x.test", "v=spf1 " + record)
            .txt("y.test", other)
            .txt("e.test", other)
            .a("x.test", "127.0.0.1")
            .mx("x.test", 1, "y.test")
            .ptr("127.0.0.1", "x.test");
    var dns = new CountingResolver(zone.build());
    var result = new SpfVerifier(dns).check(sender + "@x.test", CLIENT, sender);
    assertThat(result.domain()).isEqualTo("x.test");
    assertThat(dns.questions()).hasSizeLessThanOrEqualTo(123); // 1 + 10 * 11 + 11 + 1
    for (var question : dns.questions()) {
      assertThat(question.length()).isLessThanOrEqualTo("AAAA ".length() + 253);
      assertThat(question).doesNotContain("..").doesNotEndWith(".");
    }
    assertThat(String.valueOf(result.reason())).matches("[ -~]*");
    assertThat(String.valueOf(result.explanation())).matches("[ -~]*");
    assertThat(result.receivedSpf(sender, sender, "r")).matches("([ -~]|\r\n )*");
  }

  private static String text(Random random) {
    var text = new StringBuilder(random.nextBoolean() ? "v=spf1 " : "");
    for (int i = random.nextInt(14); i > 0; i--) {
      text.append(PIECES[random.nextInt(PIECES.length)]);
      text.append(random.nextInt(3) == 0 ? " " : "");
    }
    return text.toString();
  }
}
