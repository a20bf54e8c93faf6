package org.unifiedmta.delivery.attempt;

import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.smtp.client.Endpoint;

/**
 * Hosts that did not answer lately (RFC 5321 4.5.4.1: a client should keep a list of them). What
 * one message has learnt at the cost of a time-out, all others know for a while. Thread-safe;
 * bounded.
 */
final class DownHosts {
  private static final Duration WHILE = Duration.ofMinutes(5);
  private static final int MOST = 10_000;

  private record Place(InetAddress address, int port) {
    static Place of(Endpoint endpoint) {
      return new Place(endpoint.address(), endpoint.port());
    }
  }

  private final Timer timer;
  private final ReentrantLock lock = new ReentrantLock();

  /** Until when, the earliest first. */
  private final LinkedHashMap<Place, Instant> down = new LinkedHashMap<>();

  DownHosts(Timer timer) {
    this.timer = timer;
  }

  /** It did not answer. */
  void add(Endpoint endpoint) {
    var place = Place.of(endpoint);
    lock.lock();
    try {
      down.remove(place); // to be the last
      down.put(place, timer.now().plus(WHILE));
      var eldest = down.entrySet().iterator().next();
      if (down.size() > MOST || !eldest.getValue().isAfter(timer.now())) {
        down.remove(eldest.getKey());
      }
    } finally {
      lock.unlock();
    }
  }

  /** It did. */
  void remove(Endpoint endpoint) {
    lock.lock();
    try {
      if (!down.isEmpty()) {
        down.remove(Place.of(endpoint));
      }
    } finally {
      lock.unlock();
    }
  }

  /** The same in the same order, but those whose host did not answer lately last. */
  List<Path> last(List<Path> paths) {
    var now = timer.now();
    var up = new ArrayList<Path>(paths.size());
    var others = new ArrayList<Path>();
    lock.lock();
    try {
      for (var path : paths) {
        var until = down.get(Place.of(path.endpoint()));
        (until == null || !until.isAfter(now) ? up : others).add(path);
      }
    } finally {
      lock.unlock();
    }
    up.addAll(others);
    return up;
  }
}
