package org.unifiedmta.delivery.queue;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.Indexed.Held;
import org.unifiedmta.delivery.queue.Indexed.Key;
import org.unifiedmta.delivery.queue.Indexed.Message;
import org.unifiedmta.delivery.queue.Indexed.Row;
import org.unifiedmta.delivery.queue.Indexed.Waiting;
import org.unifiedmta.routing.route.Destinations;

/**
 * Which rows wait where, which are leased, and where their messages are; for a store that keeps the
 * messages elsewhere. Thread-safe; holds its lock over nothing that waits.
 *
 * @param <L> where a message is
 */
public final class QueueIndex<L> implements AutoCloseable {

  /** Where a row of a new message waits; its number is its place in the list. */
  public record Place(String zone, String destination, Instant due) {}

  /**
   * What an operation did to one message.
   *
   * @param ended whether none of its rows is left
   */
  public record Change<L>(long id, L location, List<RowState> rows, boolean ended) {}

  /** An unfinished row as it is now. */
  public record RowView(String zone, String destination, RowState state) {

    /** The same with what the store keeps of it. */
    public QueuedRow of(NewRow row) {
      return new QueuedRow(
          state.number(),
          row.recipient(),
          zone,
          destination,
          row.route(),
          state.status(),
          state.attempts(),
          state.due(),
          state.lastReply());
    }
  }

  /** What the listener is to be told when the lock is given back. */
  private static final class Notices extends LinkedHashMap<Key, Instant> {
    private static final long serialVersionUID = 1L;

    void add(Key key, Instant due) {
      merge(key, due, (a, b) -> a.isBefore(b) ? a : b);
    }
  }

  private final Timer timer;
  private final Consumer<Change<L>> journal;
  private final ReentrantLock lock = new ReentrantLock();
  private final TreeMap<Long, Message<L>> messages = new TreeMap<>();
  private final Map<Key, Waiting<L>> destinations = new HashMap<>();
  private final TreeSet<Held<L>> leases = new TreeSet<>(Indexed.BY_END);
  private final Map<DeliveryStatus, Long> counts = new EnumMap<>(DeliveryStatus.class);
  private long nextSerial;
  private Timer.@Nullable Handle wakeUp;
  private @Nullable Instant wakeUpAt;
  private boolean closed;
  private volatile QueueStore.@Nullable DueListener listener;

  /**
   * @param journal is told of every change but those of {@link #add}, {@link #apply} and {@link
   *     #finish}, in the order in which they happen; must not block
   */
  public QueueIndex(Timer timer, Consumer<Change<L>> journal) {
    this.timer = timer;
    this.journal = journal;
  }

