package org.unifiedmta.security.dmarc;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringReader;
import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.security.dmarc.DmarcResult.Action;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.testing.CountingResolver;

class PublicSuffixesTest {
  private static final String LIST =
      """
      // ===BEGIN ICANN DOMAINS===
      com
      uk
      co.uk   what follows a blank is none of it
      *.ck
      !www.ck

      \u516c\u53f8.cn
      cn
      // ===BEGIN PRIVATE DOMAINS===
      github.io
      """;

  private static PublicSuffixes suffixes() {
    try {
      return PublicSuffixes.read(new StringReader(LIST));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "example.com, example.com",
    "a.b.example.com, example.com",
    "com, com",
    "a.example.co.uk, example.co.uk",
    "co.uk, co.uk",
    "a.b.uk, b.uk",
    "a.b.test.ck, b.test.ck",
    "test.ck, test.ck",
    "a.www.ck, www.ck",
    "a.b.xn--55qx5d.cn, b.xn--55qx5d.cn",
    "a.me.github.io, me.github.io",
    "github.io, github.io",
    "a.b.unknown, b.unknown",
    "a.notcom, a.notcom"
  })
  void anOrganizationIsOneLabelBelowThePublicSuffix(String name, String organization) {
    assertThat(suffixes().organizationalDomain(name)).isEqualTo(organization);
  }

  private static DmarcResult verify(CountingResolver dns, String author, String spf) {
    var ip = InetAddress.getLoopbackAddress();
    var pass = new SpfResult(SpfResult.Result.PASS, spf, ip, null, null);
    return new DmarcVerifier(dns, suffixes()).verify(author, pass, List.of());
  }

  @Test
  void byTheListTwoQueriesAreEnough() {
    var zone =
        ZoneResolver.builder().txt("_dmarc.example.co.uk", "v=DMARC1; p=reject; sp=quarantine");
    zone.txt("_dmarc.co.uk", "v=DMARC1; p=none").txt("_dmarc.uk", "v=DMARC1; p=none");
    var dns = new CountingResolver(zone.build());
    var result = verify(dns, "a.b.example.co.uk", "evil.co.uk");
    assertThat(result.action()).isEqualTo(Action.QUARANTINE);
    assertThat(result.recordDomain()).isEqualTo("example.co.uk");
    assertThat(dns.questions())
        .containsExactly("TXT _dmarc.a.b.example.co.uk", "TXT _dmarc.example.co.uk");
    assertThat(verify(dns, "a.b.example.co.uk", "c.example.co.uk").action()).isEqualTo(Action.PASS);
    assertThat(verify(dns, "example.co.uk", "co.uk").action()).isEqualTo(Action.REJECT);
  }

  @Test
  void whatAPublicSuffixPublishesIsForItselfOnly() {
    var zone = ZoneResolver.builder().txt("_dmarc.github.io", "v=DMARC1; p=reject");
    var dns = new CountingResolver(zone.build());
    assertThat(verify(dns, "me.github.io", "you.github.io")).isEqualTo(DmarcResult.none());
    assertThat(verify(dns, "github.io", "you.github.io").action()).isEqualTo(Action.REJECT);
  }
}
