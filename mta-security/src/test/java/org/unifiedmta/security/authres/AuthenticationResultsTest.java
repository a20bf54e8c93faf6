package org.unifiedmta.security.authres;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.Collections;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.spf.SpfResult;

class AuthenticationResultsTest {
  private static SpfResult spf(SpfResult.Result result, String domain) {
    return new SpfResult(result, domain, InetAddress.getLoopbackAddress(), null, null);
  }

  private static final DmarcResult REJECT =
      new DmarcResult(
          DmarcResult.Action.REJECT, DmarcResult.Policy.REJECT, false, false, "example.org");

  @Test
  void eachMethodHasItsResultAndEachSignatureToo() {
    var results =
        new AuthenticationResults(
            spf(SpfResult.Result.FAIL, "example.org"),
            List.of(
                new DkimResult(DkimResult.Status.PASS, "example.org", "s1", null, false),
                new DkimResult(
                    DkimResult.Status.FAIL, "example.net", "s2", "the body changed", false),
                new DkimResult(DkimResult.Status.PERMERROR, null, null, "no v=1", false)),
            ArcResult.none(),
            REJECT);
    assertThat(results.results())
        .isEqualTo(
            "spf=fail smtp.mailfrom=example.org;"
                + " dkim=pass header.d=example.org header.s=s1;"
                + " dkim=fail reason=\"the body changed\" header.d=example.net header.s=s2;"
                + " dkim=permerror reason=\"no v=1\";"
                + " arc=none; dmarc=fail (p=reject) policy.domain=example.org");
    assertThat(results.dkimTexts())
        .containsExactly(
            "pass (domain=example.org; selector=s1)",
            "fail (domain=example.net; selector=s2)",
            "permerror (domain=?; selector=?)");
    assertThat(results.dmarcText())
        .isEqualTo("fail (action=reject; policy=reject; spf=unaligned; dkim=unaligned)");
    for (var line : results.header("mx.example.com").split("\r\n")) {
      assertThat(line.length()).isLessThanOrEqualTo(78);
    }
    assertThat(results.header("mx.example.com"))
        .startsWith("Authentication-Results: mx.example.com; spf=fail");
  }

  @Test
  void whatAPeerSentStaysWithinItsValue() {
    var hostile = "x; dmarc=pass (\r\nFrom: <eve@evil.test>\r\n\"";
    var results =
        new AuthenticationResults(
            spf(SpfResult.Result.NONE, hostile),
            List.of(new DkimResult(DkimResult.Status.FAIL, hostile, hostile, hostile, false)),
            ArcResult.none(),
            DmarcResult.none());
    var unfolded = results.header("mx.example.com").replace("\r\n ", " ");
    assertThat(unfolded).doesNotContain("\r").doesNotContain("\n");
    assertThat(results.results())
        .contains("smtp.mailfrom=\"x; dmarc=pass (??From: <eve@evil.test>??\\\"\"");
    assertThat(results.results()).endsWith("; arc=none; dmarc=none");
    assertThat(results.dkimTexts().getFirst())
        .isEqualTo(
            "fail (domain=x? dmarc=pass ???From: <eve@evil.test>??\"; selector=x? dmarc=pass ???From: <eve@evil.test>??\")");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "NONE | 0 | | arc=none",
        "PASS | 2 | | arc=pass (i=2)",
        "FAIL | 2 | the body changed | arc=fail (the body changed)",
        "FAIL | 2 | a) ; dmarc=pass (\\ | arc=fail (a? ? dmarc=pass ??)",
        "TEMPERROR | 1 | | arc=temperror"
      })
  void whatAChainSaysIsShownInAComment(
      ArcResult.Status status, int instance, @Nullable String reason, String text) {
    var results =
        new AuthenticationResults(
            spf(SpfResult.Result.NONE, ""),
            List.of(),
            new ArcResult(status, instance, reason),
            DmarcResult.none());
    assertThat(results.results()).isEqualTo("spf=none; dkim=none; " + text + "; dmarc=none");
  }

  @Test
  void nothingCheckedIsNoneOfEach() {
    assertThat(AuthenticationResults.none().results())
        .isEqualTo("spf=none; dkim=none; arc=none; dmarc=none");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a; dmarc=pass",
        "a\"; dmarc=pass; x=\"",
        "a\\",
        "a\\\"",
        "a\r\n\r\nbody",
        "a\r\nX: y",
        "a (",
        ") a",
        "a b",
        "",
        "=?utf-8?q?a?=",
        "a\0b\u0007",
        "\u00e4\ud83d\ude00\ud800",
        "a\u2028b\u0085c"
      })
  void whateverAPropertyIsItIsOneTokenOrQuotedString(String hostile) {
    assertOneOfEach(hostile);
    assertOneOfEach(hostile + "x".repeat(65_536));
    assertOneOfEach("x".repeat(65_536) + hostile);
    assertOneOfEach(("x " + hostile).repeat(9_000));
  }

  private static void assertOneOfEach(String hostile) {
    var results =
        new AuthenticationResults(
            spf(SpfResult.Result.PASS, hostile),
            List.of(new DkimResult(DkimResult.Status.FAIL, hostile, hostile, hostile, false)),
            new ArcResult(ArcResult.Status.FAIL, 1, hostile),
            new DmarcResult(
                DmarcResult.Action.NONE, DmarcResult.Policy.NONE, false, false, hostile));
    var header = results.header("mx.example.com");
    assertThat(header.length()).isLessThan(5_000);
    assertThat(header).matches("([ -~]+|\\r\\n[ \\t])*");
    assertThat(header.lines()).allMatch(line -> line.length() <= 998 && !line.isBlank());
    assertThat(results.dkimTexts()).allMatch(text -> text.matches("[ -~]{1,1000}"));
    var text =
        Pattern.compile("\"([^\"\\\\]+|\\\\.)*\"|\\([^()]*\\)|(?<==)x{1,300}(?=[ ;]|$)")
            .matcher(header.replace("\r\n", ""))
            .replaceAll(found -> found.group().startsWith("(") ? "()" : "Q");
    assertThat(text)
        .matches(
            "Authentication-Results: mx.example.com; spf=pass( smtp.mailfrom=Q)?;"
                + " dkim=fail reason=Q header.d=Q header.s=Q; arc=fail \\(\\);"
                + " dmarc=fail \\(\\) policy.domain=Q");
  }

  /** Each costs its sender one field, and must not cost us as many. */
  @Test
  void ofThousandsOfSignaturesTheFirstAreWrittenDown() {
    var many =
        Collections.nCopies(
            2_000,
            new DkimResult(DkimResult.Status.POLICY, "example.org", "s", "one too many", false));
    var results =
        new AuthenticationResults(
            spf(SpfResult.Result.NONE, ""), many, ArcResult.none(), DmarcResult.none());
    assertThat(results.dkim()).hasSize(2_000);
    assertThat(results.dkimTexts()).hasSize(20);
    assertThat(results.results().split("dkim=policy", -1)).hasSize(21);
  }

  @Test
  void aKeyInTestingIsSaidToBe() {
    var tested = new DkimResult(DkimResult.Status.PASS, "example.org", "s", null, true);
    var results =
        new AuthenticationResults(
            spf(SpfResult.Result.NONE, ""), List.of(tested), ArcResult.none(), DmarcResult.none());
    assertThat(results.results())
        .contains(
            " dkim=pass reason=\"the key is in testing (t=y)\" header.d=example.org header.s=s;");
  }
}
