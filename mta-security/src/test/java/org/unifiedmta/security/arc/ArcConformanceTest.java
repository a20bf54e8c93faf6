package org.unifiedmta.security.arc;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.PrivateKey;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.security.arc.ArcResult.Status;
import org.unifiedmta.security.dkim.DKIMVerifier.Policy;
import org.unifiedmta.security.testing.Corpus;

/** ValiMail's suite. */
@SuppressWarnings("unchecked")
class ArcConformanceTest {
  private static List<Map<String, Object>> scenarios(String file) {
    return (List<Map<String, Object>>) Corpus.json("arc/" + file).get("scenarios");
  }

  private static List<Map<String, Object>> tests(Map<String, Object> scenario) {
    return (List<Map<String, Object>>) scenario.get("tests");
  }

  private static ZoneResolver zone(Map<String, Object> scenario) {
    var zone = ZoneResolver.builder();
    ((Map<String, String>) scenario.get("txt")).forEach(zone::txt);
    return zone.build();
  }

  private static byte[] message(Map<String, Object> test) {
    return ((String) test.get("message")).replace("\n", "\r\n").getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void chainsAreWhatTheSuiteSays() {
    var wrong = new ArrayList<String>();
    int count = 0;
    for (var scenario : scenarios("validation.json")) {
      var verifier = new ArcVerifier(zone(scenario), Clock.systemUTC(), Policy.rfc8301());
      for (var test : tests(scenario)) {
        var result = verifier.verify(message(test));
        count++;
        if (!result.status().name().equalsIgnoreCase((String) test.get("cv"))) {
          wrong.add(test.get("id") + ": " + result);
        }
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(count).isEqualTo(86);
  }

  @Test
  void setsAreAsTheSuiteHasThemSignaturesIncluded() {
    int count = 0;
    for (var scenario : scenarios("signing.json")) {
      for (var test : tests(scenario)) {
        var message = message(test);
        var header = HeaderSection.of(message);
        var results = ownResults(header, (String) test.get("srv_id"));
        int before = header.all("ARC-Seal").size();
        var sealed =
            sealer(scenario, test)
                .seal(message, (String) test.get("srv_id"), results, soFar(results, before));
        if (((String) test.get("AS")).isBlank()) {
          assertThat(sealed).as("%s", test.get("id")).isEqualTo(message);
        } else {
          var fields = HeaderSection.of(sealed).fields();
          assertThat(fields.get(0).name()).isEqualTo("ARC-Seal");
          assertThat(fields.get(1).name()).isEqualTo("ARC-Message-Signature");
          assertThat(fields.get(2).name()).isEqualTo("ARC-Authentication-Results");
          assertThat(tags(fields.get(0).value())).isEqualTo(tags((String) test.get("AS")));
          assertThat(tags(fields.get(1).value())).isEqualTo(tags((String) test.get("AMS")));
          assertThat(blanksAside(fields.get(2).value()))
              .isEqualTo(blanksAside((String) test.get("AAR")));
          assertThat(fields).hasSize(header.fields().size() + 3);
        }
        count++;
      }
    }
    assertThat(count).isEqualTo(11);
  }

  /** What follows the authserv-id. */
  private static String ownResults(HeaderSection header, String authservId) {
    for (var field : header.all("Authentication-Results").reversed()) {
      var value = field.value().strip();
      if (value.startsWith(authservId + ";")) {
        return value.substring(authservId.length() + 1);
      }
    }
    throw new IllegalArgumentException("no results of " + authservId);
  }

  private static ArcResult soFar(String results, int instance) {
    for (var status : List.of(Status.NONE, Status.PASS, Status.FAIL)) {
      if (results.contains(" arc=" + status.name().toLowerCase(Locale.ROOT))) {
        return new ArcResult(status, instance, null);
      }
    }
    return ArcResult.none();
  }

  private static ArcSealer sealer(Map<String, Object> scenario, Map<String, Object> test) {
    var now = Instant.ofEpochSecond(((Number) test.get("t")).longValue());
    return ArcSealer.builder(
            (String) scenario.get("domain"),
            (String) scenario.get("selector"),
            key((String) scenario.get("private_key")))
        .headers(List.of(((String) test.get("sig_headers")).split(":")))
        .clock(Clock.fixed(now, ZoneOffset.UTC))
        .build();
  }

  private static PrivateKey key(String pem) {
    try (var parser = new PEMParser(new StringReader(pem))) {
      return new JcaPEMKeyConverter().getKeyPair((PEMKeyPair) parser.readObject()).getPrivate();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Map<String, String> tags(String value) {
    var tags = new LinkedHashMap<String, String>();
    for (var tag : value.split(";")) {
      int equals = tag.indexOf('=');
      tags.put(tag.substring(0, equals).strip(), tag.substring(equals + 1).replaceAll("\\s", ""));
    }
    return tags;
  }

  private static String blanksAside(String value) {
    return value.replaceAll("\\s+", " ").strip();
  }
}
