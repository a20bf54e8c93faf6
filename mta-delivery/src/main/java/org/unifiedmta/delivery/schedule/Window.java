package org.unifiedmta.delivery.schedule;

/**
 * How many connections a receiver takes at a time, found out: twice as many each time, until it
 * first complains; one less for each complaint; and from then on one more after many successes,
 * after the more of them the more often that was one too many. So a receiver that takes a number of
 * connections and no more is used nearly in full, and seldom has to refuse one.
 */
final class Window {
  private static final int FIRST = 2;
  private static final int PATIENCE = 100; // successes
  private static final int MOST_PATIENCE = 1_600;

  private int size = FIRST;
  private int peak; // that ran at a time since the size was changed for the better
  private int successes; // since the size was changed
  private int patience = PATIENCE;
  private boolean hasComplained;
  private boolean probes; // whether the last change was one more

  int size() {
    return size;
  }

  /** So many run now. */
  void runs(int running) {
    peak = Math.max(peak, running);
  }

  /**
   * An attempt went well.
   *
   * @param ceiling beyond which it never grows
   */
  void success(int ceiling) {
    successes++;
    if (size >= ceiling) {
      return;
    }
    if (!hasComplained && size < 2 * peak) {
      size++;
    } else if (hasComplained && successes >= patience && peak >= size) {
      size++;
      patience = probes ? Math.max(PATIENCE, patience / 2) : patience;
      probes = true;
      successes = 0;
      peak = 0;
    }
  }

  /** The receiver has too much to do. */
  void complaint() {
    hasComplained = true;
    patience = probes ? Math.min(MOST_PATIENCE, 2 * patience) : patience;
    probes = false;
    successes = 0;
    size = Math.max(1, Math.min(size, Math.max(peak, 1)) - 1);
    peak = Math.max(peak, size);
  }
}
