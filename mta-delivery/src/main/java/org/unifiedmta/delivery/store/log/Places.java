package org.unifiedmta.delivery.store.log;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.h2.mvstore.DataUtils;
import org.h2.mvstore.WriteBuffer;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.queue.RowState;
import org.unifiedmta.delivery.queue.Shelf.Due;
import org.unifiedmta.delivery.queue.Shelf.Shelved;
import org.unifiedmta.delivery.queue.Shelf.ShelvedRow;

/**
 * Messages as the index's file has them:
 *
 * <pre>
 * message = segment offset length parts *(segment octets) size rows *row    ; each a varint
 * row     = number-difference destination flags [seconds nanos] [attempts length way-fields]
 * </pre>
 */
final class Places {
  private static final DeliveryStatus[] STATUSES = DeliveryStatus.values();
  private static final int STATUS = 0x07;
  private static final int ON_HOLD = 0x08;
  private static final int SAME_DUE = 0x10;
  private static final int HAS_WAY = 0x20;
  private static final int HANDING_OVER = 0x40;
  private static final int POSSIBLE_DUPLICATE = 0x80;

  private final Space space;
  private final WriteBuffer out = new WriteBuffer();

  Places(Space space) {
    this.space = space;
  }

  /** What is written of a message, before anybody looks whether its segments are there. */
  record Written(
      long id,
      long segment,
      int offset,
      int length,
      List<WrittenPart> parts,
      int size,
      List<ShelvedRow> rows) {}

  /** So many octets in a segment. */
  record WrittenPart(long segment, long octets) {}

  /** When a message is to be tried, and for which destinations. */
  static Set<Due> due(long id, List<ShelvedRow> rows) {
    var due = new LinkedHashSet<Due>();
    for (var row : rows) {
      if (!row.state().onHold()) {
        due.add(Due.of(row.destination(), row.state().due(), id));
      }
    }
    return due;
  }

  /** Good until the next call. */
  ByteBuffer write(Shelved<Stored> message) {
    out.clear();
    var place = message.location().place();
    out.putVarLong(place.segment().sequence).putVarInt(place.offset()).putVarInt(place.length());
    out.putVarInt(place.parts().size());
    for (var part : place.parts()) {
      out.putVarLong(part.segment().sequence).putVarLong(part.octets());
    }
    out.putVarInt(message.size()).putVarInt(message.rows().size());
    int number = -1;
    Instant due = null;
    for (var row : message.rows()) {
      write(row, number, due);
      number = row.state().number();
      due = row.state().due();
    }
    var written = out.getBuffer().duplicate();
    return written.flip();
  }

  private void write(ShelvedRow row, int before, @Nullable Instant due) {
    var state = row.state();
    int flags = state.status().ordinal();
    flags |= state.onHold() ? ON_HOLD : 0;
    flags |= state.due().equals(due) ? SAME_DUE : 0;
    boolean hasWay = state.attempts() > 0 || state.rerouted() != null;
    flags |= hasWay ? HAS_WAY : 0;
    flags |= state.handingOver() ? HANDING_OVER : 0;
    flags |= state.possibleDuplicate() ? POSSIBLE_DUPLICATE : 0;
    out.putVarInt(state.number() - before).putVarLong(row.destination()).put((byte) flags);
    if ((flags & SAME_DUE) == 0) {
      out.putVarLong(state.due().getEpochSecond()).putVarInt(state.due().getNano());
    }
    if (hasWay) {
      var way = Records.way(state);
      out.putVarInt(state.attempts()).putVarInt(way.remaining()).put(way);
    }
  }

  static Written read(long id, ByteBuffer in) {
    long segment = DataUtils.readVarLong(in);
    int offset = DataUtils.readVarInt(in);
    int length = DataUtils.readVarInt(in);
    var parts = new ArrayList<WrittenPart>(0);
    for (int left = DataUtils.readVarInt(in); left > 0; left--) {
      parts.add(new WrittenPart(DataUtils.readVarLong(in), DataUtils.readVarLong(in)));
    }
    int size = DataUtils.readVarInt(in);
    int count = DataUtils.readVarInt(in);
    var rows = new ArrayList<ShelvedRow>(count);
    int number = -1;
    var due = Instant.EPOCH;
    for (int i = 0; i < count; i++) {
      var row = row(in, number, due);
      number = row.state().number();
      due = row.state().due();
      rows.add(row);
    }
    return new Written(id, segment, offset, length, parts, size, rows);
  }

  private static ShelvedRow row(ByteBuffer in, int before, Instant dueBefore) {
    int number = before + DataUtils.readVarInt(in);
    long destination = DataUtils.readVarLong(in);
    int flags = in.get();
    var due =
        (flags & SAME_DUE) != 0
            ? dueBefore
            : Instant.ofEpochSecond(DataUtils.readVarLong(in), DataUtils.readVarInt(in));
    var status = STATUSES[flags & STATUS];
    boolean onHold = (flags & ON_HOLD) != 0;
    var state =
        RowState.pending(number, due)
            .shownAs(status)
            .withHold(onHold)
            .withHandover((flags & HANDING_OVER) != 0, (flags & POSSIBLE_DUPLICATE) != 0);
    if ((flags & HAS_WAY) != 0) {
      int attempts = DataUtils.readVarInt(in);
      int length = DataUtils.readVarInt(in);
      state = Records.withWay(state, attempts, in.slice(in.position(), length));
      in.position(in.position() + length);
    }
    return new ShelvedRow(destination, state);
  }

  /** The message where it is, or null if its segment is not there any more. */
  @Nullable Shelved<Stored> placed(Written message) {
    var segment = space.find(message.segment);
    if (segment == null) {
      return null;
    }
    var parts =
        message.parts.stream()
            .map(part -> new Place.Part(Facts.required(space.find(part.segment)), part.octets))
            .toList();
    var place = new Place(segment, message.offset, message.length, parts);
    return new Shelved<>(message.id, new Stored(place), message.size, message.rows);
  }
}
