package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.spool.InsufficientStorageException;

/**
 * The log: takes records from any thread, and writes them on one thread of its own. What waits is
 * written together and synced once for all (group commit). After a failed write or sync nothing is
 * acknowledged any more, since nobody knows then what is on the disk.
 */
final class SegmentLog implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(SegmentLog.class);
  private static final int BUFFER = 1 << 20;
  private static final long SOON = TimeUnit.MILLISECONDS.toNanos(50);

  private final Path directory;
  private final Disk disk;
  private final Spares spares;
  private final Space space;
  private final LongSupplier salts;
  private final LongSupplier highestId;
  private final Metrics metrics;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition arrived = lock.newCondition();
  private ArrayDeque<Append> queue = new ArrayDeque<>();
  private boolean closing;
  private volatile @Nullable String failure;

  // What follows belongs to the writer.
  private final Thread writer;
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
  private final List<Append> unwritten = new ArrayList<>();
  private final List<Append> unsynced = new ArrayList<>();
  private Segment active;
  private int writtenTo;
  private int syncedTo;
  private boolean dirty;
  private boolean syncNow;
  private long syncBy = Long.MAX_VALUE;
  private volatile @Nullable Position position;

  /**
   * @param sequence of the first segment to write
   * @param salts random numbers
   * @param highestId greatest id given out so far
   */
  SegmentLog(
      Path directory,
      Disk disk,
      Spares spares,
      Space space,
      long sequence,
      LongSupplier salts,
      LongSupplier highestId,
      Metrics metrics)
      throws IOException {
    this.directory = directory;
    this.disk = disk;
    this.spares = spares;
    this.space = space;
    this.salts = salts;
    this.highestId = highestId;
    this.metrics = metrics;
    var spare = spares.take(false, 0);
    if (spare == null) {
      throw new IOException(spares.failure().orElse("no room"));
    }
    this.active = activate(spare, sequence);
    this.position = new Position(active.sequence, syncedTo);
    this.writer = new Thread(this::run, "mta-log-writer");
    writer.setDaemon(true);
  }

  /** Starts the writer; once, when all that records speak to is there. */
  void start() {
    writer.start();
  }

  /** Takes a record; never blocks. */
  void append(Append record) {
    lock.lock();
    try {
      if (!closing) {
        queue.add(record);
        arrived.signal();
        return;
      }
    } finally {
      lock.unlock();
    }
    record.failed(new IllegalStateException("the store is closed"));
  }

  /** Has the writer see what can be given back, if there is nothing else to do. */
  void sweepSoon() {
    lock.lock();
    try {
      arrived.signal();
    } finally {
      lock.unlock();
    }
  }

  /** Whether nothing is written any more. */
  boolean hasFailed() {
    return failure != null;
  }

  /** Why no new mail can be taken now, or empty. */
  Optional<String> refusal() {
    var failed = failure;
    return failed != null ? Optional.of(failed) : spares.failure();
  }

  private void run() {
    try {
      for (var batch = await(); batch != null; batch = await()) {
        write(batch);
      }
    } finally {
      seal();
    }
  }

  /** What has arrived, perhaps nothing when a sync is due; null at the end. */
  private @Nullable ArrayDeque<Append> await() {
    lock.lock();
    try {
      while (queue.isEmpty()) {
        long left = untilSync();
        if (closing) {
          return null;
        }
        if (left <= 0) {
          return new ArrayDeque<>();
        }
        if (failure == null && space.isSweepDue()) {
          return new ArrayDeque<>();
        }
        try {
          long unused = arrived.awaitNanos(left);
        } catch (InterruptedException e) {
          log.warn("somebody interrupted the log's writer; it goes on");
        }
      }
      var batch = queue;
      queue = new ArrayDeque<>();
      return batch;
    } finally {
      lock.unlock();
    }
  }

  /** Nanoseconds until what must be synced soon must be. */
  private long untilSync() {
    return syncBy == Long.MAX_VALUE ? Long.MAX_VALUE : syncBy - System.nanoTime();
  }

  private void write(ArrayDeque<Append> batch) {
    try {
      for (var record = batch.poll(); record != null; record = batch.poll()) {
        place(record);
      }
      flush();
      if (syncNow || untilSync() <= 0) {
        sync();
      }
      if (failure == null) {
        space.sweep(active);
      }
    } catch (IOException | RuntimeException | Error e) {
      fail(e);
      batch.forEach(record -> refuse(record, e));
    }
  }

  private void place(Append record) throws IOException {
    if (failure != null) {
      refuse(record, new IOException(failure));
      return;
    }
    Append.Payload payload;
    try {
      payload = record.payload();
    } catch (RuntimeException e) {
      refuse(record, e);
      return;
    }
    if (!makeRoom(record.isMail(), Format.RECORD_HEADER + payload.length())) {
      refuse(record, new InsufficientStorageException(spares.failure().orElse("no room for mail")));
      return;
    }
    // From here on the record is failed with all others when something fails.
    unwritten.add(record);
    if (record.urgency != Append.Urgency.SOMETIME) {
      unsynced.add(record);
    }
    syncNow |= record.urgency == Append.Urgency.AT_ONCE;
    if (record.urgency == Append.Urgency.SOON && syncBy == Long.MAX_VALUE) {
      syncBy = System.nanoTime() + SOON;
    }
    int offset = put(record.type, payload);
    record.placed(active, offset, payload.length());
  }

  private int put(int type, Append.Payload payload) throws IOException {
    if (buffer.remaining() < Format.RECORD_HEADER) {
      flush();
    }
    int offset = writtenTo + buffer.position();
    Format.putRecordHeader(
        buffer, active.salt, offset, payload.length(), type, syncedTo, payload.crc());
    for (var piece : payload.buffers()) {
      while (piece.hasRemaining()) {
        if (!buffer.hasRemaining()) {
          flushBuffer();
        }
        int n = Math.min(piece.remaining(), buffer.remaining());
        buffer.put(buffer.position(), piece, piece.position(), n);
        buffer.position(buffer.position() + n);
        piece.position(piece.position() + n);
      }
    }
    return offset;
  }

  /** False if there is none; all that was placed before is unharmed then. */
  private boolean makeRoom(boolean mail, int needed) throws IOException {
    int free = active.capacity - writtenTo - buffer.position() - Format.RECORD_HEADER;
    if (needed <= free && !(mail && active.reserve)) {
      return true;
    }
    var spare = spares.take(mail, Format.SEGMENT_HEADER + needed + Format.RECORD_HEADER);
    if (spare == null) {
      return false;
    }
    flush();
    int end = writtenTo; // from where the END is read again
    endSegment();
    active.file.force();
    synced(end);
    var ended = active;
    space.ended(ended);
    active = activate(spare, ended.sequence + 1);
    return true;
  }

  /** The header is on the disk before the name is, so that every segment has one. */
  private Segment activate(Spares.Spare spare, long sequence) throws IOException {
    long salt = salts.getAsLong();
    try (var file = disk.open(spare.path())) {
      file.write(Format.segmentHeader(sequence, salt, highestId.getAsLong()), 0);
      file.force();
    }
    var path = directory.resolve(Segment.name(sequence));
    disk.rename(spare.path(), path);
    disk.forceDirectory(directory);
    writtenTo = Format.SEGMENT_HEADER;
    syncedTo = writtenTo;
    var segment = new Segment(sequence, salt, path, disk.open(path), spare.size(), spare.reserve());
    space.began(segment);
    return segment;
  }

  private void endSegment() throws IOException {
    int unused = put(Format.END, Append.Payload.of(List.of()));
    flush();
  }

  private void flush() throws IOException {
    flushBuffer();
    for (var record : unwritten) {
      record.written();
    }
    unwritten.clear();
  }

  private void flushBuffer() throws IOException {
    if (buffer.position() == 0) {
      return;
    }
    buffer.flip();
    int length = buffer.remaining();
    active.file.write(buffer, writtenTo);
    writtenTo += length;
    dirty = true;
    buffer.clear();
    metrics.count("queue.log.bytes", length);
  }

  private void sync() throws IOException {
    if (dirty) {
      long start = System.nanoTime();
      active.file.force();
      metrics.time("queue.log.sync", Duration.ofNanos(System.nanoTime() - start));
    }
    synced(writtenTo);
  }

  /** All that was written is on stable storage, up to the end of the records at this offset. */
  private void synced(int end) {
    dirty = false;
    syncedTo = writtenTo;
    syncNow = false;
    syncBy = Long.MAX_VALUE;
    for (var record : unsynced) {
      try {
        record.synced();
      } catch (RuntimeException e) {
        log.error("what was to be done with a stored record failed", e);
      }
    }
    unsynced.clear();
    position = new Position(active.sequence, end);
  }

  /** Up to where all is on stable storage, and those who wait for it have been told. */
  @Nullable Position position() {
    return position;
  }

  private void seal() {
    if (failure == null) {
      try {
        flush();
        sync();
        endSegment();
        active.file.force();
      } catch (IOException e) {
        fail(e);
      }
    }
    refuseTheRest();
  }

  private void fail(Throwable why) {
    if (failure == null) {
      failure =
          "the log in "
              + directory
              + " could not be written ("
              + why
              + "); check the disk, then restart";
      log.error("{}; nothing is accepted any more", failure, why);
    }
    var failed = new LinkedHashSet<>(unsynced);
    failed.addAll(unwritten);
    unwritten.clear();
    unsynced.clear();
    buffer.clear();
    syncNow = false;
    syncBy = Long.MAX_VALUE;
    failed.forEach(record -> refuse(record, why));
  }

  private void refuseTheRest() {
    ArrayDeque<Append> rest;
    lock.lock();
    try {
      closing = true;
      rest = queue;
      queue = new ArrayDeque<>();
    } finally {
      lock.unlock();
    }
    rest.forEach(record -> refuse(record, new IllegalStateException("the log has ended")));
  }

  private static void refuse(Append record, Throwable why) {
    try {
      record.failed(why);
    } catch (RuntimeException e) {
      log.error("what was to be done with a refused record failed", e);
    }
  }

  /** Writes and syncs what has arrived, and ends the log. */
  @Override
  public void close() {
    lock.lock();
    try {
      closing = true;
      arrived.signal();
    } finally {
      lock.unlock();
    }
    boolean interrupted = false;
    while (writer.isAlive()) {
      try {
        writer.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
