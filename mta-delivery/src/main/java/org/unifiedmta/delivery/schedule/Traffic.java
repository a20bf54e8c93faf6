package org.unifiedmta.delivery.schedule;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.attempt.Passage;
import org.unifiedmta.routing.zone.DestinationPolicy;
import org.unifiedmta.routing.zone.Receiver;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.routing.zone.ZoneSelector;

/**
 * How much goes where at a time: the bounds of sending zones and of receivers, which hold for the
 * whole process, over all destinations that share them. Thread-safe.
 */
public final class Traffic {
  private static final int REMEMBERED = 20_000; // receivers that nothing goes to now

  private final Supplier<ZoneSelector> zones;
  private final Timer timer;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<String, Gate> zoneGates = new LinkedHashMap<>();
  private final LinkedHashMap<String, Gate> receiverGates = new LinkedHashMap<>(16, 0.75f, true);

  public Traffic(Supplier<ZoneSelector> zones, Timer timer) {
    this.zones = zones;
    this.timer = timer;
  }

  /** The right to one attempt, until it is given back. */
  final class Permit implements Passage {
    private final SendingZone zone;
    private final String destination;
    private final List<Gate> gates = new ArrayList<>();
    private final List<Gate> left = new ArrayList<>();
    private @Nullable String receiver;
    private int recipients;

    private Permit(SendingZone zone, String destination, @Nullable String receiver) {
      this.zone = zone;
      this.destination = destination;
      this.receiver = receiver;
    }

    /** There is something to send. */
    void claimed(int numberOfRecipients) {
      lock.lock();
      try {
        recipients = numberOfRecipients;
        gates.forEach(gate -> gate.count(recipients));
      } finally {
        lock.unlock();
      }
    }

    @Override
    public boolean to(Receiver wanted) {
      lock.lock();
      try {
        receiverGate(wanted.name()).set(wanted.policy(), wanted.rules());
        if (wanted.name().equals(receiver)) {
          return true;
        }
        if (receiver != null) {
          var others = gatesOf(zone, destination, receiver);
          gates.removeAll(others);
          others.forEach(Gate::leave);
          left.addAll(others);
        }
        receiver = wanted.name();
        var its = gatesOf(zone, destination, receiver);
        if (its.stream().anyMatch(gate -> gate.isFull() || !gate.pause().isZero())) {
          return false;
        }
        its.forEach(Gate::enter);
        its.forEach(gate -> gate.count(recipients));
        gates.addAll(its);
        return true;
      } finally {
        lock.unlock();
      }
    }

    @Override
    public OptionalInt messagesPerConnection() {
      lock.lock();
      try {
        var most = OptionalInt.empty();
        for (var gate : gates) {
          var own = gate.messagesPerConnection();
          if (own.isPresent()) {
            most = OptionalInt.of(Math.min(own.getAsInt(), most.orElse(own.getAsInt())));
          }
        }
        return most;
      } finally {
        lock.unlock();
      }
    }

    @Override
    public Optional<Duration> met(SmtpReply reply) {
      lock.lock();
      try {
        Duration rest = null;
        for (var gate : gates) {
          if (reply.isPositive()) {
            gate.succeeded();
          } else {
            var wanted = gate.met(reply);
            rest = wanted == null ? rest : wanted;
          }
        }
        return Optional.ofNullable(rest);
      } finally {
        lock.unlock();
      }
    }

    /** Who it was that the mail went to, or null where that was not found out. */
    @Nullable String receiver() {
      return receiver;
    }
  }

  /** The attempt is over; gives those that wait and may have room now. */
  List<DestinationQueue> end(Permit permit) {
    lock.lock();
    try {
      permit.gates.forEach(Gate::leave);
      permit.left.addAll(permit.gates);
      forgetSome();
      return next(permit.left);
    } finally {
      lock.unlock();
    }
  }

  /** When somebody may be tried for a destination. */
  sealed interface Answer {
    /**
     * Now; the permit is to be given back by {@link Traffic#end}.
     *
     * @param beside others that wait where this one goes, and may find room too
     */
    record Now(Permit permit, List<DestinationQueue> beside) implements Answer {}

    /**
     * When it is told, see {@link Traffic#end}.
     *
     * @param instead others that wait for what this one cannot use now
     */
    record Later(List<DestinationQueue> instead) implements Answer {}

    /** At this time; whoever asked sees to it that {@link Traffic#next} is asked then. */
    record At(Instant time, Gate gate, List<DestinationQueue> instead) implements Answer {}
  }

