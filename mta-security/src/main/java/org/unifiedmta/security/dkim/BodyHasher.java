package org.unifiedmta.security.dkim;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.spool.ByteSink;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.security.dkim.DKIMSigner.Canonicalization;

/**
 * Hashes a message's body while it passes, in its canonical form (RFC 6376 3.4.3, 3.4.4, 3.7).
 * Takes what follows the blank line behind the header section; needs the same memory for any body.
 */
public final class BodyHasher implements ByteSink {
  private static final byte[] CRLF = {'\r', '\n'};
  private static final int BUFFER = 4096;

  private final MessageDigest digest;
  private final boolean relaxed;
  private final long limit;
  private final byte[] out = new byte[BUFFER];
  private int filled;
  private long hashed;
  private long length; // of all in its canonical form, as far as lines are ended
  private long lineEnds; // that count only if something follows
  private boolean blank; // the same
  private boolean carriageReturn;
  private byte @Nullable [] hash;

  /**
   * @param algorithm {@code SHA-256}, or for those who allow it {@code SHA-1}
   * @param limit octets of the canonical form that count (l=), or negative for all
   */
  public BodyHasher(String algorithm, Canonicalization canonicalization, long limit) {
    try {
      // The JDK's own, which is twice as fast as BouncyCastle's.
      this.digest = MessageDigest.getInstance(algorithm);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has " + algorithm, e);
    }
    this.relaxed = canonicalization == Canonicalization.RELAXED;
    this.limit = limit < 0 ? Long.MAX_VALUE : limit;
  }

  /** With SHA-256, of all. */
  public static BodyHasher of(Canonicalization canonicalization) {
    return new BodyHasher("SHA-256", canonicalization, -1);
  }

  /** What of a message follows the blank line behind its header section. */
  public static ByteBuffer body(byte[] message, HeaderSection header) {
    int end = header.size();
    boolean blankLine =
        end + 1 < message.length && message[end] == '\r' && message[end + 1] == '\n';
    int from = blankLine ? end + 2 : end;
    return ByteBuffer.wrap(message, from, message.length - from);
  }

  @Override
  public void write(ByteBuffer body) {
    for (int i = body.position(); i < body.limit(); i++) {
      take(body.get(i));
    }
  }

  private void take(byte octet) {
    if (carriageReturn) {
      carriageReturn = false;
      if (octet == '\n') {
        endLine();
        return;
      }
      content((byte) '\r');
    }
    if (octet == '\r') {
      carriageReturn = true;
    } else if (relaxed && (octet == ' ' || octet == '\t')) {
      blank = true;
    } else {
      content(octet);
    }
  }

  private void endLine() {
    blank = false; // at the end of a line
    lineEnds++;
  }

  private void content(byte octet) {
    for (; lineEnds > 0; lineEnds--) {
      put(CRLF[0]);
      put(CRLF[1]);
    }
    if (blank) {
      blank = false;
      put((byte) ' ');
    }
    put(octet);
  }

  private void put(byte octet) {
    length++;
    if (hashed < limit) {
      hashed++;
      out[filled++] = octet;
      if (filled == BUFFER) {
        digest.update(out);
        filled = 0;
      }
    }
  }

  private void end() {
    if (carriageReturn) {
      carriageReturn = false;
      content((byte) '\r');
    }
    // Empty lines at the end do not count; the last line has an end, whether it was sent or not.
    boolean isEmpty = length == 0;
    if (!isEmpty || !relaxed) {
      put(CRLF[0]);
      put(CRLF[1]);
    }
    digest.update(out, 0, filled);
  }

  /** The hash, when the whole body has passed. */
  public byte[] hash() {
    if (hash == null) {
      end();
      hash = digest.digest();
    }
    return hash.clone();
  }

  /** Octets of the whole body in its canonical form; after {@link #hash}. */
  public long length() {
    return length;
  }
}
