package org.unifiedmta.security.spf;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.security.spf.SpfResult.Result;
import org.unifiedmta.security.testing.CountingResolver;

class SpfVerifierTest {
  private static final InetAddress CLIENT = ip("192.0.2.1");
  private static final String HELO = "mail.example.net";

  private final ZoneResolver.Builder zone = ZoneResolver.builder();

  private static InetAddress ip(String text) {
    var ip = Literals.ip(text);
    if (ip == null) {
      throw new IllegalArgumentException(text);
    }
    return ip;
  }

  private SpfResult check(String mailFrom) {
    return new SpfVerifier(zone.build()).check(mailFrom, CLIENT, HELO);
  }

  private SpfResult checkRecord(String record) {
    var verifier = new SpfVerifier(zone.txt("example.org", record).build());
    return verifier.check("ann@example.org", CLIENT, HELO);
  }

  /** RFC 7208 4.6.4, as pyspf and Mail::SPF read it, too; a term counts once. */
  @Test
  void hostsOfAnMxTermWithoutAnAddressAreOneVoidLookup() {
    zone.mx("m.test", 10, "a.test").mx("m.test", 20, "b.test").mx("m.test", 30, "c.test");
    zone.aaaa("a.test", "2001:db8::1").aaaa("b.test", "2001:db8::1").aaaa("c.test", "2001:db8::1");
    assertThat(checkRecord("v=spf1 mx:m.test exists:no.test -all").result()).isEqualTo(Result.FAIL);
    zone.txt("three.test", "v=spf1 mx:m.test exists:no.test exists:none.test -all");
    assertThat(check("ann@three.test").result()).isEqualTo(Result.PERMERROR);
  }

  // Identities

  @Test
  void theDomainIsThatOfTheReversePathInLowerCase() {
    var result = new SpfVerifier(zone.txt("example.org", "v=spf1 ip4:192.0.2.1 -all").build());
    var found = result.verify(EmailAddress.parse("Ann@Example.ORG"), CLIENT, HELO);
    assertThat(found.result()).isEqualTo(Result.PASS);
    assertThat(found.domain()).isEqualTo("example.org");
    assertThat(found.ip()).isEqualTo(CLIENT);
    assertThat(found.explanation()).isNull();
  }

  @Test
  void aNullSenderIsPostmasterAtHelo() {
    zone.txt(HELO, "v=spf1 exists:%{l}.of.%{o}.test -all")
        .a("postmaster.of." + HELO + ".test", "127.0.0.2");
    assertThat(check("").result()).isEqualTo(Result.PASS);
    assertThat(check("").domain()).isEqualTo(HELO);
  }

  @Test
  void heloIsNotAskedWhereThereIsAReversePath() {
    zone.txt(HELO, "v=spf1 +all").txt("example.org", "v=spf1 -all");
    assertThat(check("ann@example.org").result()).isEqualTo(Result.FAIL);
    assertThat(check("ann@nothing.example.org").result()).isEqualTo(Result.NONE);
  }

