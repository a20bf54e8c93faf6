package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.delivery.queue.QueueIndex;

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
  private final Replay replay;
  private final IndexFile file;
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
    this.replay = new Replay(space, index, keys::keepAgain, this::isShelved);
  }

  /**
   * @throws ConfigException if the log is damaged, with file, offset and remedy
   */
  void run() throws IOException {
    var segments = new ArrayList<Segment>();
    for (var path : segmentFiles(directory)) {
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
    for (var entry : replay.incomplete().entrySet()) {
      if (index.isThere(entry.getKey())) {
        var missing = entry.getValue();
        throw QueueDirectory.damaged(
            missing.segment().path,
            missing.offset(),
            "needs " + Segment.name(missing.needed()) + ", which is missing");
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

  private boolean isShelved(long id) {
    return id <= lastShelved && index.isThere(id);
  }

  /** The greatest id ever given to a message that was kept. */
  long highestId() {
    return Math.max(Math.max(highestId, lastShelved), replay.highestId());
  }

  /** The sequence that no segment has had. */
  long nextSequence() {
    return lastSequence + 1;
  }

  static List<Path> segmentFiles(Path directory) throws IOException {
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
      replay.apply(segment, reader);
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
    replay.hole(segment, hole, behind.next() - hole);
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
}
