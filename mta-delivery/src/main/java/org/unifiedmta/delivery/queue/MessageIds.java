package org.unifiedmta.delivery.queue;

import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import org.unifiedmta.core.time.Timer;

/**
 * The ids of messages, for a store to give out: 42 bits of milliseconds since 2020, 7 bits of node,
 * 14 bits of counter, written as 16 hexadecimal digits. They sort by time and never go back.
 */
public final class MessageIds {
  private static final long EPOCH = Instant.parse("2020-01-01T00:00:00Z").toEpochMilli();
  private static final int NODE_BITS = 7;
  private static final int COUNTER_BITS = 14;
  private static final long COUNTER = (1L << COUNTER_BITS) - 1;
  private static final int TIME_SHIFT = NODE_BITS + COUNTER_BITS;

  private final Timer timer;
  private final AtomicLong last;

  /**
   * @param last the greatest id given out before, or 0
   */
  public MessageIds(Timer timer, long last) {
    this.timer = timer;
    this.last = new AtomicLong(last);
  }

  public long next() {
    long now = Math.max(0, timer.now().toEpochMilli() - EPOCH) << TIME_SHIFT;
    return last.updateAndGet(before -> Math.max(now, after(before)));
  }

  /** The node stays 0 when the counter is full: the time is carried on instead. */
  private static long after(long id) {
    boolean full = (id & COUNTER) == COUNTER;
    return full ? ((id >>> TIME_SHIFT) + 1) << TIME_SHIFT : id + 1;
  }

  /** The greatest id given out so far. */
  public long last() {
    return last.get();
  }

  /** The form that people and peers see. */
  public static String text(long id) {
    var digits = Long.toHexString(id);
    return "0".repeat(16 - digits.length()) + digits;
  }

  /** The number of an id, or -1 if the text is none. */
  public static long parse(String text) {
    if (text.length() != 16) {
      return -1;
    }
    long id = 0;
    for (int i = 0; i < 16; i++) {
      char c = text.charAt(i);
      int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) {
        return -1;
      }
      id = (id << 4) | digit;
    }
    return Math.max(id, -1);
  }
}
