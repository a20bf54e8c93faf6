package org.unifiedmta.delivery.schedule;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.routing.route.Destinations;

/**
 * One destination of one zone with something to do: how much of its window is in use, and when to
 * look again. Touched by the scheduler's thread only. What waits for it is in the store.
 */
final class DestinationQueue {

  /** Two destinations by the same name in different zones have nothing in common. */
  record Key(String zone, String destination) {}

  private final Key key;
  private final Destinations.Target target;
  private int running;
  private boolean ready;
  private @Nullable Instant wakeAt;
  private Timer.@Nullable Handle wake;

  DestinationQueue(Key key) {
    this.key = key;
    this.target = Destinations.parse(key.destination());
  }

  Key key() {
    return key;
  }

  Destinations.Target target() {
    return target;
  }

  int running() {
    return running;
  }

  void started() {
    running++;
  }

  void finished() {
    running--;
  }

  /** Whether it stands in the line of those to be looked at. */
  boolean isReady() {
    return ready;
  }

  void setReady(boolean inLine) {
    ready = inLine;
  }

  /** Whether nothing would be lost with this object. */
  boolean isIdle() {
    return running == 0 && !ready && wake == null;
  }

  /** Makes sure that the task runs at this time, or before. */
  void wakeBy(Instant time, Timer timer, Runnable task) {
    if (wakeAt != null && !time.isBefore(wakeAt)) {
      return;
    }
    if (wake != null) {
      wake.cancel();
    }
    wakeAt = time;
    wake = timer.at(time, task);
  }

  void awake() {
    if (wake != null) {
      wake.cancel();
    }
    wake = null;
    wakeAt = null;
  }
}
