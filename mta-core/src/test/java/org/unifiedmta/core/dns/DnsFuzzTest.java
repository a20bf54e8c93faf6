package org.unifiedmta.core.dns;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.dns.DnsResolver.Answer;
import org.unifiedmta.core.dns.DnsResolver.Mx;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.testing.ManualTimer;
import org.xbill.DNS.Message;
import org.xbill.DNS.WireParseException;

/**
 * Servers that answer anything. To search:
 *
 * <pre>
 * JAZZER_FUZZ=1 mvn -Dquick -pl mta-core test -Dtest='DnsFuzzTest#anyOctetsAreAnAnswer'
 * </pre>
 */
class DnsFuzzTest {
  private static final int ANSWERS = 5_000;
  private static final int HEADER = 12;
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final InetAddress CLIENT = InetAddress.getLoopbackAddress();
  private static final int[] TYPES = {
    1, 2, 5, 6, 12, 15, 16, 28, 39, 41, 43, 46, 47, 48, 50, 52, 255
  };

  @FuzzTest(maxDuration = "5m")
  void anyOctetsAreAnAnswer(byte[] octets) {
    check(octets);
  }

  @Test
  void nothingThatAServerSaysBreaksALookUp() {
    var random = new Random(1035);
    for (int i = 0; i < ANSWERS; i++) {
      check(answer(random));
    }
  }

  private static void check(byte[] octets) {
    var server = new ResolverInMemory(query -> answered(query, octets));
    var plain = SystemDnsResolver.builder().resolver(server).timeout(TIMEOUT);
    try (var resolver = plain.timer(new ManualTimer()).build()) {
      var mx = resolver.mx("x.test");
      isSound(mx);
      mx.records().stream().map(Mx::host).forEach(DnsFuzzTest::isPrintable);
      isSound(resolver.a("x.test"));
      isSound(resolver.aaaa("x.test"));
      isSound(resolver.tlsa("x.test"));
      var txt = resolver.txt("x.test");
      assertThat(txt.records().isEmpty()).isNotEqualTo(txt.status() == Status.OK);
      for (var name : List.of(resolver.ptr(CLIENT), resolver.cname("x.test"))) {
        isSound(name);
        name.records().forEach(DnsFuzzTest::isPrintable);
      }
    }
    var anchors = SystemDnsResolver.ROOT_TRUST_ANCHORS;
    var validating = SystemDnsResolver.builder().resolver(server).timeout(TIMEOUT);
    try (var resolver = validating.validating(anchors).timer(new ManualTimer()).build()) {
      var answer = resolver.mx("x.test");
      isSound(answer);
      assertThat(answer.dnssec()).isFalse();
    }
  }

  private static void isSound(Answer<?> answer) {
    assertThat(answer.records().isEmpty()).isNotEqualTo(answer.status() == Status.OK);
    assertThat(answer.records()).hasSizeLessThanOrEqualTo(100);
    assertThat(answer.ttl()).isBetween(Duration.ZERO, Duration.ofDays(1));
    assertThat(answer.status()).isNotEqualTo(Status.TIMEOUT);
  }

  private static void isPrintable(String name) {
    assertThat(name).matches("[!-~&&[^A-Z]]*");
  }

  /**
   * The first octets are the header's without its number; what follows comes after the question.
   */
  private static CompletionStage<Message> answered(Message query, byte[] octets) {
    var wire = new ByteArrayOutputStream();
    wire.writeBytes(Arrays.copyOf(query.toWire(), 2));
    wire.writeBytes(Arrays.copyOf(octets, HEADER - 2));
    wire.writeBytes(question(query));
    wire.write(
        octets, Math.min(octets.length, HEADER - 2), Math.max(0, octets.length - HEADER + 2));
    try {
      return CompletableFuture.completedFuture(new Message(wire.toByteArray()));
    } catch (IOException e) {
      return CompletableFuture.failedFuture(e);
    } catch (RuntimeException e) { // as dnsjava has it
      return CompletableFuture.failedFuture(new WireParseException("Error parsing message", e));
    }
  }

  private static byte[] question(Message query) {
    var wire = query.toWire();
    int end = HEADER + query.getQuestion().getName().length() + 4;
    return Arrays.copyOfRange(wire, HEADER, end);
  }

  /** Records of any type, most of them of the name that was asked for. */
  private static byte[] answer(Random random) {
    var octets = new ByteArrayOutputStream();
    int records = random.nextInt(5);
    octets.write(0x80 | (random.nextInt(8) == 0 ? random.nextInt(128) : 0));
    octets.write(random.nextInt(4) == 0 ? random.nextInt(256) : 0x80);
    octets.writeBytes(new byte[] {0, 1, 0, (byte) records, 0, (byte) random.nextInt(2), 0, 0});
    for (int i = records + 1; i > 0; i--) {
      writeName(octets, random);
      octets.write(0);
      octets.write(TYPES[random.nextInt(TYPES.length)]);
      octets.writeBytes(new byte[] {0, 1});
      octets.write(random.nextInt(256));
      octets.writeBytes(new byte[] {0, 0, 60});
      var data = new ByteArrayOutputStream();
      data.writeBytes(
          random
              .ints(random.nextInt(8), 0, 4)
              .collect(ByteArrayOutputStream::new, ByteArrayOutputStream::write, (a, b) -> {})
              .toByteArray());
      writeName(data, random);
      octets.write(0);
      octets.write(random.nextInt(9) == 0 ? random.nextInt(256) : data.size());
      octets.writeBytes(data.toByteArray());
    }
    return octets.toByteArray();
  }

  private static void writeName(ByteArrayOutputStream octets, Random random) {
    switch (random.nextInt(6)) {
      case 0 -> octets.write(0);
      case 1 -> octets.writeBytes(new byte[] {(byte) 0xC0, (byte) random.nextInt(64)});
      case 2 -> octets.writeBytes(new byte[] {2, 'A', (byte) random.nextInt(256), 0});
      default -> octets.writeBytes(new byte[] {(byte) 0xC0, HEADER});
    }
  }
}
