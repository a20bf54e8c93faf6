package org.unifiedmta.delivery.store.log;

import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.delivery.queue.RowState;

/** A copy of a message, with its rows as they are now, on its way to the log's head. */
final class MoveAppend extends Append {

  /** Hears what became of the copy, on the log's writer. */
  interface Outcome {
    void moved(long id, Stored stored, Place to);

    /** It stays where it was. */
    void notMoved(long id, Throwable why);
  }

  private final long id;
  private final Stored stored;
  private final ByteBuffer states;
  private final ByteBuffer message;
  private final @Nullable LogBody body;
  private final Space space;
  private final Outcome outcome;
  private @Nullable Place to;

  /**
   * @param message what its MESSAGE says, with or without what is in chunks
   * @param body the chunks of the copy, or null where the message has none
   */
  MoveAppend(
      long id,
      Stored stored,
      List<RowState> rows,
      ByteBuffer message,
      @Nullable LogBody body,
      Space space,
      Outcome outcome) {
    super(Format.MOVED, Urgency.SOON);
    this.id = id;
    this.stored = stored;
    this.states = Records.settled(new Records.Settled(id, rows));
    this.message = message;
    this.body = body;
    this.space = space;
    this.outcome = outcome;
  }

  @Override
  Payload payload() {
    var says = message;
    if (body != null) {
      body.requireWanted();
      says = Records.withPieces(message, body.pieces());
    }
    return Payload.of(
        List.of(
            ByteBuffer.allocate(4).putInt(states.remaining()).flip(),
            states.duplicate(),
            says.duplicate()));
  }

  @Override
  void placed(Segment segment, int offset, int length) {
    int before = 4 + states.remaining();
    var parts = body == null ? List.<Place.Part>of() : body.parts();
    var place = new Place(segment, offset + Format.RECORD_HEADER + before, length - before, parts);
    place.hold();
    to = place;
    closeBody();
    // The old record must not be all that is left when this one goes.
    if (stored.spokenOf() != segment) {
      segment.speaksOf.add(stored.spokenOf().sequence);
    }
    stored.target(segment);
  }

  @Override
  void synced() {
    outcome.moved(id, stored, Facts.required(to));
  }

  @Override
  void failed(Throwable why) {
    stored.target(null);
    if (to != null) {
      to.drop(space);
    }
    closeBody();
    outcome.notMoved(id, why);
  }

  private void closeBody() {
    if (body != null) {
      body.close();
    }
  }
}
