package org.unifiedmta.security.spf;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.core.address.Literals;

class MacroStringTest {
  private static final Client IPV6 = client("2001:db8::cb01");

  private static Client client(String ip) {
    var address = Literals.ip(ip);
    if (address == null) {
      throw new IllegalArgumentException(ip);
    }
    return Client.of(address);
  }

  private static String value(char letter) {
    return switch (letter) {
      case 's' -> "strong-bad@email.example.com";
      case 'l' -> "strong-bad";
      case 'o', 'd' -> "email.example.com";
      case 'i' -> "192.0.2.3";
      case 'v' -> "in-addr";
      case 'h' -> "a/b+c_d=e,f";
      default -> throw new IllegalArgumentException(String.valueOf(letter));
    };
  }

  /** The examples of RFC 7208 7.4, and what they leave out. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "%{s} | strong-bad@email.example.com",
        "%{o} | email.example.com",
        "%{d} | email.example.com",
        "%{d4} | email.example.com",
        "%{d3} | email.example.com",
        "%{d2} | example.com",
        "%{d1} | com",
        "%{dr} | com.example.email",
        "%{d2r} | example.email",
        "%{l} | strong-bad",
        "%{l-} | strong.bad",
        "%{lr} | strong-bad",
        "%{lr-} | bad.strong",
        "%{l1r-} | strong",
        "%{ir}.%{v}._spf.%{d2} | 3.2.0.192.in-addr._spf.example.com",
        "%{lr-}.lp._spf.%{d2} | bad.strong.lp._spf.example.com",
        "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2} | 3.2.0.192.in-addr.strong.lp._spf.example.com",
        "%{d2}.trusted-domains.example.net | example.com.trusted-domains.example.net",
        "%{h/} | a.b+c_d=e,f",
        "%{h2/+_=,} | e.f",
        "%{hr/+_=,} | f.e.d.c.b.a",
        "%{d128r+-} | email.example.com",
        "%{d99999999999} | email.example.com",
        "%{D256R} | com.example.email",
        "%{S} | strong-bad%40email.example.com",
        "%{H} | a%2Fb%2Bc_d%3De%2Cf",
        "a%%b%-c | a%b%20c",
        "a.%_.b | a. .b"
      })
  void macrosAreExpandedAsTheRfcShows(String text, String expected) throws SpfException {
    assertThat(MacroString.parse(text).text(MacroStringTest::value, 1_000)).isEqualTo(expected);
  }

  @Test
  void aNameThatIsTooLongLosesLabelsOnItsLeft() throws SpfException {
    var spec = MacroString.parse("a".repeat(60) + ".%{d}".repeat(20));
    var name = spec.domain(MacroStringTest::value);
    assertThat(name).hasSizeLessThanOrEqualTo(253).hasSizeGreaterThan(253 - "email.".length() - 8);
    assertThat("." + ".email.example.com".repeat(20)).endsWith("." + name);
    var exact = MacroString.parse("b." + "a".repeat(251));
    assertThat(exact.domain(MacroStringTest::value)).hasSize(253);
    var oneLabelOff = MacroString.parse("b." + "a".repeat(125) + "." + "c".repeat(127));
    assertThat(oneLabelOff.domain(MacroStringTest::value)).hasSize(253).startsWith("a");
    var over = MacroString.parse("bc." + "a".repeat(251));
    assertThat(over.domain(MacroStringTest::value)).hasSize(251);
    assertThat(MacroString.parse("a".repeat(300)).domain(MacroStringTest::value)).isEmpty();
  }

  @Test
  void aDotAtTheEndIsNoLabel() throws SpfException {
    assertThat(MacroString.parse("a.example.").domain(MacroStringTest::value))
        .isEqualTo("a.example");
  }

  @ParameterizedTest
  @CsvSource({
    "2001:db8::cb01, 2001:db8::cb01",
    "::, ::",
    "::1, ::1",
    "1::, 1::",
    "1:0:0:2::3, 1:0:0:2::3",
    "1:0:2:3:4:5:6:7, 1:0:2:3:4:5:6:7",
    "1:0:0:2:0:0:3:4, 1::2:0:0:3:4",
    "ABCD:EF01::, abcd:ef01::",
    "192.0.2.1, 192.0.2.1"
  })
  void anAddressIsShownByRfc5952(String address, String expected) {
    assertThat(client(address).readable()).isEqualTo(expected);
  }

  @Test
  void anIpv6AddressIsItsNibbles() {
    assertThat(IPV6.dotted())
        .isEqualTo("2.0.0.1.0.D.B.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.C.B.0.1");
  }
}
