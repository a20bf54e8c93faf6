package org.unifiedmta.delivery.queue;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
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
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue.Filter;
import org.unifiedmta.routing.route.Destinations;

/**
 * Which rows wait where, which are leased, and where their messages are; for a store that keeps the
 * messages elsewhere. With a {@link Shelf}, what need not be in memory is put aside there, so that
 * memory grows with destinations, not with messages. Thread-safe; holds its lock over nothing that
 * waits.
 *
 * @param <L> where a message is
 */
public final class QueueIndex<L> implements AutoCloseable {

  private static final int ROWS_OF_A_LEASE = 1000;
  private static final int PAGE = 100;

  /** Where a row of a new message waits; its number is its place in the list. */
  public record Place(String zone, String destination, Instant due, int priority) {

    /** Where a new row waits. */
    public static Place of(NewRow row) {
      return new Place(row.zone(), row.destination(), row.due(), row.priority());
    }
  }

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
          row.priority(),
          state.due(),
          state.possibleDuplicate(),
          state.history());
    }
  }

  private record RowKey(long message, int number) {}

  /** What the listener is to be told when the lock is given back. */
  private static final class Notices extends LinkedHashMap<Key, Instant> {
    private static final long serialVersionUID = 1L;

    void add(Key key, Instant due) {
      merge(key, due, (a, b) -> a.isBefore(b) ? a : b);
    }
  }

  private final Timer timer;
  private final Consumer<Change<L>> journal;
  private final @Nullable Shelving<L> shelving;
  final ReentrantLock lock = new ReentrantLock();

  /** Those in memory. */
  final TreeMap<Long, Message<L>> messages = new TreeMap<>();

  /** Those of them that the shelf does not have as they are; kept with a shelf only. */
  final LinkedHashSet<Message<L>> dirty = new LinkedHashSet<>();

  /** Messages that have ended, but are on the shelf still. */
  final Set<Long> gone = new HashSet<>();

  /** How much memory they take, in rows. */
  volatile int weight;

  /** Whether nothing is in line yet. */
  volatile boolean filling;

  /** The lines of each destination, one for each priority that it has mail of. */
  private final Map<Key, List<Waiting<L>>> destinations = new HashMap<>();

  final Map<Long, Waiting<L>> byNumber = new HashMap<>();
  final List<Long> forgotten = new ArrayList<>();
  private long lastNumber;
  private final TreeSet<Held<L>> leases = new TreeSet<>();
  private final long[] counts = new long[DeliveryStatus.values().length];

  /** Those of which an attempt has begun to hand the content over, and no result is known. */
  private final Set<RowKey> handingOver = new HashSet<>();

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
    this.shelving = null;
  }

  /**
   * @param shelf for what need not be in memory; {@link #restore()} reads what is there already
   * @param most about how many rows may be in memory, those not counted that leases hold
   */
  public QueueIndex(Timer timer, Consumer<Change<L>> journal, Shelf<L> shelf, int most) {
    this.timer = timer;
    this.journal = journal;
    this.shelving = new Shelving<>(this, shelf, most);
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
      take(message);
      touch(message);
      for (int i = 0; i < places.size(); i++) {
        var place = places.get(i);
        var at = user(place.zone(), place.destination(), place.priority());
        var row = new Row<>(message, i, at, place.due());
        message.rows[i] = row;
        count(row, 1);
      }
    } finally {
      lock.unlock();
    }
    look();
    return true;
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

  private void offer(Message<L> message, Notices told) {
    for (var row : message.rows) {
      if (row != null && !row.waits && !row.isLeased() && !row.onHold) {
        await(row);
        told.add(row.at.key, row.due);
      }
    }
  }

  /** Sets rows to a state that was remembered; tells nobody. Rows not known are left alone. */
  public Optional<Change<L>> apply(long id, List<RowState> states) {
    return kept(id, () -> applyHere(id, states));
  }

  private Optional<Change<L>> applyHere(long id, List<RowState> states) {
    lock.lock();
    try {
      var message = messages.get(id);
      if (message == null) {
        return Optional.empty();
      }
      touch(message);
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

  /** Finishes these rows, whoever holds them; of a message in memory, never blocks. */
  public Optional<Change<L>> finish(long id, List<Integer> rows) {
    return applyHere(id, finished(rows));
  }

  /** The states of rows that are finished. */
  public static List<RowState> finished(List<Integer> rows) {
    return rows.stream()
        .map(n -> RowState.pending(n, Instant.EPOCH).shownAs(DeliveryStatus.FAILED).ended())
        .toList();
  }

  /** Sets a message's rows to states that were remembered of all of them, and ends the others. */
  public Optional<Change<L>> restore(long id, List<RowState> states) {
    return kept(id, () -> restoreHere(id, states));
  }

  private Optional<Change<L>> restoreHere(long id, List<RowState> states) {
    lock.lock();
    try {
      var left = states.stream().map(RowState::number).collect(Collectors.toSet());
      var all = new ArrayList<>(states);
      var message = messages.get(id);
      if (message != null) {
        message
            .left()
            .map(Row::state)
            .filter(row -> !left.contains(row.number()))
            .map(RowState::ended)
            .forEach(all::add);
      }
      return applyHere(id, all);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Gives a message another location, unless a lease holds a part of it. What was changed before
   * has been journaled with the old location, what is changed later will be with the new one. The
   * message stays in memory until {@link #relocate}.
   *
   * @param move is handed the location and what must be remembered of the rows; gives the new
   *     location, or null to leave the old one; must not block
   * @return whether there is a new one
   */
  public boolean move(long id, BiFunction<L, List<RowState>, @Nullable L> move) {
    return kept(id, () -> moveHere(id, move));
  }

  private boolean moveHere(long id, BiFunction<L, List<RowState>, @Nullable L> move) {
    lock.lock();
    try {
      var message = messages.get(id);
      if (message == null || message.left().anyMatch(row -> row.held != null)) {
        return false;
      }
      var to = move.apply(message.location, message.left().map(Row::state).toList());
      if (to == null) {
        return false;
      }
      message.location = to;
      message.keepers++;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Changes the location that {@link #move} gave from within, or not, while nobody looks. */
  public void relocate(long id, Runnable change) {
    lock.lock();
    try {
      change.run();
      var message = messages.get(id);
      if (message != null) {
        touch(message);
        message.keepers--;
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Changes a location from within, while nobody looks.
   *
   * @return false if the message is not there
   */
  public boolean change(long id, Consumer<L> change) {
    return kept(id, () -> changeHere(id, change));
  }

  private boolean changeHere(long id, Consumer<L> change) {
    lock.lock();
    try {
      var message = messages.get(id);
      if (message != null) {
        change.accept(message.location);
        touch(message);
      }
      return message != null;
    } finally {
      lock.unlock();
    }
  }

  /** As {@link QueueStore#claim}. */
  public List<Lease> claim(String zone, String destination, int limit, Duration leaseFor) {
    var key = new Key(zone, destination);
    var claimed = new ArrayList<Lease>();
    while (true) {
      var aside = new ArrayList<Waiting<L>>(1);
      changing(told -> claim(key, limit, leaseFor, claimed, aside, told));
      if (shelving == null || aside.isEmpty()) {
        return claimed;
      }
      shelving.fetch(aside.getFirst());
    }
  }

  /**
   * Claims what is in memory.
   *
   * @param aside gets the destination if what comes next is put aside
   */
  private void claim(
      Key key,
      int limit,
      Duration leaseFor,
      List<Lease> claimed,
      List<Waiting<L>> aside,
      Notices told) {
    var now = timer.now();
    expire(now, told);
    var lines = destinations.getOrDefault(key, List.of());
    while (claimed.size() < limit) {
      var waiting = next(lines, now);
      if (waiting == null) {
        return;
      }
      var first = waiting.firstHere();
      if (first == null) {
        aside.add(waiting);
        return;
      }
      claimed.add(lease(first.message, waiting, now, now.plus(leaseFor)));
    }
  }

  /** The line whose turn it is, or null if nothing is due. */
  private static <L> @Nullable Waiting<L> next(List<Waiting<L>> lines, Instant now) {
    Waiting<L> best = null;
    for (var line : lines) {
      if (!line.isEmpty()
          && !line.nextDue().isAfter(now)
          && (best == null || line.rank() < best.rank())) {
        best = line;
      }
    }
    return best;
  }

  private Lease lease(Message<L> message, Waiting<L> waiting, Instant now, Instant until) {
    var rows = new ArrayList<Row<L>>();
    var numbers = new ArrayList<Integer>();
    for (var row : message.rows) {
      if (row != null && row.at == waiting && row.waits && !row.due.isAfter(now)) {
        rows.add(row);
        numbers.add(row.number);
        if (rows.size() == ROWS_OF_A_LEASE) {
          break;
        }
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
    return new Lease(MessageIds.text(message.id), numbers, until);
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

  /**
   * As {@link QueueStore#handOver}.
   *
   * @param journal is told of the change, if there is one, before anything else is
   * @return whether there was one
   */
  public boolean handOver(Lease lease, List<Integer> numbers, Consumer<Change<L>> journal) {
    var states = new ArrayList<RowState>();
    lock.lock();
    try {
      Message<L> message = null;
      for (int number : numbers) {
        var row = heldRow(lease, number);
        if (row != null && !row.handingOver && row.status != DeliveryStatus.FAILED) {
          message = row.message;
          row.handingOver = true;
          handingOver.add(new RowKey(message.id, number));
          states.add(row.state());
        }
      }
      if (message != null) {
        touch(message);
        journal.accept(new Change<>(message.id, message.location, states, false));
      }
    } finally {
      lock.unlock();
    }
    return !states.isEmpty();
  }

  /**
   * Marks the rows that the process before was {@link #handOver handing over} when it ended; once,
   * when all that was remembered is here.
   *
   * @return their numbers, by message
   */
  public Map<Long, List<Integer>> interrupted() {
    var found = new TreeMap<Long, List<Integer>>();
    List<RowKey> keys;
    lock.lock();
    try {
      keys = List.copyOf(handingOver);
    } finally {
      lock.unlock();
    }
    for (long id : new TreeSet<>(keys.stream().map(RowKey::message).toList())) {
      var rows = new ArrayList<Integer>();
      boolean unused =
          kept(
              id,
              () ->
                  changeRows(
                      id,
                      row -> row.handingOver,
                      state -> {
                        rows.add(state.number());
                        return state.interrupted();
                      }));
      if (!rows.isEmpty()) {
        found.put(id, rows);
      }
    }
    return found;
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

  /** Gives a message these rows, and no other. */
  public void set(long id, List<RowState> rows) {
    var states = rows.stream().collect(Collectors.toMap(RowState::number, state -> state));
    boolean unused =
        kept(
            id,
            () ->
                changeRows(
                    id, row -> true, state -> states.getOrDefault(state.number(), state.ended())));
  }

  /** As {@link QueueStore#cancel}. */
  public boolean cancel(long id, Filter which) {
    return changeWaiting(id, which, row -> true, RowState::cancelled);
  }

  /** As {@link QueueStore#reschedule}. */
  public boolean reschedule(long id, Filter which, Instant due) {
    return changeWaiting(id, which, row -> true, state -> state.withDue(due));
  }

  /** As {@link QueueStore#reroute}. */
  public boolean reroute(long id, Filter which, String zone, String destination) {
    var to = new RowState.Reroute(zone, destination);
    return changeWaiting(
        id,
        which,
        row ->
            row.status != DeliveryStatus.FAILED && !row.at.key.equals(new Key(zone, destination)),
        state -> state.withReroute(to));
  }

  private boolean changeWaiting(
      long id, Filter which, Predicate<Row<L>> also, UnaryOperator<RowState> change) {
    return kept(
        id,
        () ->
            changeRows(
                id,
                row ->
                    !row.isLeased()
                        && which.fits(
                            row.at.key.zone(), row.at.key.destination(), row.shownStatus())
                        && also.test(row),
                change));
  }

  private boolean changeRows(long id, Predicate<Row<L>> which, UnaryOperator<RowState> change) {
    var states = new ArrayList<RowState>();
    changing(told -> {
      var message = messages.get(id);
      if (message == null) {
        return;
      }
      for (var row : message.rows) {
        if (row != null && which.test(row)) {
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
    var found = lookHere(id, look);
    return found.isPresent() || shelving == null ? found : shelving.look(id, look);
  }

  private <T> Optional<T> lookHere(long id, BiFunction<L, List<RowView>, T> look) {
    lock.lock();
    try {
      return Optional.ofNullable(messages.get(id))
          .map(message -> look.apply(message.location, views(message)));
    } finally {
      lock.unlock();
    }
  }

  /**
   * Where a message is, seen while it cannot end.
   *
   * @param look must not block
   */
  public <T> Optional<T> locate(long id, Function<L, T> look) {
    var found = locateHere(id, look);
    return found.isPresent() || shelving == null
        ? found
        : shelving.look(id, (location, rows) -> look.apply(location));
  }

  /** The same, but only of a message in memory; never blocks. */
  public <T> Optional<T> locateHere(long id, Function<L, T> look) {
    lock.lock();
    try {
      var message = messages.get(id);
      return message == null ? Optional.empty() : Optional.of(look.apply(message.location));
    } finally {
      lock.unlock();
    }
  }

  public boolean isThere(long id) {
    return locate(id, location -> true).isPresent();
  }

  /** Looks at the messages behind the id given, in order, while they cannot end. */
  public <T> List<T> look(long after, int limit, BiFunction<L, List<RowView>, T> look) {
    return look(after, limit, rows -> true, look).found();
  }

  /**
   * What was found.
   *
   * @param last the id that was looked at last; the greatest of all at the end
   */
  public record Found<T>(List<T> found, long last) {}

  /**
   * The same, but only at those that fit.
   *
   * @param limit of messages, whether they fit or not
   */
  public <T> Found<T> look(
      long after, int limit, Predicate<List<RowView>> which, BiFunction<L, List<RowView>, T> look) {
    if (shelving != null) {
      return shelving.look(after, limit, which, look);
    }
    lock.lock();
    try {
      var page = first(messages.tailMap(after, false).values(), limit);
      var found = new ArrayList<T>();
      for (var message : page) {
        var rows = views(message);
        if (which.test(rows)) {
          found.add(look.apply(message.location, rows));
        }
      }
      return new Found<>(found, page.size() < limit ? Long.MAX_VALUE : page.getLast().id);
    } finally {
      lock.unlock();
    }
  }

  /** The first of a view, which a stream would count as a whole. */
  static <T> List<T> first(Iterable<T> view, int limit) {
    var first = new ArrayList<T>();
    for (var each = view.iterator(); first.size() < limit && each.hasNext(); ) {
      first.add(each.next());
    }
    return first;
  }

  static <L> List<RowView> views(Message<L> message) {
    return message
        .left()
        .map(row ->
            new RowView(
                row.at.key.zone(),
                row.at.key.destination(),
                row.state().shownAs(row.shownStatus())))
        .toList();
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
              DeliveryStatus.HELD,
              DeliveryStatus.FAILED)) {
        counted.put(status, counts[status.ordinal()]);
      }
      return counted;
    } finally {
      lock.unlock();
    }
  }

  /** As {@link QueueStore#counts(Filter)}, whoever the sender is. */
  public Map<DeliveryStatus, Long> counts(Filter filter) {
    lock.lock();
    try {
      var counted = new EnumMap<DeliveryStatus, Long>(DeliveryStatus.class);
      for (var status : counts().keySet()) {
        long sum = 0;
        for (var lines : destinations.values()) {
          var key = lines.getFirst().key;
          if (filter.fits(key.zone(), key.destination(), status)) {
            sum += lines.stream().mapToLong(line -> line.byStatus[status.ordinal()]).sum();
          }
        }
        counted.put(status, sum);
      }
      return counted;
    } finally {
      lock.unlock();
    }
  }

  /** As {@link QueueStore#counts(Filter)}, by looking at each message. */
  public static Map<DeliveryStatus, Long> countEach(Filter filter, QueueStore store) {
    var counted = new EnumMap<DeliveryStatus, Long>(DeliveryStatus.class);
    store.counts().keySet().forEach(status -> counted.put(status, 0L));
    String after = null;
    do {
      var page = store.list(filter, after, PAGE);
      for (var message : page.items()) {
        for (var row : message.rows()) {
          if (filter.fits(row.zone(), row.destination(), row.status())) {
            counted.merge(row.status(), 1L, Long::sum);
          }
        }
      }
      after = page.next();
    } while (after != null);
    return counted;
  }

  /** As {@link QueueStore#hold}. */
  public boolean hold(long id, Filter which) {
    return changeWaiting(
        id,
        which,
        row -> !row.onHold && row.status != DeliveryStatus.FAILED,
        state -> state.withHold(true));
  }

  /** As {@link QueueStore#release(String, Filter)}. */
  public boolean release(long id, Filter which) {
    return changeWaiting(id, which, row -> row.onHold, state -> state.withHold(false));
  }

  /** As {@link QueueStore#destinations}. */
  public List<QueueStore.Destination> destinations() {
    lock.lock();
    try {
      return destinations.values().stream().flatMap(lines -> destination(lines).stream()).toList();
    } finally {
      lock.unlock();
    }
  }

  private static <L> Optional<QueueStore.Destination> destination(List<Waiting<L>> lines) {
    long waiting = 0;
    for (var line : lines) {
      waiting += line.rows.size() + (long) line.shelved;
    }
    var key = lines.getFirst().key;
    long all = waiting;
    return nextDue(lines)
        .map(due -> new QueueStore.Destination(key.zone(), key.destination(), all, due));
  }

  private static <L> Optional<Instant> nextDue(List<Waiting<L>> lines) {
    Instant first = null;
    for (var line : lines) {
      if (!line.isEmpty() && (first == null || line.nextDue().isBefore(first))) {
        first = line.nextDue();
      }
    }
    return Optional.ofNullable(first);
  }

  /** As {@link QueueStore#nextDue}. */
  public Optional<Instant> nextDue(String zone, String destination) {
    lock.lock();
    try {
      return nextDue(destinations.getOrDefault(new Key(zone, destination), List.of()));
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

  // ---- with a shelf ---------------------------------------------------------------------------

  /** Takes in what is on the shelf; once, before anything else. */
  public void restore() {
    if (shelving != null) {
      shelving.restore();
    }
  }

  /**
   * From now on many messages are added, and nothing is claimed, until {@link #offerAll}.
   *
   * @param empty whether there is nothing yet
   */
  public void fill(boolean empty) {
    filling = shelving != null;
    if (shelving != null && empty) {
      shelving.leaveUnsorted();
    }
  }

  /** Lets the rows of all messages be claimed. */
  public void offerAll() {
    filling = false;
    if (shelving != null) {
      shelving.sort();
    }
    changing(told -> List.copyOf(messages.values()).forEach(message -> offer(message, told)));
  }

  /** Waits while more than fits is in memory; to be called by who fills it. */
  public void relieve() {
    if (shelving != null) {
      shelving.relieve();
    }
  }

  /** Has the shelf written, soon. */
  public void checkpointSoon() {
    if (shelving != null) {
      shelving.checkpointSoon();
    }
  }

  /** Why nothing more should be taken in, or empty: more than fits is in memory, or a failure. */
  public Optional<String> refusal() {
    return shelving == null ? Optional.empty() : shelving.refusal();
  }

  /** Whether the shelf has failed. */
  public boolean hasFailed() {
    return shelving != null && shelving.hasFailed();
  }

  /**
   * Closes the shelf; when nothing is changed any more.
   *
   * @param writes whether it is written first
   */
  public void closeShelf(boolean writes) {
    if (shelving != null) {
      shelving.close(writes);
    }
  }

  /** Does something while a message, if it is there, is in memory. */
  private <T> T kept(long id, Supplier<T> operation) {
    if (shelving == null || !shelving.keep(id)) {
      return operation.get();
    }
    try {
      return operation.get();
    } finally {
      unkeep(id);
    }
  }

  private void unkeep(long id) {
    lock.lock();
    try {
      var message = messages.get(id);
      if (message != null) {
        message.keepers--;
      }
    } finally {
      lock.unlock();
    }
  }

  private void look() {
    if (shelving != null) {
      shelving.look();
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
    look();
    var to = listener;
    if (to != null) {
      told.forEach((key, due) -> to.due(key.zone(), key.destination(), due));
    }
  }

  Instant now() {
    return timer.now();
  }

  /** A message comes into memory. */
  void take(Message<L> message) {
    messages.put(message.id, message);
    weight = weight + message.weight();
  }

  /** A message leaves it. */
  void drop(Message<L> message) {
    messages.remove(message.id);
    weight = weight - message.weight();
  }

  private void touch(Message<L> message) {
    if (shelving != null && !message.dirty) {
      message.dirty = true;
      dirty.add(message);
    }
  }

  private void write(Message<L> message, List<RowState> states) {
    journal.accept(new Change<>(message.id, message.location, states, message.unfinished == 0));
  }

  private void change(Row<L> row, RowState state, Notices told) {
    touch(row.message);
    leave(row);
    set(row, state);
    if (!state.finished() && !row.onHold) {
      told.add(row.at.key, row.due);
    }
  }

  /** Ends or re-enters a row that has left. */
  private void set(Row<L> row, RowState state) {
    var message = row.message;
    letGo(row);
    if (row.handingOver) {
      handingOver.remove(new RowKey(message.id, row.number));
    }
    if (state.finished()) {
      message.rows[row.number] = null;
      drop(row.at);
      if (--message.unfinished == 0) {
        drop(message);
        dirty.remove(message);
        if (message.shelved) {
          gone.add(message.id);
        }
      }
      return;
    }
    var before = row.rerouted;
    row.set(state);
    if (row.handingOver) {
      handingOver.add(new RowKey(message.id, row.number));
    }
    if (row.rerouted != null && !row.rerouted.equals(before)) {
      line(row, row.rerouted.zone(), row.rerouted.destination());
    }
    if (row.status == DeliveryStatus.FAILED) {
      line(row, row.at.key.zone(), Destinations.REPORT);
    }
    enter(row);
  }

  /** Has a row wait somewhere else. */
  private void line(Row<L> row, String zone, String destination) {
    var from = row.at;
    row.at = user(zone, destination, from.priority);
    drop(from);
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
    if (!row.isLeased() && !row.onHold && !filling) {
      await(row);
    }
  }

  private void await(Row<L> row) {
    row.at.rows.add(row);
    row.waits = true;
  }

  private void count(Row<L> row, long n) {
    count(row.at, row.shownStatus(), n);
  }

  private void count(Waiting<L> at, DeliveryStatus status, long n) {
    counts[status.ordinal()] += n;
    at.byStatus[status.ordinal()] += (int) n;
  }

  private Waiting<L> user(String zone, String destination, int priority) {
    var key = new Key(zone, destination);
    var lines = destinations.getOrDefault(key, List.of());
    for (var line : lines) {
      if (line.priority == priority) {
        line.users++;
        return line;
      }
    }
    var line = new Waiting<L>(lines.isEmpty() ? key : lines.getFirst().key, priority, ++lastNumber);
    line.users = 1;
    add(line);
    return line;
  }

  private void add(Waiting<L> line) {
    var lines = destinations.getOrDefault(line.key, List.of());
    destinations.put(
        line.key,
        Stream.concat(lines.stream(), Stream.of(line))
            .sorted(Comparator.comparing(one -> -one.priority))
            .toList());
    if (shelving != null) {
      byNumber.put(line.number, line);
    }
  }

  /** A destination that the shelf knows. */
  void know(long number, String zone, String destination, int priority) {
    var waiting = new Waiting<L>(new Key(zone, destination), priority, number);
    waiting.named = true;
    add(waiting);
    lastNumber = Math.max(lastNumber, number);
  }

  /** A message that the shelf has. */
  void know(Shelf.Shelved<L> message) {
    for (var row : message.rows()) {
      var waiting = Objects.requireNonNull(byNumber.get(row.destination()), "no such destination");
      var state = row.state();
      waiting.users++;
      count(waiting, state.shown(), 1);
      if (state.handingOver()) {
        handingOver.add(new RowKey(message.id(), state.number()));
      }
      if (!state.onHold()) {
        waiting.shelve(Shelf.Due.of(row.destination(), state.due(), message.id()));
      }
    }
  }

  /** Drops destinations that nothing waits for. */
  void forgetUnused() {
    for (var waiting : List.copyOf(byNumber.values())) {
      if (waiting.users == 0) {
        waiting.users = 1;
        drop(waiting);
      }
    }
  }

  private void drop(Waiting<L> waiting) {
    if (--waiting.users == 0) {
      destinations.computeIfPresent(
          waiting.key,
          (key, lines) ->
              lines.size() == 1 ? null : lines.stream().filter(line -> line != waiting).toList());
      byNumber.remove(waiting.number);
      if (waiting.named) {
        forgotten.add(waiting.number);
      }
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