  /**
   * Whether one more may be tried now; where it may not, the destination waits for its turn at the
   * first bound that it meets, and takes up no place at another.
   */
  Answer ask(DestinationQueue queue) {
    lock.lock();
    try {
      var zone = zones.get().zone(queue.key().zone());
      var gates = gatesOf(zone, queue);
      for (int i = 0; i < gates.size(); i++) {
        var gate = gates.get(i);
        var pause = gate.pause();
        if (!pause.isZero() || gate.isFull()) {
          var others = new ArrayList<>(gates.subList(0, i));
          others.addAll(waitAt(queue, gate));
          var at = timer.now().plus(pause);
          return !pause.isZero() && gate.wakesBy(at)
              ? new Answer.At(at, gate, next(others))
              : new Answer.Later(next(others));
        }
      }
      var permit = new Permit(zone, queue.key().destination(), queue.receiver());
      gates.forEach(Gate::enter);
      permit.gates.addAll(gates);
      gates.addAll(waitAt(queue, null));
      return new Answer.Now(permit, next(gates));
    } finally {
      lock.unlock();
    }
  }

  /** Those that may go in place of one that does not want to, and so waits no more. */
  List<DestinationQueue> instead(DestinationQueue queue) {
    lock.lock();
    try {
      var gates = gatesOf(zones.get().zone(queue.key().zone()), queue);
      gates.addAll(waitAt(queue, null));
      return next(gates);
    } finally {
      lock.unlock();
    }
  }

  /** Who waits longest where it was said that something may go now. */
  List<DestinationQueue> next(Gate gate) {
    lock.lock();
    try {
      return next(List.of(gate));
    } finally {
      lock.unlock();
    }
  }

  /** Why nothing may go to a receiver now, for people. */
  Optional<String> whyNot(String zone, @Nullable String receiver) {
    lock.lock();
    try {
      var of = zoneGate(zones.get().zone(zone)).whyNot();
      return of.isPresent() || receiver == null
          ? of
          : Optional.ofNullable(receiverGates.get(receiver)).flatMap(Gate::whyNot);
    } finally {
      lock.unlock();
    }
  }

  int connectionsPerDomain(String zone) {
    return zones.get().zone(zone).connectionsPerDomain();
  }

  // ---- under the lock

  /** Gives the gate where it does not wait any more, if there is one. */
  private static List<Gate> waitAt(DestinationQueue queue, @Nullable Gate gate) {
    var before = queue.waitsAt();
    if (gate != null) {
      gate.await(queue);
    }
    queue.setWaitsAt(gate);
    if (before == null || before == gate) {
      return List.of();
    }
    before.forget(queue);
    return List.of(before);
  }

  private static List<DestinationQueue> next(List<Gate> gates) {
    var next = new ArrayList<DestinationQueue>();
    for (var gate : gates) {
      var first = gate.next();
      if (first != null && !next.contains(first)) {
        next.add(first);
      }
    }
    return next;
  }

  private Gate zoneGate(SendingZone zone) {
    var gate =
        zoneGates.computeIfAbsent(zone.name(), name -> new Gate("the zone " + name, false, timer));
    gate.set(policyOf(zone), List.of());
    return gate;
  }

  private static DestinationPolicy policyOf(SendingZone zone) {
    var policy = DestinationPolicy.builder();
    zone.connections().ifPresent(policy::connections);
    zone.rate().ifPresent(policy::messages);
    return policy.build();
  }

  private Gate receiverGate(String receiver) {
    return receiverGates.computeIfAbsent(receiver, name -> new Gate(name, true, timer));
  }

  private List<Gate> gatesOf(SendingZone zone, DestinationQueue queue) {
    var gates = new ArrayList<Gate>();
    gates.add(zoneGate(zone));
    var receiver = queue.receiver();
    if (receiver != null) {
      gates.addAll(gatesOf(zone, queue.key().destination(), receiver));
    }
    return gates;
  }

  /** The receiver's own, and the one that the zone has for it, or for the domain. */
  private List<Gate> gatesOf(SendingZone zone, String destination, String receiver) {
    var gates = new ArrayList<Gate>();
    gates.add(receiverGate(receiver));
    for (var name :
        receiver.equals(destination) ? List.of(receiver) : List.of(receiver, destination)) {
      var policy = zone.destinations().get(name);
      if (policy != null) {
        var gate =
            receiverGates.computeIfAbsent(
                name + " in the zone " + zone.name(), each -> new Gate(each, false, timer));
        gate.set(policy, List.of());
        gates.add(gate);
      }
    }
    return gates;
  }

  private void forgetSome() {
    if (receiverGates.size() > REMEMBERED) {
      receiverGates.values().removeIf(Gate::isIdle);
    }
  }
}
