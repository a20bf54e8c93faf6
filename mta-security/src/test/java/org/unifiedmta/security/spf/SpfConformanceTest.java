package org.unifiedmta.security.spf;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.security.testing.Corpus;
import org.unifiedmta.security.testing.CountingResolver;

/** The suites of openspf and mail-auth. */
@SuppressWarnings("unchecked")
class SpfConformanceTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rfc7208.json",
        "mail-auth/a.json",
        "mail-auth/all.json",
        "mail-auth/basic.json",
        "mail-auth/include.json",
        "mail-auth/ip.json",
        "mail-auth/mx.json",
        "mail-auth/redirect.json"
      })
  void everyCaseThatIsNotContestedIsAsItsAuthorsSay(String file) {
    var wrong = new ArrayList<String>();
    int cases = 0;
    for (var scenario : scenarios(file)) {
      var verifier = verifier(scenario);
      for (var test : (List<Map<String, Object>>) scenario.get("tests")) {
        if (!test.containsKey("contested")) {
          cases++;
          compare(test, check(verifier, test), wrong);
        }
      }
    }
    assertThat(cases).isPositive();
    assertThat(wrong).isEmpty();
  }

  /**
   * What implementations differ on, decided on the RFC:
   *
   * <ul>
   *   <li>all-1: {@code -all ip:10.0.0.1}: no mechanism is called ip, and an error anywhere is one
   *       of the whole record (4.6).
   *   <li>basic-1, basic-3: a domain that is too long, or of one label, is not asked for (4.3).
   *   <li>basic-9: ten names of which none is there are more than two void look-ups (4.6.4).
   *   <li>basic-14: eleven MX records are an error, even if the address is the eighth's (4.6.4).
   *   <li>basic-16: of eleven names the last is left out; that those between have no address is no
   *       void look-up, since it is terms that are counted (4.6.4, 5.5).
   *   <li>basic-18: where there is a reverse path, the HELO name is not checked (2.4).
   *   <li>ip-11: an IPv4 client never matches ip6, however that is written (5).
   * </ul>
   */
  @Test
  void contestedCasesAreDecidedByTheRfc() {
    var decided = new TreeMap<String, String>();
    for (var file : List.of("all", "basic", "ip")) {
      for (var scenario : scenarios("mail-auth/" + file + ".json")) {
        var verifier = verifier(scenario);
        for (var test : (List<Map<String, Object>>) scenario.get("tests")) {
          if (test.containsKey("contested")) {
            decided.put((String) test.get("id"), word(check(verifier, test)));
          }
        }
      }
    }
    assertThat(decided)
        .isEqualTo(
            Map.of(
                "all-1", "permerror",
                "basic-1", "none",
                "basic-3", "none",
                "basic-9", "permerror",
                "basic-14", "permerror",
                "basic-16", "fail",
                "basic-18", "pass",
                "ip-11", "fail"));
  }

  private static void compare(Map<String, Object> test, SpfResult result, List<String> wrong) {
    var id = test.get("id") + ": ";
    if (!((List<String>) test.get("result")).contains(word(result))) {
      wrong.add(id + "not " + test.get("result") + " but " + result);
    }
    var explanation = (String) test.get("explanation");
    if (explanation != null && result.result() == SpfResult.Result.FAIL) {
      var found = result.explanation() == null ? "DEFAULT" : result.explanation();
      if (!found.equals(explanation)) {
        wrong.add(id + "not " + explanation + " but " + found);
      }
    }
  }

  private static String word(SpfResult result) {
    return result.result().name().toLowerCase(Locale.ROOT);
  }

  private static SpfResult check(SpfVerifier verifier, Map<String, Object> test) {
    var ip = ip((String) test.get("ip"));
    return verifier.check((String) test.get("mailfrom"), ip, (String) test.get("helo"));
  }

  private static InetAddress ip(String text) {
    var ip = Literals.ip(text);
    if (ip == null) {
      throw new IllegalArgumentException(text);
    }
    return ip;
  }

  private static List<Map<String, Object>> scenarios(String file) {
    return (List<Map<String, Object>>) Corpus.json("spf/" + file).get("scenarios");
  }

  private static SpfVerifier verifier(Map<String, Object> scenario) {
    return new SpfVerifier(resolver(scenario), Clock.systemUTC(), "receiver.example");
  }

  private static DnsResolver resolver(Map<String, Object> scenario) {
    var zone = ZoneResolver.builder();
    ((Map<String, List<Map<String, Object>>>) scenario.get("zone"))
        .forEach((name, records) -> records(zone, name, records));
    return new CountingResolver(zone.build()) {
      @Override
      public Answer<InetAddress> a(String name) {
        return name.startsWith("error.") ? Answer.none(Status.TIMEOUT) : super.a(name);
      }

      @Override
      public Answer<String> txt(String name) {
        return name.startsWith("error.") ? Answer.none(Status.TIMEOUT) : super.txt(name);
      }
    };
  }

  private static void records(
      ZoneResolver.Builder zone, String name, List<Map<String, Object>> records) {
    for (var record : records) {
      var type = (String) record.get("type");
      if (record.containsKey("rcode")) {
        zone.fail(name, type, Status.valueOf((String) record.get("rcode")));
        if (type.equals("ANY")) {
          return; // also for what is written down behind it
        }
        continue;
      }
      var value = record.get("value");
      switch (type) {
        case "A" -> zone.a(name, (String) value);
        case "AAAA" -> zone.aaaa(name, (String) value);
        case "CNAME" -> zone.cname(name, (String) value);
        case "MX" -> {
          var mx = (List<Object>) value;
          zone.mx(name, (Integer) mx.get(0), (String) mx.get(1));
        }
        case "PTR" -> zone.ptr(address(name), (String) value);
        case "TXT" -> zone.txt(name, ((List<String>) value).toArray(String[]::new));
        case "SPF" -> zone.fail(name, "SPF", Status.NODATA); // the name is there
        default -> throw new IllegalArgumentException(type);
      }
    }
  }

  /** The address of a name under in-addr.arpa or ip6.arpa. */
  private static String address(String name) {
    var labels = name.split("\\.");
    var text = new StringBuilder();
    if (name.toLowerCase(Locale.ROOT).endsWith("in-addr.arpa")) {
      for (int i = 3; i >= 0; i--) {
        text.append(labels[i]).append(i > 0 ? "." : "");
      }
    } else {
      for (int i = 31; i >= 0; i--) {
        text.append(labels[i]).append(i > 0 && i % 4 == 0 ? ":" : "");
      }
    }
    return text.toString();
  }
}
