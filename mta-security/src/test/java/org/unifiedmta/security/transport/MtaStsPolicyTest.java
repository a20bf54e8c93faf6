package org.unifiedmta.security.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.security.testing.Corpus;
import org.unifiedmta.security.transport.MtaStsPolicy.Mode;

class MtaStsPolicyTest {
  private static final String[] PIECES = {
    "version",
    "mode",
    "mx",
    "max_age",
    ":",
    " ",
    "\t",
    "\r\n",
    "\n",
    "\r",
    "STSv1",
    "STSv2",
    "enforce",
    "testing",
    "none",
    "*.",
    "*",
    ".",
    "example.org",
    "86400",
    "99999999999",
    "-1",
    "a_b",
    "_",
    "\u00e4",
    "\0",
    "\ud83d\ude00",
    "\ud83d",
    "\u0661",
    "\u007f"
  };

  @Test
  void theExampleOfTheRfcIsRead() {
    var policy =
        MtaStsPolicy.parse(
            """
            version: STSv1
            mode: enforce
            mx: mail.example.com
            mx: *.example.net
            mx: backupmx.example.com
            max_age: 604800
            """);

    assertThat(policy)
        .isEqualTo(
            new MtaStsPolicy(
                Mode.ENFORCE,
                List.of("mail.example.com", "*.example.net", "backupmx.example.com"),
                Duration.ofDays(7)));
    assertThat(MtaStsPolicy.parse(policy.text())).isEqualTo(policy);
  }

