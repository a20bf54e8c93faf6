package org.unifiedmta.routing.zone;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.LocalDate;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.unifiedmta.routing.zone.IpPool.Source;
import org.unifiedmta.routing.zone.IpPool.Warmup;

class SourceChooserTest {
  private static final int MESSAGES = 20_000;

  private static String id(int number) {
    return String.format("%016x", 0x0123456700000000L + number);
  }

  private static Map<String, Integer> shares(List<Source> sources) {
    var counts = new HashMap<String, Integer>();
    for (int i = 0; i < MESSAGES; i++) {
      var source = SourceChooser.choose(sources, id(i), each -> true).orElseThrow();
      counts.merge(source.address().getHostAddress(), 1, Integer::sum);
    }
    return counts;
  }

  @Test
  void messagesAreSharedOutByWeightAndAnAddressThatIsThereTwiceHasTwoParts() {
    var counts =
        shares(
            List.of(
                Source.of("127.0.0.1"),
                Source.of("127.0.0.2").withShare(2),
                Source.of("127.0.0.3"),
                Source.of("127.0.0.3")));
    assertThat(counts.get("127.0.0.1")).isCloseTo(MESSAGES / 5, within(MESSAGES / 50));
    assertThat(counts.get("127.0.0.2")).isCloseTo(2 * MESSAGES / 5, within(MESSAGES / 50));
    assertThat(counts.get("127.0.0.3")).isCloseTo(2 * MESSAGES / 5, within(MESSAGES / 50));
  }

  @Test
  void aMessageKeepsItsAddressUnlessThatIsNotToBeUsed() {
    var sources = List.of(Source.of("127.0.0.1"), Source.of("127.0.0.2"), Source.of("127.0.0.3"));
    var resting = sources.get(1);
    for (int i = 0; i < 1000; i++) {
      var before = SourceChooser.choose(sources, id(i), each -> true).orElseThrow();
      var meanwhile =
          SourceChooser.choose(sources, id(i), each -> !each.equals(resting)).orElseThrow();
      assertThat(meanwhile).isNotEqualTo(resting);
      if (!before.equals(resting)) {
        assertThat(meanwhile).isEqualTo(before);
      }
    }
    assertThat(SourceChooser.choose(sources, id(1), each -> false)).isEmpty();
  }

  @Test
  void aNewAddressSendsMoreEachDay() {
    var begins = LocalDate.of(2026, 3, 1);
    var warmup = new Warmup(begins, 50, 1.5);
    assertThat(warmup.quota(begins.minusDays(1))).isZero();
    assertThat(warmup.quota(begins)).isEqualTo(50);
    assertThat(warmup.quota(begins.plusDays(1))).isEqualTo(75);
    assertThat(warmup.quota(begins.plusDays(2))).isEqualTo(112);
    assertThat(warmup.quota(begins.plusYears(10))).isEqualTo(1_000_000_000);
  }
}
