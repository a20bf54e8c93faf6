package org.unifiedmta.delivery.queue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * What stores keep of a key that somebody adds a message with: 128 bits of its SHA-256, enough for
 * two keys never to be the same, whoever chooses them.
 */
public record IdempotencyKey(long high, long low) {

  /** Of a key as it was given. */
  public static IdempotencyKey of(String given) {
    try {
      var digest =
          MessageDigest.getInstance("SHA-256").digest(given.getBytes(StandardCharsets.UTF_8));
      return read(ByteBuffer.wrap(digest));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }

  /** Reads 16 octets. */
  public static IdempotencyKey read(ByteBuffer in) {
    return new IdempotencyKey(in.getLong(), in.getLong());
  }

  /** As 16 octets. */
  public byte[] bytes() {
    return ByteBuffer.allocate(16).putLong(high).putLong(low).array();
  }
}
