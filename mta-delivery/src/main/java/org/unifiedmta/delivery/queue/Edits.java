package org.unifiedmta.delivery.queue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import org.unifiedmta.core.spool.SpooledMessage.Cut;

/**
 * What stands between the bytes of a message as received and as it is sent.
 *
 * @param prefix goes in front; not to be changed afterwards
 * @param cuts ranges of the message as received that are left out, ascending, not overlapping
 */
@SuppressWarnings("ArrayRecordComponent") // taken over and handed out without a copy
public record Edits(byte[] prefix, List<Cut> cuts) {
  public static final Edits NONE = new Edits(new byte[0], List.of());

  public Edits {
    cuts = List.copyOf(cuts);
    long end = 0;
    for (var cut : cuts) {
      if (cut.from() < end) {
        throw new IllegalArgumentException("cuts overlap or do not ascend: " + cuts);
      }
      end = cut.to();
    }
  }

  /** The same, with more octets in front. */
  public Edits behind(byte[] front) {
    if (front.length == 0) {
      return this;
    }
    var all = Arrays.copyOf(front, front.length + prefix.length);
    System.arraycopy(prefix, 0, all, front.length, prefix.length);
    return new Edits(all, cuts);
  }

  /** The size of the message as it is sent. */
  public long sizeOf(long received) {
    long size = prefix.length + received;
    for (var cut : cuts) {
      size -= cut.to() - cut.from();
    }
    return size;
  }

  /** Checks that the cuts lie in a message of this size. */
  public Edits within(long received) {
    if (!cuts.isEmpty() && cuts.getLast().to() > received) {
      throw new IllegalArgumentException("a cut behind the end of the message: " + cuts);
    }
    return this;
  }

  /** The message as it is sent, of its bytes as received; skipping must be cheap there. */
  public InputStream applyTo(InputStream received) {
    return prefix.length == 0 && cuts.isEmpty() ? received : new Edited(received);
  }

  private final class Edited extends InputStream {
    private final InputStream prefixed = new ByteArrayInputStream(prefix);
    private final InputStream received;
    private long position;
    private int nextCut;

    Edited(InputStream received) {
      this.received = received;
    }

    @Override
    public int read() throws IOException {
      var one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      int n = prefixed.read(into, offset, length);
      if (n > 0) {
        return n;
      }
      n = received.read(into, offset, untilNextCut(length));
      position += Math.max(0, n);
      return n;
    }

    private int untilNextCut(int length) throws IOException {
      while (nextCut < cuts.size()) {
        var cut = cuts.get(nextCut);
        if (position < cut.from()) {
          return (int) Math.min(length, cut.from() - position);
        }
        received.skipNBytes(cut.to() - position);
        position = cut.to();
        nextCut++;
      }
      return length;
    }

    @Override
    public void close() throws IOException {
      received.close();
    }
  }
}
