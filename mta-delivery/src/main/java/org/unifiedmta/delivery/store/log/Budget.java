package org.unifiedmta.delivery.store.log;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The memory for messages on their way into the log, and who waits until the log keeps up. */
final class Budget {
  private static final Logger log = LoggerFactory.getLogger(Budget.class);
  private static final int SHARE_OF_QUEUE = 4;

  private final long limit;
  private final AtomicLong used = new AtomicLong();
  private final AtomicLong queued = new AtomicLong();
  private final ConcurrentLinkedQueue<Runnable> waiting = new ConcurrentLinkedQueue<>();

  Budget(long limit) {
    this.limit = limit;
  }

  boolean hasRoom(long octets) {
    return used.get() + octets <= limit;
  }

  /** Whether so little is left that who begins now might not come to an end. */
  boolean isTight() {
    return used.get() > limit - limit / 10;
  }

  boolean tryReserve(long octets) {
    if (used.addAndGet(octets) <= limit) {
      return true;
    }
    used.addAndGet(-octets);
    return false;
  }

  /** Beyond the limit if need be; what is written without {@link #isWritable} is bounded. */
  void reserve(long octets) {
    used.addAndGet(octets);
  }

  void free(long octets) {
    used.addAndGet(-octets);
  }

  /** Counts octets that go to the log's writer, and that are reserved already. */
  void queue(long octets) {
    queued.addAndGet(octets);
  }

  /** Frees octets that the writer has taken. */
  void unqueue(long octets) {
    used.addAndGet(-octets);
    queued.addAndGet(-octets);
    if (!waiting.isEmpty() && isWritable()) {
      resume();
    }
  }

  boolean isWritable() {
    return queued.get() <= limit / SHARE_OF_QUEUE;
  }

  void onWritable(Runnable resume) {
    waiting.add(resume);
    if (isWritable()) {
      resume();
    }
  }

  private void resume() {
    for (var next = waiting.poll(); next != null; next = waiting.poll()) {
      try {
        next.run();
      } catch (RuntimeException e) {
        log.error("who waited for the log could not go on", e);
      }
    }
  }
}
