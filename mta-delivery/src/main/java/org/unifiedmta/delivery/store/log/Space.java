package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;

/**
 * The segments there are, and when one may go: when nothing in it is alive, and no segment is left
 * whose messages it says something of, since they would come back to life without it.
 */
final class Space implements AutoCloseable {
  private final Path directory;
  private final Disk disk;
  private final Spares spares;
  private final ConcurrentSkipListMap<Long, Segment> segments = new ConcurrentSkipListMap<>();
  private volatile boolean due;

  Space(Path directory, Disk disk, Spares spares) {
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
    due |= !segment.isHeld();
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
