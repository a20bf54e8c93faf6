package org.unifiedmta.core.limit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.limit.UnifiedRateLimiter.Limits;
import org.unifiedmta.core.limit.UnifiedRateLimiter.RateLimitResult;
import org.unifiedmta.core.testing.ManualTimer;

class UnifiedRateLimiterTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final Limits NONE = Limits.unlimited();

  private final ManualTimer time = new ManualTimer();
  private final Clock clock =
      new Clock() {
        @Override
        public Instant instant() {
          return time.now();
        }

        @Override
        public ZoneOffset getZone() {
          return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(java.time.ZoneId zone) {
          return this;
        }
      };

  private UnifiedRateLimiter limiter(Limits global) {
    return new UnifiedRateLimiter(global, Map.of(), clock);
  }

  private static InetAddress ip(String literal) {
    try {
      return InetAddress.getByName(literal);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static RateLimitResult message(UnifiedRateLimiter limiter, String sender, String ip) {
    return limiter.checkMessageLimit(sender, ip(ip), 1, null, null);
  }

  // ---- messages

  @Test
  void withoutLimitsEverythingMayBe() {
    var limiter = limiter(NONE);
    for (int i = 0; i < 1_000; i++) {
      assertThat(limiter.checkMessageLimit("ann@example.org", ip("192.0.2.1"), 10_000, "x", "y"))
          .isEqualTo(new RateLimitResult(true, null, Duration.ZERO));
      assertThat(limiter.recordConnection(ip("192.0.2.1")).allowed()).isTrue();
      limiter.recordError(ip("192.0.2.1"));
      limiter.recordAuthFailure(ip("192.0.2.1"));
    }
    assertThat(limiter.isBlocked(ip("192.0.2.1"))).isFalse();
  }

  @Test
  void afterSoManyMessagesThereIsOneEachTimeThatTheMinuteHasRoomForOne() {
    var limiter = limiter(NONE.withMaxMessagesPerMinute(3));
    for (int i = 0; i < 3; i++) {
      assertThat(message(limiter, "ann@example.org", "192.0.2.1").allowed()).isTrue();
    }
    assertThat(message(limiter, "ann@example.org", "192.0.2.1"))
        .isEqualTo(
            new RateLimitResult(
                false, "more than 3 messages a minute from this sender", Duration.ofSeconds(20)));
    time.advance(Duration.ofSeconds(19));
    assertThat(message(limiter, "ann@example.org", "192.0.2.1").retryAfter())
        .isEqualTo(Duration.ofSeconds(1));
    time.advance(Duration.ofSeconds(1));
    assertThat(message(limiter, "ann@example.org", "192.0.2.1").allowed()).isTrue();
    assertThat(message(limiter, "ann@example.org", "192.0.2.1").allowed()).isFalse();
    time.advance(Duration.ofHours(1));
    for (int i = 0; i < 3; i++) {
      assertThat(message(limiter, "ann@example.org", "192.0.2.1").allowed()).isTrue();
    }
    assertThat(message(limiter, "ann@example.org", "192.0.2.1").allowed()).isFalse();
  }

  @Test
  void theServerCountsWhoeverSends() {
    var limiter = limiter(NONE.withMaxMessagesPerMinute(2));
    assertThat(message(limiter, "ann@example.org", "192.0.2.1").allowed()).isTrue();
    assertThat(message(limiter, "bob@example.org", "192.0.2.2").allowed()).isTrue();
    assertThat(message(limiter, "carl@example.org", "192.0.2.3").reason())
        .isEqualTo("more than 2 messages a minute in all");
  }

  /** The server's own count fills at once with the others', so it is seen by who is named first. */
  @ParameterizedTest
  @CsvSource({
    "ann@example.org, 192.0.2.9, y, from this sender",
    "ANN@Example.ORG, 192.0.2.9, y, from this sender",
    "bob@example.org, 192.0.2.1, y, from this address",
    "bob@example.org, ::ffff:192.0.2.1, y, from this address",
    "bob@example.org, 192.0.2.9, x, of this pattern",
    "bob@example.org, 192.0.2.9, y, in all",
    "'', 192.0.2.9, y, in all"
  })
  void aMessageCountsAgainstSenderAddressAndPattern(
      String sender, String ip, String pattern, String whose) {
    var limiter = limiter(NONE.withMaxMessagesPerMinute(1));
    limiter.checkMessageLimit("ann@example.org", ip("192.0.2.1"), 1, "x", null);
    var refused = limiter.checkMessageLimit(sender, ip(ip), 1, pattern, null);
    assertThat(refused.reason()).isEqualTo("more than 1 messages a minute " + whose);
    assertThat(refused.retryAfter()).isEqualTo(MINUTE);
  }

  @Test
  void theNullSenderIsNobodys() {
    var limiter = limiter(NONE.withMaxMessagesPerMinute(1));
    message(limiter, "", "192.0.2.1");
    assertThat(message(limiter, "", "192.0.2.2").reason()).endsWith("in all");
  }

  @Test
  void aDomainsLimitCountsBesidesTheGlobalOne() {
    var limiter =
        new UnifiedRateLimiter(
            NONE.withMaxMessagesPerMinute(5),
            Map.of("Example.com", NONE.withMaxMessagesPerMinute(2), "free.test", NONE),
            clock);
    assertThat(toDomain(limiter, "example.com").allowed()).isTrue();
    assertThat(toDomain(limiter, "EXAMPLE.COM").allowed()).isTrue();
    assertThat(toDomain(limiter, "example.com"))
        .isEqualTo(
            new RateLimitResult(
                false, "more than 2 messages a minute for example.com", Duration.ofSeconds(30)));
    assertThat(toDomain(limiter, "free.test").allowed()).isTrue();
    assertThat(toDomain(limiter, "other.test").allowed()).isTrue();
    assertThat(toDomain(limiter, null).allowed()).isTrue();
    assertThat(toDomain(limiter, "free.test").allowed()).isFalse();
  }

  private static RateLimitResult toDomain(UnifiedRateLimiter limiter, String domain) {
    return limiter.checkMessageLimit("", ip("192.0.2.1"), 1, null, domain);
  }

  @Test
  void ofTwoLimitsTheLongerWaitIsTold() {
    var limiter =
        new UnifiedRateLimiter(
            NONE.withMaxMessagesPerMinute(2),
            Map.of("example.com", NONE.withMaxMessagesPerMinute(1)),
            clock);
    toDomain(limiter, "example.com");
    toDomain(limiter, null);
    assertThat(toDomain(limiter, "example.com").retryAfter()).isEqualTo(MINUTE);
    assertThat(toDomain(limiter, null).retryAfter()).isEqualTo(Duration.ofSeconds(30));
  }

  @Test
  void aRefusalCountsAgainstNobody() {
    var limiter =
        new UnifiedRateLimiter(
            NONE.withMaxMessagesPerMinute(3).withMaxRecipientsPerMessage(10),
            Map.of("example.com", NONE.withMaxMessagesPerMinute(1)),
            clock);
    assertThat(toDomain(limiter, "example.com").allowed()).isTrue();
    for (int i = 0; i < 10; i++) {
      assertThat(toDomain(limiter, "example.com").allowed()).isFalse();
      assertThat(limiter.checkMessageLimit("", ip("192.0.2.1"), 11, null, null).allowed())
          .isFalse();
    }
    assertThat(toDomain(limiter, null).allowed()).isTrue();
    assertThat(toDomain(limiter, null).allowed()).isTrue();
    assertThat(toDomain(limiter, null).allowed()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "10, , true",
    "11, , false",
    "3, example.com, true",
    "4, example.com, false",
    "10, other.test, true"
  })
  void recipientsOfAMessageAreBounded(int recipients, String domain, boolean allowed) {
    var limiter =
        new UnifiedRateLimiter(
            NONE.withMaxRecipientsPerMessage(10),
            Map.of("example.com", NONE.withMaxRecipientsPerMessage(3)),
            clock);
    var result = limiter.checkMessageLimit("", ip("192.0.2.1"), recipients, null, domain);
    assertThat(result.allowed()).isEqualTo(allowed);
    assertThat(result.retryAfter()).as("waiting does not help").isZero();
  }

  @Test
  void aClockThatIsSetBackStopsNothing() {
    var limiter = limiter(NONE.withMaxMessagesPerMinute(1));
    message(limiter, "", "192.0.2.1");
    time.advance(Duration.ofHours(-1));
    assertThat(message(limiter, "", "192.0.2.1").retryAfter()).isEqualTo(MINUTE);
    time.advance(MINUTE);
    assertThat(message(limiter, "", "192.0.2.1").allowed()).isTrue();
  }

  // ---- connections

  @Test
  void connectionsOfAnAddressAreBoundedWhileTheyAreOpen() {
    var limiter = limiter(NONE.withMaxConnectionsPerIP(2));
    assertThat(limiter.recordConnection(ip("192.0.2.1")).allowed()).isTrue();
    assertThat(limiter.recordConnection(ip("192.0.2.1")).allowed()).isTrue();
    for (int i = 0; i < 5; i++) {
      assertThat(limiter.recordConnection(ip("192.0.2.1")))
          .isEqualTo(
              new RateLimitResult(
                  false, "more than 2 connections from this address", Duration.ZERO));
    }
    assertThat(limiter.recordConnection(ip("192.0.2.2")).allowed()).isTrue();
    time.advance(Duration.ofDays(1));
    assertThat(limiter.recordConnection(ip("192.0.2.1")).allowed()).isFalse();
    limiter.connectionClosed(ip("192.0.2.1"));
    assertThat(limiter.recordConnection(ip("192.0.2.1")).allowed()).isTrue();
    assertThat(limiter.recordConnection(ip("192.0.2.1")).allowed()).isFalse();
  }

  @Test
  void aConnectionThatNobodyRecordedIsNotClosed() {
    var limiter = limiter(NONE.withMaxConnectionsPerIP(1));
    limiter.connectionClosed(ip("192.0.2.1"));
    assertThat(limiter.recordConnection(ip("192.0.2.1")).allowed()).isTrue();
    assertThat(limiter.recordConnection(ip("192.0.2.1")).allowed()).isFalse();
    limiter.connectionClosed(ip("192.0.2.1"));
    limiter.connectionClosed(ip("192.0.2.1"));
    assertThat(limiter.recordConnection(ip("192.0.2.1")).allowed()).isTrue();
    assertThat(limiter.recordConnection(ip("192.0.2.1")).allowed()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "192.0.2.1, 192.0.2.1, true",
    "192.0.2.1, 192.0.2.2, false",
    "192.0.2.1, ::ffff:192.0.2.1, true",
    "2001:db8:1:2::1, 2001:db8:1:2:ffff:ffff:ffff:ffff, true",
    "2001:db8:1:2::1, 2001:db8:1:3::1, false",
    "::1, 0.0.0.1, false",
    "0.0.0.0, ::, false"
  })
  void anIpv6AddressIsItsNetworkOf64Bits(String first, String second, boolean same) {
    var limiter = limiter(NONE.withMaxConnectionsPerIP(1));
    limiter.recordConnection(ip(first));
    assertThat(limiter.recordConnection(ip(second)).allowed()).isEqualTo(!same);
  }

  /** The JDK makes an IPv4 address of most, but not of all that come from elsewhere. */
  @Test
  void aMappedAddressIsTheIpv4AddressHoweverItIsHeld() throws Exception {
    var octets = ip("2001:db8::1").getAddress();
    java.util.Arrays.fill(octets, 0, 10, (byte) 0);
    octets[10] = (byte) 0xff;
    octets[11] = (byte) 0xff;
    System.arraycopy(ip("192.0.2.1").getAddress(), 0, octets, 12, 4);
    var mapped = Inet6Address.getByAddress(null, octets, 0);
    assertThat(Network.of(mapped)).isEqualTo(Network.of(ip("192.0.2.1")));
  }

  // ---- errors, and blocks

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void soManyErrorsOrFailedLoginsBlockAnAddressForAWhile(boolean logins) {
    var limits = NONE.withBlockDuration(Duration.ofMinutes(10));
    var limiter =
        limiter(logins ? limits.withMaxAuthFailuresPerIP(3) : limits.withMaxErrorsPerIP(3));
    for (int i = 0; i < 2; i++) {
      fail(limiter, logins, "2001:db8::1");
      assertThat(limiter.isBlocked(ip("2001:db8::1"))).isFalse();
    }
    fail(limiter, logins, "2001:db8::2");
    assertThat(limiter.isBlocked(ip("2001:db8::1"))).isTrue();
    assertThat(limiter.isBlocked(ip("2001:db8:0:1::1"))).isFalse();
    time.advance(Duration.ofMinutes(4));
    assertThat(limiter.recordConnection(ip("2001:db8::1")))
        .isEqualTo(new RateLimitResult(false, "this address is blocked", Duration.ofMinutes(6)));
    assertThat(message(limiter, "", "2001:db8::3"))
        .isEqualTo(new RateLimitResult(false, "this address is blocked", Duration.ofMinutes(6)));
    time.advance(Duration.ofMinutes(6).minusNanos(1));
    assertThat(limiter.isBlocked(ip("2001:db8::1"))).isTrue();
    time.advance(Duration.ofNanos(1));
    assertThat(limiter.isBlocked(ip("2001:db8::1"))).isFalse();
    assertThat(limiter.recordConnection(ip("2001:db8::1")).allowed()).isTrue();
  }

  private static void fail(UnifiedRateLimiter limiter, boolean login, String ip) {
    if (login) {
      limiter.recordAuthFailure(ip(ip));
    } else {
      limiter.recordError(ip(ip));
    }
  }

  @Test
  void errorsAndFailedLoginsAreCountedApart() {
    var limiter = limiter(NONE.withMaxErrorsPerIP(2).withMaxAuthFailuresPerIP(2));
    limiter.recordError(ip("192.0.2.1"));
    limiter.recordAuthFailure(ip("192.0.2.1"));
    assertThat(limiter.isBlocked(ip("192.0.2.1"))).isFalse();
    limiter.recordAuthFailure(ip("192.0.2.1"));
    assertThat(limiter.isBlocked(ip("192.0.2.1"))).isTrue();
  }

  @Test
  void errorsAreForgottenEvenlyWithinTheBlockDuration() {
    var limiter = limiter(NONE.withMaxErrorsPerIP(4)); // for an hour, the default
    for (int i = 0; i < 50; i++) { // one each 15 minutes is as slow as it gets
      limiter.recordError(ip("192.0.2.1"));
      time.advance(Duration.ofMinutes(15));
    }
    assertThat(limiter.isBlocked(ip("192.0.2.1"))).isFalse();
    for (int i = 0; i < 3; i++) {
      limiter.recordError(ip("192.0.2.1"));
    }
    time.advance(Duration.ofMinutes(30)); // two of the three are forgotten
    limiter.recordError(ip("192.0.2.1"));
    limiter.recordError(ip("192.0.2.1"));
    assertThat(limiter.isBlocked(ip("192.0.2.1"))).isFalse();
    limiter.recordError(ip("192.0.2.1"));
    assertThat(limiter.isBlocked(ip("192.0.2.1"))).isTrue();
  }

  @Test
  void aBlockedAddressThatGoesOnIsNotBlockedLonger() {
    var limiter = limiter(NONE.withMaxErrorsPerIP(1).withBlockDuration(MINUTE));
    limiter.recordError(ip("192.0.2.1"));
    time.advance(Duration.ofSeconds(59));
    limiter.recordError(ip("192.0.2.1"));
    time.advance(Duration.ofSeconds(1));
    assertThat(limiter.isBlocked(ip("192.0.2.1"))).isFalse();
    limiter.recordError(ip("192.0.2.1"));
    assertThat(limiter.isBlocked(ip("192.0.2.1"))).isTrue();
  }

  @Test
  void blocksMayBeLong() {
    var limiter =
        limiter(
            NONE.withMaxErrorsPerIP(Integer.MAX_VALUE).withBlockDuration(Duration.ofDays(3_650)));
    limiter.recordError(ip("192.0.2.1"));
    assertThat(limiter.isBlocked(ip("192.0.2.1"))).isFalse();
    var strict = limiter(NONE.withMaxErrorsPerIP(1).withBlockDuration(Duration.ofDays(3_650)));
    strict.recordError(ip("192.0.2.1"));
    time.advance(Duration.ofDays(3_649));
    assertThat(strict.isBlocked(ip("192.0.2.1"))).isTrue();
    time.advance(Duration.ofDays(1));
    assertThat(strict.isBlocked(ip("192.0.2.1"))).isFalse();
  }

  // ---- many

  @Test
  void memoryIsBoundedHoweverManyThereAre() {
    var buckets = new Buckets<Integer>(10, MINUTE, new Elapsed(clock));
    for (int i = 0; i < 100_000; i++) {
      buckets.of(i).tryConsume(1);
    }
    assertThat(buckets.size()).isLessThanOrEqualTo(20_000);
    time.advance(MINUTE);
    for (int i = 0; i < 100; i++) {
      buckets.of(i);
    }
    assertThat(buckets.size()).as("what is full again is forgotten").isEqualTo(100);
  }

  @Test
  void aFloodOfAddressesFreesNobodyOfTheServersLimit() {
    var limiter = limiter(NONE.withMaxMessagesPerMinute(1_000).withMaxErrorsPerIP(5));
    int allowed = 0;
    for (int i = 0; i < 50_000; i++) {
      var address = "10." + (i >> 16) + "." + (i >> 8 & 255) + "." + (i & 255);
      allowed += message(limiter, i + "@example.org", address).allowed() ? 1 : 0;
      limiter.recordError(ip(address));
    }
    assertThat(allowed).isEqualTo(1_000);
  }

  @Test
  void manyAtOnceGetWhatThereIsAndNoMore() {
    var limiter =
        limiter(
            NONE.withMaxMessagesPerMinute(500)
                .withMaxConnectionsPerIP(50)
                .withMaxErrorsPerIP(9_000));
    var messages = new AtomicInteger();
    var connections = new AtomicInteger();
    IntStream.range(0, 8_000)
        .parallel()
        .forEach(i -> {
          if (message(limiter, "", "192.0.2." + i % 7).allowed()) {
            messages.incrementAndGet();
          }
          if (limiter.recordConnection(ip("192.0.2.1")).allowed()) {
            connections.incrementAndGet();
          }
          limiter.recordError(ip("192.0.2.2"));
        });
    assertThat(messages).hasValue(500);
    assertThat(connections).hasValue(50);
    for (int i = 8_000; i < 8_999; i++) {
      limiter.recordError(ip("192.0.2.2"));
    }
    assertThat(limiter.isBlocked(ip("192.0.2.2"))).isFalse();
    limiter.recordError(ip("192.0.2.2"));
    assertThat(limiter.isBlocked(ip("192.0.2.2"))).isTrue();
  }

  @Test
  void limitsThatLetNothingInAreAMistake() {
    assertThatThrownBy(() -> NONE.withMaxMessagesPerMinute(0)).hasMessageContaining("maxMessages");
    assertThatThrownBy(() -> NONE.withMaxRecipientsPerMessage(-1))
        .hasMessageContaining("maxRecipientsPerMessage");
    assertThatThrownBy(() -> NONE.withMaxConnectionsPerIP(0)).hasMessageContaining("maxConnection");
    assertThatThrownBy(() -> NONE.withMaxErrorsPerIP(0)).hasMessageContaining("maxErrorsPerIP");
    assertThatThrownBy(() -> NONE.withMaxAuthFailuresPerIP(0)).hasMessageContaining("maxAuth");
    for (var duration : new Duration[] {Duration.ZERO, Duration.ofDays(3_651)}) {
      assertThatThrownBy(() -> NONE.withBlockDuration(duration))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("blockDuration");
    }
  }
}
