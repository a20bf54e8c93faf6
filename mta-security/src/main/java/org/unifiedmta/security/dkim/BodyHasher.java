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
    int end = body.limit();
    for (int i = body.position(); i < end; ) {
      int to = carriageReturn || blank ? i : endOfRun(body, i, end);
      if (to > i) {
        pending();
        put(body, i, to - i);
        i = to;
      } else {
        take(body.get(i++));
      }
    }
  }

  /** Behind the octets from here on that are canonical as they are, whatever follows. */
  private int endOfRun(ByteBuffer body, int from, int end) {
    int i = from;
    while (i < end) {
      byte octet = body.get(i);
      if (isContent(octet)) {
        i++;
      } else if (octet == ' ' && i + 1 < end && isContent(body.get(i + 1))) {
        i += 2; // a single blank within a line
      } else if (octet == '\r'
          && i + 2 < end
          && body.get(i + 1) == '\n'
          && isContent(body.get(i + 2))) {
        i += 3; // the end of a line with another one behind it
      } else {
        return i;
      }
    }
    return i;
  }

  private boolean isContent(byte octet) {
    return octet != '\r' && !(relaxed && (octet == ' ' || octet == '\t'));
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
    } else if (isContent(octet)) {
      content(octet);
    } else {
      blank = true;
    }
  }

  private void endLine() {
    blank = false; // at the end of a line
    lineEnds++;
  }

  private void content(byte octet) {
    pending();
    put(octet);
  }

  /** What counts now, since something follows. */
  private void pending() {
    for (; lineEnds > 0; lineEnds--) {
      put(CRLF[0]);
      put(CRLF[1]);
    }
    if (blank) {
      blank = false;
      put((byte) ' ');
    }
  }

  private void put(ByteBuffer body, int from, int octets) {
    length += octets;
    int left = (int) Math.min(octets, limit - hashed);
    hashed += left;
    for (int at = from; left > 0; ) {
      int n = Math.min(left, BUFFER - filled);
      body.get(at, out, filled, n);
      filled += n;
      at += n;
      left -= n;
      flushIfFull();
    }
  }

  private void put(byte octet) {
    length++;
    if (hashed < limit) {
      hashed++;
      out[filled++] = octet;
      flushIfFull();
    }
  }

  private void flushIfFull() {
    if (filled == BUFFER) {
      digest.update(out);
      filled = 0;
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
