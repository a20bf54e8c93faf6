package org.unifiedmta.security.spf;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.authres.AuthenticationResults;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.spf.SpfResult.Result;
import org.unifiedmta.security.testing.CountingResolver;

/** What records and senders are made for that are not made for mail (RFC 7208 11). */
class SpfAttackTest {
  private static final InetAddress CLIENT = ip("192.0.2.1");

  private final ZoneResolver.Builder zone = ZoneResolver.builder();

  private static InetAddress ip(String text) {
    var ip = Literals.ip(text);
    if (ip == null) {
      throw new IllegalArgumentException(text);
    }
    return ip;
  }

  private SpfResult check(String sender, String helo) {
    return new SpfVerifier(zone.build()).check(sender, CLIENT, helo);
  }

  /** 11.1: as much work for others as one record can ask for. */
  @ParameterizedTest
  @CsvSource({"mx, 110", "a, 10", "include, 10", "ptr, 1"})
  void theQuestionsOfAMessageAreCounted(String mechanism, int questions) {
    var terms = new StringBuilder("v=spf1");
    for (int i = 0; i < 15; i++) {
      var name = "t" + i + ".victim.test";
      terms.append(' ').append(mechanism).append(':').append(name);
      zone.a(name, "198.51.100.1").txt(name, "v=spf1 ip4:198.51.100.1 -all");
      for (int j = 0; j < 10; j++) {
        zone.mx(name, j, "mx" + j + "." + name);
        for (int k = 0; k < 100; k++) {
          zone.a("mx" + j + "." + name, "198.51.100." + k);
        }
      }
    }
    var dns = new CountingResolver(zone.txt("evil.test", terms + " -all").build());
    var result = new SpfVerifier(dns).check("a@evil.test", CLIENT, "h.test");
    assertThat(result.result()).isEqualTo(Result.PERMERROR);
    assertThat(dns.questions()).hasSize(1 + questions);
  }

  @Test
  void aThousandMadeUpSendersCostTenNamesEachAndAllBelowTheNameInTheRecord() {
    zone.txt("evil.test", "v=spf1" + " a:%{l1r-}.%{l2r-}.victim.test".repeat(12) + " ~all");
    var random = new Random(7208);
    for (int i = 0; i < 1_000; i++) {
      var local =
          random
              .ints(random.nextInt(80), 33, 127)
              .mapToObj(Character::toString)
              .collect(Collectors.joining());
      var dns = new CountingResolver(zone.build());
      new SpfVerifier(dns).check(local + "@evil.test", CLIENT, "h.test");
      assertThat(dns.questions()).hasSizeLessThanOrEqualTo(11);
      assertThat(dns.questions().subList(1, dns.questions().size()))
          .allMatch(question -> question.endsWith(".victim.test"));
    }
  }

  /** 7.3: an octet beyond ASCII is one percent sign and two digits, never more. */
  @ParameterizedTest
  @CsvSource({
    "'a \u00e4\ud83d\ude00', a%20%C3%A4%F0%9F%98%80",
    "'\u0000\u007f', %00%7F",
    "'a b%c', a%20b%25c",
    "'~-._', ~-._",
    "'<>\"', %3C%3E%22"
  })
  void whatIsEscapedIsEscapedByOctets(String helo, String escaped) {
    zone.txt("evil.test", "v=spf1 -all exp=e.test").txt("e.test", "https://e.test/?%{H}");
    assertThat(check("a@evil.test", helo).explanation()).isEqualTo("https://e.test/?" + escaped);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"%{S}", "%{L}", "%{H}", "%{HR}", "%{h99r.-+,/_=}", "%{s}%{S}%{l}%{L}%{h}%{H}"})
  void anExplanationOfAnythingIsOneLineThatAReplyHasRoomFor(String text) {
    zone.txt("evil.test", "v=spf1 -all exp=e.test").txt("e.test", "%{c} " + text.repeat(50));
    for (var hostile :
        List.of(
            "a\r\n250 OK",
            "\u00ff".repeat(10_000),
            ".".repeat(5_000),
            "\ud800",
            "x\0\t\u001b[2J")) {
      var explanation = check(hostile.replaceAll("[^ -~]", "?") + "@evil.test", hostile);
      assertThat(explanation.explanation()).matches("[ -~]{1,450}");
    }
  }

  /** What lets anybody send is a pass (5), and is said to be that. */
  @ParameterizedTest
  @CsvSource({
    "+all, 192.0.2.1",
    "all, 2001:db8::1",
    "ip4:0.0.0.0/0, 192.0.2.1",
    "ip4:1.2.3.4/0, 192.0.2.1",
    "ip6:::/0, 2001:db8::1",
    "a/0, 192.0.2.1",
    "mx/0, 192.0.2.1",
    "a//0, 2001:db8::1",
    "mx//0, 2001:db8::1",
  })
  void recordsForEverybodyAreNamed(String term, String client) {
    zone.a("open.test", "198.51.100.1").aaaa("open.test", "2001:db8:ffff::1");
    zone.mx("open.test", 1, "open.test").txt("open.test", "v=spf1 " + term + " -all");
    var result = new SpfVerifier(zone.build()).check("a@open.test", ip(client), "h.test");
    assertThat(result.result()).isEqualTo(Result.PASS);
    assertThat(result.reason()).contains("which lets anybody send");
  }

  /** RFC 7208 2.4, RFC 8601 2.2: HELO is anything, also where it is what is checked. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "[192.0.2.1]",
        "[IPv6:2001:db8::1]",
        "localhost",
        "a b",
        "x(.legit.test",
        "x).legit.test",
        ";spf=pass",
        "legit.test;spf=pass smtp.mailfrom=legit.test",
        "legit.test\r\nX: y",
        "\"legit.test\"",
        "legit.test\0.evil.test"
      })
  void aNullSenderWhoseHeloIsNoNameHasNoResultAndNoPlaceToHide(String helo) {
    zone.txt("legit.test", "v=spf1 +all");
    var result = check("", helo);
    assertThat(result.result()).isEqualTo(Result.NONE);
    assertThat(result.domain()).isEmpty();
    var all =
        new AuthenticationResults(result, List.of(), ArcResult.none(), DmarcResult.none())
            .header("mx.here.test");
    assertThat(all.replace("\r\n", ""))
        .isEqualTo(
            "Authentication-Results: mx.here.test; spf=none; dkim=none; arc=none; dmarc=none");
    var field = result.receivedSpf("", helo, "mx.here.test") + "\r\n";
    var octets = field.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
    assertThat(HeaderSection.of(octets).fields()).hasSize(1);
    assertThat(field).matches("([ -~]+|\r\n[ \t]|\r\n$)*");
  }
}
