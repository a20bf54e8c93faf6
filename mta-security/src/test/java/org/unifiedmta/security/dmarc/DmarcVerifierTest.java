package org.unifiedmta.security.dmarc;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcResult.Action;
import org.unifiedmta.security.dmarc.DmarcResult.Policy;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.spf.SpfVerifier;
import org.unifiedmta.security.testing.CountingResolver;

class DmarcVerifierTest {
  private static final SpfResult NO_SPF = spf(SpfResult.Result.NONE, "");

  private final ZoneResolver.Builder zone = ZoneResolver.builder();

  private static SpfResult spf(SpfResult.Result result, String domain) {
    return new SpfResult(result, domain, InetAddress.getLoopbackAddress(), null, null);
  }

  private static SpfResult spfPass(String domain) {
    return spf(SpfResult.Result.PASS, domain);
  }

  private static List<DkimResult> dkim(DkimResult.Status status, String... domains) {
    var results = new ArrayList<DkimResult>();
    for (var domain : domains) {
      results.add(new DkimResult(status, domain, "s", null, false));
    }
    return results;
  }

  private DmarcVerifierTest publish(String domain, String record) {
    zone.txt("_dmarc." + domain, record);
    return this;
  }

  private DmarcResult verify(String author, SpfResult spf, List<DkimResult> dkim) {
    return new DmarcVerifier(zone.build()).verify(author, spf, dkim);
  }

  private DmarcResult verify(String author) {
    return verify(author, NO_SPF, List.of());
  }

  // Policy

  @ParameterizedTest
  @CsvSource({
    "none, NONE, NONE",
    "quarantine, QUARANTINE, QUARANTINE",
    "reject, REJECT, REJECT",
    "none;t=y, NONE, NONE",
    "quarantine;t=y, QUARANTINE, NONE",
    "reject;t=y, REJECT, QUARANTINE",
    "quarantine;pct=0, QUARANTINE, QUARANTINE",
    "bogus, ABSENT, NONE",
    "bogus;rua=mailto:a@b.example, NONE, NONE"
  })
  void whatIsNotProvenIsTreatedAsTheDomainWants(String p, Policy policy, Action action) {
    publish("example.org", "v=DMARC1; p=" + p);
    var result =
        verify("example.org", spfPass("example.com"), dkim(DkimResult.Status.PASS, "example.com"));
    assertThat(result.policy()).isEqualTo(policy);
    assertThat(result.action()).isEqualTo(action);
    assertThat(result.spfDomainAligned() || result.dkimDomainAligned()).isFalse();
    assertThat(result.recordDomain()).isEqualTo(policy == Policy.ABSENT ? null : "example.org");
    assertThat(result.record() == null).isEqualTo(policy == Policy.ABSENT);
  }

  @Test
  void withoutARecordNothingIsDone() {
    assertThat(verify("example.org", spfPass("example.org"), List.of()))
        .isEqualTo(DmarcResult.none());
  }

  @Test
  void severalRecordsAreNoneAndThoseOfOthersDoNotCount() {
    publish("two.example", "v=DMARC1; p=reject").publish("two.example", "v=DMARC1; p=none");
    publish("one.example", "v=DMARC1; p=reject").publish("one.example", "v=spf1 -all");
    publish("one.example", "v=DMARC2; p=none");
    assertThat(verify("two.example").policy()).isEqualTo(Policy.ABSENT);
    assertThat(verify("one.example").policy()).isEqualTo(Policy.REJECT);
  }

  @ParameterizedTest
  @CsvSource({
    "p=reject, REJECT, REJECT",
    "p=reject;sp=none, NONE, NONE",
    "p=reject;np=none, REJECT, NONE",
    "p=none;sp=quarantine;np=reject, QUARANTINE, REJECT"
  })
  void belowItsDomainARecordSaysWhatIsThereAndWhatIsNot(
      String tags, Policy there, Policy notThere) {
    publish("example.org", "v=DMARC1; " + tags);
    zone.a("there.example.org", "192.0.2.1").mx("mail.example.org", 1, "mx.example.org");
    assertThat(verify("there.example.org").policy()).isEqualTo(there);
    assertThat(verify("mail.example.org").policy()).isEqualTo(there);
    assertThat(verify("not.example.org").policy()).isEqualTo(notThere);
    assertThat(verify("there.example.org").recordDomain()).isEqualTo("example.org");
  }

