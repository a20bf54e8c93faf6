package org.unifiedmta.security.dkim;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.security.dkim.DKIMVerifier.Policy;
import org.unifiedmta.security.testing.Corpus;

/** The corpus of Mail::DKIM, and examples of the RFCs. */
@SuppressWarnings("unchecked")
class DkimConformanceTest {
  private static final Policy LENIENT = new Policy(true, 512, 10);
  private static final Clock THEN =
      Clock.fixed(Instant.parse("2009-01-01T00:00:00Z"), ZoneOffset.UTC);

  private static ZoneResolver zone(Object written) {
    var zone = ZoneResolver.builder();
    ((Map<String, List<Map<String, Object>>>) written)
        .forEach((name, records) ->
            records.forEach(record -> {
              if (record.containsKey("rcode")) {
                zone.fail(name, "TXT", DnsResolver.Status.valueOf((String) record.get("rcode")));
              } else if (record.get("type").equals("TXT")) {
                zone.txt(name, ((List<String>) record.get("value")).toArray(String[]::new));
              }
            }));
    return zone.build();
  }

  private static byte[] message(Map<String, Object> test) throws IOException {
    return Files.readAllBytes(Corpus.path("dkim/" + test.get("file")));
  }

  private static String verdict(List<DkimResult> results) {
    if (results.isEmpty()) {
      return "none";
    }
    return results.stream().anyMatch(DkimResult::isValid) ? "pass" : "notpass";
  }

  @Test
  void oldMessagesAreAsTheirAuthorsSayWhereOldHashesAndShortKeysAreAllowed() throws IOException {
    var corpus = Corpus.json("dkim/mail-dkim.json");
    var verifier = new DKIMVerifier(zone(corpus.get("zone")), THEN, LENIENT);
    var wrong = new ArrayList<String>();
    for (var test : (List<Map<String, Object>>) corpus.get("tests")) {
      var results = verifier.verify(message(test));
      if (!test.containsKey("contested") && !verdict(results).equals(test.get("expect"))) {
        wrong.add(test.get("file") + ": " + results);
      }
    }
    assertThat(wrong).isEmpty();
  }

  @Test
  void nothingThatRfc8301ForbidsPasses() throws IOException {
    var corpus = Corpus.json("dkim/mail-dkim.json");
    var verifier = new DKIMVerifier(zone(corpus.get("zone")), THEN, Policy.rfc8301());
    for (var test : (List<Map<String, Object>>) corpus.get("tests")) {
      var facts = (List<Map<String, Object>>) test.getOrDefault("signature_facts", List.of());
      var results = verifier.verify(message(test));
      assertThat(results).as("%s", test.get("file")).hasSize(facts.size());
      for (int i = 0; i < facts.size(); i++) {
        if (!((List<String>) facts.get(i).get("objections")).isEmpty()) {
          assertThat(results.get(i).isValid()).as("%s", test.get("file")).isFalse();
        }
      }
    }
  }

  @Test
  void theExamplesOfTheRfcsPass() {
    for (var test : Corpus.cases("dkim/messages.jsonl")) {
      var now = Instant.ofEpochSecond(((Number) test.get("now")).longValue());
      var verifier =
          new DKIMVerifier(
              zone(test.get("zone")), Clock.fixed(now, ZoneOffset.UTC), Policy.rfc8301());
      var results = verifier.verify(Base64.getDecoder().decode((String) test.get("message_b64")));
      assertThat(results.getLast().status())
          .as("%s", test.get("id"))
          .isEqualTo(DkimResult.Status.PASS);
      if (test.get("id").equals("mail-auth-001")) { // RFC 8463 A: Ed25519 and RSA
        assertThat(results).hasSize(2).allMatch(DkimResult::isValid);
      }
    }
  }
}
