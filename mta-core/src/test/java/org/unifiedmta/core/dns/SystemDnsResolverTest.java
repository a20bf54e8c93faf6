package org.unifiedmta.core.dns;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.core.dns.DnsResolver.Mx;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.testing.ManualTimer;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Section;

@Timeout(30)
class SystemDnsResolverTest {
  private static final String SOA = "example.org. 900 SOA ns.example.org. h.example.org. 1 2 3 4 ";

  private final ManualTimer timer = new ManualTimer();
  private TestNameServer server;
  private SystemDnsResolver resolver;

  @BeforeEach
  void start() throws IOException {
    server = new TestNameServer();
    resolver = resolver(Duration.ofSeconds(10));
  }

  private SystemDnsResolver resolver(Duration timeout) {
    return new SystemDnsResolver(List.of(server.address()), timeout, timer);
  }

  @AfterEach
  void stop() throws IOException {
    resolver.close();
    server.close();
  }

  @Test
  void recordsOfEveryTypeAreRead() throws IOException {
    server.records(
        "example.org", "example.org. 60 MX 10 MX.example.org.", "example.org. 60 MX 0 .");
    assertThat(resolver.mx("Example.ORG").records())
        .containsExactlyInAnyOrder(new Mx(10, "mx.example.org"), new Mx(0, ""));
    server.records(
        "t.test", "t.test. 60 TXT \"v=spf1 \" \"-all\"", "t.test. 60 TXT \"\\195\\164\"");
    assertThat(resolver.txt("t.test").records()).containsExactlyInAnyOrder("v=spf1 -all", "\u00e4");
    server.records("a.test", "a.test. 60 A 192.0.2.1");
    assertThat(resolver.a("a.test").records())
        .containsExactly(InetAddress.getByAddress(new byte[] {(byte) 192, 0, 2, 1}));
    server.records("aaaa.test", "aaaa.test. 60 AAAA ::1");
    assertThat(resolver.aaaa("aaaa.test").records()).containsExactly(InetAddress.getByName("::1"));
    server.records("1.0.0.127.in-addr.arpa", "1.0.0.127.in-addr.arpa. 60 PTR Host.test.");
    assertThat(resolver.ptr(InetAddress.getByName("127.0.0.1")).records())
        .containsExactly("host.test");
    server.records("c.test", "c.test. 60 CNAME Target.test.");
    assertThat(resolver.cname("c.test").records()).containsExactly("target.test");
    server.records("_25._tcp.mx.test", "_25._tcp.mx.test. 60 TLSA 3 1 1 0102");
    assertThat(resolver.tlsa("_25._tcp.mx.test").records().get(0).data()).containsExactly(1, 2);
  }

  /** RFC 1035 3.3: a character-string is of any octets; those that are no UTF-8 are told apart. */
  @ParameterizedTest
  @CsvSource({
    "'\"a\\000b\"',           a\0b",
    "'\"\\255\\254\"',        \uFFFD\uFFFD",
    "'\"\\195\" \"\\164\"',   \u00e4",
    "'\"\\\"a\\\" \\\\\"',    '\"a\" \\'",
    "'\"a;b\" \" \" \"c\"', a;b c",
    "'\"\"',                   ''",
    "'\"\\013\\010\"',        '\r\n'"
  })
  void textIsTakenOctetByOctet(String strings, String text) {
    server.records("t.test", "t.test. 60 TXT " + strings);
    assertThat(resolver.txt("t.test").records()).containsExactly(text);
  }

  @Test
  void validationIsToldOnlyWhereTheServerSaysSo() {
    server.records("plain.test", "plain.test. 60 A 192.0.2.1");
    server.answer(
        "secure.test",
        message -> {
          message.getHeader().setFlag(Flags.AD);
          TestNameServer.add(message, Section.ANSWER, "secure.test. 60 A 192.0.2.1");
        });
    assertThat(resolver.a("plain.test").dnssec()).isFalse();
    assertThat(resolver.a("secure.test").dnssec()).isTrue();
    // An alias to a name that is not secure is not secure.
    server.answer(
        "half.test",
        message -> {
          message.getHeader().setFlag(Flags.AD);
          TestNameServer.add(message, Section.ANSWER, "half.test. 60 CNAME plain.test.");
        });
    assertThat(resolver.a("half.test").dnssec()).isFalse();
  }

