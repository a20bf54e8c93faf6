package org.unifiedmta.core.spool;

import java.util.List;

/**
 * A message as kept for its store: a prefix, then the bytes as they were received minus cuts. The
 * body is never rewritten. {@link #size} and {@link #open} give the message after its edits.
 */
public interface SpooledMessage extends ByteSource, AutoCloseable {

  /**
   * A byte range of the header section as received that is left out.
   *
   * @param from offset of the first octet, inclusive
   * @param to offset behind the last octet
   */
  record Cut(long from, long to) {
    public Cut {
      if (from < 0 || to < from) {
        throw new IllegalArgumentException("no range: " + from + " to " + to);
      }
    }
  }

  /** Where the header fields of the message as received are. */
  HeaderSection header();

  /**
   * The same message with this prefix and these cuts in place of earlier ones. Both share the
   * bytes: close only one of them.
   *
   * @param cuts in ascending order, not overlapping, as offsets of the message as received
   */
  SpooledMessage edited(byte[] prefix, List<Cut> cuts);

  /** Gives up the bytes, unless the store has taken the message. */
  @Override
  void close();
}
