package org.unifiedmta.core.dns;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.testing.ManualTimer;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Resolver;
import org.xbill.DNS.Section;
import org.xbill.DNS.SimpleResolver;
import org.xbill.DNS.Type;

/** What servers, and those between them and us, do wrong. */
@Timeout(60)
class HostileServersTest {
  private static final Duration SHORT = Duration.ofMillis(300);

  private final ManualTimer timer = new ManualTimer();
  private TestNameServer server;
  private SystemDnsResolver resolver;

  @BeforeEach
  void start() throws IOException {
    server = new TestNameServer();
    resolver = new SystemDnsResolver(List.of(server.address()), SHORT, timer);
  }

  @AfterEach
  void stop() throws IOException {
    resolver.close();
    server.close();
  }

  // By TCP

  @Test
  void whatDoesNotFitADatagramIsAskedForByTcp() {
    var strings = " \"" + "x".repeat(255) + "\"";
    server.records("big.test", "big.test. 60 TXT" + strings.repeat(200));
    server.truncate("big.test");
    var answer = resolver.txt("big.test");
    assertThat(answer.status()).isEqualTo(Status.OK);
    assertThat(answer.records()).containsExactly("x".repeat(200 * 255));
    assertThat(server.questions()).containsExactly("big.test TXT");
    assertThat(server.tcpQuestions()).containsExactly("big.test TXT");
  }

  @Test
  void aTruncatedAnswerIsNoAnswerWhereTcpIsRefused() throws IOException, InterruptedException {
    server.records("a.test", "a.test. 60 A 192.0.2.1");
    server.truncate("a.test");
    server.refuseTcp();
    assertThat(resolver.a("a.test").status().isTemporary()).isTrue();
  }

