package org.unifiedmta.routing.route;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.routing.route.MxResolver.Result;

class MxResolverTest {
  private static final int PORT = 25;
  private static final InetSocketAddress OURS = new InetSocketAddress("203.0.113.25", PORT);

  private final ZoneResolver.Builder zone = ZoneResolver.builder();

  private Result resolve(String domain) {
    return resolver(false).resolve(domain, PORT);
  }

  private MxResolver resolver(boolean allowPrivate) {
    return resolver(zone.build(), allowPrivate);
  }

  private static MxResolver resolver(DnsResolver dns, boolean allowPrivate) {
    return new MxResolver(
        dns, allowPrivate, Set.of("mail.ours.test"), OURS::equals, new Random(42));
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
      var names = names(resolver.resolve("far.test", PORT));
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

  /** RFC 7505 3: a null MX has no other beside it; where one has, somebody there takes mail. */
  @Test
  void aNullMxBesideAnotherIsNone() {
    zone.mx("far.test", 0, "").mx("far.test", 10, "mx.far.test").a("mx.far.test", "203.0.113.1");
    assertThat(names(resolve("far.test"))).containsExactly("mx.far.test");
  }

  /** RFC 5321 5.1: only where it is known that there is no MX the domain itself is asked. */
  @ParameterizedTest
  @CsvSource({
    "MX NODATA,   A OK,       AAAA OK,       ok",
    "MX NODATA,   A OK,       AAAA TIMEOUT,  ok",
    "MX NODATA,   A SERVFAIL, AAAA OK,       ok",
    "MX NODATA,   A NODATA,   AAAA NODATA,   550 5.4.4",
    "MX NODATA,   A SERVFAIL, AAAA NODATA,   451 4.4.3",
    "MX NODATA,   A NODATA,   AAAA TIMEOUT,  451 4.4.3",
    "MX NODATA,   A NXDOMAIN, AAAA NXDOMAIN, 550 5.1.2",
    "MX NXDOMAIN, A OK,       AAAA OK,       550 5.1.2",
    "MX SERVFAIL, A OK,       AAAA OK,       451 4.4.3",
    "MX TIMEOUT,  A OK,       AAAA OK,       451 4.4.3"
  })
  void aFailureIsForGoodOnlyWhereNobodyIsThere(String mx, String a, String aaaa, String end) {
    for (var said : List.of(mx, a, aaaa)) {
      var type = said.split(" ")[0];
      var status = Status.valueOf(said.split(" ")[1]);
      if (status != Status.OK) {
        zone.fail("far.test", type, status);
      } else if (type.equals("A")) {
        zone.a("far.test", "203.0.113.1");
      } else {
        zone.aaaa("far.test", "2606:db8::1");
      }
    }
    if (end.equals("ok")) {
      assertThat(names(resolve("far.test"))).containsExactly("far.test");
    } else {
      assertThat(reply(resolve("far.test"))).isEqualTo(end);
    }
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

  /** RFC 5321 5.1: "any of the names or addresses by which it might be known". */
  @Test
  void weKnowOurselvesByOurAddressToo() {
    zone.mx("far.test", 10, "a.far.test").mx("far.test", 20, "b.far.test");
    zone.mx("far.test", 20, "we.far.test").mx("far.test", 20, "d.far.test");
    zone.mx("far.test", 30, "e.far.test");
    zone.a("we.far.test", "203.0.113.24").a("we.far.test", "203.0.113.25");
    for (var host : List.of("a", "b", "d", "e")) {
      zone.a(host + ".far.test", "203.0.113.1");
    }
    zone.mx("loop.test", 10, "we.far.test").mx("loop.test", 20, "e.far.test");
    zone.a("implicit.test", "203.0.113.25");
    var resolver = resolver(false);
    for (int i = 0; i < 20; i++) { // those at our preference come in any order
      assertThat(names(resolver.resolve("far.test", PORT))).containsExactly("a.far.test");
    }
    for (var domain : List.of("loop.test", "implicit.test", "[203.0.113.25]")) {
      assertThat(reply(resolve(domain))).as(domain).isEqualTo("554 5.4.6");
    }
    assertThat(names(resolver.resolve("loop.test", 2525))).hasSize(2); // where we do not listen
  }

  @Test
  void whoIsPreferredToUsAndCannotBeFoundNowIsWaitedFor() {
    zone.mx("far.test", 10, "a.far.test").fail("a.far.test", "ANY", Status.TIMEOUT);
    zone.mx("far.test", 20, "we.far.test").a("we.far.test", "203.0.113.25");
    assertThat(reply(resolve("far.test"))).isEqualTo("451 4.4.3");
  }

  @Test
  void ofAThousandHostsTheTenThatArePreferredAreTriedAndFourAddressesOfEach() {
    for (int i = 0; i < 1_000; i++) {
      zone.mx("far.test", 1_000 - i / 4, "mx" + i + ".far.test");
      for (int address = 0; address < 100; address++) {
        zone.a("mx" + i + ".far.test", "203.0." + i % 250 + "." + address);
      }
    }
    var hosts = ((Result.Hosts) resolve("far.test")).hosts();
    assertThat(hosts).hasSize(10).allSatisfy(host -> assertThat(host.addresses()).hasSize(4));
    assertThat(hosts.subList(0, 4).stream().map(MxResolver.Host::name))
        .containsExactlyInAnyOrder(
            "mx996.far.test", "mx997.far.test", "mx998.far.test", "mx999.far.test");
  }

  @Test
  void theAliasOfAHostIsFollowed() {
    zone.mx("far.test", 10, "alias.far.test").cname("alias.far.test", "mx.far.test");
    zone.a("mx.far.test", "203.0.113.1");
    zone.mx("private.test", 10, "inside.far.test").cname("inside.far.test", "localhost.far.test");
    zone.a("localhost.far.test", "127.0.0.1");
    zone.mx("loop.test", 10, "l1.far.test").cname("l1.far.test", "l2.far.test");
    zone.cname("l2.far.test", "l1.far.test");
    assertThat(names(resolve("far.test"))).containsExactly("alias.far.test");
    assertThat(reply(resolve("private.test"))).isEqualTo("550 5.4.4");
    assertThat(reply(resolve("loop.test"))).isEqualTo("451 4.4.3");
  }

  /** RFC 1035 3.3.9: an exchange is a name; what looks like an address is none. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "203.0.113.9",
        "[203.0.113.9]",
        "2606:db8::1",
        "[IPv6:2606:db8::1]",
        "*.far.test",
        "m\u00fcll.test",
        "m\\195\\188ll.test",
        "a..b",
        ".far.test",
        "a b.test",
        "localhost"
      })
  void anExchangeThatNoHostIsCalledIsAnError(String exchange) {
    zone.mx("far.test", 10, exchange);
    assertThat(reply(resolve("far.test"))).isEqualTo("550 5.1.2");
    zone.mx("far.test", 20, "mx.far.test").a("mx.far.test", "203.0.113.1");
    assertThat(names(resolve("far.test"))).containsExactly("mx.far.test");
  }

  @Test
  void anExchangeThatIsTooLongIsAnError() {
    var longest = ("x".repeat(63) + ".").repeat(4) + "test";
    zone.mx("far.test", 10, longest).mx("far.test", 20, "x".repeat(64) + ".test");
    assertThat(reply(resolve("far.test"))).isEqualTo("550 5.1.2");
  }

  /** What is judged is what is dialled: nobody asks for the address of a host again. */
  @Test
  void anAddressThatTurnsPrivateIsJudgedAsItIsNow() {
    zone.mx("far.test", 10, "mx.far.test").a("mx.far.test", "203.0.113.1");
    var turning = new TurningResolver(zone.build(), Literals.ip("127.0.0.1"));
    var resolver = resolver(turning, false);
    var first = (Result.Hosts) resolver.resolve("far.test", PORT);
    assertThat(first.hosts().getFirst().addresses()).hasToString("[/203.0.113.1]");
    assertThat(turning.asked).isEqualTo(1);
    assertThat(reply(resolver.resolve("far.test", PORT))).isEqualTo("550 5.4.4");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "169.254.169.254",
        "127.255.255.254",
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
    assertThat(names(resolver(true).resolve("far.test", PORT))).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1"
      })
  void privateIpv6AddressesAreNoTargetsEither(String ip) {
    assertThat(reply(resolve("[IPv6:" + ip + "]"))).isEqualTo("550 5.1.2");
    if (Literals.ip(ip) instanceof Inet6Address) { // else an A record has it
      zone.mx("far.test", 10, "mx.far.test").aaaa("mx.far.test", ip);
      assertThat(reply(resolve("far.test"))).isEqualTo("550 5.4.4");
    }
  }

  @Test
  void ofTheAddressesOfAHostThePrivateOnesAreLeftOut() {
    zone.mx("far.test", 10, "mx.far.test").a("mx.far.test", "10.0.0.1");
    zone.a("mx.far.test", "203.0.113.1");
    var hosts = ((Result.Hosts) resolve("far.test")).hosts();
    assertThat(hosts.getFirst().addresses()).hasToString("[/203.0.113.1]");
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

  /** Has another address for every name once it has been asked. */
  private static final class TurningResolver implements DnsResolver {
    private final DnsResolver first;
    private final InetAddress then;
    private int asked;

    TurningResolver(DnsResolver first, InetAddress then) {
      this.first = first;
      this.then = then;
    }

    @Override
    public Answer<InetAddress> a(String name) {
      return asked++ == 0
          ? first.a(name)
          : new Answer<>(Status.OK, List.of(then), Duration.ZERO, false);
    }

    @Override
    public Answer<Mx> mx(String name) {
      return first.mx(name);
    }

    @Override
    public Answer<String> txt(String name) {
      return first.txt(name);
    }

    @Override
    public Answer<InetAddress> aaaa(String name) {
      return first.aaaa(name);
    }

    @Override
    public Answer<String> ptr(InetAddress address) {
      return first.ptr(address);
    }

    @Override
    public Answer<String> cname(String name) {
      return first.cname(name);
    }

    @Override
    public Answer<Tlsa> tlsa(String name) {
      return first.tlsa(name);
    }
  }
}
