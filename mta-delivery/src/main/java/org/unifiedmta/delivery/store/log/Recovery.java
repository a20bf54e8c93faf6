package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.delivery.queue.QueueIndex;
import org.unifiedmta.delivery.queue.RowState;

/**
 * Reads the log, from the last checkpoint of the index or, where there is none, from its start, and
 * puts into the index what is alive. The log may end in the middle of what was never acknowledged
 * (a torn tail); anything else that is missing is damage, and nothing is started on that.
 */
final class Recovery {
  private static final Logger log = LoggerFactory.getLogger(Recovery.class);

  private final Path directory;
  private final Disk disk;
  private final Space space;
  private final QueueIndex<Stored> index;
  private final Map<Long, ConfigException> incomplete = new HashMap<>();
  private final List<Records.Piece> holes = new ArrayList<>();
  private final IndexFile file;
  private final KeyFiles keys;
  private long highestId;
  private long lastSequence;
  private long lastShelved;

  Recovery(
      Path directory,
      Disk disk,
      Space space,
      QueueIndex<Stored> index,
      IndexFile file,
      KeyFiles keys) {
    this.directory = directory;
    this.disk = disk;
    this.space = space;
    this.index = index;
    this.file = file;
    this.keys = keys;
  }

  /**
   * @throws ConfigException if the log is damaged, with file, offset and remedy
   */
  void run() throws IOException {
    var segments = new ArrayList<Segment>();
    for (var path : segmentFiles()) {
      var segment = open(path);
      segments.add(segment);
      space.began(segment);
    }
    var from = checkpoint();
    index.fill(from.segment() == 0);
    for (int i = 0; i < segments.size(); i++) {
      var segment = segments.get(i);
      if (segment.sequence < from.segment()) {
        space.ended(segment);
      } else {
        int start = segment.sequence == from.segment() ? from.offset() : Format.SEGMENT_HEADER;
        read(segment, start, i == segments.size() - 1);
      }
    }
    index.offerAll();
    for (var entry : incomplete.entrySet()) {
      if (index.look(entry.getKey(), (stored, rows) -> stored).isPresent()) {
        throw entry.getValue();
      }
    }
  }

  /** Takes in what the index's file has; from where on the log is to be read. */
  private Position checkpoint() throws IOException {
    var checkpoint = file.verified();
    if (checkpoint == null) {
      return new Position(0, Format.SEGMENT_HEADER);
    }
    var position = checkpoint.position();
    var segment = space.find(position.segment());
    if (lastSequence < position.segment()) {
      throw QueueDirectory.damaged(
          directory.resolve(Segment.name(position.segment())), 0, "is missing");
    }
    if (segment != null && segment.file.size() < position.offset()) {
      throw QueueDirectory.damaged(
          segment.path, segment.file.size(), "ends, but once was " + position.offset() + " long");
    }
    for (var known : checkpoint.segments()) {
      var found = space.find(known.sequence());
      if (found != null) {
        found.speaksOf.addAll(known.speaksOf());
      }
    }
    highestId = Math.max(highestId, checkpoint.highestId());
    lastShelved = file.lastId();
    index.restore();
    return position;
  }

  /** The greatest id ever given to a message that was kept. */
  long highestId() {
    return highestId;
  }

  /** The sequence that no segment has had. */
  long nextSequence() {
    return lastSequence + 1;
  }

  private List<Path> segmentFiles() throws IOException {
    try (var files = Files.list(directory)) {
      return files
          .filter(file -> file.getFileName().toString().endsWith(Segment.SUFFIX))
          .sorted()
          .toList();
    }
  }