  @Test
  void anAnswerIsKeptForTheLeastOfItsTtlsAndNoLonger() {
    server.records("a.test", "a.test. 60 CNAME b.test.", "b.test. 300 A 192.0.2.1");
    assertThat(resolver.a("a.test").ttl()).isEqualTo(Duration.ofSeconds(60));
    timer.advance(Duration.ofSeconds(59));
    resolver.a("A.test");
    assertThat(server.questions()).hasSize(1);
    timer.advance(Duration.ofSeconds(1));
    resolver.a("a.test");
    assertThat(server.questions()).hasSize(2);
  }

  @Test
  void aTtlOfZeroIsNotKept() {
    server.records("a.test", "a.test. 0 A 192.0.2.1");
    resolver.a("a.test");
    timer.advance(Duration.ofNanos(1));
    resolver.a("a.test");
    assertThat(server.questions()).hasSize(2);
  }

  @Test
  void nothingIsKeptForMoreThanADay() {
    server.records("a.test", "a.test. 1000000 A 192.0.2.1");
    assertThat(resolver.a("a.test").ttl()).isEqualTo(Duration.ofDays(1));
  }

  @Test
  void anAbsentNameIsKeptForTheMinimumOfItsZone() {
    server.answer(
        "no.example.org",
        message -> {
          message.getHeader().setRcode(Rcode.NXDOMAIN);
          TestNameServer.add(message, Section.AUTHORITY, SOA + "30");
        });
    var answer = resolver.mx("no.example.org");
    assertThat(answer.status()).isEqualTo(Status.NXDOMAIN);
    assertThat(answer.records()).isEmpty();
    assertThat(answer.ttl()).isEqualTo(Duration.ofSeconds(30)); // RFC 2308 5
    timer.advance(Duration.ofSeconds(29));
    resolver.mx("no.example.org");
    assertThat(server.questions()).hasSize(1);
    timer.advance(Duration.ofSeconds(1));
    resolver.mx("no.example.org");
    assertThat(server.questions()).hasSize(2);
  }

  @Test
  void anAbsentTypeIsKeptForTheTtlOfTheSoaAtMost() {
    server.answer(
        "example.org", message -> TestNameServer.add(message, Section.AUTHORITY, SOA + "100000"));
    var answer = resolver.mx("example.org");
    assertThat(answer.status()).isEqualTo(Status.NODATA);
    assertThat(answer.ttl()).isEqualTo(Duration.ofSeconds(900));
  }

  @Test
  void failuresAreKeptForAFewSeconds() {
    for (int rcode : new int[] {Rcode.SERVFAIL, Rcode.REFUSED}) {
      server.answer("f" + rcode + ".test", message -> message.getHeader().setRcode(rcode));
      assertThat(resolver.a("f" + rcode + ".test").status()).isEqualTo(Status.SERVFAIL);
    }
    int asked = server.questions().size();
    timer.advance(Duration.ofSeconds(4));
    resolver.a("f2.test");
    assertThat(server.questions()).hasSize(asked);
    timer.advance(Duration.ofSeconds(1));
    resolver.a("f2.test");
    assertThat(server.questions()).hasSizeGreaterThan(asked);
  }

  @Test
  void aServerThatIsSilentIsATimeout() {
    try (var impatient = resolver(Duration.ofMillis(200))) {
      assertThat(impatient.a("silent.test").status()).isEqualTo(Status.TIMEOUT);
    }
  }

  @Test
  void aServerThatIsSilentIsPassedOver() throws IOException {
    try (var silent = new TestNameServer();
        var both =
            new SystemDnsResolver(
                List.of(silent.address(), server.address()), Duration.ofSeconds(2), timer)) {
      server.records("a.test", "a.test. 60 A 192.0.2.1");
      assertThat(both.a("a.test").status()).isEqualTo(Status.OK);
      assertThat(silent.questions()).isNotEmpty();
    }
  }

