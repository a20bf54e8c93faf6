package org.unifiedmta.delivery.store.log;

import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.InsufficientStorageException;
import org.unifiedmta.delivery.queue.Blocks;

/**
 * The bytes of one message before it is in the log: chunks that are there or on their way, and the
 * rest in memory. Shared by the message's edited versions.
 */
final class LogBody {
  private enum State {
    OPEN,
    TAKEN,
    CLOSED
  }

  private final Space space;
  private final Budget budget;
  private final List<Chunk> chunks = new ArrayList<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Segment> held = new ArrayList<>();
  private State state = State.OPEN;
  private @Nullable Throwable failure;
  private Blocks rest;
  private @Nullable HeaderSection header;
  private long size;

  /**
   * @param expected octets, or negative where nobody knows
   */
  LogBody(Space space, Budget budget, long expected) {
    this.rest = new Blocks(expected);
    this.space = space;
    this.budget = budget;
  }

  // ---- filled by one thread, before the message is finished -----------------------------------

  Blocks rest() {
    return rest;
  }

  void add(Chunk chunk) {
    chunks.add(chunk);
    size += chunk.length;
  }

  /** What was in memory has become chunks. */
  void emptyRest() {
    rest = new Blocks();
  }

  void finish(HeaderSection section) {
    header = section;
    size += rest.size();
  }

  // ---- read when finished ---------------------------------------------------------------------

  HeaderSection header() {
    return Facts.required(header);
  }

  long size() {
    return size;
  }

  /** Whether all of it is in memory. */
  boolean isWhole() {
    return chunks.isEmpty();
  }

  boolean isOf(Budget other) {
    return budget == other;
  }

  InputStream open() {
    var parts = new ArrayList<PartsInputStream.Part>();
    for (var chunk : chunks) {
      parts.add(new PartsInputStream.Part(chunk.length, chunk::open));
    }
    parts.add(new PartsInputStream.Part(rest.size(), rest::open));
    return new PartsInputStream(parts, () -> {});
  }

  /** Where the chunks are, when the writer has placed them all. */
  List<Records.Piece> pieces() {
    return chunks.stream().map(Chunk::piece).toList();
  }

  // ---- by any thread --------------------------------------------------------------------------

  /** False if it was taken or closed before. */
  boolean take() {
    lock.lock();
    try {
      if (state != State.OPEN) {
        return false;
      }
      state = State.TAKEN;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Gives the bytes up if they were not taken. */
  void close() {
    lock.lock();
    try {
      if (state != State.OPEN) {
        return;
      }
      state = State.CLOSED;
    } finally {
      lock.unlock();
    }
    budget.free(rest.capacity());
    release();
  }

  /** A piece has got its place. */
  void placed(Segment segment) {
    lock.lock();
    try {
      if (state != State.CLOSED) {
        segment.hold();
        held.add(segment);
      }
    } finally {
      lock.unlock();
    }
  }

  /** How much of it is in which segment, when the writer has placed all chunks. */
  List<Place.Part> parts() {
    if (chunks.isEmpty()) {
      return List.of();
    }
    var octets = new LinkedHashMap<Segment, Long>();
    chunks.forEach(chunk -> octets.merge(chunk.segment(), (long) chunk.length, Long::sum));
    return octets.entrySet().stream()
        .map(entry -> new Place.Part(entry.getKey(), entry.getValue()))
        .toList();
  }

  /** Holds the segments of the pieces no longer: the message does, or nobody. */
  void release() {
    lock.lock();
    try {
      held.forEach(space::drop);
      held.clear();
      state = State.CLOSED;
    } finally {
      lock.unlock();
    }
  }

  void fail(Throwable why) {
    lock.lock();
    try {
      failure = failure == null ? why : failure;
    } finally {
      lock.unlock();
    }
  }

  boolean hasFailed() {
    lock.lock();
    try {
      return failure != null;
    } finally {
      lock.unlock();
    }
  }

  /** Throws when the bytes were given up, or could not be kept. */
  void requireWanted() {
    lock.lock();
    try {
      if (failure != null) {
        throw new InsufficientStorageException(
            "a part of the message could not be kept: " + failure.getMessage());
      }
      if (state == State.CLOSED) {
        throw new IllegalStateException("the message was given up");
      }
    } finally {
      lock.unlock();
    }
  }
}
