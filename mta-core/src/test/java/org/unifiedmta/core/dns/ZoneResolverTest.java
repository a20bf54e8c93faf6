package org.unifiedmta.core.dns;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.dns.DnsResolver.Mx;
import org.unifiedmta.core.dns.DnsResolver.Status;

class ZoneResolverTest {

  @Test
  void whatIsWrittenDownIsAnswered() {
    var zone =
        ZoneResolver.builder()
            .a("mx.example.org", "192.0.2.1")
            .a("mx.example.org", "192.0.2.2")
            .aaaa("mx.example.org", "2001:db8::1")
            .mx("example.org", 20, "b.example.org.")
            .mx("example.org", 10, "MX.example.org")
            .txt("example.org", "v=spf1 ", "-all")
            .txt("example.org", "other")
            .ptr("192.0.2.1", "mx.example.org")
            .ptr("2001:db8::1", "mx.example.org")
            .tlsa("_25._tcp.mx.example.org", 3, 1, 1, new byte[] {1, 2})
            .build();
    assertThat(zone.a("mx.example.org").records())
        .containsExactly(ip("192.0.2.1"), ip("192.0.2.2"));
    assertThat(zone.aaaa("mx.example.org").records()).containsExactly(ip("2001:db8::1"));
    assertThat(zone.mx("example.org").records())
        .containsExactly(new Mx(20, "b.example.org"), new Mx(10, "mx.example.org"));
    assertThat(zone.txt("example.org").records()).containsExactly("v=spf1 -all", "other");
    assertThat(zone.ptr(ip("192.0.2.1")).records()).containsExactly("mx.example.org");
    assertThat(zone.ptr(ip("2001:db8::1")).records()).containsExactly("mx.example.org");
    assertThat(zone.tlsa("_25._tcp.mx.example.org").records().get(0).data()).containsExactly(1, 2);
    assertThat(zone.a("mx.example.org").status()).isEqualTo(Status.OK);
  }

  @Test
  void neitherCaseNorATrailingDotMatters() {
    var zone = ZoneResolver.builder().txt("Example.ORG.", "x").build();
    assertThat(zone.txt("eXAMPLE.org").records()).containsExactly("x");
    assertThat(zone.txt("example.org.").records()).containsExactly("x");
  }

  @Test
  void anAbsentTypeIsNodataAnAbsentNameNxdomain() {
    var zone =
        ZoneResolver.builder().txt("example.org", "x").fail("f.test", "MX", Status.TIMEOUT).build();
    assertThat(zone.mx("example.org").status()).isEqualTo(Status.NODATA);
    assertThat(zone.mx("sub.example.org").status()).isEqualTo(Status.NXDOMAIN);
    assertThat(zone.txt("f.test").status()).isEqualTo(Status.NODATA);
    assertThat(zone.ptr(ip("192.0.2.1")).status()).isEqualTo(Status.NXDOMAIN);
    assertThat(zone.mx("").status()).isEqualTo(Status.NXDOMAIN);
    assertThat(zone.mx("example.org").records()).isEmpty();
  }

  @Test
  void aFailureIsOfOneTypeOrOfAllThatAreNotWrittenDown() {
    var zone =
        ZoneResolver.builder()
            .fail("a.test", "mx", Status.SERVFAIL)
            .mx("a.test", 10, "mx.a.test")
            .txt("a.test", "x")
            .fail("b.test", "ANY", Status.TIMEOUT)
            .txt("b.test", "x")
            .fail("b.test", "A", Status.NXDOMAIN)
            .cname("c.test", "b.test")
            .build();
    assertThat(zone.mx("A.test").status()).isEqualTo(Status.SERVFAIL);
    assertThat(zone.mx("a.test").records()).isEmpty();
    assertThat(zone.txt("a.test").status()).isEqualTo(Status.OK);
    assertThat(zone.mx("b.test").status()).isEqualTo(Status.TIMEOUT);
    assertThat(zone.txt("b.test").status()).isEqualTo(Status.OK);
    assertThat(zone.a("b.test").status()).isEqualTo(Status.NXDOMAIN);
    assertThat(zone.mx("c.test").status()).isEqualTo(Status.TIMEOUT);
    assertThat(zone.mx("d.test").status()).isEqualTo(Status.NXDOMAIN);
  }

