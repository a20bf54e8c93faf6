package org.unifiedmta.core.spool;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Bytes that can be read from the start as often as needed. */
public interface ByteSource {

  /** A new stream from the first byte; the caller closes it. */
  InputStream open();

  /** The number of bytes. */
  long size();

  /** The array itself: it must not change afterwards. */
  static ByteSource of(byte[] bytes) {
    return new ByteSource() {
      @Override
      public InputStream open() {
        return new ByteArrayInputStream(bytes);
      }

      @Override
      public long size() {
        return bytes.length;
      }
    };
  }

  /**
   * What an opener gives, the same each time; {@link #size} reads it once to its end.
   *
   * @param opener a new stream from the first byte
   */
  static ByteSource of(Opener opener) {
    return new OpenedSource(opener);
  }

  /** Opens something that can be read again and again. */
  @FunctionalInterface
  interface Opener {
    InputStream open() throws IOException;
  }

  /** A file, opened anew for each reading. */
  static ByteSource of(Path file) {
    return new ByteSource() {
      @Override
      public InputStream open() {
        try {
          return Files.newInputStream(file);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }

      @Override
      public long size() {
        try {
          return Files.size(file);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    };
  }
}
