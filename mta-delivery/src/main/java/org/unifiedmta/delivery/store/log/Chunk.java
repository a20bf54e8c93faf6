package org.unifiedmta.delivery.store.log;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A piece of a large body, on its way into the log or there. */
final class Chunk extends Append {
  private final LogBody body;
  private final Budget budget;
  private final int capacity;
  final int length;
  private volatile byte @Nullable [] bytes;
  private @Nullable Payload payload;
  private @Nullable Segment segment;
  private int bytesAt;
  private final int crc;

  Chunk(LogBody body, Budget budget, byte[] block, int length) {
    super(Format.CHUNK, Urgency.SOMETIME);
    this.body = body;
    this.budget = budget;
    this.bytes = block;
    this.length = length;
    this.capacity = block.length;
    var whole = Payload.of(List.of(ByteBuffer.wrap(block, 0, length)));
    this.payload = whole;
    this.crc = whole.crc();
  }

  @Override
  Payload payload() {
    body.requireWanted();
    return Facts.required(payload);
  }

  @Override
  void placed(Segment segment, int offset, int length) {
    this.segment = segment;
    this.bytesAt = offset + Format.RECORD_HEADER;
    body.placed(segment);
  }

  @Override
  void written() {
    forgetBytes();
  }

  @Override
  void failed(Throwable why) {
    body.fail(why);
    forgetBytes();
  }

  private void forgetBytes() {
    if (bytes != null) {
      bytes = null;
      payload = null;
      budget.unqueue(capacity);
    }
  }

  Records.Piece piece() {
    return new Records.Piece(segment().sequence, bytesAt, length, crc);
  }

  Segment segment() {
    return Facts.required(segment);
  }

  InputStream open() {
    var inMemory = bytes;
    if (inMemory != null) {
      return new ByteArrayInputStream(inMemory, 0, length);
    }
    body.requireWanted();
    return new SegmentInputStream(segment(), bytesAt, length, crc);
  }
}
