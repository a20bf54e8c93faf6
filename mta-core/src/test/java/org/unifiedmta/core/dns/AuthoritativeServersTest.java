package org.unifiedmta.core.dns;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.unifiedmta.core.dns.DnsResolver.Answer;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.testing.ManualTimer;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Section;

/** A recursive server with a cache, and two servers of the zone example.org. */
@Timeout(60)
class AuthoritativeServersTest {
  private static final String KEY = "s1._domainkey.example.org";

  private TestNameServer recursive;
  private TestNameServer first;
  private TestNameServer second;
  private SystemDnsResolver resolver;

  @BeforeEach
  void start() throws IOException {
    recursive = new TestNameServer();
    recursive.answerAll(message -> message.getHeader().setRcode(Rcode.NXDOMAIN));
    recursive.records(
        "example.org", "example.org. 60 NS ns1.example.org.", "example.org. 60 NS ns2.else.test.");
    recursive.records("ns1.example.org", "ns1.example.org. 60 A 127.0.0.1");
    recursive.records("ns2.else.test", "ns2.else.test. 60 A 127.0.0.2");
    first = new TestNameServer(InetAddress.getByName("127.0.0.1"), 0);
    second = new TestNameServer(InetAddress.getByName("127.0.0.2"), first.address().getPort());
    resolver =
        SystemDnsResolver.builder()
            .servers(List.of(recursive.address()))
            .timeout(Duration.ofSeconds(1))
            .timer(new ManualTimer())
            .authoritativePort(first.address().getPort())
            .build();
  }

  @AfterEach
  void stop() throws IOException {
    resolver.close();
    recursive.close();
    first.close();
    second.close();
  }

  private static void says(TestNameServer server, String name, String... records) {
    server.answer(
        name,
        message -> {
          assertThat(message.getHeader().getFlag(Flags.RD)).isFalse();
          message.getHeader().setFlag(Flags.AA);
          TestNameServer.add(message, Section.ANSWER, records);
        });
  }

  private static void says(TestNameServer server, String name, int rcode) {
    server.answer(
        name,
        message -> {
          message.getHeader().setFlag(Flags.AA);
          message.getHeader().setRcode(rcode);
        });
  }

  private List<Object> seen() {
    return resolver.authoritativeTxt(KEY).stream().map(AuthoritativeServersTest::text).toList();
  }

  private static Object text(Answer<String> answer) {
    return answer.status() == Status.OK ? answer.records() : answer.status();
  }

  @Test
  void everyServerOfTheZoneIsAskedWhateverCachesSay() {
    says(first, KEY, KEY + ". 60 TXT \"v=DKIM1; \" \"p=new\"");
    says(second, KEY, KEY + ". 60 TXT \"v=DKIM1; p=old\"");
    assertThat(resolver.txt(KEY).status()).isEqualTo(Status.NXDOMAIN);
    assertThat(seen())
        .containsExactlyInAnyOrder(List.of("v=DKIM1; p=new"), List.of("v=DKIM1; p=old"));
  }

  @Test
  void aServerThatHasItNotIsToldApartFromOneThatFails() {
    says(first, KEY, Rcode.NXDOMAIN);
    says(second, KEY, Rcode.SERVFAIL);
    assertThat(seen()).containsExactlyInAnyOrder(Status.NXDOMAIN, Status.SERVFAIL);
  }

  @Test
  void whatIsNotAuthoritativeIsNoAnswer() {
    says(first, KEY, KEY + ". 60 TXT x");
    second.records(KEY, KEY + ". 60 TXT cached"); // without AA
    assertThat(seen()).containsExactlyInAnyOrder(List.of("x"), Status.SERVFAIL);
  }

  @Test
  void whatIsTooLongForADatagramComesByTcp() {
    says(first, KEY, KEY + ". 60 TXT long");
    says(second, KEY, KEY + ". 60 TXT long");
    first.truncate(KEY);
    assertThat(seen()).containsExactly(List.of("long"), List.of("long"));
    assertThat(first.tcpQuestions()).containsExactly(KEY + " TXT");
  }

  @Test
  void aZoneBelowTheDomainHasServersOfItsOwn() {
    recursive.records("_domainkey.example.org", "_domainkey.example.org. 60 NS ns2.else.test.");
    says(second, KEY, KEY + ". 60 TXT x");
    assertThat(seen()).containsExactly(List.of("x"));
    assertThat(first.questions()).isEmpty();
  }

  @Test
  void anAliasIsFollowedIntoItsZone() {
    recursive.records("host.test", "host.test. 60 NS ns2.else.test.");
    says(first, KEY, KEY + ". 60 CNAME k1.host.test.");
    says(second, KEY, KEY + ". 60 CNAME k1.host.test.");
    says(second, "k1.host.test", "k1.host.test. 60 TXT x");
    assertThat(seen()).containsExactly(List.of("x"));
    assertThat(first.questions()).containsExactly(KEY + " TXT");
  }

  @Test
  void aLoopOfAliasesEnds() {
    says(first, KEY, KEY + ". 60 CNAME k.example.org.");
    says(second, KEY, KEY + ". 60 CNAME k.example.org.");
    says(first, "k.example.org", "k.example.org. 60 CNAME " + KEY + ".");
    says(second, "k.example.org", "k.example.org. 60 CNAME " + KEY + ".");
    assertThat(seen()).containsExactly(Status.SERVFAIL);
  }

  @Test
  void serversThatCannotBeFoundAreAFailure() {
    recursive.answer("example.org", message -> message.getHeader().setRcode(Rcode.SERVFAIL));
    assertThat(seen()).containsExactly(Status.SERVFAIL);
    assertThat(first.questions()).isEmpty(); // nor are those of org asked
  }

  @Test
  void ofManyServersEightAreAsked() {
    recursive.answer(
        "example.org",
        message -> {
          for (int i = 0; i < 20; i++) {
            TestNameServer.add(message, Section.ANSWER, "example.org. 60 NS ns" + i + ".n.test.");
          }
        });
    recursive.answerAll(AuthoritativeServersTest::addressOfFirst);
    recursive.answer(KEY, message -> message.getHeader().setRcode(Rcode.NXDOMAIN));
    says(first, KEY, KEY + ". 60 TXT x");
    assertThat(seen()).hasSize(8).containsOnly(List.of("x"));
  }

  private static void addressOfFirst(Message message) {
    var name = message.getQuestion().getName();
    TestNameServer.add(message, Section.ANSWER, name + " 60 A 127.0.0.1");
  }

  @Test
  void aResolverThatIsClosedSaysSo() {
    resolver.close();
    assertThat(seen()).containsExactly(Status.SERVFAIL);
  }
}
