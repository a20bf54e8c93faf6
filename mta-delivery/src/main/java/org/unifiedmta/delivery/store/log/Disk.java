package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** What the log asks of the file system. */
interface Disk {

  /** An open file. Reading survives an interrupt of the reading thread. */
  interface Handle extends AutoCloseable {

    /** Reads up to the buffer's limit; less only at the end of the file. */
    void read(ByteBuffer into, long position) throws IOException;

    /** Writes all. */
    void write(ByteBuffer bytes, long position) throws IOException;

    /** Puts what was written on stable storage. */
    void force() throws IOException;

    void truncate(long size) throws IOException;

    long size() throws IOException;

    @Override
    void close();
  }

  Handle open(Path file) throws IOException;

  Handle create(Path file) throws IOException;

  void rename(Path from, Path to) throws IOException;

  boolean delete(Path file) throws IOException;

  /**
   * What is left of a file system.
   *
   * @param usable octets that may still be written
   * @param total its octets, 0 where nobody knows
   */
  record Free(long usable, long total) {}

  Free free(Path directory) throws IOException;

  /** Puts the names in a directory on stable storage. */
  void forceDirectory(Path directory) throws IOException;
}
