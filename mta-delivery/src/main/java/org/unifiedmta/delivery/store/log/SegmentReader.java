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
    var found = recordAt(end);
    if (found == null) {
      return false;
    }
    header = found;
    offset = end;
    end = offset + Format.RECORD_HEADER + found.length();
    return true;
  }

  private Format.@Nullable RecordHeader recordAt(int at) throws IOException {
    if (at + Format.RECORD_HEADER > size) {
      return null;
    }
    var found = headerAt(at);
    if (found == null || found.length() > size - at - Format.RECORD_HEADER) {
      return null;
    }
    return crc(at + Format.RECORD_HEADER, found.length()) == found.payloadCrc() ? found : null;
  }

  int crc(int at, int length) throws IOException {
    var crc = new CRC32C();
    crc.update(view(at, length));
    return (int) crc.getValue();
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

  /**
   * What there is behind a place that has no record.
   *
   * @param provesDamage whether a record says that this place was once synced
   * @param next where the next whole record is, or -1
   */
  record Behind(boolean provesDamage, int next) {}

  /** Looks behind {@link #end}. */
  Behind behind() throws IOException {
    int next = -1;
    for (int at = end + 1; at + Format.RECORD_HEADER <= size; at++) {
      var later = headerAt(at);
      if (later != null && later.synced() > end) {
        return new Behind(true, -1);
      }
      if (later != null && next < 0 && recordAt(at) != null) {
        next = at;
      }
    }
    return new Behind(false, next);
  }

  /** Where behind {@link #end} the next whole record is, or -1. */
  int nextRecord() throws IOException {
    for (int at = end + 1; at + Format.RECORD_HEADER <= size; at++) {
      if (headerAt(at) != null && recordAt(at) != null) {
        return at;
      }
    }
    return -1;
  }

  /** Goes on at a place that {@link #behind} found. */
  void goOnAt(int place) {
    end = place;
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
