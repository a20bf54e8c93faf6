package org.unifiedmta.security.sasl;

import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.regex.Pattern;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.params.Argon2Parameters;

/**
 * Argon2id and Argon2i (RFC 9106) as the PHC writes it: {@code
 * $argon2id$v=19$m=memory,t=passes,p=lanes$salt$hash}, in base64 without padding.
 *
 * @param type of {@link Argon2Parameters}
 * @param memory in kB
 */
record Argon2Hash(int type, int memory, int passes, int lanes, byte[] salt, byte[] hash)
    implements PasswordHash {
  private static final Pattern SYNTAX =
      Pattern.compile(
          "\\$argon2(id|i)\\$v=19\\$m=(\\d{1,7}),t=(\\d{1,4}),p=(\\d{1,3})"
              + "\\$([A-Za-z0-9+/]{11,86})\\$([A-Za-z0-9+/]{16,86})");
  private static final int MAXIMUM_MEMORY = 256 * 1024; // kB
  private static final int MAXIMUM_PASSES = 20;
  private static final int MAXIMUM_LANES = 64;

  // OWASP's smallest: a mail server has little memory to spare for each login.
  private static final int MEMORY = 19 * 1024; // kB
  private static final int PASSES = 2;
  private static final int SALT = 16; // octets, RFC 9106 3.1
  private static final int HASH = 32;

  static Argon2Hash newHash(char[] password) {
    var salt = new byte[SALT];
    new SecureRandom().nextBytes(salt);
    var empty = new Argon2Hash(Argon2Parameters.ARGON2_id, MEMORY, PASSES, 1, salt, new byte[HASH]);
    return new Argon2Hash(empty.type, MEMORY, PASSES, 1, salt, empty.hashOf(password));
  }

  static Argon2Hash parse(String text) {
    var matcher = SYNTAX.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("malformed Argon2 hash");
    }
    int memory = Integer.parseInt(matcher.group(2));
    int passes = Integer.parseInt(matcher.group(3));
    int lanes = Integer.parseInt(matcher.group(4));
    if (memory > MAXIMUM_MEMORY) {
      throw new IllegalArgumentException("memory of Argon2 beyond 256 MB: " + memory + " kB");
    }
    if (passes < 1 || passes > MAXIMUM_PASSES) {
      throw new IllegalArgumentException("passes of Argon2 not in 1 to 20: " + passes);
    }
    if (lanes < 1 || lanes > MAXIMUM_LANES || memory < 8 * lanes) { // RFC 9106 3.1
      throw new IllegalArgumentException("lanes of Argon2 not in 1 to 64, or without memory");
    }
    return new Argon2Hash(
        matcher.group(1).equals("id") ? Argon2Parameters.ARGON2_id : Argon2Parameters.ARGON2_i,
        memory,
        passes,
        lanes,
        octets(matcher.group(5)),
        octets(matcher.group(6)));
  }

  private static byte[] octets(String base64) {
    try {
      return Base64.getDecoder().decode(base64);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("malformed base64 in an Argon2 hash");
    }
  }

  String text() {
    var base64 = Base64.getEncoder().withoutPadding();
    return "$argon2%s$v=19$m=%d,t=%d,p=%d$%s$%s"
        .formatted(
            type == Argon2Parameters.ARGON2_id ? "id" : "i",
            memory,
            passes,
            lanes,
            base64.encodeToString(salt),
            base64.encodeToString(hash));
  }

  @Override
  public boolean matches(char[] password) {
    return MessageDigest.isEqual(hash, hashOf(password));
  }

  private byte[] hashOf(char[] password) {
    var generator = new Argon2BytesGenerator();
    generator.init(
        new Argon2Parameters.Builder(type)
            .withVersion(Argon2Parameters.ARGON2_VERSION_13)
            .withMemoryAsKB(memory)
            .withIterations(passes)
            .withParallelism(lanes)
            .withSalt(salt)
            .build());
    var octets = Utf8.octets(password);
    var output = new byte[hash.length];
    try {
      generator.generateBytes(octets, output);
      return output;
    } finally {
      Arrays.fill(octets, (byte) 0);
    }
  }
}
