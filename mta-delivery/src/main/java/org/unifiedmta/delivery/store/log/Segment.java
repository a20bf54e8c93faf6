package org.unifiedmta.delivery.store.log;

import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** One file of the log. */
final class Segment {
  static final String SUFFIX = ".log";

  final long sequence;
  final long salt;
  final Path path;
  final Disk.Handle file;
  final int capacity;

  /** Whether it was set aside for what must be written when the disk is full. */
  final boolean reserve;

  /** Sequences of other segments whose messages this one says something of; only grows. */
  final Set<Long> speaksOf = ConcurrentHashMap.newKeySet();

  /** The messages, large ones only, that have a part of their body here. */
  final Set<Long> partsOf = ConcurrentHashMap.newKeySet();

  /** Messages and unfinished spools that have bytes here, and readers; -1 when given up. */
  private final AtomicInteger holds = new AtomicInteger();

  private final AtomicLong live = new AtomicLong();

  Segment(long sequence, long salt, Path path, Disk.Handle file, int capacity, boolean reserve) {
    this.sequence = sequence;
    this.salt = salt;
    this.path = path;
    this.file = file;
    this.capacity = capacity;
    this.reserve = reserve;
  }

  static String name(long sequence) {
    var digits = Long.toString(sequence);
    return "0".repeat(Math.max(0, 12 - digits.length())) + digits + SUFFIX;
  }

  /** Keeps the segment from being given up. */
  void hold() {
    if (!tryHold()) {
      throw new IllegalStateException(path + " was given up");
    }
  }

  /** The same, or false if it was given up. */
  boolean tryHold() {
    return holds.getAndUpdate(n -> n < 0 ? n : n + 1) >= 0;
  }

  /** Takes back one {@link #hold}; true if it was the last. */
  boolean drop() {
    return holds.decrementAndGet() == 0;
  }

  /** Whether nobody holds it; what it says of other segments may keep it. */
  boolean isDead() {
    return holds.get() == 0;
  }

  /** From now on nobody can hold it; false if somebody does. */
  boolean giveUp() {
    return holds.compareAndSet(0, -1);
  }

  /** Octets of the messages that are alive here. */
  long live() {
    return live.get();
  }

  void addLive(long octets) {
    live.addAndGet(octets);
  }
}
