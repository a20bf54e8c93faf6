package org.unifiedmta.delivery.store.log;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * A record on its way into the log. The log calls {@link #payload}, {@link #placed}, {@link
 * #written} and {@link #synced} in this order, or {@link #failed} once, which may come after any of
 * the others but the last; all on its one thread.
 */
abstract class Append {

  /** What is to be written, with its checksum; the buffers are read, not kept. */
  record Payload(List<ByteBuffer> buffers, int length, int crc) {

    static Payload of(List<ByteBuffer> buffers) {
      var crc = new CRC32C();
      int length = 0;
      for (var buffer : buffers) {
        length += buffer.remaining();
        crc.update(buffer.duplicate());
      }
      return new Payload(buffers, length, (int) crc.getValue());
    }
  }

  /** How soon a record must be on stable storage. */
  enum Urgency {
    /** Somebody waits for it. */
    AT_ONCE,
    /** With the next group, or after a moment. */
    SOON,
    /** When something after it is. */
    SOMETIME
  }

  final int type;
  final Urgency urgency;

  Append(int type, Urgency urgency) {
    this.type = type;
    this.urgency = urgency;
  }

  /** Whether it is new mail, which may be refused when there is no room. */
  boolean isMail() {
    return urgency != Urgency.SOON;
  }

  /** Asked when all records before have been placed. Throws if it is not wanted any more. */
  abstract Payload payload();

  /** Its place is decided; it is not in the file yet. */
  void placed(Segment segment, int offset, int length) {}

  /** It can be read from the file; its buffers are not needed any more. */
  void written() {}

  /** It is on stable storage, with all records before it. */
  void synced() {}

  abstract void failed(Throwable why);
}
