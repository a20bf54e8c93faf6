package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The segments there are, and when one may go: when nothing in it is alive, and no segment is left
 * whose messages it says something of, since they would come back to life without it. A segment
 * only says something of older ones, so that the oldest can always go when what lives there has
 * been moved to the head.
 */
final class Space implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Space.class);
  private static final int SLACK = 3; // segments: the one being written, and who can be in between

  private final Path directory;
  private final Disk disk;
  private final Spares spares;
  private final KeyFiles keys;
  private final int segmentSize;
  private final ConcurrentSkipListMap<Long, Segment> segments = new ConcurrentSkipListMap<>();
  private final AtomicLong live = new AtomicLong();
  private volatile boolean due;
  private volatile Runnable swept = () -> {};

  /**
   * @param keys what must not go with the segments
   * @param segmentSize octets of a usual segment
   */
  Space(Path directory, Disk disk, Spares spares, KeyFiles keys, int segmentSize) {
    this.directory = directory;
    this.disk = disk;
    this.spares = spares;
    this.keys = keys;
    this.segmentSize = segmentSize;
  }

  void began(Segment segment) {
    segments.put(segment.sequence, segment);
  }

  @Nullable Segment find(long sequence) {
    return segments.get(sequence);
  }

  List<Segment> segments() {
    return List.copyOf(segments.values());
  }

  /** The greatest sequence so far. */
  long lastSequence() {
    return segments.lastKey();
  }

  void ended(Segment segment) {
    due |= segment.isDead();
  }

  /** A message is alive at a place, whose segments are held for it. */
  void began(long id, Place place) {
    count(place, 1);
    place.parts().forEach(part -> part.segment().partsOf.add(id));
  }

  /** The log says that a message has ended, or is elsewhere. */
  void ended(long id, Place place) {
    count(place, -1);
    place.parts().forEach(part -> part.segment().partsOf.remove(id));
    place.drop(this);
  }

  private void count(Place place, int sign) {
    add(place.segment(), sign * (Format.RECORD_HEADER + (long) place.length()));
    place.parts().forEach(part -> add(part.segment(), sign * part.octets()));
  }

  private void add(Segment segment, long octets) {
    segment.addLive(octets);
    live.addAndGet(octets);
  }

  /** Takes back a hold. */
  void drop(Segment segment) {
    if (segment.drop()) {
      due = true;
    }
  }

  boolean isSweepDue() {
    return due;
  }

  /** Octets of the segments on the disk. */
  long octets() {
    return segments.values().stream().mapToLong(segment -> segment.capacity).sum();
  }

  /** Octets of the messages that are alive. */
  long live() {
    return live.get();
  }

  /** Gives back what can be; only when all that was settled so far is synced. */
  void sweep(Segment active) throws IOException {
    if (!due) {
      return;
    }
    due = false;
    if (!canGo(active)) {
      return;
    }
    for (var free = free(active); !free.isEmpty(); free = free(active)) {
      // Renamed before any segment that speaks of them goes: the order must survive a crash.
      var files = new ArrayList<Path>();
      for (var segment : free) {
        segment.file.close();
        var file = spares.newName();
        disk.rename(segment.path, file);
        files.add(file);
        segments.remove(segment.sequence);
      }
      disk.forceDirectory(directory);
      files.forEach(spares::free);
    }
    swept.run();
  }

  /** Sets who is told, on the writer's thread, when something has ended in a segment. */
  void onSweep(Runnable told) {
    swept = told;
  }

  /** Whether anything can be given back, without a key that is only there. */
  private boolean canGo(Segment active) {
    if (segments.values().stream()
        .noneMatch(segment -> segment != active && segment.isDead() && !isKept(segment))) {
      return false;
    }
    try {
      keys.sync();
      return true;
    } catch (IOException e) {
      log.warn("idempotency keys cannot be written, the log stays as it is: {}", e.toString());
      return false;
    }
  }

  private List<Segment> free(Segment active) {
    return segments.values().stream()
        .filter(segment -> segment != active && !isKept(segment))
        .filter(Segment::giveUp)
        .toList();
  }

  /** Whether it says something that must not be forgotten. */
  private boolean isKept(Segment segment) {
    return segment.speaksOf.stream().anyMatch(segments::containsKey);
  }

  /**
   * The segment that is to be emptied next, or null while the log takes no more than twice what
   * lives in it and a little. Where the disk is full, any room is wanted, and only what fits into
   * half of the reserve may be moved: the rest is for what is settled.
   *
   * <p>Only those that would go at once are emptied: the oldest is always among them, and the
   * others' turn comes.
   *
   * @param tried those that have just been emptied as far as they can be
   * @param before only older ones, so that what is moved is not moved again at once
   */
  @Nullable Segment toEmpty(Set<Long> tried, long before) {
    var waiting =
        segments.values().stream().filter(segment -> !segment.isDead() || isKept(segment)).toList();
    long octets = waiting.stream().mapToLong(segment -> segment.capacity).sum();
    boolean full = spares.isFull();
    long enough = (full ? 1 : 2) * live() + (full ? 1 : SLACK) * (long) segmentSize;
    if (octets <= enough) {
      return null;
    }
    long most = full ? spares.reserveSize() / 2 : Long.MAX_VALUE;
    var candidates =
        waiting.stream()
            .filter(segment -> segment.sequence < before && !tried.contains(segment.sequence))
            .filter(segment -> segment.live() > 0 && segment.live() <= most && !isKept(segment))
            .toList();
    return candidates.stream()
        .filter(segment -> segment.live() < segment.capacity / 2)
        .min(Comparator.comparingLong(Segment::live))
        .or(() -> candidates.stream().findFirst())
        .orElse(null);
  }

  @Override
  public void close() {
    segments.values().forEach(segment -> segment.file.close());
  }
}
