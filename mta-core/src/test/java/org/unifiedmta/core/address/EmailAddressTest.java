package org.unifiedmta.core.address;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.testing.Corpus;

class EmailAddressTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "ann@example.org | ann | example.org",
        "Ann.B@Example.ORG | Ann.B | example.org",
        "a@b | a | b",
        "!#$%&'*+-/=?^_{}~@example.org | !#$%&'*+-/=?^_{}~ | example.org",
        "\"a b\"@example.org | a b | example.org",
        "\"a\\\"b\"@example.org | a\"b | example.org",
        "\"a\\\\b\"@example.org | a\\b | example.org",
        "\"ann\"@example.org | ann | example.org",
        "\"\"@example.org | `` | example.org",
        "\"a@b\"@example.org | a@b | example.org",
        "ann@[192.0.2.1] | ann | [192.0.2.1]",
        "ann@[ipv6:2001:DB8::1] | ann | [IPv6:2001:db8::1]",
        "ann@[IPv6:::ffff:192.0.2.1] | ann | [IPv6:::ffff:192.0.2.1]",
        "ann@B\u00fccher.example | ann | xn--bcher-kva.example",
        "d\u00f6rte@example.org | d\u00f6rte | example.org",
        "\ud83d\udce7@example.org | \ud83d\udce7 | example.org",
        "ann@xn--bcher-kva.example | ann | xn--bcher-kva.example",
        "ann@1.example | ann | 1.example",
        "ann@a--b.example | ann | a--b.example",
        "ann@fa\u00df.de | ann | xn--fa-hia.de",
        "ann@XN--FA-HIA.de | ann | xn--fa-hia.de",
        "ann@\u03b2\u03cc\u03bb\u03bf\u03c2.com | ann | xn--nxasmm1c.com",
        "ann@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.ir | ann | xn--mgba3gch31f060k.ir",
        "ann@\u4f8b\u5b50.\u6d4b\u8bd5 | ann | xn--fsqu00a.xn--0zwm56d",
        "ann@u\u0308.example | ann | xn--tda.example",
        "ann@r3---x.\u00fc.example | ann | r3---x.xn--tda.example"
      })
  void whatFollowsTheGrammarIsRead(String text, String localPart, String domain) {
    var address = EmailAddress.parse(text);
    assertThat(address).isEqualTo(new EmailAddress(localPart, domain));
    assertThat(EmailAddress.parse(address.toAscii())).isEqualTo(address);
    assertThat(EmailAddress.parse(address.toUnicode())).isEqualTo(address);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "ann",
        "@example.org",
        "ann@",
        "ann@@example.org",
        "ann@b@example.org",
        ".ann@example.org",
        "ann.@example.org",
        "a..b@example.org",
        "a b@example.org",
        "ann@example..org",
        "ann@.example.org",
        "ann@example.org.",
        "ann@-example.org",
        "ann@example-.org",
        "ann@exa_mple.org",
        "ann@example.org ",
        " ann@example.org",
        "<ann@example.org>",
        "ann@example.org\r\nRCPT TO:<b@example.org>",
        "\"ann@example.org",
        "\"a\"b@example.org",
        "\"a\rb\"@example.org",
        "\"a\u0000b\"@example.org",
        "\"a\\\u0000b\"@example.org",
        "\"a\\",
        "a\u0080b@example.org",
        "a\ud800b@example.org",
        "a\ufffdb@example.org",
        "ann@[192.0.2.256]",
        "ann@[192.0.2]",
        "ann@[192.0.2.1.1]",
        "ann@[1234.0.2.1]",
        "ann@[192.0.2.1",
        "ann@[]",
        "ann@[example.org]",
        "ann@[2001:db8::1]",
        "ann@[IPv6:]",
        "ann@[IPv6:::1%eth0]",
        "ann@[IPv6:192.0.2.1]",
        "ann@[IPv6:1:2:3:4:5:6:7:8:9]",
        "ann@xn--b\u00fccher-kva.example",
        "ann@xn--a.example",
        "ann@xn--.example",
        "ann@a.xn--abc-.example",
        "ann@xn--fa-hia\u00df.de",
        "ann@ab--\u00fc.example",
        "ann@-\u00fc.example",
        "ann@exa_mple.\u00fc",
        "ann@1\u05d0.example",
        "ann@a\u200db.example",
        "ann@\u0308a.example",
        "ann@\u00fc..example",
        "ann@a\u3002example",
        "ann@\u00ad.example",
        "(Ann)ann@example.org",
        "ann@example.org(Ann)"
      })
  void whatDoesNotIsRefused(String text) {
    assertThat(EmailAddress.tryParse(text)).isEmpty();
    assertThatThrownBy(() -> EmailAddress.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("at offset");
  }

  @Test
  void partsAreBoundedInOctets() {
    assertThat(EmailAddress.tryParse("x".repeat(64) + "@example.org")).isPresent();
    assertThat(EmailAddress.tryParse("x".repeat(65) + "@example.org")).isEmpty();
    assertThat(EmailAddress.tryParse("\u00f6".repeat(32) + "@example.org")).isPresent();
    assertThat(EmailAddress.tryParse("\u00f6".repeat(33) + "@example.org")).isEmpty();
    assertThat(EmailAddress.tryParse("a@" + "x".repeat(63) + ".example")).isPresent();
    assertThat(EmailAddress.tryParse("a@" + "x".repeat(64) + ".example")).isEmpty();
    var long252 = ("x".repeat(62) + ".").repeat(4);
    assertThat(EmailAddress.tryParse("a@" + long252.substring(0, 251))).isPresent();
    assertThat(EmailAddress.tryParse("abcde@" + long252.substring(0, 251))).isEmpty();
  }

  @Test
  void anAddressIsBoundedAsItWillBeWritten() {
    var labels = ("\u00fc".repeat(20) + ".").repeat(10) + "example"; // 21 letters become 28 or so
    assertThat(labels.length()).isLessThan(230);
    assertThat(EmailAddress.tryParse("a@" + labels)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"a\r\nb", "a\nb", "a\u0000b", "a\u007fb", "a\u0085b"})
  void noLocalPartBreaksOutOfItsCommandHoweverItIsMade(String localPart) {
    assertThatThrownBy(() -> new EmailAddress(localPart, "example.org"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a\r\nb", "a b", "a>b", "a@b", "a,b", "a;b", "a\"b"})
  void noDomainBreaksOutOfItsCommandHoweverItIsMade(String domain) {
    assertThatThrownBy(() -> new EmailAddress("ann", domain))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void forPeopleTheDomainIsInTheirLetters() {
    assertThat(EmailAddress.parse("ann@xn--bcher-kva.example").toUnicode())
        .isEqualTo("ann@b\u00fccher.example");
    assertThat(EmailAddress.parse("ann@[192.0.2.1]").toUnicode()).isEqualTo("ann@[192.0.2.1]");
    assertThat(EmailAddress.parse("d\u00f6rte@example.org").isInternationalized()).isTrue();
    assertThat(EmailAddress.parse("ann@b\u00fccher.example").isInternationalized()).isFalse();
  }

  @Test
  void theAddressesOfJamesAreJudgedAsThere() {
    var wrong = new ArrayList<String>();
    var contested = new ArrayList<String>();
    for (var test : Corpus.cases("envelope/james-addresses.jsonl")) {
      var input = (String) test.get("input");
      boolean valid = EmailAddress.tryParse(input).isPresent();
      if (valid != (boolean) test.get("valid")) {
        (test.containsKey("contested") ? contested : wrong).add((valid ? "+" : "-") + input);
      }
    }
    assertThat(wrong).isEmpty();
    // RFC 5321 4.1.2: no backslash in an Atom, dots as they like in a Quoted-string; RFC 6531 3.3.
    assertThat(contested)
        .allMatch(test ->
            test.equals("-\\.server-dev@james.apache.org")
                || test.equals("+\"a..b\"@domain.com")
                || (test.startsWith("+") && test.chars().anyMatch(c -> c > 127)));
  }

  @Test
  void whateverIsReadIsWrittenAndReadAgainTheSame() {
    var random = new Random(1);
    var alphabet = "ab.\"\\ @[]<>:;,1-\u00fc\u00df\u3002\ud83d\ude00\u0000\r\nIPv6";
    int read = 0;
    for (int i = 0; i < 200_000; i++) {
      var text = new StringBuilder(random.nextBoolean() ? "a@" : "");
      for (int n = random.nextInt(12); n >= 0; n--) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      var address = EmailAddress.tryParse(text.toString());
      if (address.isPresent()) {
        read++;
        assertThat(EmailAddress.parse(address.get().toAscii())).isEqualTo(address.get());
        assertThat(address.get().toAscii()).doesNotContain("\r", "\n", "\0");
      }
    }
    assertThat(read).isGreaterThan(1000);
  }

  @Test
  void literalsAreNeverLookedUp() {
    for (var text :
        List.of(
            ".:1",
            ".:",
            ".1:2:3:4:5:6:7:8",
            ":.",
            ":",
            "::.",
            "a:b.c",
            "....:....",
            "1.2.3.4:25")) {
      assertThat(Literals.ip(text)).as(text).isNull();
      assertThat(Literals.parse("IPv6:" + text)).as(text).isNull();
    }
    assertThat(Literals.ip("::1")).isNotNull();
    assertThat(Literals.ip("192.0.2.1")).isNotNull();
    assertThat(Literals.ip("localhost")).isNull();
    assertThat(Literals.ip("1")).isNull();
    assertThat(Literals.ip("0x7f.1.1.1")).isNull();
    assertThat(Literals.ip("")).isNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "<ann@example.org>",
        "<ann@example.org> SIZE=1",
        "<@a.example:ann@example.org>",
        "<@a.example,@b.example:ann@example.org>"
      })
  void aPathMayHaveASourceRouteWhichIsDropped(String path) throws Exception {
    var ann = EmailAddress.parse("ann@example.org");
    assertThat(new AddressParser(path, 0).reversePath()).isEqualTo(ann);
    assertThat(new AddressParser(path, 0).forwardPath()).isEqualTo(ann);
  }

  @Test
  void theNullPathIsForSendersAndPostmasterForRecipients() throws Exception {
    assertThat(new AddressParser("<>", 0).reversePath()).isNull();
    assertThatThrownBy(() -> new AddressParser("<>", 0).forwardPath())
        .isInstanceOf(AddressSyntaxException.class);
    assertThat(new AddressParser("<PostMaster>", 0).forwardPath())
        .isEqualTo(new EmailAddress("postmaster", ""));
    assertThatThrownBy(() -> new AddressParser("<postmaster>", 0).reversePath())
        .isInstanceOf(AddressSyntaxException.class);
  }
}
