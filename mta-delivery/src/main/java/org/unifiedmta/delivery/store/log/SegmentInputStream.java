package org.unifiedmta.delivery.store.log;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * A range of a segment, which somebody else holds. Reads on the caller's thread; fails rather than
 * hand out the last octet if what was read is not what was written.
 */
final class SegmentInputStream extends InputStream {
  private final Segment segment;
  private long position;
  private final long start;
  private final long end;
  private final int expected;
  private final CRC32C crc = new CRC32C();

  SegmentInputStream(Segment segment, long position, long length, int crc) {
    this.segment = segment;
    this.position = position;
    this.start = position;
    this.end = position + length;
    this.expected = crc;
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
    crc.update(into, offset, n);
    if (position == end && (int) crc.getValue() != expected) {
      throw new IOException(segment.path + " is damaged between offsets " + start + " and " + end);
    }
    return n;
  }

  @Override
  public int available() {
    return (int) Math.min(Integer.MAX_VALUE, end - position);
  }
}
