package org.unifiedmta.security.sasl;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.unifiedmta.security.sasl.SaslExchange.Step;

/** Clients that send anything. */
class SaslFuzzTest {
  private static final int LOGINS = 20_000;
  private static final String[] PIECES = {
    "n,,",
    "y,,",
    "p=tls-server-end-point,,",
    "n,a=ann,",
    "n=ann",
    "n=bob",
    ",",
    "=",
    "=2C",
    "m=",
    "r=",
    "r=abc",
    "c=biws",
    "p=",
    "v=",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "\0",
    "\1",
    "ann",
    "secret",
    "user=",
    "auth=Bearer ",
    "token",
    "\u00e4",
    "\u0627",
    "\ud83d\ude00",
    "x".repeat(600),
    " "
  };

  private final CredentialStore users = CredentialStore.ofUsers(Map.of("ann", "secret"));

  @ParameterizedTest
  @EnumSource(SaslMechanism.class)
  void nothingThatAClientSendsBreaksALogin(SaslMechanism mechanism) {
    var random = new Random(mechanism.ordinal());
    var context = SaslContext.of(users);
    var bound = context.withChannelBindings(Map.of("tls-server-end-point", new byte[32]));
    for (int login = 0; login < LOGINS; login++) {
      var exchange = mechanism.exchange(random.nextBoolean() ? context : bound);
      Step step = new Step.Challenge(random.nextBoolean() ? new byte[0] : response(random));
      for (int i = 0; i < 4 && step instanceof Step.Challenge(var sent); i++) {
        step = exchange.next(random.nextInt(8) > 0 ? response(random) : mutated(sent, random));
      }
      if (step instanceof Step.Success(var user)) {
        assertThat(mechanism)
            .as("who knows the password")
            .isIn(SaslMechanism.PLAIN, SaslMechanism.LOGIN);
        assertThat(user).isEqualTo("ann");
      }
    }
  }

  private static byte[] response(Random random) {
    var text = new StringBuilder();
    for (int i = random.nextInt(7); i > 0; i--) {
      text.append(PIECES[random.nextInt(PIECES.length)]);
    }
    var octets = text.toString().getBytes(UTF_8);
    return random.nextInt(3) > 0 ? octets : mutated(octets, random);
  }

  private static byte[] mutated(byte[] octets, Random random) {
    var mutated = octets.clone();
    for (int i = random.nextInt(4); i > 0 && mutated.length > 0; i--) {
      mutated[random.nextInt(mutated.length)] = (byte) random.nextInt(256);
    }
    return mutated;
  }
}
