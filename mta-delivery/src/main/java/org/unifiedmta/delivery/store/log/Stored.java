package org.unifiedmta.delivery.store.log;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a message is in the log.
 *
 * @param segment of its MESSAGE record
 * @param offset of that record's payload
 * @param others segments with pieces of the body
 */
record Stored(Segment segment, int offset, int length, List<Segment> others) {
  private static final int LIKELY_HEAD = 4 * 1024;

  void hold() {
    segment.hold();
    others.forEach(Segment::hold);
  }

  void drop(Space space) {
    space.drop(segment);
    others.forEach(space::drop);
  }

  /** What the record says; to be called by who holds the segments. */
  Records.Message read() {
    try {
      var start = read(Math.min(length, LIKELY_HEAD));
      int head = Records.messageHead(start);
      return Records.message(head <= start.remaining() ? start : read(head));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private ByteBuffer read(int octets) throws IOException {
    var buffer = ByteBuffer.allocate(octets);
    segment.file.read(buffer, offset);
    if (buffer.hasRemaining()) {
      throw new EOFException(segment.path + " ends inside a record");
    }
    return buffer.flip();
  }

  /** The body as received; {@code onClose} drops the segments. */
  InputStream open(Records.Message message, Runnable onClose) {
    var parts = new ArrayList<PartsInputStream.Part>();
    for (var piece : message.pieces()) {
      parts.add(
          new PartsInputStream.Part(
              piece.length(),
              () ->
                  new SegmentInputStream(
                      segment(piece.segment()), piece.offset(), piece.length())));
    }
    int rest = length - message.bodyAt();
    parts.add(
        new PartsInputStream.Part(
            rest, () -> new SegmentInputStream(segment, (long) offset + message.bodyAt(), rest)));
    return new PartsInputStream(parts, onClose);
  }

  private Segment segment(long sequence) {
    Segment found = sequence == segment.sequence ? segment : null;
    for (var other : others) {
      found = other.sequence == sequence ? other : found;
    }
    return Facts.required(found);
  }
}
