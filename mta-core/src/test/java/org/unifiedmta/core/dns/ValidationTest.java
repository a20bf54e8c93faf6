package org.unifiedmta.core.dns;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.testing.ManualTimer;
import org.xbill.DNS.DClass;
import org.xbill.DNS.DNSKEYRecord;
import org.xbill.DNS.DNSSEC;
import org.xbill.DNS.DNSSEC.DNSSECException;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.NSEC3Record;
import org.xbill.DNS.Name;
import org.xbill.DNS.RRSIGRecord;
import org.xbill.DNS.RRset;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;
import org.xbill.DNS.utils.base32;

/** DNSSEC (RFC 4035 5), with a zone that is signed and the trust anchor of it. */
@Timeout(60)
class ValidationTest {
  private static final int COLLIDING = 50;
  private static final int MODULUS = 384; // octets

  private final ManualTimer timer = new ManualTimer();
  private SignedZone zone;
  private TestNameServer server;
  private SystemDnsResolver resolver;

  @BeforeEach
  void start() throws IOException, GeneralSecurityException, DNSSECException {
    zone =
        new SignedZone("signed.test", timer.now())
            .with(
                "a.signed.test. A 192.0.2.1",
                "a.signed.test. A 192.0.2.2",
                "alias.signed.test. CNAME plain.test.",
                "child.signed.test. NS ns.child.signed.test.",
                "_25._tcp.a.signed.test. TLSA 3 1 1 0102");
    server = new TestNameServer();
    server.answerAll(zone::answer);
    resolver =
        SystemDnsResolver.builder()
            .servers(List.of(server.address()))
            .timeout(Duration.ofSeconds(2))
            .timer(timer)
            .validating(zone.anchor())
            .build();
  }

  @AfterEach
  void stop() throws IOException {
    resolver.close();
    server.close();
  }

  /** What the zone says, changed on the way. */
  private void tamper(String name, UnaryOperator<List<Record>> change) {
    server.answer(
        name,
        message -> {
          zone.answer(message);
          for (int section : new int[] {Section.ANSWER, Section.AUTHORITY}) {
            var changed = change.apply(new ArrayList<>(message.getSection(section)));
            message.removeAllRecords(section);
            changed.forEach(record -> message.addRecord(record, section));
          }
        });
  }

  private static List<Record> without(int type, List<Record> records) {
    return records.stream().filter(record -> record.getType() != type).toList();
  }

  @Test
  void whatIsSignedIsSecure() {
    var answer = resolver.a("a.signed.test");
    assertThat(answer.status()).isEqualTo(Status.OK);
    assertThat(answer.records()).hasSize(2);
    assertThat(answer.dnssec()).isTrue();
    var tlsa = resolver.tlsa("_25._tcp.a.signed.test");
    assertThat(tlsa.records()).hasSize(1);
    assertThat(tlsa.dnssec()).isTrue();
  }

  @Test
  void whatWasChangedIsAFailure() {
    tamper(
        "a.signed.test",
        records -> {
          var other = new Message();
          TestNameServer.add(other, Section.ANSWER, "a.signed.test. 300 A 192.0.2.66");
          records.add(0, other.getSection(Section.ANSWER).get(0));
          return records;
        });
    var answer = resolver.a("a.signed.test");
    assertThat(answer.status()).isEqualTo(Status.SERVFAIL);
    assertThat(answer.records()).isEmpty();
    assertThat(answer.dnssec()).isFalse();
  }

  @Test
  void whatLostItsSignaturesIsAFailure() {
    tamper("a.signed.test", records -> without(Type.RRSIG, records));
    assertThat(resolver.a("a.signed.test").status()).isEqualTo(Status.SERVFAIL);
  }

  @Test
  void signaturesEnd() {
    timer.advance(Duration.ofDays(2));
    assertThat(resolver.a("a.signed.test").status()).isEqualTo(Status.SERVFAIL);
  }

  @Test
  void signaturesOfAnotherKeyAreNone()
      throws GeneralSecurityException, DNSSECException, IOException {
    var forged = new SignedZone("signed.test", timer.now()).with("a.signed.test. A 192.0.2.66");
    server.answerAll(forged::answer);
    assertThat(resolver.a("a.signed.test").status()).isEqualTo(Status.SERVFAIL);
  }

  @Test
  void absenceIsProven() {
    var noType = resolver.mx("a.signed.test");
    assertThat(noType.status()).isEqualTo(Status.NODATA);
    assertThat(noType.dnssec()).isTrue();
    var noName = resolver.tlsa("nothing.signed.test");
    assertThat(noName.status()).isEqualTo(Status.NXDOMAIN);
    assertThat(noName.dnssec()).isTrue();
  }

  @Test
  void absenceThatIsNotProvenIsAFailure() {
    tamper("_25._tcp.a.signed.test", records -> List.of());
    assertThat(resolver.tlsa("_25._tcp.a.signed.test").status()).isEqualTo(Status.SERVFAIL);
    server.answer("b.signed.test", message -> message.getHeader().setRcode(Rcode.NXDOMAIN));
    assertThat(resolver.a("b.signed.test").status()).isEqualTo(Status.SERVFAIL);
  }

