package org.unifiedmta.security.sasl;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.security.sasl.SaslExchange.Step;

class SaslMechanismTest {
  private static final byte[] NONE = {};

  private final CredentialStore users =
      CredentialStore.ofUsers(Map.of("ann", "secret", "d\u00f6rte", "gehe\u00efm"));

  @ParameterizedTest
  @ValueSource(strings = {"|ann|secret", "ann|ann|secret"})
  void plainTakesTheUserAndThePassword(String message) {
    assertThat(plain(message)).isEqualTo(new Step.Success("ann"));
  }

  @Test
  void namesAndPasswordsAreUtf8() {
    assertThat(plain("|d\u00f6rte|gehe\u00efm")).isEqualTo(new Step.Success("d\u00f6rte"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "|ann|wrong",
        "|bob|secret",
        "|Ann|secret",
        "root|ann|secret",
        "|ann|",
        "||secret",
        "||",
        "|",
        "ann",
        "ann|secret",
        "|ann|secret|",
        "|ann|secret|x",
        "|||",
        "||ann|secret"
      })
  void plainRefusesWhatIsNotExactlyThat(String message) {
    assertThat(plain(message)).isInstanceOf(Step.Failure.class);
  }

  @Test
  void malformedUtf8AndOverlongFieldsAreRefused() {
    assertThat(exchange("PLAIN").next(new byte[] {0, (byte) 0xff, 0, 'x'}))
        .isInstanceOf(Step.Failure.class);
    var large = CredentialStore.ofUsers(Map.of("ann", "x".repeat(2_000)));
    assertThat(
            SaslMechanism.PLAIN
                .exchange(SaslContext.of(large))
                .next(wire("|ann|" + "x".repeat(2_000))))
        .isInstanceOf(Step.Failure.class);
  }

  @Test
  void plainWithoutAnInitialResponseAsksForItOnce() {
    for (var none : new byte[][] {null, NONE}) {
      var exchange = exchange("PLAIN");
      assertThat(exchange.next(none)).isInstanceOf(Step.Challenge.class);
      assertThat(exchange.next(none)).isInstanceOf(Step.Failure.class);
    }
  }

  @Test
  void loginAsksForNameThenPassword() {
    var exchange = exchange("LOGIN");
    assertThat(challenge(exchange.next(null))).isEqualTo("Username:");
    assertThat(challenge(exchange.next(wire("ann")))).isEqualTo("Password:");
    assertThat(exchange.next(wire("secret"))).isEqualTo(new Step.Success("ann"));
  }

  @Test
  void loginTakesTheNameAsInitialResponse() {
    var exchange = exchange("LOGIN");
    assertThat(challenge(exchange.next(wire("ann")))).isEqualTo("Password:");
    assertThat(exchange.next(wire("wrong"))).isInstanceOf(Step.Failure.class);
  }

  @Test
  void loginRefusesAnEmptyNameOrPassword() {
    var exchange = exchange("LOGIN");
    exchange.next(NONE);
    assertThat(exchange.next(NONE)).isInstanceOf(Step.Failure.class);
    var other = exchange("LOGIN");
    other.next(wire("ann"));
    assertThat(other.next(NONE)).isInstanceOf(Step.Failure.class);
  }

  @Test
  void namesAreOneHoweverTheyAreTyped() {
    assertThat(plain("|do\u0308rte|gehei\u0308m")).isEqualTo(new Step.Success("d\u00f6rte"));
    assertThat(plain("d\u00f6rte|do\u0308rte|gehe\u00efm"))
        .isEqualTo(new Step.Success("d\u00f6rte"));
    var login = exchange("LOGIN");
    login.next(wire("\uff41nn"));
    assertThat(login.next(wire("secret"))).isEqualTo(new Step.Success("ann"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "ann | '' | ann",
        "ann | ann | ann",
        "ann | root | -",
        "ann | a\u0007n | -",
        "- | '' | -",
        "- | ann | -"
      })
  void externalTakesTheUserOfTheCertificate(String certificate, String response, String user) {
    var context = SaslContext.of(users);
    var exchange =
        SaslMechanism.EXTERNAL.exchange(
            certificate == null ? context : context.withCertificateUser(certificate));
    assertThat(((Step.Challenge) exchange.next(null)).data()).isEmpty();
    assertThat(exchange.next(wire(response)) instanceof Step.Success(var name) ? name : null)
        .isEqualTo(user);
  }

  @Test
  void mechanismsGoByTheirNames() {
    assertThat(SaslMechanism.ofName("PLAIN")).contains(SaslMechanism.PLAIN);
    assertThat(SaslMechanism.ofName("SCRAM-SHA-256-PLUS"))
        .contains(SaslMechanism.SCRAM_SHA_256_PLUS);
    assertThat(SaslMechanism.ofName("CRAM-MD5")).isEmpty();
  }

  private Step plain(String message) {
    return exchange("PLAIN").next(wire(message));
  }

  private SaslExchange exchange(String mechanism) {
    return SaslMechanism.ofName(mechanism).orElseThrow().exchange(SaslContext.of(users));
  }

  /** In the tables | is NUL. */
  private static byte[] wire(String message) {
    return message.replace('|', '\0').getBytes(UTF_8);
  }

  private static String challenge(Step step) {
    return new String(((Step.Challenge) step).data(), UTF_8);
  }
}
