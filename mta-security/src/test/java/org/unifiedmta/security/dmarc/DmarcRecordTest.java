package org.unifiedmta.security.dmarc;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.security.dmarc.DmarcResult.Policy;

class DmarcRecordTest {

  private static DmarcRecord record(String txt) {
    return DmarcRecord.parse(txt).orElseThrow();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "v=DMARC1;p=reject | REJECT | - | -",
        "v=DMARC1; p=quarantine; sp=none; np=reject | QUARANTINE | NONE | REJECT",
        "V = DMARC1 ; P = Reject ; SP=NONE | REJECT | NONE | -",
        "v=DMARC1; sp=reject; rua=mailto:a@b.example; p=none | NONE | REJECT | -",
        "v=DMARC1;;; ;p=reject; | REJECT | - | -",
        "v=DMARC1; p=reject; pct=0; x=y; junk; =; rf=bob; fo=? | REJECT | - | -",
        "v=DMARC1; p=reject; p=none | REJECT | - | -",
        "v=DMARC1; rua=mailto:a@b.example | NONE | - | -",
        "v=DMARC1; p=bogus; sp=reject; rua=mailto:a@b.example | NONE | - | -",
        "v=DMARC1; p=reject; sp=bogus; rua=mailto:a@b.example | NONE | - | -",
        "v=DMARC1; p=reject; np=bogus; rua=https://b.example/ | NONE | - | -"
      })
  void aRecordAsksFor(String txt, Policy p, Policy sp, Policy np) {
    var record = record(txt);
    assertThat(record.policy()).isEqualTo(p);
    assertThat(record.subdomainPolicy().orElse(null)).isEqualTo(sp);
    assertThat(record.nonexistentPolicy().orElse(null)).isEqualTo(np);
    assertThat(record.text()).isEqualTo(txt);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "v=DMARC1",
        "v=DMARC1;",
        "v=DMARC1; p=",
        "v=DMARC1; p=bogus",
        "v=DMARC1 p=reject",
        "v=DMARC2; p=reject",
        "v=dmarc1; p=reject",
        "v=DMARC10; p=reject",
        "p=reject; v=DMARC1",
        "v=DMARC1\u200b; p=reject",
        "v=DMARC1; p=reject\0",
        "v=DMARC1; p=r\u00e9ject",
        "v=DMARC1; p=bogus; rua=",
        "v=DMARC1; p=bogus; rua=nothing",
        "v=DMARC1; p=reject; sp=bogus",
        "v=spf1 -all",
        "v",
        "=DMARC1; p=reject",
        "\"v=DMARC1; p=reject\""
      })
  void otherTextAsksForNothing(String txt) {
    assertThat(DmarcRecord.parse(txt)).isEmpty();
  }

  @Test
  void alignmentAndTestingAreOffUnlessSaid() {
    var plain = record("v=DMARC1; p=none; adkim=x; aspf=; t=maybe");
    assertThat(plain.isDkimStrict() || plain.isSpfStrict() || plain.isTesting()).isFalse();
    var strict = record("v=DMARC1; p=none; adkim=S; aspf=s; t=y");
    assertThat(strict.isDkimStrict() && strict.isSpfStrict() && strict.isTesting()).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "mailto:a@b.example | a@b.example 9223372036854775807",
        "mailto:a@b.example!10 | a@b.example 10",
        "mailto:a@b.example!10m | a@b.example 10485760",
        "MAILTO:a@b.example!2K , mailto:c%2Bd@e.example | a@b.example 2048; c+d@e.example 9223372036854775807",
        "mailto:a@b.example!1t | a@b.example 1099511627776",
        "mailto:a@b.example!999999999999t | a@b.example 9223372036854775807",
        "mailto:a@b.example!, mailto:a@b.example!m, mailto:a@b.example!1x, mailto:a@b.example!1!2 | ''",
        "mailto:a@b.example?bcc=c@d.example, mailto:a@b%0D%0Ac, mailto:, mailto:a, mailto://b.example | ''",
        "http://127.0.0.1/, ftp://b.example, https://b.example/r | ''",
        "mailto:a b@c.example, :, a@b.example, mailto:a@b.example\u00e4 | ''"
      })
  void reportsGoToMailAddressesOnly(String rua, String expected) {
    var addresses = record("v=DMARC1; p=none; rua=" + rua + "; ruf=" + rua).aggregateReports();
    var found = new StringBuilder();
    for (var address : addresses) {
      found.append(found.isEmpty() ? "" : "; ").append(address.address().toAscii());
      found.append(' ').append(address.maximumSize());
    }
    assertThat(found.toString()).isEqualTo(expected);
    assertThat(record("v=DMARC1; p=none; ruf=" + rua).failureReports()).isEqualTo(addresses);
  }

  @Test
  void reportsGoToTenAddressesAtMost() {
    var record = record("v=DMARC1; p=none; rua=" + "mailto:a@victim.example,".repeat(100));
    assertThat(record.aggregateReports()).hasSize(10);
  }

  @Test
  void aRecordOfMegabytesIsNone() {
    assertThat(DmarcRecord.parse("v=DMARC1; p=reject;" + " ".repeat(5_000_000))).isEmpty();
  }
}
