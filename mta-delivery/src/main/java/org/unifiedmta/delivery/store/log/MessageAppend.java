package org.unifiedmta.delivery.store.log;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.delivery.queue.NewMessage;

/** A message on its way into the log. */
final class MessageAppend extends Append {

  /** Hears what became of the message, on the log's writer. */
  interface Outcome {
    void stored(NewMessage message, Place where);

    void failed(Throwable why);
  }

  private final NewMessage message;
  private final LogSpool.Message spooled;
  private final @Nullable Stored told;
  private final Space space;
  private final Budget budget;
  private final Outcome outcome;
  private @Nullable Payload payload;
  private @Nullable Place place;
  private boolean holdsMemory = true;

  /**
   * @param told where the message is whose rows this one finishes, or null
   */
  MessageAppend(
      NewMessage message,
      LogSpool.Message spooled,
      @Nullable Stored told,
      Space space,
      Budget budget,
      Outcome outcome) {
    super(Format.MESSAGE, Urgency.AT_ONCE);
    this.message = message;
    this.spooled = spooled;
    this.told = told;
    this.space = space;
    this.budget = budget;
    this.outcome = outcome;
    // Most are whole, and then the work is done here, on the caller's thread.
    this.payload = spooled.body.isWhole() ? encode(List.of()) : null;
  }

  private Payload encode(List<Records.Piece> pieces) {
    var buffers = new ArrayList<ByteBuffer>();
    var rest = spooled.body.rest().buffers();
    buffers.add(Records.message(message, spooled.edits, spooled.body.size(), pieces, rest));
    buffers.addAll(rest);
    return Payload.of(buffers);
  }

  @Override
  Payload payload() {
    spooled.body.requireWanted();
    var ready = payload;
    return ready != null ? ready : encode(spooled.body.pieces());
  }

  @Override
  void placed(Segment segment, int offset, int length) {
    var where = new Place(segment, offset + Format.RECORD_HEADER, length, spooled.body.parts());
    where.hold();
    place = where;
    spooled.body.release();
    if (told != null && told.spokenOf() != segment) {
      segment.speaksOf.add(told.spokenOf().sequence);
    }
  }

  @Override
  void written() {
    freeMemory();
  }

  private void freeMemory() {
    payload = null;
    if (holdsMemory) {
      holdsMemory = false;
      budget.free(spooled.body.rest().capacity());
    }
  }

  @Override
  void synced() {
    outcome.stored(message, Facts.required(place));
  }

  @Override
  void failed(Throwable why) {
    freeMemory();
    spooled.body.release();
    if (place != null) {
      place.drop(space);
    }
    outcome.failed(why);
  }
}
