package org.unifiedmta.delivery.server;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.server.UnifiedEmailServer.BoundListener;

/** Where our own listeners are reached: mail that is sent there comes back. Thread-safe. */
final class OwnAddresses {
  private static final Duration REREAD = Duration.ofMinutes(1);

  private record Known(Set<InetAddress> ofThisMachine, Instant until) {}

  private final Supplier<List<BoundListener>> listeners;
  private final Timer timer;
  private volatile Known known = new Known(Set.of(), Instant.MIN);

  OwnAddresses(Supplier<List<BoundListener>> listeners, Timer timer) {
    this.listeners = listeners;
    this.timer = timer;
  }

  boolean contains(InetSocketAddress there) {
    for (var listener : listeners.get()) {
      var ours = listener.address();
      if (ours.getPort() == there.getPort()
          && (ours.getAddress().isAnyLocalAddress()
              ? isOfThisMachine(there.getAddress())
              : ours.getAddress().equals(there.getAddress()))) {
        return true;
      }
    }
    return false;
  }

  private boolean isOfThisMachine(InetAddress address) {
    return address.isLoopbackAddress()
        || address.isAnyLocalAddress()
        || ofThisMachine().contains(address);
  }

  private Set<InetAddress> ofThisMachine() {
    var now = timer.now();
    var addresses = known;
    if (now.isBefore(addresses.until)) {
      return addresses.ofThisMachine;
    }
    try {
      var found =
          NetworkInterface.networkInterfaces()
              .flatMap(NetworkInterface::inetAddresses)
              .collect(Collectors.toUnmodifiableSet());
      known = new Known(found, now.plus(REREAD));
      return found;
    } catch (SocketException e) {
      return addresses.ofThisMachine; // where it is not known, the greeting will tell
    }
  }
}
