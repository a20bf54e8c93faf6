package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.delivery.queue.IdempotencyKey;
import org.unifiedmta.delivery.queue.QueueIndex;
import org.unifiedmta.delivery.queue.RowState;

/** What the records of a log say, put into an index one after the other. */
final class Replay {
  private static final Logger log = LoggerFactory.getLogger(Replay.class);

  private final Space space;
  private final QueueIndex<Stored> index;
  private final Keys keys;
  private final LongPredicate known;
  private final Map<Long, Missing> incomplete = new TreeMap<>();
  private final List<Records.Piece> holes = new ArrayList<>();
  private long highestId;

  /** Hears of the idempotency keys in the records of messages. */
  interface Keys {
    void found(IdempotencyKey key, long id, Instant at);
  }

  /** A record that needs a segment which is not there. */
  record Missing(Segment segment, int offset, long needed) {}

  /**
   * @param known whether the index has the message of an id from elsewhere
   */
  Replay(Space space, QueueIndex<Stored> index, Keys keys, LongPredicate known) {
    this.space = space;
    this.index = index;
    this.keys = keys;
    this.known = known;
  }

  /** The greatest id of a message that was read. */
  long highestId() {
    return highestId;
  }

  /** What cannot be whole, by the id of its message, which may have ended meanwhile. */
  Map<Long, Missing> incomplete() {
    return incomplete;
  }

  /** A place where nothing is, though something before and behind it is. */
  void hole(Segment segment, int offset, int length) {
    holes.add(new Records.Piece(segment.sequence, offset, length, 0));
  }

  /**
   * Takes in the record at which the reader is.
   *
   * @throws RuntimeException if it cannot be understood
   */
  void apply(Segment segment, SegmentReader reader) throws IOException {
    var payload = reader.payload();
    switch (reader.type()) {
      case Format.MESSAGE -> {
        var message = Records.message(payload);
        highestId = Math.max(highestId, message.id());
        var place = place(segment, reader, 0, message);
        if (place != null) {
          add(place, message);
        }
        var told = message.told();
        if (told != null) {
          index
              .apply(told.id(), QueueIndex.finished(told.rows()))
              .ifPresent(change -> changed(segment, change));
        }
      }
      case Format.SETTLE -> {
        var settled = Records.settled(new Fields.Reader(payload));
        index.apply(settled.id(), settled.rows()).ifPresent(change -> changed(segment, change));
      }
      case Format.MOVED -> {
        int at = Records.movedHead(payload);
        var message = Records.message(payload.slice(at, payload.remaining() - at));
        highestId = Math.max(highestId, message.id());
        var place = place(segment, reader, at, message);
        if (place != null) {
          move(segment, place, message, Records.moved(payload).rows());
        }
      }
      case Format.HOLE -> hole(segment, reader.offset(), Format.RECORD_HEADER + reader.length());
      default -> {} // a CHUNK is read when a message that names it is
    }
  }

  /**
   * Where a message is.
   *
   * @return null if it was never whole
   */
  private @Nullable Place place(
      Segment segment, SegmentReader reader, int at, Records.Message message) {
    if (message.body().pieces().stream()
        .anyMatch(piece -> holes.stream().anyMatch(piece::overlaps))) {
      log.warn("{} at offset {}: a message that was never whole", segment.path, reader.offset());
      return null;
    }
    incomplete.remove(message.id());
    var octets = new LinkedHashMap<Segment, Long>();
    for (var piece : message.body().pieces()) {
      var part = space.find(piece.segment());
      if (part == null) {
        incomplete.put(message.id(), new Missing(segment, reader.offset(), piece.segment()));
      } else {
        octets.merge(part, (long) piece.length(), Long::sum);
      }
    }
    return new Place(
        segment,
        reader.offset() + Format.RECORD_HEADER + at,
        reader.length() - at,
        octets.entrySet().stream()
            .map(entry -> new Place.Part(entry.getKey(), entry.getValue()))
            .toList());
  }

  private void add(Place place, Records.Message message) {
    var key = message.key();
    if (key != null) {
      keys.found(key, message.id(), message.queuedAt());
    }
    var places = LogQueueStore.places(message.rows());
    if (known.test(message.id()) || !index.add(message.id(), new Stored(place), places)) {
      return; // the checkpoint was written a moment after its position was taken
    }
    place.hold();
    space.began(message.id(), place);
  }

  /** What it says replaces all that was said of the message before. */
  private void move(Segment segment, Place place, Records.Message message, List<RowState> rows) {
    boolean known =
        index.change(
            message.id(),
            stored -> {
              var old = stored.place();
              if (!old.equals(place)) {
                segment.speaksOf.add(old.segment().sequence);
                place.hold();
                space.began(message.id(), place);
                stored.moved(place);
                space.ended(message.id(), old);
              }
            });
    if (!known) {
      add(place, message);
    }
    index.restore(message.id(), rows).ifPresent(change -> changed(segment, change));
  }

  private void changed(Segment segment, QueueIndex.Change<Stored> change) {
    var place = change.location().place();
    if (place.segment() != segment) {
      segment.speaksOf.add(place.segment().sequence);
    }
    if (change.ended()) {
      space.ended(change.id(), place);
    }
  }
}
