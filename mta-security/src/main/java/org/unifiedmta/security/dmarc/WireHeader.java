package org.unifiedmta.security.dmarc;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.spool.HeaderSection;

/**
 * The header section of a message as it is sent, of which no more is read. It ends at the first
 * blank line that ends as the first line does: what is behind a bare LF among others is still in
 * it, since some readers see it there.
 */
final class WireHeader extends OutputStream {
  private static final int MAXIMUM = 256 * 1024 + 1; // one more than a header section has

  private byte[] bytes = new byte[2048];
  private int length;
  private int firstLineFeed = -1;
  private boolean complete;

  private WireHeader() {}

  static HeaderSection of(Email email) {
    var header = new WireHeader();
    try {
      email.writeTo(header);
    } catch (UncheckedIOException e) {
      if (!header.complete) {
        throw e;
      }
    }
    return HeaderSection.of(header.bytes, header.length);
  }

  @Override
  public void write(int octet) throws IOException {
    if (complete || length == MAXIMUM) {
      complete = true;
      throw new IOException("that is all of the header");
    }
    if (length == bytes.length) {
      bytes = Arrays.copyOf(bytes, 2 * length);
    }
    bytes[length++] = (byte) octet;
    if (octet == '\n') {
      endLine();
    }
  }

  private void endLine() {
    int lineFeed = length - 1;
    firstLineFeed = firstLineFeed < 0 ? lineFeed : firstLineFeed;
    boolean endsInCrLf = firstLineFeed > 0 && bytes[firstLineFeed - 1] == '\r';
    int end = lineFeed > 0 && bytes[lineFeed - 1] == '\r' ? lineFeed - 1 : lineFeed; // of the line
    boolean blank = end == 0 || bytes[end - 1] == '\n';
    boolean sameEnds = !endsInCrLf || (end < lineFeed && (end < 2 || bytes[end - 2] == '\r'));
    if (blank && sameEnds) {
      length = end;
      complete = true;
    }
  }
}