  /**
   * CVE-2023-50868: of proofs that cost much nobody can say whether they are true (RFC 9276 3.2).
   */
  @Test
  void aProofThatCostsTooMuchProvesNothing() throws GeneralSecurityException, TextParseException {
    var name = Name.fromString("a.signed.test.");
    var zoneName = Name.fromString("signed.test.");
    byte[] salt = {1, 2, 3, 4};
    var shape =
        new NSEC3Record(name, DClass.IN, 300, 1, 0, 2_500, salt, new byte[20], new int[] {Type.A});
    var hash = new base32(base32.Alphabet.BASE32HEX, false, true).toString(shape.hashName(name));
    var proof =
        new NSEC3Record(
            Name.fromString(hash, zoneName),
            DClass.IN,
            300,
            1,
            0,
            2_500,
            salt,
            new byte[20],
            new int[] {Type.A, Type.RRSIG});
    server.answer(
        "a.signed.test",
        message -> {
          zone.answer(message);
          var soa = message.getSection(Section.AUTHORITY).subList(0, 2).toArray(Record[]::new);
          message.removeAllRecords(Section.AUTHORITY);
          for (var record : soa) {
            message.addRecord(record, Section.AUTHORITY);
          }
          zone.add(message, Section.AUTHORITY, new RRset(proof));
        });
    assertThat(resolver.mx("a.signed.test").dnssec()).isFalse();
  }

  /** CVE-2023-50387: keys of one tag, each of which might have made each of the signatures. */
  @Test
  void signaturesThatManyKeysMayHaveMadeAreNotAllTried() throws IOException {
    var random = new Random(50387);
    int footprint = 0;
    for (int i = 0; i < COLLIDING; i++) {
      var key = keyOfTheTag(i);
      zone.with("signed.test. DNSKEY 256 3 8 " + Base64.getEncoder().encodeToString(key));
      footprint =
          new DNSKEYRecord(Name.fromString("signed.test."), DClass.IN, 300, 256, 3, 8, key)
              .getFootprint();
    }
    int tag = footprint;
    server.truncate("signed.test");
    server.truncate("a.signed.test");
    tamper(
        "a.signed.test",
        records -> {
          records.removeIf(record -> record.getType() == Type.RRSIG);
          for (int i = 0; i < COLLIDING; i++) {
            records.add(forged(tag, random));
          }
          return records;
        });
    // As long as it takes to try them all, it were a TIMEOUT.
    assertThat(resolver.a("a.signed.test").status()).isEqualTo(Status.SERVFAIL);
    assertThat(server.tcpQuestions()).contains("signed.test DNSKEY");
  }

  /** RSA (RFC 3110 2): a large exponent makes it slow; two words change places for each of them. */
  private static byte[] keyOfTheTag(int i) {
    var first = new byte[3 + 2 * MODULUS];
    new Random(1).nextBytes(first);
    first[0] = 0;
    first[1] = (byte) (MODULUS >> 8);
    first[2] = (byte) MODULUS;
    first[3] &= 0x7F; // less than the modulus
    first[3 + MODULUS] |= (byte) 0x80;
    first[first.length - 1] |= 1;
    int at = 3 + MODULUS + 1 + 2 * i;
    for (int octet = 0; octet < 2; octet++) {
      byte moved = first[at + octet];
      first[at + octet] = first[at + octet + 2];
      first[at + octet + 2] = moved;
    }
    return first;
  }

  private Record forged(int tag, Random random) {
    var signature = new byte[MODULUS];
    random.nextBytes(signature);
    signature[0] &= 0x7F; // less than the modulus
    return new RRSIGRecord(
        Name.fromConstantString("a.signed.test."),
        DClass.IN,
        300,
        Type.A,
        DNSSEC.Algorithm.RSASHA256,
        300,
        timer.now().plus(Duration.ofDays(1)),
        timer.now().minus(Duration.ofDays(1)),
        tag,
        Name.fromConstantString("signed.test."),
        signature);
  }

  @Test
  void whatIsBelowADelegationWithoutKeysIsInsecure() {
    server.records("host.child.signed.test", "host.child.signed.test. 300 A 192.0.2.3");
    var answer = resolver.a("host.child.signed.test");
    assertThat(answer.status()).isEqualTo(Status.OK);
    assertThat(answer.dnssec()).isFalse();
  }

  @Test
  void whatNoAnchorIsAboveIsInsecureWhateverTheServerSays() {
    server.answer(
        "plain.test",
        message -> {
          message.getHeader().setFlag(Flags.AD);
          TestNameServer.add(message, Section.ANSWER, "plain.test. 60 A 192.0.2.4");
        });
    var answer = resolver.a("plain.test");
    assertThat(answer.status()).isEqualTo(Status.OK);
    assertThat(answer.dnssec()).isFalse();
  }

  @Test
  void anAliasToWhatIsInsecureIsInsecure() {
    server.records("plain.test", "plain.test. 60 A 192.0.2.4");
    server.answer(
        "alias.signed.test",
        message -> {
          var alias = new Message();
          TestNameServer.add(alias, Section.ANSWER, "alias.signed.test. 300 CNAME plain.test.");
          zone.add(message, Section.ANSWER, new RRset(alias.getSection(Section.ANSWER).get(0)));
          TestNameServer.add(message, Section.ANSWER, "plain.test. 60 A 192.0.2.4");
        });
    var answer = resolver.a("alias.signed.test");
    assertThat(answer.status()).isEqualTo(Status.OK);
    assertThat(answer.dnssec()).isFalse();
  }

  @Test
  void keysThatCannotBeFetchedAreAFailureInTime() {
    server.datagram("signed.test", octets -> null);
    try (var impatient =
        SystemDnsResolver.builder()
            .servers(List.of(server.address()))
            .timeout(Duration.ofMillis(200))
            .timer(timer)
            .validating(zone.anchor())
            .build()) {
      assertThat(impatient.a("a.signed.test").status().isTemporary()).isTrue();
    }
  }

  @Test
  void anchorsAreReadWhenTheResolverIsMade() {
    SystemDnsResolver.builder().validating(SystemDnsResolver.ROOT_TRUST_ANCHORS).build().close();
    var builder = SystemDnsResolver.builder().validating(". IN DS nonsense");
    assertThatThrownBy(builder::build).isInstanceOf(IllegalArgumentException.class);
  }
}
