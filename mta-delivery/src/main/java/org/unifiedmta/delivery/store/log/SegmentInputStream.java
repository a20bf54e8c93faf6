package org.unifiedmta.delivery.store.log;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/** A range of a segment, which somebody else holds. Reads on the caller's thread. */
final class SegmentInputStream extends InputStream {
  private final Segment segment;
  private long position;
  private final long end;

  SegmentInputStream(Segment segment, long position, long length) {
    this.segment = segment;
    this.position = position;
    this.end = position + length;
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
    int n = (int) Math.min(length, end - position);
    if (n == 0) {
      return -1;
    }
    var buffer = ByteBuffer.wrap(into, offset, n);
    segment.file.read(buffer, position);
    if (buffer.hasRemaining()) {
      throw new EOFException(segment.path + " ends before offset " + end);
    }
    position += n;
    return n;
  }

  @Override
  public long skip(long n) {
    long skipped = Math.max(0, Math.min(n, end - position));
    position += skipped;
    return skipped;
  }

  @Override
  public int available() {
    return (int) Math.min(Integer.MAX_VALUE, end - position);
  }
}
