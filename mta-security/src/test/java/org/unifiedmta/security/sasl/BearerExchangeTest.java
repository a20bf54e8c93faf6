package org.unifiedmta.security.sasl;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.security.sasl.SaslExchange.Step;

class BearerExchangeTest {
  private static final String TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";

  private final CredentialStore store =
      new CredentialStore() {
        @Override
        public boolean verifyPassword(String user, char[] password) {
          return false;
        }

        @Override
        public boolean verifyToken(String user, String bearer) {
          return user.equals("ann@example.com") && bearer.equals(TOKEN);
        }
      };

  /** In the tables ^ is %x01; the first is the example of RFC 7628 4.1. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "OAUTHBEARER | n,a=ann@example.com,^host=server.example.com^port=143^auth=Bearer @^^",
        "OAUTHBEARER | n,a=ann@example.com,^auth=Bearer @^^",
        "OAUTHBEARER | y,a=ann@example.com,^auth=bearer @^host=^x=y=z^^",
        "XOAUTH2 | user=ann@example.com^auth=Bearer @^^",
        "XOAUTH2 | user=ann@example.com^auth=BEARER @^^"
      })
  void aTokenOfTheUserLogsIn(String mechanism, String message) {
    assertThat(exchange(mechanism).next(wire(message)))
        .isEqualTo(new Step.Success("ann@example.com"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "OAUTHBEARER | n,a=ann@example.com,^auth=Bearer wrong^^ | {\"status\":\"invalid_token\"}",
        "OAUTHBEARER | n,a=bob@example.com,^auth=Bearer @^^ | {\"status\":\"invalid_token\"}",
        "XOAUTH2 | user=ann@example.com^auth=Bearer x^^ |"
            + " {\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"\"}"
      })
  void anotherTokenIsToldSoAndFailsWhateverTheClientSays(
      String mechanism, String message, String json) {
    for (var dummy : new String[] {"", "^", message.replace("wrong", "@")}) {
      var exchange = exchange(mechanism);
      var challenge = (Step.Challenge) exchange.next(wire(message));
      assertThat(new String(challenge.data(), UTF_8)).isEqualTo(json);
      assertThat(exchange.next(wire(dummy))).isEqualTo(new Step.Failure("token refused"));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "OAUTHBEARER | n,,^auth=Bearer @^^",
        "OAUTHBEARER | p=tls-exporter,a=ann@example.com,^auth=Bearer @^^",
        "OAUTHBEARER | n,a=ann@example.com,auth=Bearer @^^",
        "OAUTHBEARER | n,a=ann@example.com,^auth=Bearer @^",
        "OAUTHBEARER | n,a=ann@example.com,^auth=Bearer @^^^",
        "OAUTHBEARER | n,a=ann@example.com,^auth=Bearer @^auth=Bearer @^^",
        "OAUTHBEARER | n,a=ann@example.com,^host=x^^",
        "OAUTHBEARER | n,a=ann@example.com,^host^auth=Bearer @^^",
        "OAUTHBEARER | n,a=ann@example.com,^=x^auth=Bearer @^^",
        "OAUTHBEARER | n,a=ann@example.com,^auth=Basic @^^",
        "OAUTHBEARER | n,a=ann@example.com,^auth=Bearer ^^",
        "OAUTHBEARER | n,a=ann@example.com,^auth=Bearer a b^^",
        "OAUTHBEARER | n,a=ann@example.com,^auth=Bearer =^^",
        "OAUTHBEARER | n,a=ann@example.com,^^",
        "OAUTHBEARER | ^",
        "OAUTHBEARER | ''",
        "XOAUTH2 | user=ann@example.com^auth=Bearer @^",
        "XOAUTH2 | user=ann@example.com^auth=Bearer @^^^",
        "XOAUTH2 | user=^auth=Bearer @^^",
        "XOAUTH2 | ann@example.com^auth=Bearer @^^",
        "XOAUTH2 | auth=Bearer @^user=ann@example.com^^",
        "XOAUTH2 | user=ann@example.com^auth=Bearer@^^",
        "XOAUTH2 | user=ann@example.com^Bearer @^^",
        "XOAUTH2 | user=ann@example.com^auth=Bearer \u00e4^^",
        "XOAUTH2 | n,a=ann@example.com,^auth=Bearer @^^"
      })
  void whatIsNotThatFailsAtOnce(String mechanism, String message) {
    assertThat(exchange(mechanism).next(wire(message)))
        .isEqualTo(new Step.Failure("malformed bearer message"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"OAUTHBEARER", "XOAUTH2"})
  void withoutAnInitialResponseItIsAskedFor(String mechanism) {
    var exchange = exchange(mechanism);
    assertThat(((Step.Challenge) exchange.next(null)).data()).isEmpty();
    assertThat(exchange.next(wire("x"))).isInstanceOf(Step.Failure.class);
  }

  @Test
  void aTokenHasSomeThousandOctetsAndNotMore() {
    var large = "x".repeat(8_000);
    assertThat(exchange("XOAUTH2").next(wire("user=ann@example.com^auth=Bearer " + large + "^^")))
        .isInstanceOf(Step.Challenge.class);
    var tooLarge = "x".repeat(9_300);
    assertThat(
            exchange("XOAUTH2").next(wire("user=ann@example.com^auth=Bearer " + tooLarge + "^^")))
        .isInstanceOf(Step.Failure.class);
  }

  private SaslExchange exchange(String mechanism) {
    return SaslMechanism.ofName(mechanism).orElseThrow().exchange(SaslContext.of(store));
  }

  private static byte[] wire(String message) {
    return message
        .replace('^', '\1')
        .replace("Bearer @", "Bearer " + TOKEN)
        .replace("bearer @", "bearer " + TOKEN)
        .replace("BEARER @", "BEARER " + TOKEN)
        .getBytes(UTF_8);
  }
}
