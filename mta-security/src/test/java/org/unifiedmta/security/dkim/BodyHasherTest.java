package org.unifiedmta.security.dkim;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.security.dkim.DKIMSigner.Canonicalization;

class BodyHasherTest {
  private static final int BODIES = 60_000;
  private static final String OCTETS = "aaab  \t\r\n\n.";

  /** However a body is cut on its way, its hash is that of RFC 6376 3.4, done step by step. */
  @ParameterizedTest
  @CsvSource({"SIMPLE, -1", "RELAXED, -1", "SIMPLE, 5", "RELAXED, 5"})
  void theHashIsThatOfTheCanonicalForm(Canonicalization form, long limit) throws Exception {
    var random = new Random(6376);
    for (int i = 0; i < BODIES; i++) {
      var body = body(random);
      var canonical = form == Canonicalization.RELAXED ? relaxed(body) : simple(body);
      var hasher = new BodyHasher("SHA-256", form, limit);
      int cut = random.nextInt(body.length() + 1);
      int next = cut + random.nextInt(body.length() + 1 - cut);
      hasher.write(octets(body.substring(0, cut)));
      hasher.write(octets(body.substring(cut, next)));
      hasher.write(octets(body.substring(next)));
      var counted =
          limit < 0 ? canonical : canonical.substring(0, (int) Math.min(limit, canonical.length()));
      assertThat(hasher.hash())
          .as("%s cut at %d and %d", body, cut, next)
          .isEqualTo(MessageDigest.getInstance("SHA-256").digest(counted.getBytes(ISO_8859_1)));
      assertThat(hasher.length()).isEqualTo(canonical.length());
    }
  }

  private static String body(Random random) {
    var body = new StringBuilder();
    boolean large = random.nextInt(500) == 0; // more than is hashed at once
    for (int n = large ? 9_000 : random.nextInt(14); n > 0; n--) {
      body.append(random.nextInt(4) == 0 ? "\r\n" : OCTETS.charAt(random.nextInt(OCTETS.length())));
    }
    return body.toString();
  }

  private static ByteBuffer octets(String text) {
    return ByteBuffer.wrap(text.getBytes(ISO_8859_1));
  }

  /** 3.4.3 */
  private static String simple(String body) {
    var text = body;
    while (text.endsWith("\r\n")) {
      text = text.substring(0, text.length() - 2);
    }
    return text + "\r\n";
  }

  /** 3.4.4 */
  private static String relaxed(String body) {
    var lines = body.split("\r\n", -1);
    var text = new StringBuilder();
    for (var line : lines) {
      text.append(line.replaceAll("[ \t]+", " ").replaceAll(" \\z", "")).append("\r\n");
    }
    var all = text.toString();
    while (all.endsWith("\r\n")) {
      all = all.substring(0, all.length() - 2);
    }
    return all.isEmpty() ? "" : all + "\r\n";
  }
}
