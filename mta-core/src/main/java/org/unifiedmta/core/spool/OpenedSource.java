package org.unifiedmta.core.spool;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;

/** A source of which nobody has said how long it is. */
final class OpenedSource implements ByteSource {
  private final Opener opener;
  private volatile long size = -1;

  OpenedSource(Opener opener) {
    this.opener = opener;
  }

  @Override
  public InputStream open() {
    try {
      return opener.open();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public long size() {
    if (size < 0) {
      try (var in = open()) {
        size = in.transferTo(OutputStream.nullOutputStream());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return size;
  }
}
