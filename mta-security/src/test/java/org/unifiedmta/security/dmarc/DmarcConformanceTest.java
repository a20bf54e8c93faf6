package org.unifiedmta.security.dmarc;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcResult.Policy;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.testing.Corpus;

/** The cases of mail-auth and OpenDMARC. */
@SuppressWarnings("unchecked")
class DmarcConformanceTest {

  @Test
  void theCasesOfMailAuthAreAsItsAuthorsSay() {
    var wrong = new ArrayList<String>();
    for (var test : Corpus.cases("dmarc/mail-auth.jsonl")) {
      var result = verify(test);
      var expected = (Map<String, Object>) test.get("expect");
      var found = new TreeMap<String, Object>();
      found.put("policy", result.policy().name().toLowerCase(Locale.ROOT));
      found.put("spf_aligned", result.spfDomainAligned());
      found.put("dkim_aligned", result.dkimDomainAligned());
      found.put("record", result.record());
      found.put("result", result.action().name().toLowerCase(Locale.ROOT));
      found.keySet().retainAll(expected.keySet());
      if (!found.equals(new TreeMap<>(expected))) {
        wrong.add(test.get("id") + ": not " + expected + " but " + result);
      }
    }
    assertThat(wrong).isEmpty();
  }

  private static DmarcResult verify(Map<String, Object> test) {
    var zone = ZoneResolver.builder();
    ((Map<String, Map<String, List<Object>>>) test.get("zone"))
        .forEach((name, records) -> {
          for (var txt : records.getOrDefault("TXT", List.of())) {
            zone.txt(name, ((List<String>) txt).toArray(String[]::new));
          }
          records.getOrDefault("A", List.of()).forEach(a -> zone.a(name, (String) a));
        });
    var message = (String) test.getOrDefault("message", "From: " + test.get("from") + "\r\n\r\n");
    return new DmarcVerifier(zone.build())
        .verify(
            Email.parse(message.getBytes(StandardCharsets.UTF_8)),
            spf((Map<String, String>) test.get("spf")),
            ((List<Map<String, String>>) test.getOrDefault("dkim", List.of()))
                .stream().map(DmarcConformanceTest::dkim).toList());
  }

  private static SpfResult spf(Map<String, String> spf) {
    var result = spf == null ? "NONE" : spf.get("result").toUpperCase(Locale.ROOT);
    var domain = spf == null ? "" : spf.get("domain");
    var ip = InetAddress.getLoopbackAddress();
    return new SpfResult(SpfResult.Result.valueOf(result), domain, ip, null, null);
  }

  private static DkimResult dkim(Map<String, String> dkim) {
    var status = DkimResult.Status.valueOf(dkim.get("result").toUpperCase(Locale.ROOT));
    return new DkimResult(status, dkim.get("domain"), "s", null, false);
  }

  /**
   * What OpenDMARC does otherwise, decided on the RFC:
   *
   * <ul>
   *   <li>parse-5: {@code p=n} is no policy (4.8), and there is nowhere to report to (4.10.1).
   *   <li>parse-9: an {@code sp} that is not valid, and nowhere to report to (4.10.1).
   *   <li>parse-10 to 14, 19: of what is not valid elsewhere the default counts; {@code rf}, {@code
   *       ri} and {@code pct} are unknown now (4.7).
   * </ul>
   */
  @Test
  void theRecordsOfOpenDmarcAreReadOrNot() {
    var contested =
        Map.of(
            "parse-5",
            false,
            "parse-9",
            false,
            "parse-10",
            true,
            "parse-11",
            true,
            "parse-12",
            true,
            "parse-13",
            true,
            "parse-14",
            true,
            "parse-19",
            true);
    for (var test : Corpus.cases("dmarc/opendmarc-parse.jsonl")) {
      var id = (String) test.get("id");
      assertThat(test.containsKey("contested")).isEqualTo(contested.containsKey(id));
      assertThat(DmarcRecord.parse((String) test.get("record")).isPresent())
          .as(id)
          .isEqualTo(contested.getOrDefault(id, (Boolean) test.get("valid")));
    }
  }

  /**
   * align-5, 6, 7: a name has one dot at its end at most, and none at its beginning (RFC 1035 3.1);
   * what has more is no domain, and aligned with nothing.
   */
  @Test
  void theDomainsOfOpenDmarcAreAlignedOrNot() {
    for (var test : Corpus.cases("dmarc/opendmarc-alignment.jsonl")) {
      var author = (String) test.get("author_domain");
      boolean strict = test.get("mode").equals("strict");
      var organization = author.substring(author.lastIndexOf('.', author.lastIndexOf('.') - 1) + 1);
      var record = "v=DMARC1; p=reject" + (strict ? "; aspf=s" : "");
      var zone = ZoneResolver.builder().txt("_dmarc." + author, record);
      if (!organization.equals(author)) {
        zone.txt("_dmarc." + organization, record);
      }
      var spf = spf(Map.of("result", "pass", "domain", (String) test.get("authenticated_domain")));
      var result = new DmarcVerifier(zone.build()).verify(author, spf, List.of());
      boolean expected = !test.containsKey("contested") && (Boolean) test.get("aligned");
      assertThat(result.spfDomainAligned()).as("%s", test.get("id")).isEqualTo(expected);
    }
  }

  /**
   * from-6, 7, 8, 9, 13: what two readers may understand in two ways never passes, and is judged by
   * the strictest of all domains in it.
   */
  @Test
  void theFromFieldsOfOpenDmarcHaveTheirDomainOrNeverPass() {
    var zone = ZoneResolver.builder();
    for (var domain : List.of("joe.com", "blah.com", "ace.com")) {
      zone.txt("_dmarc." + domain, "v=DMARC1; p=reject");
    }
    var verifier = new DmarcVerifier(zone.build());
    for (var test : Corpus.cases("dmarc/opendmarc-from-domain.jsonl")) {
      var domain = (String) test.get("domain");
      var message =
          ("From: " + test.get("from_header") + "\r\n\r\n").getBytes(StandardCharsets.UTF_8);
      var spf = spf(Map.of("result", "pass", "domain", domain));
      var result = verifier.verify(Email.parse(message), spf, List.of());
      var id = test.get("id");
      assertThat(result.policy()).as("%s", id).isEqualTo(Policy.REJECT);
      if (test.containsKey("contested")) {
        assertThat(result.action()).as("%s", id).isNotEqualTo(DmarcResult.Action.PASS);
      } else {
        assertThat(result.recordDomain()).as("%s", id).isEqualTo(domain);
        assertThat(result.spfDomainAligned()).as("%s", id).isTrue();
        // from-12 shows another address in its name.
        assertThat(result.action() == DmarcResult.Action.PASS).isEqualTo(!id.equals("from-12"));
      }
    }
  }
}
