package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.spool.InsufficientStorageException;
import org.unifiedmta.delivery.queue.MessageIds;
import org.unifiedmta.delivery.queue.QueueIndex;
import org.unifiedmta.delivery.queue.RowState;

/**
 * Gives room back that little mail keeps: while the log is much larger than what lives in it,
 * copies what lives in a segment to the head. A copy is one record, and the old one goes only when
 * it is on stable storage; after a crash between the two, the message is there once. What an
 * attempt holds is left for later.
 */
final class Compactor implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Compactor.class);
  private static final int BATCH = 4 << 20; // octets, each followed by a pause
  private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(200);
  private static final int SEGMENTS = 4; // between checkpoints
  private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);
  private static final long AGAIN = TimeUnit.SECONDS.toNanos(1);

  private final Space space;
  private final QueueIndex<Stored> index;
  private final SegmentLog segments;
  private final LogSpool spool;
  private final Metrics metrics;
  private final Thread thread;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private boolean closed;
  private boolean woken;

  // The thread's own.
  private final List<CompletableFuture<Void>> underWay = new ArrayList<>();
  private long copied;
  private long checkpointed;
  private long checkpointAt = System.nanoTime();

  Compactor(
      Space space, QueueIndex<Stored> index, SegmentLog segments, LogSpool spool, Metrics metrics) {
    this.space = space;
    this.index = index;
    this.segments = segments;
    this.spool = spool;
    this.metrics = metrics;
    this.thread = new Thread(this::run, "mta-log-compactor");
    thread.setDaemon(true);
  }

  void start() {
    space.onSweep(this::wake);
    thread.start();
  }

  private void wake() {
    lock.lock();
    try {
      woken = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void run() {
    while (awaitWork()) {
      try {
        checkpoint();
        compact();
      } catch (IOException | RuntimeException e) {
        log.error("the log could not be compacted; it is tried again", e);
      }
    }
  }

  /** Bounds what is to be read again after a crash. */
  private void checkpoint() {
    long last = space.lastSequence();
    if (segments.hasFailed()) {
      return;
    }
    if (last >= checkpointed + SEGMENTS || System.nanoTime() - checkpointAt > MINUTE) {
      checkpointed = last;
      checkpointAt = System.nanoTime();
      index.checkpointSoon();
    }
  }

  private void compact() throws IOException {
    Set<Long> tried = new HashSet<>();
    long last = space.lastSequence();
    for (var segment = space.toEmpty(tried, last);
        segment != null && !isClosed() && !segments.hasFailed();
        segment = space.toEmpty(tried, last)) {
      tried.add(segment.sequence);
      if (segment.tryHold()) {
        try {
          empty(segment);
        } finally {
          awaitMoves();
          space.drop(segment);
          segments.sweepSoon();
        }
      }
    }
  }

  private void empty(Segment segment) throws IOException {
    for (long id : segment.partsOf) {
      moveLarge(id);
    }
    var reader = new SegmentReader(segment);
    while (reader.next() && reader.type() != Format.END && !isClosed()) {
      if (reader.type() == Format.MESSAGE || reader.type() == Format.MOVED) {
        var payload = reader.payload();
        int at = reader.type() == Format.MOVED ? Records.movedHead(payload) : 0;
        move(segment, reader.offset() + Format.RECORD_HEADER + at, payload.position(at).slice());
      }
    }
    if (reader.type() != Format.END && !isClosed()) {
      log.error("{} is damaged at offset {}", segment.path, reader.end());
    }
  }

  private void move(Segment segment, int offset, ByteBuffer message) {
    long id = Records.messageId(message);
    var there = index.locate(id, Stored::place).orElse(null);
    if (there == null
        || there.segment() != segment
        || there.offset() != offset
        || !there.parts().isEmpty()) {
      return; // it has ended, or is elsewhere
    }
    var copy = ByteBuffer.allocate(message.remaining()).put(message).flip();
    move(id, there, copy, null);
  }

  private void move(long id, Place from, ByteBuffer message, @Nullable LogBody body) {
    var done = new CompletableFuture<Void>();
    boolean moves =
        index.move(id, (stored, rows) -> appended(id, stored, from, rows, message, body, done));
    if (!moves) {
      if (body != null) {
        body.close();
      }
      return;
    }
    underWay.add(done);
    copied += message.remaining();
    if (copied >= BATCH) {
      awaitMoves();
      boolean unused = segments.refusal().isPresent() || pause(PAUSE);
    }
  }

  /** Queued under the index's lock, so that what is said of the message keeps its order. */
  private @Nullable Stored appended(
      long id,
      Stored stored,
      Place from,
      List<RowState> rows,
      ByteBuffer message,
      @Nullable LogBody body,
      CompletableFuture<Void> done) {
    if (!stored.place().equals(from)) {
      return null;
    }
    var moving = new Stored(from);
    segments.append(new MoveAppend(id, moving, rows, message, body, space, new Outcome(done)));
    return moving;
  }

  private final class Outcome implements MoveAppend.Outcome {
    private final CompletableFuture<Void> done;

    Outcome(CompletableFuture<Void> done) {
      this.done = done;
    }

    @Override
    public void moved(long id, Stored stored, Place to) {
      var from = stored.place();
      index.relocate(id, () -> stored.moved(to));
      space.began(id, to);
      space.ended(id, from);
      metrics.count("queue.log.moved", to.length());
      done.complete(null);
    }

    @Override
    public void notMoved(long id, Throwable why) {
      index.relocate(id, () -> {});
      log.warn("a message could not be moved to the head of the log: {}", why.toString());
      done.complete(null);
    }
  }

  private void moveLarge(long id) {
    var from = index.locate(id, Stored::hold).orElse(null);
    if (from == null) {
      return;
    }
    try {
      var body = from.readBody();
      try (var writer = spool.open(body.received());
          var in = from.open(body, () -> {})) {
        var block = new byte[64 * 1024];
        for (int n = in.read(block); n >= 0 && !isClosed(); n = in.read(block)) {
          writer.write(ByteBuffer.wrap(block, 0, n));
          awaitWritable(writer::isWritable, writer::onWritable);
        }
        if (isClosed()) {
          return;
        }
        var copy = ((LogSpool.Message) writer.finish()).body;
        var head = from.read(body.at());
        move(id, from, withRest(head, copy), copy);
      }
    } catch (InsufficientStorageException e) {
      log.debug("no room to move {}", MessageIds.text(id), e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      from.drop(space);
    }
  }

  private static ByteBuffer withRest(ByteBuffer head, LogBody copy) {
    var message = ByteBuffer.allocate(head.remaining() + (int) copy.rest().size()).put(head);
    copy.rest().buffers().forEach(message::put);
    return message.flip();
  }

  private interface Writable {
    boolean now();
  }

  private interface WhenWritable {
    void run(Runnable resume);
  }

  private static void awaitWritable(Writable writable, WhenWritable then) {
    while (!writable.now()) {
      var resumed = new CompletableFuture<Void>();
      then.run(() -> resumed.complete(null));
      resumed.join();
    }
  }

  private void awaitMoves() {
    underWay.forEach(CompletableFuture::join);
    underWay.clear();
    copied = 0;
  }

  private boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  /** Until something has ended, or what was leased before may be free. */
  private boolean awaitWork() {
    lock.lock();
    try {
      long left = AGAIN;
      while (!closed && !woken && left > 0) {
        left = changed.awaitNanos(left);
      }
      woken = false;
      return !closed;
    } catch (InterruptedException e) {
      closed = true; // nobody interrupts this thread; should somebody, it ends
      return false;
    } finally {
      lock.unlock();
    }
  }

  /** False when it is time to end. */
  private boolean pause(long nanos) {
    lock.lock();
    try {
      long left = nanos;
      while (!closed && left > 0) {
        left = changed.awaitNanos(left);
      }
      return !closed;
    } catch (InterruptedException e) {
      closed = true; // nobody interrupts this thread; should somebody, it ends
      return false;
    } finally {
      lock.unlock();
    }
  }

  /** To be called while the log still writes. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