  @Test
  void theCorpusOfMoxIsJudgedAlike() {
    for (Map<String, Object> line : Corpus.cases("mtasts/mox-mtasts.jsonl")) {
      var input = (String) line.get("input");
      boolean valid;
      if (line.get("group").equals("TestRecord")) {
        valid = MtaStsRecord.among(List.of(input)).isPresent();
      } else {
        valid = isValid(input);
      }
      assertThat(valid).as(input).isEqualTo(line.get("valid"));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "version: STSv1\r\nmode: enforce\r\nmx: a.example\r\nmax_age: 86400\r\n",
        "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400",
        "version:STSv1\nmode:enforce\nmx:a.example\nmax_age:86400\n",
        "version: \t STSv1 \t\nmode: enforce \nmx:   A.Example\t\nmax_age: 86400 \n",
        "max_age: 86400\nmx: a.example\nmode: enforce\nversion: STSv1\n",
        "version: STSv1\nmode: enforce\nmx: a.example\nmx: a.example\nmax_age: 0086400\n",
        "version: STSv1\nx.y_z-1: a b \u00e4\ud83d\ude00\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
        "version: STSv1\nMode: none\nMX: b.example\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
        // Of a field that is there twice the first counts.
        "version: STSv1\nversion: STSv2\nmode: enforce\nmode: none\nmx: a.example\nmax_age: 86400\n"
            + "max_age: never\n"
      })
  void thesePoliciesSayTheSame(String text) {
    assertThat(MtaStsPolicy.parse(text))
        .isEqualTo(new MtaStsPolicy(Mode.ENFORCE, List.of("a.example"), Duration.ofDays(1)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ''                                                        | line 1: no colon in ""
          <html><body>Not found                                     | line 1: no colon in "<html><body>Not found"
          version: STSv2~mode: none~max_age: 1                      | line 1: version that is not known: "STSv2"
          version: stsv1~mode: none~max_age: 1                      | line 1: version that is not known: "stsv1"
          Version: STSv1~mode: none~max_age: 1                      | no version
          mode: none~max_age: 1                                     | no version
          version: STSv1~max_age: 1~mx: a.example                   | no mode
          version: STSv1~mode: Enforce~max_age: 1~mx: a.example     | line 2: mode that is not known: "Enforce"
          version: STSv1~mode: report~mode: enforce                 | line 2: mode that is not known: "report"
          version: STSv1~mode: enforce~mx: a.example                | no max_age
          version: STSv1~mode: none~max_age: -1                     | line 3: max_age that is not known: "-1"
          version: STSv1~mode: none~max_age: +1                     | line 3: max_age that is not known: "+1"
          version: STSv1~mode: none~max_age: 1d                     | line 3: max_age that is not known: "1d"
          version: STSv1~mode: none~max_age: ١                      | line 3: max_age that is not known: "?"
          version: STSv1~mode: none~max_age: 1000000000000          | line 3: max_age that is not known: "1000000000000"
          version: STSv1~mode: enforce~max_age: 1                   | no mx
          version: STSv1~mode: testing~max_age: 1                   | no mx
          version: STSv1~mode: none~~max_age: 1                     | line 3: no colon in ""
          version: STSv1~mode: none~max_age: 1~~                    | line 4: no colon in ""
          version : STSv1~mode: none~max_age: 1                     | line 1: no name of a field: "version "
          ' version: STSv1~mode: none~max_age: 1'                   | line 1: no name of a field: " version"
          version: STSv1~a_: b~mode: none~max_age: 1                | line 2: no name of a field: "a_"
          version: STSv1~a: ~mode: none~max_age: 1                  | line 2: a without a value
          """)
  void thesePoliciesAreInvalidAndSayWhere(String text, String fault) {
    var lines = text.replace('~', '\n');
    assertThatThrownBy(() -> MtaStsPolicy.parse(lines))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(fault);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "*.",
        "*",
        ".",
        "*.*.b",
        "*.a.*.b",
        "a.*.b",
        "a*.b",
        "*a.b",
        "a..b",
        ".a",
        "a.",
        "*.a.",
        "-a.b",
        "a-.b",
        "a_b.c",
        "a b",
        "\u00e4.example",
        "[192.0.2.1]",
        "a.b:25",
        "a,b",
        "a.b\u0000"
      })
  void noHostIsNamedLikeThis(String mx) {
    assertThat(isValid("version: STSv1\nmode: enforce\nmx: " + mx + "\nmax_age: 1")).isFalse();
    assertThat(isValid("version: STSv1\nmode: none\nmx: " + mx + "\nmax_age: 1")).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"\r", "\r\r\n", "\n\r", "\u0085", "\u2028", "\0"})
  void onlyLfAndCrlfEndALine(String end) {
    assertThat(isValid(String.join(end, "version: STSv1", "mode: none", "max_age: 1"))).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"0,0", "31557600,31557600", "31557601,31557600", "9999999999,31557600"})
  void noPolicyIsKeptForMoreThanAYear(String said, long seconds) {
    assertThat(MtaStsPolicy.parse("version: STSv1\nmode: none\nmax_age: " + said).maxAge())
        .isEqualTo(Duration.ofSeconds(seconds));
  }

  @Test
  void aPolicyOfMoreThan64KilobytesIsInvalid() {
    var text = "version: STSv1\nmode: none\nmax_age: 1\nx: ";
    assertThat(isValid(text + "x".repeat(64 * 1024 - text.length()))).isTrue();
    assertThat(isValid(text + "x".repeat(64 * 1024 - text.length() + 1))).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "mail.example.com, true",
    "MAIL.Example.COM, true",
    "example.com, false",
    "mail.example.com.evil.test, false",
    "a.mail.example.com, false",
    "mx1.example.net, true",
    "MX1.example.NET, true",
    "example.net, false",
    ".example.net, false",
    "a.b.example.net, false",
    "mx1example.net, false",
    "*.example.net, false",
    "'', false",
    "., false",
    "net, false"
  })
  void anAsteriskStandsForOneLabel(String host, boolean matches) {
    var policy =
        new MtaStsPolicy(
            Mode.ENFORCE, List.of("mail.example.com", "*.Example.net"), Duration.ofDays(1));
    assertThat(policy.matches(host)).isEqualTo(matches);
  }

  @Test
  void nothingThatAPolicyHostSaysBreaksReading() {
    var random = new Random(8461);
    int valid = 0;
    for (int i = 0; i < 30_000; i++) {
      var text =
          new StringBuilder(random.nextBoolean() ? "version: STSv1\nmode: none\nmax_age: 1\n" : "");
      for (int n = random.nextInt(8); n > 0; n--) {
        text.append(PIECES[random.nextInt(PIECES.length)]);
      }
      if (isValid(text.toString())) {
        var policy = MtaStsPolicy.parse(text.toString());
        assertThat(MtaStsPolicy.parse(policy.text())).isEqualTo(policy);
        valid++;
      }
    }
    assertThat(valid).isPositive();
    var octets = new byte[300];
    for (int i = 0; i < 3_000; i++) {
      random.nextBytes(octets);
      isValid(new String(octets, StandardCharsets.ISO_8859_1));
    }
  }

  private static boolean isValid(String text) {
    try {
      MtaStsPolicy.parse(text);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