  /**
   * Takes a message in; its rows can be found now, but not claimed before {@link #offer}.
   *
   * @return false if there is one by this id
   */
  public boolean add(long id, L location, List<Place> places) {
    lock.lock();
    try {
      if (messages.containsKey(id)) {
        return false;
      }
      var message = new Message<>(id, location, places.size());
      messages.put(id, message);
      for (int i = 0; i < places.size(); i++) {
        var place = places.get(i);
        var row = new Row<>(message, i, user(place.zone(), place.destination()), place.due());
        message.rows[i] = row;
        count(row, 1);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Lets the message's rows be claimed. */
  public void offer(long id) {
    changing(told -> {
      var message = messages.get(id);
      if (message != null) {
        offer(message, told);
      }
    });
  }

  /** Lets the rows of all messages be claimed. */
  public void offerAll() {
    changing(told -> messages.values().forEach(message -> offer(message, told)));
  }

  private void offer(Message<L> message, Notices told) {
    for (var row : message.rows) {
      if (row != null && !row.waits && !row.isLeased()) {
        leave(row);
        enter(row);
        told.add(row.at.key, row.due);
      }
    }
  }

  /** Sets rows to a state that was remembered; tells nobody. Rows not known are left alone. */
  public Optional<Change<L>> apply(long id, List<RowState> states) {
    lock.lock();
    try {
      var message = messages.get(id);
      if (message == null) {
        return Optional.empty();
      }
      for (var state : states) {
        var row = state.number() < message.rows.length ? message.rows[state.number()] : null;
        if (row != null) {
          leave(row);
          set(row, state);
        }
      }
      return Optional.of(new Change<>(id, message.location, states, message.unfinished == 0));
    } finally {
      lock.unlock();
    }
  }

  /** Finishes these rows, whoever holds them. */
  public Optional<Change<L>> finish(long id, List<Integer> rows) {
    return apply(
        id,
        rows.stream()
            .map(n -> new RowState(n, true, DeliveryStatus.FAILED, 0, Instant.EPOCH, null))
            .toList());
  }

  /** Sets a message's rows to states that were remembered of all of them, and ends the others. */
  public Optional<Change<L>> restore(long id, List<RowState> states) {
    lock.lock();
    try {
      var left = states.stream().map(RowState::number).collect(Collectors.toSet());
      var all = new ArrayList<>(states);
      var message = messages.get(id);
      if (message != null) {
        unfinished(message)
            .map(Row::state)
            .filter(row -> !left.contains(row.number()))
            .map(RowState::ended)
            .forEach(all::add);
      }
      return apply(id, all);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Gives a message another location, unless a lease holds a part of it. What was changed before
   * has been journaled with the old location, what is changed later will be with the new one.
   *
   * @param move is handed the location and what must be remembered of the rows; gives the new
   *     location, or null to leave the old one; must not block
   * @return whether there is a new one
   */
  public boolean move(long id, BiFunction<L, List<RowState>, @Nullable L> move) {
    lock.lock();
    try {
      var message = messages.get(id);
      if (message == null || unfinished(message).anyMatch(row -> row.held != null)) {
        return false;
      }
      var to = move.apply(message.location, unfinished(message).map(Row::state).toList());
      if (to == null) {
        return false;
      }
      message.location = to;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Changes a location from within, while nobody looks. */
  public void relocate(long id, Runnable change) {
    lock.lock();
    try {
      change.run();
    } finally {
      lock.unlock();
    }
  }

  private static <L> Stream<Row<L>> unfinished(Message<L> message) {
    return Arrays.stream(message.rows).filter(Objects::nonNull);
  }

  /** As {@link QueueStore#claim}. */
  public List<Lease> claim(String zone, String destination, int limit, Duration leaseFor) {
    var claimed = new ArrayList<Lease>();
    changing(told -> {
      var now = timer.now();
      expire(now, told);
      var waiting = destinations.get(new Key(zone, destination));
      while (waiting != null && claimed.size() < limit && !waiting.rows.isEmpty()) {
        var first = waiting.rows.first();
        if (first.due.isAfter(now)) {
          return;
        }
        claimed.add(lease(first.message, waiting, now, now.plus(leaseFor)));
      }
    });
    return claimed;
  }

  private Lease lease(Message<L> message, Waiting<L> waiting, Instant now, Instant until) {
    var rows = new ArrayList<Row<L>>();
    for (var row : message.rows) {
      if (row != null && row.at == waiting && row.waits && !row.due.isAfter(now)) {
        rows.add(row);
      }
    }
    var held = new Held<>(until, nextSerial++, rows);
    for (var row : rows) {
      leave(row);
      row.held = held;
      enter(row);
    }
    leases.add(held);
    wakeAt(leases.first().until);
    return new Lease(
        MessageIds.text(message.id), rows.stream().map(row -> row.number).toList(), until);
  }

  /** As {@link QueueStore#settle}. */
  public void settle(Lease lease, List<RecipientResult> results) {
    if (results.size() != lease.rows().size()) {
      throw new IllegalArgumentException(
          results.size() + " results for " + lease.rows().size() + " rows");
    }
    changing(told -> {
      var now = timer.now();
      var states = new ArrayList<RowState>();
      Message<L> message = null;
      for (int i = 0; i < results.size(); i++) {
        var row = heldRow(lease, lease.rows().get(i));
        if (row != null) {
          message = row.message;
          var state = row.state().after(results.get(i), now);
          states.add(state);
          change(row, state, told);
        }
      }
      if (message != null) {
        write(message, states);
      }
    });
  }

  /** As {@link QueueStore#release}. */
  public void release(Lease lease) {
    changing(told -> {
      for (int number : lease.rows()) {
        var row = heldRow(lease, number);
        if (row != null && row.isLeased()) {
          leave(row);
          letGo(row);
          enter(row);
          told.add(row.at.key, row.due);
        }
      }
    });
  }

  /** As {@link QueueStore#cancel}. */
  public boolean cancel(long id) {
    return changeWaiting(id, RowState::cancelled);
  }

  /** As {@link QueueStore#reschedule}. */
  public boolean reschedule(long id, Instant due) {
    return changeWaiting(id, state -> state.withDue(due));
  }

  private boolean changeWaiting(long id, UnaryOperator<RowState> change) {
    var states = new ArrayList<RowState>();
    changing(told -> {
      var message = messages.get(id);
      if (message == null) {
        return;
      }
      for (var row : message.rows) {
        if (row != null && !row.isLeased()) {
          var state = change.apply(row.state());
          states.add(state);
          change(row, state, told);
        }
      }
      if (!states.isEmpty()) {
        write(message, states);
      }
    });
    return !states.isEmpty();
  }

  /**
   * Looks at a message while it cannot end.
   *
   * @param look must not block
   */
  public <T> Optional<T> look(long id, BiFunction<L, List<RowView>, T> look) {
    lock.lock();
    try {
      return Optional.ofNullable(messages.get(id)).map(message -> look(message, look));
    } finally {
      lock.unlock();
    }
  }

  /** Looks at the messages behind the id given, in order, while they cannot end. */
  public <T> List<T> look(long after, int limit, BiFunction<L, List<RowView>, T> look) {
    lock.lock();
    try {
      return messages.tailMap(after, false).values().stream()
          .limit(limit)
          .map(message -> look(message, look))
          .toList();
    } finally {
      lock.unlock();
    }
  }

  private static <L, T> T look(Message<L> message, BiFunction<L, List<RowView>, T> look) {
    return look.apply(
        message.location,
        unfinished(message)
            .map(row ->
                new RowView(
                    row.at.key.zone(),
                    row.at.key.destination(),
                    new RowState(
                        row.number,
                        false,
                        row.shownStatus(),
                        row.attempts,
                        row.due,
                        row.lastReply)))
            .toList());
  }

  /** Unfinished rows by each status that a row can have, zero included. */
  public Map<DeliveryStatus, Long> counts() {
    lock.lock();
    try {
      var counted = new EnumMap<DeliveryStatus, Long>(DeliveryStatus.class);
      for (var status :
          List.of(
              DeliveryStatus.PENDING,
              DeliveryStatus.PROCESSING,
              DeliveryStatus.DEFERRED,
              DeliveryStatus.FAILED)) {
        counted.put(status, counts.getOrDefault(status, 0L));
      }
      return counted;
    } finally {
      lock.unlock();
    }
  }

  /** As {@link QueueStore#destinations}. */
  public List<QueueStore.Destination> destinations() {
    lock.lock();
    try {
      return destinations.values().stream()
          .filter(waiting -> !waiting.rows.isEmpty())
          .map(waiting ->
              new QueueStore.Destination(
                  waiting.key.zone(),
                  waiting.key.destination(),
                  waiting.rows.size(),
                  waiting.rows.first().due))
          .toList();
    } finally {
      lock.unlock();
    }
  }

  /** As {@link QueueStore#nextDue}. */
  public Optional<Instant> nextDue(String zone, String destination) {
    lock.lock();
    try {
      var waiting = destinations.get(new Key(zone, destination));
      return waiting == null || waiting.rows.isEmpty()
          ? Optional.empty()
          : Optional.of(waiting.rows.first().due);
    } finally {
      lock.unlock();
    }
  }

  /** As {@link QueueStore#onDue}. */
  public void onDue(QueueStore.DueListener told) {
    listener = told;
  }

  /** Stops waking for leases that run out. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      if (wakeUp != null) {
        wakeUp.cancel();
      }
    } finally {
      lock.unlock();
    }
  }

  // ---- under the lock -------------------------------------------------------------------------

  private void changing(Consumer<Notices> operation) {
    var told = new Notices();
    lock.lock();
    try {
      operation.accept(told);
    } finally {
      lock.unlock();
    }
    var to = listener;
    if (to != null) {
      told.forEach((key, due) -> to.due(key.zone(), key.destination(), due));
    }
  }

  private void write(Message<L> message, List<RowState> states) {
    journal.accept(new Change<>(message.id, message.location, states, message.unfinished == 0));
  }

  private void change(Row<L> row, RowState state, Notices told) {
    leave(row);
    set(row, state);
    if (!state.finished()) {
      told.add(row.at.key, row.due);
    }
  }

  /** Ends or re-enters a row that has left. */
  private void set(Row<L> row, RowState state) {
    var message = row.message;
    letGo(row);
    if (state.finished()) {
      message.rows[row.number] = null;
      drop(row.at);
      if (--message.unfinished == 0) {
        messages.remove(message.id);
      }
      return;
    }
    row.status = state.status();
    row.attempts = state.attempts();
    row.due = state.due();
    row.lastReply = state.lastReply();
    if (row.status == DeliveryStatus.FAILED
        && !row.at.key.destination().equals(Destinations.REPORT)) {
      var from = row.at;
      row.at = user(from.key.zone(), Destinations.REPORT);
      drop(from);
    }
    enter(row);
  }

  /** Takes a row out of the counts and of its waiting line; {@link #enter} is the way back. */
  private void leave(Row<L> row) {
    count(row, -1);
    if (row.waits) {
      row.at.rows.remove(row);
      row.waits = false;
    }
  }

  private void enter(Row<L> row) {
    count(row, 1);
    if (!row.isLeased()) {
      row.at.rows.add(row);
      row.waits = true;
    }
  }

  private void count(Row<L> row, long n) {
    counts.merge(row.shownStatus(), n, Long::sum);
  }

  private Waiting<L> user(String zone, String destination) {
    var waiting =
        destinations.computeIfAbsent(new Key(zone, destination), key -> new Waiting<>(key));
    waiting.users++;
    return waiting;
  }

  private void drop(Waiting<L> waiting) {
    if (--waiting.users == 0) {
      destinations.remove(waiting.key);
    }
  }

  private @Nullable Row<L> heldRow(Lease lease, int number) {
    var message = messages.get(MessageIds.parse(lease.id()));
    var row = message == null || number >= message.rows.length ? null : message.rows[number];
    return row != null && row.held != null && row.held.until.equals(lease.until()) ? row : null;
  }

  private void letGo(Row<L> row) {
    var held = row.held;
    if (held != null) {
      row.held = null;
      held.rows.remove(row);
      if (held.rows.isEmpty()) {
        leases.remove(held);
      }
    }
  }

  private void expire(Instant now, Notices told) {
    while (!leases.isEmpty() && !leases.first().until.isAfter(now)) {
      var held = leases.pollFirst();
      held.rows.forEach(this::leave);
      held.active = false;
      for (var row : held.rows) {
        enter(row);
        told.add(row.at.key, row.due);
      }
    }
  }

  private void wakeAt(Instant time) {
    if (closed || (wakeUpAt != null && !time.isBefore(wakeUpAt))) {
      return;
    }
    if (wakeUp != null) {
      wakeUp.cancel();
    }
    wakeUpAt = time;
    wakeUp = timer.at(time, this::wake);
  }

  private void wake() {
    changing(told -> {
      wakeUpAt = null;
      expire(timer.now(), told);
      if (!leases.isEmpty()) {
        wakeAt(leases.first().until);
      }
    });
  }
}