  private Segment open(Path path) throws IOException {
    var file = disk.open(path);
    try {
      long size = file.size();
      var start = ByteBuffer.allocate((int) Math.min(size, Format.SEGMENT_HEADER));
      file.read(start, 0);
      var header = Format.segmentHeader(start.flip());
      if (header == null) {
        throw QueueDirectory.damaged(path, 0, "has no valid header");
      }
      if (header.version() != Format.VERSION) {
        throw QueueDirectory.unknownFormat(directory);
      }
      if (!path.getFileName().toString().equals(Segment.name(header.sequence()))) {
        throw QueueDirectory.damaged(path, 0, "has the header of another segment");
      }
      lastSequence = header.sequence();
      highestId = Math.max(highestId, header.highestId());
      return new Segment(
          header.sequence(), header.salt(), path, file, Math.toIntExact(size), false);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private void read(Segment segment, int from, boolean last) throws IOException {
    var reader = new SegmentReader(segment);
    reader.goOnAt(from);
    do {
      while (reader.next()) {
        if (reader.type() == Format.END) {
          space.ended(segment);
          return;
        }
        understand(segment, reader);
        index.relieve();
      }
    } while (last && goesOnBehindHole(segment, reader));
    if (!last) {
      throw damaged(segment, reader.end());
    }
    seal(segment, reader.end());
    space.ended(segment);
  }

  private void understand(Segment segment, SegmentReader reader) throws IOException {
    try {
      apply(segment, reader);
    } catch (IllegalArgumentException
        | IndexOutOfBoundsException
        | BufferUnderflowException
        | DateTimeException e) {
      log.error("a record that cannot be understood", e);
      throw QueueDirectory.damaged(segment.path, reader.offset(), "cannot be understood");
    }
  }

  /**
   * What was never synced may be on the disk in part, the later before the earlier. What is whole
   * is kept: it may even have been acknowledged, and be hidden by damage that looks like this.
   */
  private boolean goesOnBehindHole(Segment segment, SegmentReader reader) throws IOException {
    int hole = reader.end();
    var behind = reader.behind();
    if (behind.provesDamage()) {
      throw damaged(segment, hole);
    }
    if (behind.next() < 0) {
      return false;
    }
    int length = behind.next() - hole - Format.RECORD_HEADER;
    if (length < 0) {
      throw damaged(segment, hole);
    }
    log.info("{} has a hole at offset {}, left by a crash", segment.path, hole);
    int crc = reader.crc(hole + Format.RECORD_HEADER, length);
    var record = ByteBuffer.allocate(Format.RECORD_HEADER);
    Format.putRecordHeader(record, segment.salt, hole, length, Format.HOLE, hole, crc);
    segment.file.write(record.flip(), hole);
    holes.add(new Records.Piece(segment.sequence, hole, behind.next() - hole, 0));
    reader.goOnAt(behind.next());
    return true;
  }

  private static ConfigException damaged(Segment segment, int offset) {
    return QueueDirectory.damaged(segment.path, offset, "has no whole record where there was one");
  }

  /** Ends a segment whose writer did not, so that nothing behind its end is ever read. */
  private static void seal(Segment segment, int end) throws IOException {
    segment.file.truncate(end);
    var record = ByteBuffer.allocate(Format.RECORD_HEADER);
    Format.putRecordHeader(record, segment.salt, end, 0, Format.END, end, 0);
    segment.file.write(record.flip(), end);
    segment.file.force();
  }

  private void apply(Segment segment, SegmentReader reader) throws IOException {
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
      case Format.HOLE ->
          holes.add(
              new Records.Piece(
                  segment.sequence, reader.offset(), Format.RECORD_HEADER + reader.length(), 0));
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
    if (message.pieces().stream().anyMatch(piece -> holes.stream().anyMatch(piece::overlaps))) {
      log.warn("{} at offset {}: a message that was never whole", segment.path, reader.offset());
      return null;
    }
    incomplete.remove(message.id());
    var octets = new LinkedHashMap<Segment, Long>();
    for (var piece : message.pieces()) {
      var part = space.find(piece.segment());
      if (part == null) {
        incomplete.put(
            message.id(),
            QueueDirectory.damaged(
                segment.path,
                reader.offset(),
                "needs " + Segment.name(piece.segment()) + ", which is missing"));
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
      keys.keepAgain(key, message.id(), message.queuedAt());
    }
    var places = LogQueueStore.places(message.rows());
    if (isShelved(message.id()) || !index.add(message.id(), new Stored(place), places)) {
      return; // the checkpoint was written a moment after its position was taken
    }
    place.hold();
    space.began(message.id(), place);
  }

  private boolean isShelved(long id) {
    return id <= lastShelved && index.look(id, (stored, rows) -> stored).isPresent();
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
