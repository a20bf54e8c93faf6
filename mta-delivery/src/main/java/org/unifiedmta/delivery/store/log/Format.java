package org.unifiedmta.delivery.store.log;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of a segment, big-endian:
 *
 * <pre>
 * segment = magic(8) version(4) sequence(8) salt(8) highest-id(8) crc(4) *record
 * record  = length(4) type(4) synced(4) payload-crc(4) header-crc(4) payload
 * </pre>
 *
 * The header's checksum covers the salt, the record's offset and the header, so that nothing is a
 * record but what was written at this place of this segment: neither what a recycled file still
 * holds, nor what a peer puts into a message. {@code synced} is up to where the segment was known
 * to be on stable storage when the record was written; it tells damage from a torn tail.
 */
final class Format {
  static final int VERSION = 2;
  static final int SEGMENT_HEADER = 40;
  static final int RECORD_HEADER = 20;

  /** A message, complete with what else belongs to it. */
  static final int MESSAGE = 1;

  /** A piece of a large body; means nothing before a MESSAGE names it. */
  static final int CHUNK = 2;

  /** The new state of some rows of a message. */
  static final int SETTLE = 3;

  /** A copy of a message that is elsewhere, with all its rows that are left. */
  static final int MOVED = 4;

  /** The segment is complete. */
  static final int END = 5;

  /** A place where nothing was written before a crash, or not all of it. */
  static final int HOLE = 6;

  private static final long MAGIC = 0x4d54_4153_4547_4d54L;

  private Format() {}

  record SegmentHeader(int version, long sequence, long salt, long highestId) {}

  record RecordHeader(int length, int type, int synced, int payloadCrc) {}

  static ByteBuffer segmentHeader(long sequence, long salt, long highestId) {
    var header = ByteBuffer.allocate(SEGMENT_HEADER);
    header.putLong(MAGIC).putInt(VERSION).putLong(sequence).putLong(salt).putLong(highestId);
    return header.putInt(crc(header.array(), header.position())).flip();
  }

  static @Nullable SegmentHeader segmentHeader(ByteBuffer in) {
    if (in.remaining() < SEGMENT_HEADER) {
      return null;
    }
    var bytes = new byte[SEGMENT_HEADER];
    in.get(bytes);
    var header = ByteBuffer.wrap(bytes);
    if (header.getLong() != MAGIC
        || header.getInt(SEGMENT_HEADER - 4) != crc(bytes, SEGMENT_HEADER - 4)) {
      return null;
    }
    return new SegmentHeader(header.getInt(), header.getLong(), header.getLong(), header.getLong());
  }

  static void putRecordHeader(
      ByteBuffer into, long salt, int offset, int length, int type, int synced, int payloadCrc) {
    into.putInt(length).putInt(type).putInt(synced).putInt(payloadCrc);
    into.putInt(headerCrc(salt, offset, length, type, synced, payloadCrc));
  }

  /** The header at the buffer's index, if one was written at this offset of this segment. */
  static @Nullable RecordHeader recordHeader(ByteBuffer in, int index, long salt, int offset) {
    int length = in.getInt(index);
    int type = in.getInt(index + 4);
    if (length < 0 || type < MESSAGE || type > HOLE) {
      return null;
    }
    int synced = in.getInt(index + 8);
    int payloadCrc = in.getInt(index + 12);
    return in.getInt(index + 16) == headerCrc(salt, offset, length, type, synced, payloadCrc)
        ? new RecordHeader(length, type, synced, payloadCrc)
        : null;
  }

  private static int headerCrc(
      long salt, int offset, int length, int type, int synced, int payloadCrc) {
    var header = ByteBuffer.allocate(28);
    header.putLong(salt).putInt(offset).putInt(length).putInt(type);
    return crc(header.putInt(synced).putInt(payloadCrc).array(), 28);
  }

  private static int crc(byte[] bytes, int length) {
    var crc = new CRC32C();
    crc.update(bytes, 0, length);
    return (int) crc.getValue();
  }
}
