package org.unifiedmta.core.dns;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.testing.ManualTimer;
import org.xbill.DNS.Rcode;

@Timeout(30)
class DnsMetricsTest {

  private static final class Recorded implements Metrics {
    private final Map<String, Long> counts = new ConcurrentHashMap<>();
    private final Map<String, Supplier<Number>> gauges = new ConcurrentHashMap<>();

    @Override
    public void count(String name, long n, String... tags) {
      counts.merge(name + String.join(",", tags), n, Long::sum);
    }

    @Override
    public void time(String name, Duration duration, String... tags) {
      counts.merge(name + String.join(",", tags), 1L, Long::sum);
    }

    @Override
    public void gauge(String name, Supplier<Number> value, String... tags) {
      gauges.put(name, value);
    }
  }

  @Test
  void questionsAndThoseThatWentToAServerAreCounted() throws IOException {
    var metrics = new Recorded();
    try (var server = new TestNameServer();
        var resolver =
            SystemDnsResolver.builder()
                .servers(List.of(server.address()))
                .timer(new ManualTimer())
                .metrics(metrics)
                .build()) {
      server.records("a.test", "a.test. 60 A 192.0.2.1");
      server.answer("b.test", message -> message.getHeader().setRcode(Rcode.NXDOMAIN));
      for (var name : new String[] {"a.test", "a.test", "A.test", "b.test"}) {
        resolver.a(name);
      }
      assertThat(metrics.counts)
          .isEqualTo(
              Map.of(
                  "dns.questions", 4L,
                  "dns.askedtype,A,status,ok", 1L,
                  "dns.askedtype,A,status,nxdomain", 1L,
                  "dns.timestatus,ok", 1L,
                  "dns.timestatus,nxdomain", 1L));
      assertThat(metrics.gauges.get("dns.kept").get().intValue()).isEqualTo(2);
    }
  }
}