  @Test
  void aliasesAreFollowedAndCnameGivesTheAliasItself() {
    var zone =
        ZoneResolver.builder()
            .cname("a.test", "B.test")
            .cname("b.test", "c.test.")
            .txt("c.test", "x")
            .cname("dangling.test", "nowhere.test")
            .cname("loop.test", "loop2.test")
            .cname("loop2.test", "loop.test")
            .cname("self.test", "self.test")
            .build();
    assertThat(zone.txt("a.test").records()).containsExactly("x");
    assertThat(zone.mx("a.test").status()).isEqualTo(Status.NODATA);
    assertThat(zone.cname("a.test").records()).containsExactly("b.test");
    assertThat(zone.cname("c.test").status()).isEqualTo(Status.NODATA);
    assertThat(zone.txt("dangling.test").status()).isEqualTo(Status.NXDOMAIN);
    assertThat(zone.txt("loop.test").status()).isEqualTo(Status.SERVFAIL);
    assertThat(zone.txt("self.test").status()).isEqualTo(Status.SERVFAIL);
    assertThat(zone.cname("loop.test").records()).containsExactly("loop2.test");
  }

  @Test
  void aMasterFileIsRead() {
    var zone =
        ZoneResolver.parse(
            """
            $ORIGIN example.org.
            $TTL 60
            @        IN SOA ns hostmaster 1 2 3 4 5
            @        IN MX 10 MX
            @        IN MX 0 .
            mx       IN A 192.0.2.1
                     IN AAAA 2001:db8::1
            @        IN TXT "v=spf1 " "-all" ; a comment
            www      IN CNAME mx
            ns-only  IN NS ns.example.net.
            _25._tcp.mx IN TLSA 3 1 1 0102
            1.2.0.192.in-addr.arpa. IN PTR mx
            """);
    assertThat(zone.mx("example.org").records())
        .containsExactly(new Mx(10, "mx.example.org"), new Mx(0, ""));
    assertThat(zone.a("www.example.org").records()).containsExactly(ip("192.0.2.1"));
    assertThat(zone.aaaa("mx.example.org").records()).containsExactly(ip("2001:db8::1"));
    assertThat(zone.txt("example.org").records()).containsExactly("v=spf1 -all");
    assertThat(zone.ptr(ip("192.0.2.1")).records()).containsExactly("mx.example.org");
    assertThat(zone.tlsa("_25._tcp.mx.example.org").records()).hasSize(1);
    assertThat(zone.mx("ns-only.example.org").status()).isEqualTo(Status.NODATA);
    assertThat(zone.mx("other.example.org").status()).isEqualTo(Status.NXDOMAIN);
  }

  @Test
  void textIsUtf8() {
    var zone = ZoneResolver.parse("a.test. TXT \"" + octets("\u00e4") + "\"");
    assertThat(zone.txt("a.test").records()).containsExactly("\u00e4");
  }

  @Test
  void whatIsWrongIsSaidAtOnce() {
    assertThatThrownBy(() -> ZoneResolver.parse("a.test. IN A 192.0.2\n"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("1");
    assertThatThrownBy(() -> ZoneResolver.builder().a("a.test", "2001:db8::1"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> ZoneResolver.builder().aaaa("a.test", "192.0.2.1"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> ZoneResolver.builder().ptr("localhost", "a.test"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** RFC 1035 5.1: {@code \DDD}. */
  private static String octets(String text) {
    var escaped = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      escaped.append(String.format("\\%03d", b & 0xFF));
    }
    return escaped.toString();
  }

  private static InetAddress ip(String text) {
    var address = Literals.ip(text);
    if (address == null) {
      throw new IllegalArgumentException(text);
    }
    return address;
  }
}