  @Test
  void aliasesInOneAnswerAreFollowed() {
    server.records(
        "a.test",
        "a.test. 60 CNAME B.test.",
        "b.test. 60 CNAME c.test.",
        "C.test. 60 MX 1 m.test.");
    assertThat(resolver.mx("a.test").records()).containsExactly(new Mx(1, "m.test"));
    assertThat(server.questions()).containsExactly("a.test MX");
  }

  @Test
  void aliasesOverTwoAnswersAreFollowed() {
    server.records("a.test", "a.test. 60 CNAME b.test.");
    server.records("b.test", "b.test. 30 MX 1 m.test.");
    assertThat(resolver.mx("a.test").records()).containsExactly(new Mx(1, "m.test"));
    assertThat(resolver.mx("a.test").ttl()).isEqualTo(Duration.ofSeconds(30));
    assertThat(server.questions()).containsExactly("a.test MX", "b.test MX");
  }

  @Test
  void anAliasToNowhereIsNxdomain() {
    server.answer(
        "a.test",
        message -> {
          message.getHeader().setRcode(Rcode.NXDOMAIN);
          TestNameServer.add(message, Section.ANSWER, "a.test. 60 CNAME b.test.");
        });
    assertThat(resolver.mx("a.test").status()).isEqualTo(Status.NXDOMAIN);
  }

  @Test
  void anAliasToANameWithoutTheTypeIsNodata() {
    server.records("a.test", "a.test. 60 CNAME b.test.");
    server.records("b.test");
    assertThat(resolver.mx("a.test").status()).isEqualTo(Status.NODATA);
  }

  @Test
  void aLoopOfAliasesIsAFailureHoweverItIsSent() {
    server.records("self.test", "self.test. 60 CNAME self.test.");
    server.records("a.test", "a.test. 60 CNAME b.test.");
    server.records("b.test", "b.test. 60 CNAME a.test.");
    server.records(
        "x.test",
        "x.test. 60 CNAME y.test.",
        "y.test. 60 CNAME z.test.",
        "z.test. 60 CNAME x.test.");
    for (var name : new String[] {"self.test", "a.test", "x.test"}) {
      assertThat(resolver.a(name).status()).as(name).isEqualTo(Status.SERVFAIL);
    }
  }

  @Test
  void recordsOfAnotherNameAreNoAnswer() {
    server.records("a.test", "b.test. 60 A 192.0.2.1");
    assertThat(resolver.a("a.test").status()).isEqualTo(Status.NODATA);
  }

  @Test
  void equalQuestionsShareOneFlight() throws Exception {
    server.records("a.test", "a.test. 60 A 192.0.2.1");
    var gate = new CountDownLatch(1);
    server.hold(gate);
    var started = new CountDownLatch(20);
    var answers = new ArrayList<Future<Status>>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 20; i++) {
        Callable<Status> ask =
            () -> {
              started.countDown();
              return resolver.a("a.test").status();
            };
        answers.add(threads.submit(ask));
      }
      started.await();
      gate.countDown();
      for (var answer : answers) {
        assertThat(answer.get()).isEqualTo(Status.OK);
      }
    }
    assertThat(server.questions()).containsExactly("a.test A");
  }

  @Test
  void aNameThatCannotBeIsNxdomainWithoutAQuestion() {
    for (var name : new String[] {"a..b", "x".repeat(64) + ".test", "a\u4e00.test"}) {
      assertThat(resolver.a(name).status()).as(name).isEqualTo(Status.NXDOMAIN);
    }
    assertThat(server.questions()).isEmpty();
  }

  @Test
  void aClosedResolverFailsAndThrowsNothing() {
    resolver.close();
    assertThat(resolver.a("a.test").status()).isEqualTo(Status.SERVFAIL);
  }

  @Test
  void closingEndsAQuestionUnderWay() throws Exception {
    var gate = new CountDownLatch(1);
    server.hold(gate);
    server.records("a.test", "a.test. 60 A 192.0.2.1");
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var answer = threads.submit(() -> resolver.a("a.test").status());
      while (server.questions().isEmpty()) {
        LockSupport.parkNanos(500_000);
      }
      resolver.close();
      gate.countDown();
      assertThat(answer.get()).isIn(Status.SERVFAIL, Status.OK);
    }
  }
}
