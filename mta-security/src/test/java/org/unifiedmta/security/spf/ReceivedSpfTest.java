package org.unifiedmta.security.spf;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.security.spf.SpfResult.Result;

class ReceivedSpfTest {

  private static SpfResult result(Result result, String domain, String ip) {
    var address = Literals.ip(ip);
    if (address == null) {
      throw new IllegalArgumentException(ip);
    }
    return new SpfResult(result, domain, address, null, "the reason");
  }

  private static String unfolded(String field) {
    return field.replace("\r\n", "");
  }

  @Test
  void theFieldIsAsInTheRfc() {
    var field =
        result(Result.PASS, "example.com", "192.0.2.1")
            .receivedSpf("myname@example.com", "foo.example.com", "mybox.example.org");
    assertThat(unfolded(field))
        .isEqualTo(
            "Received-SPF: pass (domain of example.com designates 192.0.2.1 as permitted sender)"
                + " client-ip=192.0.2.1; envelope-from=\"myname@example.com\";"
                + " helo=foo.example.com; receiver=mybox.example.org; identity=mailfrom");
    assertThat(field.lines()).allMatch(line -> line.length() <= 78);
  }

  @Test
  void anErrorHasItsProblemAndANullSenderTheIdentityOfHelo() {
    var field =
        result(Result.PERMERROR, "example.com", "2001:db8::1")
            .receivedSpf("", "h.example.com", "r");
    assertThat(unfolded(field))
        .contains("client-ip=\"2001:db8::1\";")
        .contains("envelope-from=\"\"; helo=h.example.com;")
        .endsWith("identity=helo; problem=\"the reason\"");
  }

  @ParameterizedTest
  @EnumSource(Result.class)
  void everyResultIsItsWord(Result result) {
    assertThat(result(result, "", "192.0.2.1").receivedSpf("a@b.c", "h", "r"))
        .startsWith("Received-SPF: " + result.name().toLowerCase(java.util.Locale.ROOT) + " (");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a\r\nX-Forged: yes",
        "x(.legit.com",
        ";spf=pass",
        "\"; identity=other; x=\"",
        "a\\",
        "\0 ",
        "\u00e4@b",
        "a b",
        "[192.0.2.1]",
        ".a",
        "a..b",
        "a.",
        ")("
      })
  void whatAPeerSaysStaysInItsQuotes(String hostile) {
    var field =
        result(Result.FAIL, hostile, "192.0.2.1").receivedSpf(hostile, hostile, "r") + "\r\n";
    var bytes = field.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
    assertThat(HeaderSection.of(bytes).fields()).hasSize(1);
    assertThat(field).matches("[ -~\r\n]*");
    var outsideQuotes =
        unfolded(field)
            .strip()
            .replaceAll("\"(\\\\.|[^\"\\\\])*\"", "Q")
            .replaceAll("\\([^()]*\\)", "()");
    assertThat(outsideQuotes)
        .isEqualTo(
            "Received-SPF: fail () client-ip=192.0.2.1; envelope-from=Q; helo=Q; receiver=r; identity=mailfrom");
  }

  @Test
  void whatIsTooLongIsCut() {
    var endless = "a".repeat(100_000);
    var field = result(Result.NONE, "", "192.0.2.1").receivedSpf(endless, endless, "r");
    assertThat(field.length()).isLessThan(1_000);
  }
}
