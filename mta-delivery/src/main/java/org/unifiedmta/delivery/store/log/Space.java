package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The segments there are, and when one may go: when nothing in it is alive, and no segment is left
 * whose messages it says something of, since they would come back to life without it. So that a few
 * old messages do not keep all that came after them, a census says anew which of their segment are
 * left; what was said of that segment before is superfluous then.
 */
final class Space implements AutoCloseable {
  private static final int CENSUS_ENTRY = 128;
  private static final int WORTH = 4;

  private final Path directory;
  private final Disk disk;
  private final Spares spares;
  private final ConcurrentSkipListMap<Long, Segment> segments = new ConcurrentSkipListMap<>();
  private final Consumer<Segment> census;
  private volatile boolean due;

  /**
   * @param census has a census taken of a segment, and calls {@link #counted} in the end
   */
  Space(Path directory, Disk disk, Spares spares, Consumer<Segment> census) {
    this.census = census;
    this.directory = directory;
    this.disk = disk;
    this.spares = spares;
  }

  void began(Segment segment) {
    segments.put(segment.sequence, segment);
  }

  @Nullable Segment find(long sequence) {
    return segments.get(sequence);
  }

  void ended(Segment segment) {
    due |= segment.isDead();
  }

  /** A message is in the log; its segments are held for it. */
  void began(long id, Stored stored) {
    stored.segment().messages.add(id);
  }

  /** The log says that a message has ended. */
  void ended(long id, Stored stored) {
    stored.segment().messages.remove(id);
    stored.drop(this);
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

  long octets() {
    return segments.values().stream().mapToLong(segment -> segment.capacity).sum();
  }

  /** Gives back what can be; only when all that was settled so far is synced. */
  void sweep(Segment active) throws IOException {
    if (!due) {
      return;
    }
    due = false;
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
    segments.values().stream()
        .filter(segment -> segment != active && segment.isDead())
        .forEach(this::countWhatKeeps);
  }

  /** Only where it is worth it: a census must be much smaller than what it sets free. */
  private void countWhatKeeps(Segment dead) {
    var keepers = dead.speaksOf.stream().map(segments::get).filter(Objects::nonNull).toList();
    long entries = keepers.stream().mapToLong(keeper -> 1 + keeper.messages.size()).sum();
    if (entries * CENSUS_ENTRY > dead.capacity / WORTH) {
      return;
    }
    for (var keeper : keepers) {
      if (!keeper.beingCounted) {
        keeper.beingCounted = true;
        census.accept(keeper);
      }
    }
  }

  /**
   * A census has ended.
   *
   * @param in the segment that says it, on stable storage, or null if it failed
   */
  void counted(Segment counted, @Nullable Segment in) {
    counted.beingCounted = false;
    if (in != null) {
      segments
          .headMap(in.sequence)
          .values()
          .forEach(segment -> segment.speaksOf.remove(counted.sequence));
      due = true;
    }
  }

  private List<Segment> free(Segment active) {
    return segments.values().stream()
        .filter(segment -> segment != active)
        .filter(segment -> segment.speaksOf.stream().noneMatch(segments::containsKey))
        .filter(Segment::giveUp)
        .toList();
  }

  @Override
  public void close() {
    segments.values().forEach(segment -> segment.file.close());
  }
}
