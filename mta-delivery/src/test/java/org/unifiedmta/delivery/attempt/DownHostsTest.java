package org.unifiedmta.delivery.attempt;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.smtp.client.Endpoint;

class DownHostsTest {
  private static final Endpoint FIRST = host("first.test", 1);
  private static final Endpoint SECOND = host("second.test", 2);
  private static final Endpoint THIRD = host("third.test", 3);
  private static final List<Endpoint> ALL = List.of(FIRST, SECOND, THIRD);

  private final ManualTimer timer = new ManualTimer(Instant.parse("2026-01-05T10:00:00Z"));
  private final DownHosts down = new DownHosts(timer);

  private List<Endpoint> last(List<Endpoint> endpoints) {
    var paths = endpoints.stream().map(endpoint -> new Path(endpoint, null, null, false)).toList();
    return down.last(paths).stream().map(Path::endpoint).toList();
  }

  private static Endpoint host(String name, int number) {
    try {
      var octets = new byte[] {10, (byte) (number >> 16), (byte) (number >> 8), (byte) number};
      return new Endpoint(name, InetAddress.getByAddress(octets), 25);
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whoDidNotAnswerIsTriedLastForAWhile() {
    down.add(FIRST);
    assertThat(last(ALL)).containsExactly(SECOND, THIRD, FIRST);
    timer.advance(Duration.ofMinutes(5));
    assertThat(last(ALL)).isEqualTo(ALL);
  }

  @Test
  void whoAnswersAgainIsTriedInItsPlace() {
    down.add(FIRST);
    down.add(SECOND);
    assertThat(last(ALL)).containsExactly(THIRD, FIRST, SECOND);
    down.remove(FIRST);
    assertThat(last(ALL)).containsExactly(FIRST, THIRD, SECOND);
  }

  @Test
  void aHostIsKnownByItsAddressWhateverItIsCalled() {
    down.add(host("alias.test", 1));
    assertThat(last(ALL)).containsExactly(SECOND, THIRD, FIRST);
  }

  @Test
  void theOldestAreForgottenWhenThereAreTooMany() {
    down.add(FIRST);
    for (int i = 0; i < 10_000; i++) {
      down.add(host("other.test", 1000 + i));
    }
    assertThat(last(ALL)).isEqualTo(ALL);
    assertThat(last(List.of(host("other.test", 1000), THIRD)))
        .extracting(Endpoint::host)
        .containsExactly("third.test", "other.test");
  }
}
