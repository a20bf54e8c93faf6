package org.unifiedmta.routing.route;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.routing.route.MxResolver.Result;

class MxResolverTest {
  private final ZoneResolver.Builder zone = ZoneResolver.builder();

  private Result resolve(String domain) {
    return resolver(false).resolve(domain);
  }

  private MxResolver resolver(boolean allowPrivate) {
    return new MxResolver(zone.build(), allowPrivate, Set.of("mail.ours.test"), new Random(42));
  }

  private static List<String> names(Result result) {
    assertThat(result).isInstanceOf(Result.Hosts.class);
    return ((Result.Hosts) result).hosts().stream().map(MxResolver.Host::name).toList();
  }

  private static String reply(Result result) {
    assertThat(result).isInstanceOf(Result.Failed.class);
    var reply = ((Result.Failed) result).reply();
    return reply.code() + " " + reply.status();
  }

  @Test
  void hostsComeByPreferenceAndEqualOnesInRandomOrder() {
    zone.mx("far.test", 20, "c.far.test").mx("far.test", 10, "a.far.test");
    zone.mx("far.test", 10, "b.far.test");
    zone.a("a.far.test", "203.0.113.1").a("b.far.test", "203.0.113.2");
    zone.a("c.far.test", "203.0.113.3");
    var resolver = resolver(false);
    var firsts = new HashSet<String>();
    for (int i = 0; i < 50; i++) {
      var names = names(resolver.resolve("far.test"));
      assertThat(names).hasSize(3).endsWith("c.far.test");
      firsts.add(names.get(0));
    }
    assertThat(firsts).containsExactlyInAnyOrder("a.far.test", "b.far.test");
  }

  @Test
  void withoutMxTheDomainItselfIsTheHost() {
    zone.a("far.test", "203.0.113.1").aaaa("far.test", "2606:db8::1");
    assertThat(((Result.Hosts) resolve("far.test")).hosts())
        .singleElement()
        .satisfies(host -> {
          assertThat(host.name()).isEqualTo("far.test");
          assertThat(host.addresses()).hasSize(2);
        });
  }

  @Test
  void aNullMxTakesNoMail() {
    zone.mx("far.test", 0, "").a("far.test", "203.0.113.1");
    assertThat(reply(resolve("far.test"))).isEqualTo("556 5.1.10");
  }

  @Test
  void failuresOfTheDnsAreToldApart() {
    zone.fail("slow.test", "MX", Status.TIMEOUT).fail("broken.test", "MX", Status.SERVFAIL);
    zone.mx("lost.test", 10, "mx.lost.test");
    zone.mx("half.test", 10, "mx.half.test").fail("mx.half.test", "A", Status.SERVFAIL);
    zone.txt("empty.test", "x");
    assertThat(reply(resolve("nowhere.test"))).isEqualTo("550 5.1.2");
    assertThat(reply(resolve("slow.test"))).isEqualTo("451 4.4.3");
    assertThat(reply(resolve("broken.test"))).isEqualTo("451 4.4.3");
    assertThat(reply(resolve("lost.test"))).isEqualTo("550 5.1.2");
    assertThat(reply(resolve("half.test"))).isEqualTo("451 4.4.3");
    assertThat(reply(resolve("empty.test"))).isEqualTo("550 5.4.4");
  }

  @Test
  void aHostWithoutAddressIsPassedOver() {
    zone.mx("far.test", 10, "gone.far.test").mx("far.test", 20, "b.far.test");
    zone.a("b.far.test", "203.0.113.2");
    assertThat(names(resolve("far.test"))).containsExactly("b.far.test");
  }

  @Test
  void ourselvesAndThoseBehindUsAreLeftOut() {
    zone.mx("far.test", 10, "a.far.test").mx("far.test", 20, "MAIL.ours.test");
    zone.mx("far.test", 30, "c.far.test");
    zone.a("a.far.test", "203.0.113.1").a("c.far.test", "203.0.113.3");
    zone.mx("loop.test", 10, "mail.ours.test").mx("loop.test", 20, "c.far.test");
    assertThat(names(resolve("far.test"))).containsExactly("a.far.test");
    assertThat(reply(resolve("loop.test"))).isEqualTo("554 5.4.6");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "240.0.0.1",
        "255.255.255.255",
        "224.0.0.1"
      })
  void privateAddressesAreNoTargetsUnlessAllowed(String ip) {
    zone.mx("far.test", 10, "mx.far.test").a("mx.far.test", ip);
    assertThat(reply(resolve("far.test"))).isEqualTo("550 5.4.4");
    assertThat(reply(resolve("[" + ip + "]"))).isEqualTo("550 5.1.2");
    assertThat(names(resolver(true).resolve("far.test"))).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "::ffff:10.0.0.1"})
  void privateIpv6AddressesAreNoTargetsEither(String ip) {
    assertThat(reply(resolve("[IPv6:" + ip + "]"))).isEqualTo("550 5.1.2");
  }

  @Test
  void anAddressLiteralIsDialledAsItIs() {
    assertThat(names(resolve("[203.0.113.9]"))).containsExactly("[203.0.113.9]");
  }

  @Test
  void aHostThatARouteNamesMayBeAnywhere() {
    zone.a("inside.ours.test", "10.0.0.1");
    assertThat(names(resolver(false).address("inside.ours.test"))).hasSize(1);
    assertThat(names(resolver(false).address("127.0.0.1"))).hasSize(1);
    assertThat(reply(resolver(false).address("nowhere.test"))).isEqualTo("550 5.1.2");
  }
}
