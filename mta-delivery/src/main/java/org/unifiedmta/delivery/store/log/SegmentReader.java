package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/** Reads the records of a segment in order, each checked. */
final class SegmentReader {
  private static final int WINDOW = 256 * 1024;

  private final Segment segment;
  private final int size;
  private ByteBuffer window = ByteBuffer.allocate(WINDOW).limit(0);
  private int windowAt;
  private int offset;
  private int end = Format.SEGMENT_HEADER;
  private Format.@Nullable RecordHeader header;

  SegmentReader(Segment segment) throws IOException {
    this.segment = segment;
    this.size = (int) segment.file.size();
  }

  /** Goes to the next record; false if what follows is none. */
  boolean next() throws IOException {
    if (end + Format.RECORD_HEADER > size) {
      return false;
    }
    var found = headerAt(end);
    if (found == null || found.length() > size - end - Format.RECORD_HEADER) {
      return false;
    }
    var payload = view(end + Format.RECORD_HEADER, found.length());
    var crc = new CRC32C();
    crc.update(payload.duplicate());
    if ((int) crc.getValue() != found.payloadCrc()) {
      return false;
    }
    header = found;
    offset = end;
    end = offset + Format.RECORD_HEADER + found.length();
    return true;
  }

  int type() {
    return current().type();
  }

  /** Of the current record. */
  int offset() {
    return offset;
  }

  int length() {
    return current().length();
  }

  /** Behind the last whole record. */
  int end() {
    return end;
  }

  /** Of the current record; good until the next call of {@link #next}. */
  ByteBuffer payload() throws IOException {
    return view(offset + Format.RECORD_HEADER, current().length());
  }

  private Format.RecordHeader current() {
    if (header == null) {
      throw new IllegalStateException("no record yet");
    }
    return header;
  }

  /** Whether a record behind {@link #end} proves that what is missing there was once synced. */
  boolean wasSyncedBehindEnd() throws IOException {
    for (int at = end + 1; at + Format.RECORD_HEADER <= size; at++) {
      var later = headerAt(at);
      if (later != null && later.synced() > end) {
        return true;
      }
    }
    return false;
  }

  private Format.@Nullable RecordHeader headerAt(int at) throws IOException {
    if (at < windowAt || at + Format.RECORD_HEADER > windowAt + window.limit()) {
      view(at, Format.RECORD_HEADER);
    }
    return Format.recordHeader(window, at - windowAt, segment.salt, at);
  }

  private ByteBuffer view(int at, int length) throws IOException {
    if (at < windowAt || at + length > windowAt + window.limit()) {
      if (length > window.capacity()) {
        window = ByteBuffer.allocate(length);
      }
      window.clear();
      window.limit(Math.min(window.capacity(), size - at));
      segment.file.read(window, at);
      window.flip();
      windowAt = at;
      if (window.limit() < length) {
        throw new IOException(segment.path + " became shorter while it was read");
      }
    }
    return window.slice(at - windowAt, length);
  }
}