  @Test
  void aMessagesFromFieldDoesNotCount() {
    zone.txt("example.org", "v=spf1 -all").txt("example.com", "v=spf1 +all");
    zone.txt(HELO, "v=spf1 ?all");
    var verifier = new SpfVerifier(zone.build());
    var email = Email.builder().from("ann@example.com").to("bob@example.net");
    var bounce =
        Email.parse(
            "From: ann@example.com\r\n\r\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    assertThat(
            verifier.verify(email.envelopeFrom("ann@example.org").build(), CLIENT, HELO).result())
        .isEqualTo(Result.FAIL);
    assertThat(verifier.verify(bounce, CLIENT, HELO).result()).isEqualTo(Result.NEUTRAL);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[192.0.2.1]",
        "localhost",
        "a b",
        "x(.legit.example",
        ";spf=pass",
        "",
        ".",
        "..",
        "a..example.org",
        ".example.org",
        "example.org..",
        "\0.example.org",
        "a\r\nb.example.org",
        "\u200b.example.org"
      })
  void aHeloThatIsNoDomainNameIsNotAskedFor(String helo) {
    var dns = new CountingResolver(zone.build());
    var result = new SpfVerifier(dns).check("", CLIENT, helo);
    assertThat(result.result()).isEqualTo(Result.NONE);
    assertThat(result.domain()).isEmpty();
    assertThat(dns.questions()).isEmpty();
  }

  @Test
  void labelsOfMoreThan63OctetsAndNamesOfMoreThan253AreNotAskedFor() {
    var dns = new CountingResolver(zone.build());
    var verifier = new SpfVerifier(dns);
    var longest = "a.".repeat(126) + "b";
    assertThat(verifier.check("x@" + longest, CLIENT, HELO).domain()).isEqualTo(longest);
    assertThat(dns.questions()).hasSize(1);
    assertThat(verifier.check("x@a" + longest, CLIENT, HELO).domain()).isEmpty();
    assertThat(verifier.check("x@" + "a".repeat(64) + ".org", CLIENT, HELO).domain()).isEmpty();
    assertThat(verifier.check("x@" + "a".repeat(63) + ".org", CLIENT, HELO).domain()).isNotEmpty();
    assertThat(dns.questions()).hasSize(2);
  }

  @Test
  void theDomainIsBehindTheLastAtAndTheLocalPartIsTheRealOne() {
    zone.txt("c.example", "v=spf1 exists:%{l}.l.test -all");
    zone.a("a@b.l.test", "127.0.0.2").a("x y.l.test", "127.0.0.2").a("50%.l.test", "127.0.0.2");
    assertThat(check("a@b@c.example").result()).isEqualTo(Result.PASS);
    assertThat(check("\"a@b\"@c.example").result()).isEqualTo(Result.PASS);
    assertThat(check("\"x y\"@c.example").result()).isEqualTo(Result.PASS);
    assertThat(check("\"x\\ y\"@c.example").result()).isEqualTo(Result.PASS);
    assertThat(check("50%@c.example").result()).isEqualTo(Result.PASS);
    assertThat(check("other@c.example").result()).isEqualTo(Result.FAIL);
  }

  @Test
  void aStringWithoutAtIsADomainAndALocalPartThatIsEmptyIsPostmaster() {
    zone.txt("c.example", "v=spf1 exists:%{l}.l.test -all").a("postmaster.l.test", "127.0.0.2");
    assertThat(check("c.example").result()).isEqualTo(Result.PASS);
    assertThat(check("@c.example").result()).isEqualTo(Result.PASS);
  }

  @Test
  void anInternationalizedDomainIsAskedForInItsALabels() {
    zone.txt("xn--bcher-kva.example", "v=spf1 exists:%{o}.o.test -all");
    zone.a("xn--bcher-kva.example.o.test", "127.0.0.2");
    assertThat(check("ann@B\u00fccher.example").result()).isEqualTo(Result.PASS);
    assertThat(check("ann@b\u00fccher.example").domain()).isEqualTo("xn--bcher-kva.example");
  }

  @Test
  void termsWithAnInternationalizedLocalPartMatchNothing() {
    zone.txt("example.org", "v=spf1 exists:%{l1r-}.l.test include:%{s}.l.test ~all");
    zone.txt("to.example.org", "v=spf1 redirect=%{l}.l.test");
    zone.txt("domain.example.org", "v=spf1 exists:%{d}.l.test -all");
    zone.a("domain.example.org.l.test", "127.0.0.2");
    assertThat(check("\u00e4@example.org").result()).isEqualTo(Result.SOFTFAIL); // RFC 8616 4
    assertThat(check("\u00e4@to.example.org").result()).isEqualTo(Result.NEUTRAL);
    assertThat(check("\u00e4@domain.example.org").result()).isEqualTo(Result.PASS);
  }

  // Addresses

  @Test
  void aMappedClientIsAnIpv4Client() throws UnknownHostException {
    zone.txt("example.org", "v=spf1 ip6:::ffff:192.0.2.1 ip4:192.0.2.1 -all");
    var octets = new byte[16];
    octets[10] = octets[11] = (byte) 0xFF;
    System.arraycopy(CLIENT.getAddress(), 0, octets, 12, 4);
    var mapped = Inet6Address.getByAddress(null, octets, -1);
    assertThat(mapped).isInstanceOf(Inet6Address.class);
    var result = new SpfVerifier(zone.build()).check("ann@example.org", mapped, HELO);
    assertThat(result.result()).isEqualTo(Result.PASS);
    assertThat(result.reason()).startsWith("ip4:192.0.2.1 ");
  }

  @ParameterizedTest
  @CsvSource({
    "ip4:192.0.2.0/25, PASS",
    "ip4:192.0.2.128/25, FAIL",
    "ip4:192.0.2.0/31, PASS",
    "ip4:192.0.2.0, FAIL",
    "ip4:192.0.2.2/31, FAIL",
    "ip4:128.0.0.0/1, PASS",
    "ip4:0.0.0.0/1, FAIL",
    "ip4:1.2.3.4/0, PASS",
    "ip6:::/0, FAIL",
    "IP4:192.0.2.1, PASS",
    "ip4:191.255.255.255/7, FAIL",
    "ip4:193.0.0.0/7, PASS"
  })
  void bitsAreCountedFromTheLeft(String mechanism, Result expected) {
    assertThat(checkRecord("v=spf1 " + mechanism + " -all").result()).isEqualTo(expected);
  }

  @Test
  void anIpv6ClientIsComparedWithAaaaAndIp6Only() {
    zone.txt("example.org", "v=spf1 a//64 mx//64 -all");
    zone.a("example.org", "192.0.2.1").aaaa("example.org", "2001:db8:0:1::");
    zone.mx("example.org", 1, "mx.example.org").aaaa("mx.example.org", "2001:db8:0:2::");
    var verifier = new SpfVerifier(zone.build());
    for (var inside : new String[] {"2001:db8:0:1::f", "2001:db8:0:2:ffff::"}) {
      assertThat(verifier.check("a@example.org", ip(inside), HELO).result()).isEqualTo(Result.PASS);
    }
    assertThat(verifier.check("a@example.org", ip("2001:db8:0:3::"), HELO).result())
        .isEqualTo(Result.FAIL);
  }

  // Limits

  @ParameterizedTest
  @CsvSource({"10, PASS", "11, PERMERROR"})
  void tenTermsMayAskTheDns(int includes, Result expected) {
    zone.txt("example.org", "v=spf1 include:i1.test -all");
    for (int i = 1; i < includes; i++) {
      zone.txt("i" + i + ".test", "v=spf1 include:i" + (i + 1) + ".test -all");
    }
    zone.txt("i" + includes + ".test", "v=spf1 +all");
    assertThat(check("ann@example.org").result()).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "v=spf1 include:example.org -all", "v=spf1 redirect=example.org",
        "v=spf1 include:other.test -all", "v=spf1 redirect=other.test",
        "v=spf1 include:%{d} -all"
      })
  void aLoopIsAnErrorAndAsksForNoNameTwice(String record) {
    zone.txt("example.org", record).txt("other.test", record.replace("other.test", "example.org"));
    var dns = new CountingResolver(zone.build());
    assertThat(new SpfVerifier(dns).check("ann@example.org", CLIENT, HELO).result())
        .isEqualTo(Result.PERMERROR);
    assertThat(dns.questions()).doesNotHaveDuplicates().hasSizeLessThanOrEqualTo(10);
  }

  @Test
  void theSameRecordMayBeIncludedTwice() {
    zone.txt("example.org", "v=spf1 include:other.test include:other.test ip4:192.0.2.1 -all");
    zone.txt("other.test", "v=spf1 -all");
    assertThat(check("ann@example.org").result()).isEqualTo(Result.PASS);
  }

  @ParameterizedTest
  @CsvSource({
    "a:n1.test a:n2.test, FAIL", "a:n1.test a:n2.test a:n3.test, PERMERROR",
    "exists:n1.test mx:n2.test a:n3.test, PERMERROR", "mx:n1.test exists:n2.test ptr, PERMERROR"
  })
  void twoTermsMayFindNothing(String terms, Result expected) {
    assertThat(checkRecord("v=spf1 " + terms + " -all").result()).isEqualTo(expected);
  }

  // RFC 7208 4.6.4 limits the terms whose queries find nothing, not only those of the first query.
  @ParameterizedTest
  @CsvSource({
    "mx:servers.test mx:servers.test, FAIL",
    "mx:servers.test mx:servers.test a:n1.test, PERMERROR",
    "a:n1.test mx:servers.test include:more.test, PERMERROR",
    "ptr:x.test ptr:y.test, FAIL",
    "ptr:x.test a:n1.test exists:%{p}.test, PERMERROR",
    "mx:servers.test a:n1.test exp=why.test, FAIL"
  })
  void aTermOfWhoseNamesOneHasNoAddressFindsNothingOnce(String terms, Result expected) {
    for (int i = 0; i < 3; i++) {
      zone.mx("servers.test", i, "ipv6-" + i + ".test").aaaa("ipv6-" + i + ".test", "2001:db8::1");
      zone.ptr("192.0.2.1", "forged" + i + ".test");
    }
    zone.txt("more.test", "v=spf1 mx:servers.test ~all").txt("why.test", "%{p}");
    assertThat(checkRecord("v=spf1 " + terms + " -all").result()).isEqualTo(expected);
  }

  @Test
  void anExplanationIsNoTermThatFindsNothing() {
    zone.ptr("192.0.2.1", "forged.test").txt("why.test", "%{p} is not allowed");
    var found = checkRecord("v=spf1 a:n1.test a:n2.test -all exp=why.test");
    assertThat(found.explanation()).isEqualTo("unknown is not allowed");
  }

  @ParameterizedTest
  @CsvSource({"10, FAIL", "11, PERMERROR"})
  void aDomainMayHaveTenMailServers(int exchanges, Result expected) {
    for (int i = 0; i < exchanges; i++) {
      zone.mx("example.org", i, "mx" + i + ".test");
      for (int j = 0; j < 100; j++) {
        zone.a("mx" + i + ".test", "198.51.100." + j);
      }
    }
    var dns = new CountingResolver(zone.txt("example.org", "v=spf1 mx -all").build());
    assertThat(new SpfVerifier(dns).check("ann@example.org", CLIENT, HELO).result())
        .isEqualTo(expected);
    assertThat(dns.questions()).hasSizeLessThanOrEqualTo(12);
  }

  @Test
  void tenOfAClientsNamesAreLookedAtOnce() {
    zone.txt("example.org", "v=spf1 ptr:n10.test ptr:n9.test -all");
    for (int i = 0; i < 1_000; i++) {
      zone.ptr("192.0.2.1", "n" + i + ".test").a("n" + i + ".test", "192.0.2.1");
    }
    var dns = new CountingResolver(zone.build());
    var result = new SpfVerifier(dns).check("ann@example.org", CLIENT, HELO);
    assertThat(result.reason()).startsWith("ptr:n9.test");
    assertThat(dns.questions()).hasSize(12).doesNotHaveDuplicates();
  }

  @Test
  void recordsThatMakeUpNamesAskForTenOfThemPerMessage() {
    zone.txt("example.org", "v=spf1" + " a:%{l1r-}.victim.test".repeat(20) + " -all");
    var dns = new CountingResolver(zone.build());
    assertThat(new SpfVerifier(dns).check("abc@example.org", CLIENT, HELO).result())
        .isEqualTo(Result.PERMERROR);
    assertThat(dns.questions()).hasSizeLessThanOrEqualTo(11);
  }

  @Test
  void afterTwentySecondsNothingMoreIsAsked() {
    zone.txt("example.org", "v=spf1 a:a1.test a:a2.test a:a3.test +all");
    zone.a("a1.test", "192.0.2.9").a("a2.test", "192.0.2.9").a("a3.test", "192.0.2.9");
    var now = new AtomicReference<>(Instant.EPOCH);
    InstantSource source = now::get;
    var slow =
        new CountingResolver(zone.build()) {
          @Override
          protected void asked(String question) {
            super.asked(question);
            now.updateAndGet(before -> before.plus(Duration.ofSeconds(7)));
          }
        };
    var verifier = new SpfVerifier(slow, source.withZone(ZoneOffset.UTC), "r.example");
    var result = verifier.check("ann@example.org", CLIENT, HELO);
    assertThat(result.result()).isEqualTo(Result.TEMPERROR);
    assertThat(result.reason()).contains("20 s");
    assertThat(slow.questions()).hasSize(3);
  }

  // What the DNS does wrong

  @ParameterizedTest
  @ValueSource(strings = {"SERVFAIL", "TIMEOUT"})
  void aDnsThatDoesNotAnswerIsTemporaryAndNeverAPass(Status failure) {
    zone.fail("silent.test", "ANY", failure);
    zone.txt("a.test", "v=spf1 a:silent.test +all");
    zone.txt("mx.test", "v=spf1 mx:silent.test +all");
    zone.txt("mxa.test", "v=spf1 mx +all").mx("mxa.test", 1, "silent.test");
    zone.txt("exists.test", "v=spf1 exists:silent.test +all");
    zone.txt("include.test", "v=spf1 include:silent.test +all");
    zone.txt("redirect.test", "v=spf1 redirect=silent.test");
    for (var name : "silent a mx mxa exists include redirect".split(" ")) {
      var result = check("ann@" + name + ".test");
      assertThat(result.result()).as(name).isEqualTo(Result.TEMPERROR);
      assertThat(result.reason()).contains("silent.test").contains(failure.name());
    }
  }

  @Test
  void aClientsNamesThatCannotBeLookedUpMatchNothing() {
    zone.txt("example.org", "v=spf1 ptr -all").txt("p.test", "v=spf1 exists:%{p}.p.test -all");
    zone.a("unknown.p.test", "127.0.0.2");
    zone.fail("1.2.0.192.in-addr.arpa", "PTR", Status.TIMEOUT);
    assertThat(check("ann@example.org").result()).isEqualTo(Result.FAIL); // 5.5
    assertThat(check("ann@p.test").result()).isEqualTo(Result.PASS); // 7.3
  }

  @Test
  void aNameOfTheClientMustLeadBackToIt() {
    zone.txt("example.org", "v=spf1 ptr -all").ptr("192.0.2.1", "liar.example.org");
    zone.ptr("192.0.2.1", "broken.example.org").fail("broken.example.org", "A", Status.SERVFAIL);
    zone.a("liar.example.org", "192.0.2.2");
    assertThat(check("ann@example.org").result()).isEqualTo(Result.FAIL);
    zone.ptr("192.0.2.1", "evilexample.org").a("evilexample.org", "192.0.2.1");
    assertThat(check("ann@example.org").result()).isEqualTo(Result.FAIL);
    zone.ptr("192.0.2.1", "True.example.org").a("true.example.org", "192.0.2.1");
    assertThat(check("ann@example.org").result()).isEqualTo(Result.PASS);
  }

  @Test
  void twoRecordsAreAnErrorAndRecordsOfOthersAreNone() {
    zone.txt("two.test", "v=spf1 -all").txt("two.test", "v=spf1 +all");
    zone.txt("ten.test", "v=spf10 +all");
    zone.txt("space.test", "v=spf1\u200b +all").txt("nul.test", "v=spf1\0 +all");
    zone.txt("upper.test", "V=SPF1 -ALL");
    assertThat(check("a@two.test").result()).isEqualTo(Result.PERMERROR);
    assertThat(check("a@ten.test").result()).isEqualTo(Result.NONE);
    assertThat(check("a@space.test").result()).isEqualTo(Result.NONE);
    assertThat(check("a@nul.test").result()).isEqualTo(Result.NONE);
    assertThat(check("a@upper.test").result()).isEqualTo(Result.FAIL);
  }

  @Test
  void aRecordOfFiveMegabytesIsAnErrorAndNoTrouble() {
    assertThat(checkRecord("v=spf1 " + "a ".repeat(2_500_000)).result())
        .isEqualTo(Result.PERMERROR);
  }

  @Test
  void recordsThatLetAnybodySendAreTakenAndSaidSo() {
    for (var term : new String[] {"+all", "ip4:0.0.0.0/0", "all"}) {
      var result =
          new SpfVerifier(ZoneResolver.builder().txt("x.test", "v=spf1 " + term).build())
              .check("a@x.test", CLIENT, HELO);
      assertThat(result.result()).isEqualTo(Result.PASS);
      assertThat(result.reason()).contains("anybody");
    }
    assertThat(checkRecord("v=spf1 ip4:192.0.2.1").reason()).doesNotContain("anybody");
  }

  @Test
  void includeAndRedirectOfNothingAreErrors() {
    zone.txt("i.test", "v=spf1 include:nothing.test -all")
        .txt("r.test", "v=spf1 redirect=nothing.test");
    assertThat(check("a@i.test").result()).isEqualTo(Result.PERMERROR);
    assertThat(check("a@r.test").result()).isEqualTo(Result.PERMERROR);
  }

  @Test
  void aRedirectCountsOnlyWithoutAll() {
    zone.txt("other.test", "v=spf1 -all");
    assertThat(checkRecord("v=spf1 redirect=other.test ip4:198.51.100.1").result())
        .isEqualTo(Result.FAIL);
    zone.txt("all.test", "v=spf1 redirect=other.test ?all");
    assertThat(check("a@all.test").result()).isEqualTo(Result.NEUTRAL);
  }

  @Test
  void aNullMxHasNoAddresses() {
    zone.txt("example.org", "v=spf1 mx -all").mx("example.org", 0, "");
    assertThat(check("a@example.org").result()).isEqualTo(Result.FAIL);
  }

  // Explanations

  private SpfResult explained(String text) {
    zone.txt("example.org", "v=spf1 -all exp=e.test").txt("e.test", text);
    return new SpfVerifier(
            zone.build(),
            Clock.fixed(Instant.ofEpochSecond(1234), ZoneOffset.UTC),
            "mx.example.com")
        .check("ann@example.org", CLIENT, HELO);
  }

  @Test
  void theDomainMayExplainItself() {
    assertThat(explained("%{s} from %{c} (%{h}) at %{t} to %{r}%_%%").explanation())
        .isEqualTo("ann@example.org from 192.0.2.1 (mail.example.net) at 1234 to mx.example.com %");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a\r\n250 OK", "\u00e4", "%{x}", "%{d", "a\0b", "", " ", "%"})
  void anExplanationThatIsNotPlainTextIsNone(String text) {
    var result = explained(text);
    assertThat(result.explanation()).isNull();
    assertThat(result.result()).isEqualTo(Result.FAIL);
  }

  @Test
  void anExplanationIsOneLineThatFitsAReply() {
    assertThat(explained("x".repeat(65_000)).explanation()).hasSize(450);
    var zone =
        ZoneResolver.builder().txt("x.test", "v=spf1 -all exp=e.test").txt("e.test", "%{l}!");
    var result = new SpfVerifier(zone.build()).check("a\r\nb\0\u00e4@x.test", CLIENT, HELO);
    assertThat(result.explanation()).isEqualTo("a??b??!");
  }

  @Test
  void anExplanationIsOnlyForThoseWhoFailThere() {
    zone.txt("example.org", "v=spf1 include:fails.test ~all exp=e.test");
    zone.txt("fails.test", "v=spf1 -all exp=e.test").txt("e.test", "text");
    assertThat(check("a@example.org").explanation()).isNull();
    assertThat(check("a@fails.test").explanation()).isEqualTo("text");
    zone.txt("redirects.test", "v=spf1 redirect=fails.test exp=other.test")
        .txt("other.test", "other");
    assertThat(check("a@redirects.test").explanation()).isEqualTo("text"); // 6.2
  }

  @Test
  void anExplanationThatTheDnsDoesNotGiveIsNone() {
    zone.txt("example.org", "v=spf1 -all exp=e.test").fail("e.test", "TXT", Status.TIMEOUT);
    zone.txt("two.test", "v=spf1 -all exp=x.test").txt("x.test", "a").txt("x.test", "b");
    zone.txt("no.test", "v=spf1 -all exp=nothing.test");
    for (var domain : new String[] {"example.org", "two.test", "no.test"}) {
      assertThat(check("a@" + domain).result()).isEqualTo(Result.FAIL);
      assertThat(check("a@" + domain).explanation()).isNull();
    }
  }

  @Test
  void longSendersAreCutToNamesThatCanBeAskedFor() {
    var dns =
        new CountingResolver(zone.txt("example.org", "v=spf1 exists:%{s}.x.test -all").build());
    var verifier = new SpfVerifier(dns);
    assertThat(verifier.check("abc.".repeat(16_000) + "d@example.org", CLIENT, HELO).result())
        .isEqualTo(Result.FAIL);
    var name = dns.questions().get(1).substring("A ".length());
    assertThat(name).endsWith("d@example.org.x.test").startsWith("abc.").hasSizeBetween(249, 253);
  }

  @Test
  void whatIsSaidOfAResultIsOneLineOfAscii() {
    var result = checkRecord("v=spf1 exists:%{h}.\u00e4");
    assertThat(result.reason()).matches("[ -~]{1,450}");
    var dns = ZoneResolver.builder().txt("x.test", "v=spf1 include:%{l}.y.test -all").build();
    var hostile = new SpfVerifier(dns).check("a\r\nX: b@x.test", CLIENT, HELO);
    assertThat(hostile.result()).isEqualTo(Result.PERMERROR);
    assertThat(hostile.reason()).matches("[ -~]{1,450}");
  }

  @Test
  void everySenderAndHeloHasAResult() {
    DnsResolver dns =
        ZoneResolver.builder().txt("x.test", "v=spf1 a:%{s}.%{h}.%{p}.%{r} -all").build();
    var verifier = new SpfVerifier(dns);
    for (var sender :
        new String[] {
          "@", "@@", "a@", "\"@x.test", "\"\\\"@x.test", "<a@x.test>", "\ud800@x.test"
        }) {
      for (var helo : new String[] {"", "\ud800", "..", "[::1]", "a".repeat(100_000)}) {
        assertThat(verifier.check(sender, CLIENT, helo).result()).isNotNull();
      }
    }
  }
}
