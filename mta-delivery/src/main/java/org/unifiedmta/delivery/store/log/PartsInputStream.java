package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One stream after another; parts that are skipped are not opened. */
final class PartsInputStream extends InputStream {

  /** A stream of known length. */
  record Part(long length, Supplier<InputStream> open) {}

  private final List<Part> parts;
  private final Runnable onClose;
  private int at;
  private long position;
  private @Nullable InputStream current;
  private boolean closed;

  PartsInputStream(List<Part> parts, Runnable onClose) {
    this.parts = parts;
    this.onClose = onClose;
  }

  @Override
  public int read() throws IOException {
    var one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    if (closed) {
      throw new IOException("the stream is closed");
    }
    if (length == 0) {
      return 0;
    }
    if (!toNextOctet()) {
      return -1;
    }
    if (current == null) {
      current = parts.get(at).open().get();
      current.skipNBytes(position);
    }
    int n = current.read(into, offset, length);
    if (n < 0) {
      throw new IOException("a part of the message is too short");
    }
    position += n;
    return n;
  }

  @Override
  public long skip(long n) throws IOException {
    if (n <= 0 || !toNextOctet()) {
      return 0;
    }
    long skipped = Math.min(n, parts.get(at).length() - position);
    if (current != null) {
      current.skipNBytes(skipped);
    }
    position += skipped;
    return skipped;
  }

  private boolean toNextOctet() {
    while (at < parts.size() && position == parts.get(at).length()) {
      at++;
      position = 0;
      current = null;
    }
    return at < parts.size();
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      onClose.run();
    }
  }
}
