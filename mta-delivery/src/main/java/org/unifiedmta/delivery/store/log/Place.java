package org.unifiedmta.delivery.store.log;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.DateTimeException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * A place in the log where a message is.
 *
 * @param segment of its record
 * @param offset of what a MESSAGE says, in the payload of that record
 * @param parts what there is of its body in records of their own
 */
record Place(Segment segment, int offset, int length, List<Part> parts) {
  private static final int LIKELY_HEAD = 1024;

  /** So many octets in a segment. */
  record Part(Segment segment, long octets) {}

  void hold() {
    segment.hold();
    parts.forEach(part -> part.segment.hold());
  }

  void drop(Space space) {
    space.drop(segment);
    parts.forEach(part -> space.drop(part.segment));
  }

  /** What the record says; to be called by who holds the segments. */
  Records.Message read() {
    return read(Records::message);
  }

  /** What it says of the body. */
  Records.Body readBody() {
    return read(Records::body);
  }

  private <T> T read(Function<ByteBuffer, T> what) {
    try {
      var start = read(Math.min(length, LIKELY_HEAD));
      int head = Records.messageHead(start);
      if (head < 0 || head > length) {
        throw new IOException(segment.path + " is damaged at offset " + offset);
      }
      return what.apply(head <= start.remaining() ? start : read(head));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (IllegalArgumentException | IndexOutOfBoundsException | DateTimeException e) {
      throw new UncheckedIOException(
          new IOException(segment.path + " is damaged at offset " + offset, e));
    }
  }

  /** The first octets of what the record says. */
  ByteBuffer read(int octets) throws IOException {
    var buffer = ByteBuffer.allocate(octets);
    segment.file.read(buffer, offset);
    if (buffer.hasRemaining()) {
      throw new EOFException(segment.path + " ends inside a record");
    }
    return buffer.flip();
  }

  /** The body as received; {@code onClose} drops the segments. */
  InputStream open(Records.Body body, Runnable onClose) {
    var streams = new ArrayList<PartsInputStream.Part>();
    for (var piece : body.pieces()) {
      streams.add(
          new PartsInputStream.Part(
              piece.length(),
              () ->
                  new SegmentInputStream(
                      segment(piece.segment()), piece.offset(), piece.length(), piece.crc())));
    }
    int rest = length - body.at();
    streams.add(
        new PartsInputStream.Part(
            rest,
            () ->
                new SegmentInputStream(segment, (long) offset + body.at(), rest, body.restCrc())));
    return new PartsInputStream(streams, onClose);
  }

  private Segment segment(long sequence) {
    return parts.stream()
        .map(Part::segment)
        .filter(part -> part.sequence == sequence)
        .findFirst()
        .orElseThrow();
  }
}
