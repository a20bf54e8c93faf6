package org.unifiedmta.security.sasl;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.List;
import org.unifiedmta.security.sasl.CredentialStore.Scram;

/**
 * What a name that nobody has gets in place of a user's: always the same for the same name, and
 * what it gets is distributed as what users have.
 *
 * <p>The secret is random and not made of the credentials: whoever is shown a value that is made of
 * them could try passwords on it at home.
 */
final class Decoys {
  /** What shows of SCRAM keys. */
  private record Shape(int saltLength, int iterations) {}

  private static final Shape USUAL = new Shape(16, 4_096);
  private static final Decoys OF_PROCESS = new Decoys(List.of());

  private final byte[] secret = new byte[32];
  private final List<Shape> shapes;

  /**
   * @param examples keys that the made-up ones are to look like; none for the usual ones
   */
  Decoys(List<Scram> examples) {
    new SecureRandom().nextBytes(secret);
    this.shapes =
        examples.isEmpty()
            ? List.of(USUAL)
            : examples.stream()
                .map(keys -> new Shape(keys.salt().length, keys.iterations()))
                .toList();
  }

  /** Those for stores that make none of their own; it has no state but its secret. */
  static Decoys ofProcess() {
    return OF_PROCESS;
  }

  Scram scram(String user) {
    var shape = choose(user, shapes);
    var salt = ByteBuffer.allocate(2 * ScramSha256.LENGTH);
    salt.put(secretly("salt", user)).put(secretly("more salt", user));
    return new Scram(
        Arrays.copyOf(salt.array(), shape.saltLength),
        shape.iterations,
        secretly("StoredKey", user),
        secretly("ServerKey", user));
  }

  /** One of the choices, of which there must be some. */
  <T> T choose(String user, List<T> choices) {
    int number = ByteBuffer.wrap(secretly("choice", user)).getInt();
    return choices.get(Math.floorMod(number, choices.size()));
  }

  private byte[] secretly(String purpose, String user) {
    return ScramSha256.hmac(secret, purpose.getBytes(UTF_8), new byte[1], user.getBytes(UTF_8));
  }
}