  @Test
  void theAuthorsOwnRecordIsItsPolicyAndItsSpIsNot() {
    publish("example.org", "v=DMARC1; p=reject")
        .publish("a.example.org", "v=DMARC1; p=none; sp=reject");
    assertThat(verify("a.example.org").policy()).isEqualTo(Policy.NONE);
    // 4.10.1: else it is the organizational domain's, never one in between.
    assertThat(verify("b.a.example.org").recordDomain()).isEqualTo("example.org");
  }

  // The tree walk

  @Test
  void aNameOfManyLabelsCostsEightQueries() {
    publish("x.example.org", "v=DMARC1; p=reject");
    var dns = new CountingResolver(zone.build());
    var result =
        new DmarcVerifier(dns).verify("a.".repeat(27) + "x.example.org", NO_SPF, List.of());
    assertThat(result.recordDomain()).isEqualTo("x.example.org");
    assertThat(dns.questions()).hasSize(8);
  }

  @Test
  void theWalkIsTheOneOfTheRfc() {
    var dns = new CountingResolver(zone.build());
    new DmarcVerifier(dns).verify("a.b.c.d.e.f.g.h.i.j.mail.example.com", NO_SPF, List.of());
    assertThat(dns.questions())
        .containsExactly(
            "TXT _dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com",
            "TXT _dmarc.g.h.i.j.mail.example.com",
            "TXT _dmarc.h.i.j.mail.example.com",
            "TXT _dmarc.i.j.mail.example.com",
            "TXT _dmarc.j.mail.example.com",
            "TXT _dmarc.mail.example.com",
            "TXT _dmarc.example.com",
            "TXT _dmarc.com");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.b.c.d.e.f.example.com", "b.c.d.e.f.example.com", "com"})
  void upToEightLabelsAreWalkedOneByOne(String author) {
    var dns = new CountingResolver(zone.build());
    new DmarcVerifier(dns).verify(author, NO_SPF, List.of());
    assertThat(dns.questions()).hasSize(DomainNames.labels(author));
  }

  @Test
  void aPublicSuffixSaysSoAndTheOrganizationIsBelowIt() {
    publish("bank", "v=DMARC1; p=reject; sp=quarantine; np=reject; psd=y");
    zone.a("there.bank", "192.0.2.1").a("mail.there.bank", "192.0.2.1");
    assertThat(verify("mail.there.bank").policy()).isEqualTo(Policy.QUARANTINE);
    assertThat(verify("mail.there.bank").recordDomain()).isEqualTo("bank");
    assertThat(verify("not.bank").policy()).isEqualTo(Policy.REJECT);
    assertThat(verify("bank").policy()).isEqualTo(Policy.REJECT);
    assertThat(verify("mail.there.bank", spfPass("other.there.bank"), List.of()).action())
        .isEqualTo(Action.PASS);
    assertThat(verify("mail.there.bank", spfPass("other.bank"), List.of()).spfDomainAligned())
        .isFalse();
    publish("there.bank", "v=DMARC1; p=none");
    assertThat(verify("mail.there.bank").recordDomain()).isEqualTo("there.bank");
  }

  @Test
  void anOrganizationWithinAnotherSaysSo() {
    publish("example.com", "v=DMARC1; p=reject")
        .publish("mail.example.com", "v=DMARC1; p=none; psd=n");
    assertThat(verify("a.mail.example.com").recordDomain()).isEqualTo("mail.example.com");
    assertThat(verify("a.mail.example.com", spfPass("b.mail.example.com"), List.of()).action())
        .isEqualTo(Action.PASS);
    assertThat(verify("a.mail.example.com", spfPass("example.com"), List.of()).spfDomainAligned())
        .isFalse();
    assertThat(verify("example.com", spfPass("a.mail.example.com"), List.of()).spfDomainAligned())
        .isFalse();
  }

  @ParameterizedTest
  @CsvSource({"y", "n"})
  void theWalkEndsWhereADomainSaysWhatItIs(String psd) {
    publish("b.example.org", "v=DMARC1; p=reject; psd=" + psd);
    var dns = new CountingResolver(zone.build());
    new DmarcVerifier(dns).verify("a.b.example.org", NO_SPF, List.of());
    assertThat(dns.questions())
        .containsExactly("TXT _dmarc.a.b.example.org", "TXT _dmarc.b.example.org");
  }

  // Alignment

  @ParameterizedTest
  @CsvSource({
    "legit.test, true, true",
    "LEGIT.Test., true, true",
    "sub.legit.test, true, false",
    "a.b.legit.test, true, false",
    "legit.test.evil.test, false, false",
    "evillegit.test, false, false",
    "test, false, false",
    "evil.test, false, false",
    "'', false, false",
    "[192.0.2.1], false, false",
    "legit.test.., false, false",
    ".legit.test, false, false"
  })
  void labelsAreComparedAndNeverStrings(String identifier, boolean relaxed, boolean strict) {
    publish("legit.test", "v=DMARC1; p=reject");
    var loose = verify("legit.test", spfPass(identifier), dkim(DkimResult.Status.PASS, identifier));
    assertThat(loose.spfDomainAligned()).isEqualTo(relaxed);
    assertThat(loose.dkimDomainAligned()).isEqualTo(relaxed);
    assertThat(loose.action()).isEqualTo(relaxed ? Action.PASS : Action.REJECT);
    var close =
        new DmarcVerifier(
                ZoneResolver.builder()
                    .txt("_dmarc.legit.test", "v=DMARC1; p=reject; adkim=s; aspf=s")
                    .build())
            .verify("legit.test", spfPass(identifier), dkim(DkimResult.Status.PASS, identifier));
    assertThat(close.spfDomainAligned()).isEqualTo(strict);
    assertThat(close.dkimDomainAligned()).isEqualTo(strict);
  }

  @Test
  void uLabelsAndALabelsAreTheSameName() {
    publish("xn--bcher-kva.example", "v=DMARC1; p=reject; aspf=s");
    for (var author :
        new String[] {"b\u00fccher.example", "B\u00dcCHER.example", "XN--BCHER-KVA.example"}) {
      assertThat(verify(author, spfPass("xn--bcher-kva.example"), List.of()).action())
          .isEqualTo(Action.PASS);
    }
  }

  @ParameterizedTest
  @EnumSource(value = SpfResult.Result.class, names = "PASS", mode = EnumSource.Mode.EXCLUDE)
  void onlyAPassOfSpfCounts(SpfResult.Result spf) {
    publish("example.org", "v=DMARC1; p=reject");
    var result = verify("example.org", spf(spf, "example.org"), List.of());
    assertThat(result.spfDomainAligned()).isFalse();
    assertThat(result.action())
        .isEqualTo(spf == SpfResult.Result.TEMPERROR ? Action.TEMPERROR : Action.REJECT);
  }

  @ParameterizedTest
  @EnumSource(value = DkimResult.Status.class, names = "PASS", mode = EnumSource.Mode.EXCLUDE)
  void onlyAPassOfDkimCounts(DkimResult.Status dkim) {
    publish("example.org", "v=DMARC1; p=reject");
    var result = verify("example.org", NO_SPF, dkim(dkim, "example.org"));
    assertThat(result.dkimDomainAligned()).isFalse();
    assertThat(result.action())
        .isEqualTo(dkim == DkimResult.Status.TEMPERROR ? Action.TEMPERROR : Action.REJECT);
    // Of others it does not matter what could not be found out.
    assertThat(verify("example.org", NO_SPF, dkim(dkim, "example.com")).action())
        .isEqualTo(Action.REJECT);
  }

  @Test
  void oneAlignedSignatureOfManyIsEnough() {
    publish("example.org", "v=DMARC1; p=reject");
    var dkim = new ArrayList<>(dkim(DkimResult.Status.PASS, "evil.test", "list.test"));
    dkim.addAll(dkim(DkimResult.Status.PASS, "mail.example.org"));
    dkim.add(new DkimResult(DkimResult.Status.PASS, null, null, null, false));
    assertThat(verify("example.org", NO_SPF, dkim).action()).isEqualTo(Action.PASS);
  }

  @Test
  void heloCountsForTheNullSenderOnly() throws java.net.UnknownHostException {
    zone.txt("helo.example.org", "v=spf1 +all").txt("evil.test", "v=spf1 -all");
    publish("example.org", "v=DMARC1; p=reject");
    var spf = new SpfVerifier(zone.build());
    var ip = InetAddress.getByAddress(new byte[] {(byte) 192, 0, 2, 1});
    assertThat(verify("example.org", spf.check("", ip, "helo.example.org"), List.of()).action())
        .isEqualTo(Action.PASS);
    for (var sender : new String[] {"a@evil.test", "a@nothing.test"}) {
      assertThat(
              verify("example.org", spf.check(sender, ip, "helo.example.org"), List.of()).action())
          .isEqualTo(Action.REJECT);
    }
  }

  // What the DNS does wrong

  @ParameterizedTest
  @EnumSource(
      value = Status.class,
      names = {"SERVFAIL", "TIMEOUT"})
  void whereTheDnsDoesNotAnswerNothingIsDecided(Status failure) {
    zone.fail("_dmarc.example.org", "TXT", failure);
    for (var author : new String[] {"example.org", "a.b.example.org"}) {
      var result = verify(author, spfPass(author), List.of());
      assertThat(result.action()).isEqualTo(Action.TEMPERROR);
      assertThat(result.policy()).isEqualTo(Policy.ABSENT);
    }
    // What the walk does not need is not asked for.
    publish("a.example.org", "v=DMARC1; p=reject");
    assertThat(verify("a.example.org", spfPass("a.example.org"), List.of()).action())
        .isEqualTo(Action.PASS);
    var undecided = verify("a.example.org", spfPass("b.example.org"), List.of());
    assertThat(undecided.action()).isEqualTo(Action.TEMPERROR);
    assertThat(undecided.policy()).isEqualTo(Policy.REJECT);
  }

  @Test
  void whetherADomainIsThereMayNotBeKnown() {
    publish("example.org", "v=DMARC1; p=none; np=reject");
    zone.fail("a.example.org", "A", Status.TIMEOUT);
    assertThat(verify("a.example.org").action()).isEqualTo(Action.TEMPERROR);
  }

  // The From field

  private DmarcResult verifyHeader(String header) {
    publish("legit.test", "v=DMARC1; p=reject");
    publish("evil.test", "v=DMARC1; p=none");
    var message = header.getBytes(StandardCharsets.ISO_8859_1);
    return new DmarcVerifier(zone.build())
        .verify(
            Email.parse(message), spfPass("evil.test"), dkim(DkimResult.Status.PASS, "evil.test"));
  }

  /** Whoever controls evil.test shows an address at legit.test to some reader. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "From: a@legit.test\r\nFrom: b@evil.test\r\n\r\n",
        "From: b@evil.test\r\nFrom: a@legit.test\r\n\r\n",
        "From: b@evil.test\r\nSubject: x\r\nfRoM : a@legit.test\r\n\r\n",
        "From : a@legit.test\r\nFrom: b@evil.test\r\n\r\n",
        "From: b@evil.test\r\nno field\r\nFrom: a@legit.test\r\n\r\n",
        "From: b@evil.test\r\n\nFrom: a@legit.test\r\n\r\n",
        "From: b@evil.test, a@legit.test\r\n\r\n",
        "From: a@legit.test, b@evil.test\r\n\r\n",
        "From: a@legit.test\r\n , b@evil.test\r\n\r\n",
        "From: Ann <a@legit.test>, Bob <b@evil.test>\r\n\r\n",
        "From: <a@legit.test> <b@evil.test>\r\n\r\n",
        "From: <b@evil.test> <a@legit.test>\r\n\r\n",
        "From: <b@evil.test>a@legit.test\r\n\r\n",
        "From: a@legit.test <b@evil.test>\r\n\r\n",
        "From: a@legit.test b@evil.test\r\n\r\n",
        "From: a@legit.test\0@evil.test\r\n\r\n",
        "From: b@evil.test\0a@legit.test\r\n\r\n",
        "From: a@legit.test@evil.test\r\n\r\n",
        "From: <@legit.test:b@evil.test>\r\n\r\n",
        "From: <@evil.test,@legit.test:b@evil.test>\r\n\r\n",
        "From: x:b@evil.test,a@legit.test;\r\n\r\n",
        "From: x:a@legit.test;, b@evil.test\r\n\r\n",
        "From: b@evil.test\rFrom: a@legit.test\r\n\r\n",
        "From: b@evil.test\nFrom: a@legit.test\r\n\r\n",
        "From: \"a@legit.test <b@evil.test>\r\n\r\n",
        "From: (a@legit.test <b@evil.test>\r\n\r\n",
        "From: <a@legit.test\\>b@evil.test>\r\n\r\n",
        "From: \\a@legit.test\\, b@evil.test\r\n\r\n",
        "From: a@legit.test;b@evil.test\r\n\r\n",
        "From: b@evil.test:a@legit.test\r\n\r\n",
        "From: =?utf-8?q?a@legit.test?= <b@evil.test>\r\n\r\n",
        "From: =?utf-8?q?=3Ca=40legit.test=3E=2C?=b@evil.test\r\n\r\n",
        "From: <=?utf-8?q?a=40legit.test=3E?=b@evil.test>\r\n\r\n",
        "From: a@legit.test(\r\n\r\n",
        "From: b@evil.test, a@\tlegit.test\r\n\r\n",
        "From: a@legit.test(b@evil.test)\r\n\r\n",
        "From: a@legit.test,\r\n\r\n",
        "From: ,a@legit.test\r\n\r\n",
        "From: b@evil.test\r\nX: y\r\nFrom:\r\n\ta@legit.test\r\n\r\n",
        "From: b@evil.test\nFROM: a@legit.test\n\nbody\n",
        // Others leave out a mark in front of a name.
        "\u00ef\u00bb\u00bfFrom: a@legit.test\r\nFrom: b@evil.test\r\n\r\n",
        "\u00ef\u00bb\u00bfFrom: b@evil.test\r\nFrom: a@legit.test\r\n\r\n",
        "From: b@evil.test\r\n\u00e2\u0080\u008bFrom: a@legit.test\r\n\r\n",
        "\u00ef\u00bb\u00bfFrom: a@legit.test\r\n\r\n"
      })
  void whatReadersUnderstandInTwoWaysIsJudgedByTheStrictest(String header) {
    var result = verifyHeader(header);
    assertThat(result.action()).isEqualTo(Action.REJECT);
    assertThat(result.recordDomain()).isEqualTo("legit.test");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "From: \"a@legit.test\" <b@evil.test>\r\n\r\n",
        "From: \"a\\@legit.test\" <b@evil.test>\r\n\r\n",
        "From: \"a@notevil.test\" <b@evil.test>\r\n\r\n",
        "From: Ann\0 <b@evil.test>\r\n\r\n",
        "From: Ann\r <b@evil.test>\r\n\r\n",
        "From: \"Ann\u0007\" <b@evil.test>\r\n\r\n",
        "From: Ann\u00ff <b@evil.test>\r\n\r\n",
        "From: =?utf-8?q?a=40legit.test?= <b@evil.test>\r\n\r\n",
        "From: =?utf-8?B?YUBsZWdpdC50ZXN0?= <b@evil.test>\r\n\r\n",
        "From: b@evil.test (a@legit.test)\r\n\r\n",
        "From: (a@legit.test) b@evil.test\r\n\r\n",
        "From: \"Ann a@legit.test.\" b@evil.test\r\n\r\n",
        "From: \"Ann (a@legit.test) via list\" <b@evil.test>\r\n\r\n",
        "From: b@evil.test, \r\n\r\n",
        "From: b@evil.test, <>\r\n\r\n",
        "From: x: b@evil.test;\r\n\r\n",
        // Others take the first line for a field, or what follows it for the body.
        "\u00ef\u00bb\u00bfFrom: b@evil.test\r\n\r\n",
        "no field\r\nFrom: b@evil.test\r\n\r\n"
      })
  void anAddressElsewhereOrWhatIsNoTextInANameOrCommentNeverPasses(String header) {
    var result = verifyHeader(header);
    assertThat(result.action()).isEqualTo(Action.NONE);
    assertThat(result.recordDomain()).isEqualTo("evil.test"); // RFC 9989 knows no other
    assertThat(result.spfDomainAligned()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\r\n",
        "Subject: x\r\n\r\n",
        "From:\r\n\r\n",
        "From: <>\r\n\r\n",
        "From: x:;\r\n\r\n",
        "From: nobody\r\n\r\n",
        "From: a@[192.0.2.1]\r\n\r\n",
        "From: a@..\r\n\r\n",
        "From: @\r\n\r\n",
        "Sender: b@evil.test\r\nResent-From: b@evil.test\r\n\r\n",
        "Subject: x\r\n\tFrom: b@evil.test\r\n\r\n",
        "Subject: x\n\nFrom: b@evil.test\n\n"
      })
  void withoutADomainNothingPasses(String header) {
    assertThat(verifyHeader(header)).isEqualTo(DmarcResult.none());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "From: b@evil.test\r\n\r\n",
        "FROM:b@EVIL.test\r\n\r\n",
        "From : Bob <b@evil.test>\r\n\r\n",
        "From:\r\n Bob\r\n <b@evil.test>\r\n\r\n",
        "From: \"Bob, the \\\"b\\\"\" <b@evil.test> (him)\r\n\r\n",
        "From: b@evil.test, \"c\" <c@Evil.Test>\r\n\r\n",
        "From: =?utf-8?q?B=C3=B6b,_the?= <b@evil.test>\r\n\r\n",
        "From: B\u00c3\u00b6b Q. Public <b@evil.test>\r\n\r\n",
        "From: \"a b\"@evil.test\r\n\r\n",
        "From: < b @ evil.test >\r\n\r\n",
        "From: \"b@evil.test\" <b@evil.test>\r\n\r\n",
        "Sender: a@legit.test\r\nFrom: b@evil.test\r\nReply-To: a@legit.test\r\n\r\nFrom: a@legit.test\r\n"
      })
  void whatEveryReaderUnderstandsMayPass(String header) {
    var result = verifyHeader(header);
    assertThat(result.action()).isEqualTo(Action.PASS);
    assertThat(result.recordDomain()).isEqualTo("evil.test");
  }

  @Test
  void theFromFieldIsFoundBehindAThousandOthers() {
    var header = "X: y\r\n".repeat(1_000) + "From: a@legit.test\r\n\r\n";
    assertThat(verifyHeader(header).action()).isEqualTo(Action.REJECT);
  }

  @Test
  void aHeaderThatIsNotSeenToItsEndNeverPasses() {
    var header = "From: b@evil.test\r\n" + "X: y\r\n".repeat(2_500) + "From: a@legit.test\r\n\r\n";
    assertThat(verifyHeader(header).action()).isEqualTo(Action.NONE);
  }

  @Test
  void aMessageOfManyDomainsIsJudgedByThoseAtItsEndsWithFewQuestions() {
    publish("legit.test", "v=DMARC1; p=reject");
    var many = new StringBuilder("From: ");
    for (int i = 0; i < 500; i++) {
      many.append("x@d").append(i).append(".example, ");
    }
    for (var from : new String[] {many + "a@legit.test", "From: a@legit.test" + "\r\n" + many}) {
      var dns = new CountingResolver(zone.build());
      var message = (from + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
      var result = new DmarcVerifier(dns).verify(Email.parse(message), NO_SPF, List.of());
      assertThat(result.action()).isEqualTo(Action.REJECT);
      assertThat(dns.questions()).hasSizeLessThanOrEqualTo(8 * 8);
    }
  }
}
