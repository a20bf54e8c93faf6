package org.unifiedmta.security.transport;

import static org.assertj.core.api.Assertions.assertThat;

import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.util.stream.Stream;
import javax.net.ssl.SSLHandshakeException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.security.transport.TlsPolicyResolver.Demand;

class TlsPolicyResolverTest {
  private static final byte[] HASH = new byte[32];

  private static Demand demand(ZoneResolver.Builder zone, boolean secure) {
    return new TlsPolicyResolver(zone.build(), null)
        .ofDomain("far.test")
        .of("mx.far.test", secure, 25);
  }

  private static ZoneResolver.Builder zone() {
    return ZoneResolver.builder()
        .signed("far.test")
        .signed("host.test")
        .a("mx.far.test", "192.0.2.1");
  }

  /** RFC 7672 2.2.2: the name that the alias leads to, and where it has none, the alias. */
  @Test
  void recordsAreLookedForWhereAnAliasLeadsToFirst() {
    var alias = ZoneResolver.builder().signed("far.test").signed("host.test");
    alias.cname("mx.far.test", "one.host.test").a("one.host.test", "192.0.2.1");
    alias.tlsa("_25._tcp.mx.far.test", 3, 1, 1, HASH);
    assertThat(demand(alias, true))
        .isInstanceOfSatisfying(
            Demand.Use.class,
            use ->
                assertThat(use.policy())
                    .isInstanceOfSatisfying(
                        TlsPolicy.Dane.class,
                        dane ->
                            assertThat(dane.names()).containsExactly("mx.far.test", "far.test")));
    alias.tlsa("_25._tcp.one.host.test", 2, 1, 1, HASH);
    assertThat(demand(alias, true))
        .isInstanceOfSatisfying(
            Demand.Use.class,
            use ->
                assertThat(use.policy())
                    .isInstanceOfSatisfying(
                        TlsPolicy.Dane.class,
                        dane -> {
                          assertThat(dane.records().getFirst().usage()).isEqualTo(2);
                          assertThat(dane.names())
                              .containsExactly("one.host.test", "mx.far.test", "far.test");
                        }));
  }

  @Test
  void whereDnssecDoesNotVouchForTheHostNoRecordIsAskedFor() {
    var zone = zone().fail("_25._tcp.mx.far.test", "TLSA", Status.SERVFAIL);
    assertThat(demand(zone, true)).isInstanceOf(Demand.Avoid.class);
    assertThat(demand(zone, false))
        .isEqualTo(new Demand.Use(new TlsPolicy.Opportunistic(), TlsPolicyResolver.Origin.NONE));
  }

  static Stream<Arguments> failures() {
    var path = new CertPathValidatorException("no path");
    return Stream.of(
        Arguments.of(null, TlsFailure.STARTTLS_NOT_SUPPORTED),
        Arguments.of(new SSLHandshakeException("closed"), TlsFailure.VALIDATION_FAILURE),
        Arguments.of(
            new SSLHandshakeException("x").initCause(new CertificateException("No name matching")),
            TlsFailure.CERTIFICATE_HOST_MISMATCH),
        Arguments.of(
            new SSLHandshakeException("x").initCause(new CertificateException("x", path)),
            TlsFailure.CERTIFICATE_NOT_TRUSTED),
        Arguments.of(
            new SSLHandshakeException("x").initCause(new CertificateExpiredException()),
            TlsFailure.CERTIFICATE_EXPIRED));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void failuresHaveTheirNamesInReports(@Nullable Throwable cause, TlsFailure failure) {
    assertThat(TlsFailure.of(new TlsPolicy.Verified(), cause)).isEqualTo(failure);
    assertThat(TlsFailure.ofKeyword(failure.keyword())).isEqualTo(failure);
  }
}
