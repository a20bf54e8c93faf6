package org.unifiedmta.core.spool;

import org.jspecify.annotations.Nullable;

/** Takes one message's bytes as they arrive. Used by one thread at a time; never blocks. */
public interface SpoolWriter extends ByteSink, AutoCloseable {

  /**
   * The header section, from when the blank line behind it has been written; null before, and for a
   * message whose section ends otherwise.
   */
  @Nullable HeaderSection header();

  /** False while the store is behind: the caller stops reading until {@link #onWritable}. */
  boolean isWritable();

  /** Runs once when the writer is writable again, on any thread; at once if it is writable now. */
  void onWritable(Runnable resume);

  /**
   * The message of all that was written.
   *
   * @throws InsufficientStorageException if it could not be kept; {@code write} never throws that
   */
  SpooledMessage finish();

  /** Forgets what was written, unless finished; after {@link #finish} it does nothing. */
  @Override
  void close();
}