  @Test
  void aStreamThatAnnouncesMoreThanItHasIsAFailureInTime() {
    server.records("a.test", "a.test. 60 A 192.0.2.1");
    server.truncate("a.test");
    server.stream("a.test", octets -> new byte[] {-1, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
    assertThat(resolver.a("a.test").status().isTemporary()).isTrue();
  }

  @Test
  void aStreamThatNeverComesIsAFailureInTime() {
    server.records("a.test", "a.test. 60 A 192.0.2.1");
    server.truncate("a.test");
    var over = new CountDownLatch(1);
    server.stream(
        "a.test",
        octets -> {
          awaitUninterruptibly(over);
          return octets;
        });
    assertThat(resolver.a("a.test").status().isTemporary()).isTrue();
    over.countDown();
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // Several servers

  @ParameterizedTest
  @ValueSource(ints = {Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP, Rcode.FORMERR})
  void anotherServerIsAskedWhereOneCannotAnswer(int rcode) throws IOException {
    try (var other = new TestNameServer();
        var both =
            new SystemDnsResolver(List.of(server.address(), other.address()), SHORT, timer)) {
      server.answer("a.test", message -> message.getHeader().setRcode(rcode));
      other.records("a.test", "a.test. 60 A 192.0.2.1");
      assertThat(both.a("a.test").status()).isEqualTo(Status.OK);
      assertThat(server.questions()).isNotEmpty();
    }
  }

  @Test
  void anotherServerIsAskedWhereThereIsNone() throws IOException {
    var nobody = new TestNameServer();
    var nowhere = nobody.address();
    nobody.close();
    try (var both = new SystemDnsResolver(List.of(nowhere, server.address()), SHORT, timer)) {
      server.records("a.test", "a.test. 60 A 192.0.2.1");
      assertThat(both.a("a.test").status()).isEqualTo(Status.OK);
    }
  }

  @Test
  void aServerThatFailedIsNotTheFirstToBeAskedAgain() throws IOException {
    try (var other = new TestNameServer();
        var both =
            new SystemDnsResolver(List.of(server.address(), other.address()), SHORT, timer)) {
      other.records("a.test", "a.test. 60 A 192.0.2.1");
      other.records("b.test", "b.test. 60 A 192.0.2.1");
      both.a("a.test");
      int asked = server.questions().size();
      assertThat(both.a("b.test").status()).isEqualTo(Status.OK);
      assertThat(server.questions()).hasSize(asked);
    }
  }

  @Test
  void whatFollowsAnAnswerRunsOnOurThreads() throws Exception {
    server.records("a.test", "a.test. 60 A 192.0.2.1");
    var servers = new ServersInTurn(List.<Resolver>of(new SimpleResolver(server.address())), SHORT);
    var query = Message.newQuery(Record.newRecord(Name.fromString("a.test."), Type.A, DClass.IN));
    try (var threads =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("ours").factory())) {
      var name =
          servers
              .sendAsync(query, threads)
              .thenApplyAsync(response -> response)
              .handleAsync((response, failure) -> Thread.currentThread().getName());
      assertThat(name.toCompletableFuture().get()).isEqualTo("ours");
    }
  }

  @Test
  void anAbsentNameIsAnAnswerAndNoOtherServerIsAsked() throws IOException {
    try (var other = new TestNameServer();
        var both =
            new SystemDnsResolver(List.of(server.address(), other.address()), SHORT, timer)) {
      server.answer("a.test", message -> message.getHeader().setRcode(Rcode.NXDOMAIN));
      assertThat(both.a("a.test").status()).isEqualTo(Status.NXDOMAIN);
      assertThat(other.questions()).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({"SERVFAIL", "REFUSED", "NOTIMP", "FORMERR", "NOTAUTH"})
  void codesOfFailureAreTemporary(String rcode) {
    server.answer("a.test", message -> message.getHeader().setRcode(Rcode.value(rcode)));
    assertThat(resolver.a("a.test").status()).isEqualTo(Status.SERVFAIL);
  }

  @Test
  void aReferralIsNoAbsence() throws IOException {
    try (var other = new TestNameServer();
        var both =
            new SystemDnsResolver(List.of(server.address(), other.address()), SHORT, timer)) {
      server.answer("a.test", message -> refer(message, "test. 60 NS ns.test."));
      assertThat(resolver.mx("a.test").status()).isEqualTo(Status.SERVFAIL);
      other.records("a.test", "a.test. 60 MX 1 m.test.");
      assertThat(both.mx("a.test").status()).isEqualTo(Status.OK);
    }
  }

  @Test
  void anAbsenceWithTheServersOfItsZoneIsNoReferral() {
    var soa = "test. 60 SOA ns.test. h.test. 1 2 3 4 30";
    server.answer("a.test", message -> refer(message, "test. 60 NS ns.test.", soa));
    assertThat(resolver.mx("a.test").status()).isEqualTo(Status.NODATA); // RFC 2308 2.2
  }

  private static void refer(Message message, String... records) {
    TestNameServer.add(message, Section.AUTHORITY, records);
    TestNameServer.add(message, Section.ADDITIONAL, "ns.test. 60 A 192.0.2.53");
  }

  // Answers that are none

  private void answerOnlyAs(UnaryOperator<byte[]> fault) {
    server.records("a.test", "a.test. 60 A 192.0.2.66");
    server.datagram("a.test", fault);
  }

  @Test
  void anAnswerWithAnotherIdIsNone() {
    answerOnlyAs(octets -> {
      octets[0] ^= 1;
      return octets;
    });
    assertThat(resolver.a("a.test").status().isTemporary()).isTrue();
  }

  @Test
  void anAnswerToAnotherQuestionIsNone() {
    answerOnlyAs(octets -> {
      octets[13] = 'b'; // the question becomes b.test, to which the records point
      return octets;
    });
    var answer = resolver.a("a.test");
    assertThat(answer.status()).isNotEqualTo(Status.OK);
    assertThat(answer.records()).isEmpty();
  }

  @Test
  void aQuestionSentBackIsNoAnswer() {
    answerOnlyAs(octets -> {
      octets[2] &= 0x7F; // QR
      return octets;
    });
    assertThat(resolver.a("a.test").status()).isNotEqualTo(Status.OK);
  }

  @Test
  void anAnswerFromAnotherPortIsNone() {
    server.records("a.test", "a.test. 60 A 192.0.2.66");
    server.stray("a.test");
    assertThat(resolver.a("a.test").status().isTemporary()).isTrue();
    assertThat(server.questions()).isNotEmpty();
  }

  /** In an update records may be without data (RFC 2136 2.4.1). */
  @Test
  void anUpdateIsNoAnswer() {
    answerOnlyAs(octets -> {
      octets[2] |= Opcode.UPDATE << 3;
      octets[octets.length - 5] = 0; // length of the data
      return Arrays.copyOf(octets, octets.length - 4);
    });
    assertThat(resolver.a("a.test").status()).isEqualTo(Status.SERVFAIL);
  }

  @Test
  void recordsOfAnotherClassAreNoAnswer() {
    answerOnlyAs(octets -> patched(octets, octets.length - 12, 0, DClass.CH));
    assertThat(resolver.a("a.test").status()).isEqualTo(Status.NODATA);
  }

  @Test
  void whatAnAliasLeadsToIsKnownOfTheAliasAlone() {
    server.records("a.test", "a.test. 60 CNAME victim.test.", "victim.test. 60 A 192.0.2.66");
    server.records("victim.test", "victim.test. 60 A 192.0.2.2");
    assertThat(resolver.a("a.test").records()).hasSize(1);
    assertThat(resolver.a("victim.test").records().get(0).getHostAddress()).isEqualTo("192.0.2.2");
  }

  @Test
  void recordsThatNobodyAskedForAreNotKept() {
    server.answer(
        "a.test",
        message -> {
          TestNameServer.add(
              message,
              Section.ANSWER,
              "a.test. 60 A 192.0.2.1",
              "victim.test. 60 A 192.0.2.66",
              "a.test. 60 AAAA ::1");
          TestNameServer.add(message, Section.AUTHORITY, "victim.test. 60 NS ns.evil.test.");
          TestNameServer.add(message, Section.ADDITIONAL, "victim.test. 60 A 192.0.2.66");
        });
    server.records("victim.test", "victim.test. 60 A 192.0.2.2");
    assertThat(resolver.a("a.test").records()).hasSize(1);
    assertThat(resolver.a("victim.test").records().get(0).getHostAddress()).isEqualTo("192.0.2.2");
  }

  @Test
  void answersThatCannotBeReadAreFailures() {
    var faults =
        List.<UnaryOperator<byte[]>>of(
            octets -> new byte[0],
            octets -> new byte[] {octets[0]},
            octets -> Arrays.copyOf(octets, 11),
            octets -> Arrays.copyOf(octets, octets.length - 1),
            octets -> patched(octets, 4, 255, 255), // questions
            octets -> patched(octets, 6, 255, 255), // answers
            octets -> patched(octets, 12, 64), // a label of 64
            octets -> patched(octets, 12, 0xC0, 12), // a pointer to itself
            octets -> patched(octets, octets.length - 16, 0xC0, octets.length - 16),
            octets -> patched(octets, octets.length - 16, 0xFF, 0xFF), // a pointer forward
            octets -> patched(octets, octets.length - 16, 0x80, 0), // no label at all
            octets ->
                withOwner(octets, "c".repeat(63), "d".repeat(63), "e".repeat(63), "f".repeat(63)),
            octets -> patched(octets, octets.length - 6, 255, 255)); // length of the data
    for (int i = 0; i < faults.size(); i++) {
      try (var impatient =
          new SystemDnsResolver(List.of(server.address()), Duration.ofMillis(50), timer)) {
        answerOnlyAs(faults.get(i));
        assertThat(impatient.a("a.test").status().isTemporary()).as("fault %d", i).isTrue();
      }
    }
  }

  /** With labels in front of the name of the record at the end. */
  private static byte[] withOwner(byte[] octets, String... labels) {
    var longer = new ByteArrayOutputStream();
    longer.write(octets, 0, octets.length - 16);
    for (var label : labels) {
      longer.write(label.length());
      longer.writeBytes(label.getBytes(StandardCharsets.US_ASCII));
    }
    longer.write(octets, octets.length - 16, 16);
    return longer.toByteArray();
  }

  private static byte[] patched(byte[] octets, int at, int... values) {
    for (int i = 0; i < values.length; i++) {
      octets[at + i] = (byte) values[i];
    }
    return octets;
  }

  @Test
  void anAnswerThatMixesTheCaseOfItsNamesIsOne() {
    server.records("a.test", "A.tEsT. 60 A 192.0.2.1");
    server.datagram("a.test", octets -> patched(octets, 13, 'A')); // of the question
    assertThat(resolver.a("a.test").status()).isEqualTo(Status.OK);
  }

  // Much

  @Test
  void ofThousandsOfRecordsAHundredAreKept() {
    var records = new String[5_000];
    for (int i = 0; i < records.length; i++) {
      records[i] = "a.test. 60 A 10.0." + i / 250 + "." + i % 250;
    }
    server.records("a.test", Arrays.copyOf(records, 4_000)); // of 64 KB
    server.truncate("a.test");
    assertThat(resolver.a("a.test").records()).hasSize(100);
  }

  @ParameterizedTest
  @CsvSource({"8, OK", "9, SERVFAIL", "20, SERVFAIL"})
  void chainsOfAliasesAreFollowedForAWhile(int aliases, Status expected) {
    for (int i = 0; i < aliases; i++) {
      server.records("c" + i + ".test", "c" + i + ".test. 60 CNAME c" + (i + 1) + ".test.");
    }
    server.records("c" + aliases + ".test", "c" + aliases + ".test. 60 A 192.0.2.1");
    assertThat(resolver.a("c0.test").status()).isEqualTo(expected);
    assertThat(server.questions()).hasSizeLessThanOrEqualTo(9);
  }

  @ParameterizedTest
  @CsvSource({"8, OK", "9, SERVFAIL", "20, SERVFAIL"})
  void chainsWithinOneAnswerAreFollowedAsFar(int aliases, Status expected) {
    var records = new String[aliases + 1];
    for (int i = 0; i < aliases; i++) {
      records[i] = "c" + i + ".test. 60 CNAME c" + (i + 1) + ".test.";
    }
    records[aliases] = "c" + aliases + ".test. 60 A 192.0.2.1";
    server.records("c0.test", records);
    assertThat(resolver.a("c0.test").status()).isEqualTo(expected);
    assertThat(server.questions()).containsExactly("c0.test A");
  }

  /** RFC 6672 3.1: the server makes the CNAME for those who know of no DNAME. */
  @Test
  void ofADnameOnlyTheAliasThatIsMadeOfItIsFollowed() {
    var dname = "old.test. 60 DNAME new.test.";
    server.records("a.old.test", dname, "a.old.test. 60 CNAME a.new.test.");
    server.records("a.new.test", "a.new.test. 60 A 192.0.2.1");
    server.records("b.old.test", dname);
    assertThat(resolver.a("a.old.test").status()).isEqualTo(Status.OK);
    assertThat(resolver.a("b.old.test").status()).isEqualTo(Status.NODATA);
  }

  @Test
  void aChainTakesNoLongerThanOneQuestionMay() {
    for (int i = 0; i < 9; i++) {
      server.records("c" + i + ".test", "c" + i + ".test. 60 CNAME c" + (i + 1) + ".test.");
      int name = i;
      // Each is answered the second time only, just in time.
      server.datagram(
          "c" + i + ".test",
          octets ->
              server.questions().stream().filter(("c" + name + ".test A")::equals).count() < 2
                  ? null
                  : octets);
    }
    assertThat(resolver.a("c0.test").status()).isEqualTo(Status.TIMEOUT);
    assertThat(server.questions()).contains("c0.test A").doesNotContain("c8.test A");
  }

  @Test
  void thousandsOfNamesThatNobodyAnswersForDoNotHangAndOthersAreAnswered() throws Exception {
    try (var impatient =
            new SystemDnsResolver(List.of(server.address()), Duration.ofMillis(20), timer);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var silent = new ArrayList<Future<Status>>();
      for (int i = 0; i < 3_000; i++) {
        var name = "silent" + i + ".test";
        Callable<Status> ask = () -> impatient.a(name).status();
        silent.add(threads.submit(ask));
      }
      for (var status : silent) {
        assertThat(status.get().isTemporary()).isTrue();
      }
      server.records("a.test", "a.test. 60 A 192.0.2.1");
      var status = Status.TIMEOUT;
      for (int tries = 0; tries < 100 && status != Status.OK; tries++) { // the machine may be busy
        timer.advance(Duration.ofMinutes(1));
        status = impatient.a("a.test").status();
      }
      assertThat(status).isEqualTo(Status.OK);
    }
  }

  @Test
  void fiveHundredQuestionsAreOpenAtATimeAndTheOthersWait() throws Exception {
    var open = new LinkedBlockingQueue<CompletableFuture<Message>>();
    var silent =
        new ResolverInMemory(query -> {
          var answer = new CompletableFuture<Message>();
          open.add(answer);
          return answer;
        });
    var waiting = new ArrayList<Future<Status>>();
    try (var patient = SystemDnsResolver.builder().resolver(silent).timer(timer).build();
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 700; i++) {
        var name = "silent" + i + ".test";
        Callable<Status> ask = () -> patient.a(name).status();
        waiting.add(threads.submit(ask));
      }
      for (int ended = 0; ended < 2 * waiting.size(); ended++) { // each is asked twice
        var next = open.poll(10, TimeUnit.SECONDS);
        assertThat(next).isNotNull();
        assertThat(open).hasSizeLessThan(500);
        next.completeExceptionally(new IOException("nobody there"));
      }
      for (var status : waiting) {
        assertThat(status.get()).isEqualTo(Status.SERVFAIL);
      }
    }
  }

  // Time to live

  @ParameterizedTest
  @CsvSource({"127, 86400", "128, 0", "255, 0"})
  void aTtlThatIsNegativeIsNone(int firstOctet, int seconds) {
    server.records("a.test", "a.test. 60 A 192.0.2.1");
    server.datagram(
        "a.test", octets -> patched(octets, octets.length - 10, firstOctet, 255, 255, 255));
    assertThat(resolver.a("a.test").ttl()).isEqualTo(Duration.ofSeconds(seconds)); // RFC 2181 8
  }

  @Test
  void absenceIsKeptForAnHourAtMost() {
    server.answer(
        "a.test",
        message ->
            TestNameServer.add(
                message,
                Section.AUTHORITY,
                "test. 999999 SOA ns.test. h.test. 1 2 3 4 1000000000"));
    assertThat(resolver.a("a.test").ttl()).isEqualTo(Duration.ofHours(1));
  }

  @Test
  void absenceWithoutAnSoaIsKeptForSeconds() {
    server.records("a.test");
    assertThat(resolver.a("a.test").ttl()).isLessThanOrEqualTo(Duration.ofSeconds(10));
  }

  @Test
  void whatIsOverIsNoAnswerWhereNoServerHasAnother() {
    server.records("a.test", "a.test. 60 A 192.0.2.1");
    assertThat(resolver.a("a.test").status()).isEqualTo(Status.OK);
    server.answer("a.test", message -> message.getHeader().setRcode(Rcode.SERVFAIL));
    timer.advance(Duration.ofSeconds(60));
    var answer = resolver.a("a.test");
    assertThat(answer.status()).isEqualTo(Status.SERVFAIL);
    assertThat(answer.records()).isEmpty();
  }

  // Names

  @Test
  void aNameIsTakenAsItStandsWhateverItHas() {
    for (var name :
        new String[] {"a\\.evil.test", "\\097.test", "@", "a b.test", "\"a\".test", "a@b.test"}) {
      resolver.a(name);
    }
    assertThat(server.questions())
        .contains("a\\\\.evil.test A", "\\\\097.test A", "\\@ A")
        .doesNotContain("a.test A");
  }

  @Test
  void anAddressIsNeverAskedAsASearchedName() {
    resolver.a("localname");
    assertThat(server.questions()).allMatch("localname A"::equals);
  }

  /** Whoever was interrupted is not waited for: a peer that has gone makes no more work. */
  @Test
  void whoIsInterruptedAsksNobody() {
    Thread.currentThread().interrupt();
    try {
      assertThat(resolver.a("a.test").status()).isEqualTo(Status.SERVFAIL);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(server.questions()).isEmpty();
  }

  // Who may say that an answer was validated

  @Test
  void aServerElsewhereIsNotBelievedThatItHasValidated() throws IOException {
    server.answer(
        "a.test",
        message -> {
          message.getHeader().setFlag(Flags.AD);
          TestNameServer.add(message, Section.ANSWER, "a.test. 60 A 192.0.2.1");
        });
    assertThat(resolver.a("a.test").dnssec()).isTrue(); // it is on this machine
    var elsewhere =
        new InetSocketAddress(InetAddress.getByAddress(new byte[] {(byte) 192, 0, 2, 53}), 53);
    var servers = List.of(server.address(), elsewhere);
    try (var mixed = SystemDnsResolver.builder().servers(servers).timeout(SHORT).build();
        var trusting =
            SystemDnsResolver.builder().servers(servers).timeout(SHORT).trusted().build()) {
      assertThat(mixed.a("a.test").dnssec()).isFalse();
      assertThat(trusting.a("a.test").dnssec()).isTrue();
    }
  }
}
