package org.unifiedmta.delivery.queue;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What the index holds of messages, rows, destinations and leases; touched under its lock only. */
final class Indexed {
  private static final Instant LAST_NANO = Instant.ofEpochSecond(9_000_000_000L); // in 2255
  private static final Instant FIRST_NANO = Instant.ofEpochSecond(-9_000_000_000L);

  private Indexed() {}

  /** Nanoseconds by which a step of priority is ahead of the one below. */
  private static final long AHEAD = Duration.ofMinutes(5).toNanos();

  /** For the order among what is put aside. */
  static long nanos(Instant due) {
    if (due.isAfter(LAST_NANO)) {
      return Long.MAX_VALUE;
    }
    return due.isBefore(FIRST_NANO)
        ? Long.MIN_VALUE
        : due.getEpochSecond() * 1_000_000_000L + due.getNano();
  }

  static Instant instant(long nanos) {
    if (nanos == Long.MAX_VALUE) {
      return Instant.MAX;
    }
    return nanos == Long.MIN_VALUE ? Instant.MIN : Instant.ofEpochSecond(0, nanos);
  }

  record Key(String zone, String destination) {}

  static final class Message<L> {
    final long id;
    L location;
    final @Nullable Row<L>[] rows;
    int unfinished;

    /** Whether the shelf does not have it as it is. */
    boolean dirty;

    /** Whether the shelf has it in some state. */
    boolean shelved;

    /** Whether it has been fetched since somebody last looked for what can go. */
    boolean fetched;

    /** How many need it in memory. */
    int keepers;

    @SuppressWarnings({"unchecked", "rawtypes"})
    Message(long id, L location, int rows) {
      this.id = id;
      this.location = location;
      this.rows = new Row[rows];
      this.unfinished = rows;
    }

    Stream<Row<L>> left() {
      return Arrays.stream(rows).filter(Objects::nonNull);
    }

    /** About how much memory it takes, in rows. */
    int weight() {
      return rows.length + 2;
    }

    boolean canGo(boolean filling) {
      if (dirty || !shelved || keepers > 0) {
        return false;
      }
      for (var row : rows) {
        if (row != null && !row.canGo(filling)) {
          return false;
        }
      }
      return true;
    }
  }

  static final class Row<L> implements Comparable<Row<L>> {
    final Message<L> message;
    final int number;
    Waiting<L> at;
    Instant due;
    DeliveryStatus status = DeliveryStatus.PENDING;
    boolean onHold;
    boolean handingOver;
    boolean possibleDuplicate;
    RowState.@Nullable Reroute rerouted;
    History history = History.NONE;
    @Nullable Held<L> held;
    boolean waits;

    Row(Message<L> message, int number, Waiting<L> at, Instant due) {
      this.message = message;
      this.number = number;
      this.at = at;
      this.due = due;
    }

    /** By when they are due. */
    @Override
    public int compareTo(Row<L> other) {
      int order = due.compareTo(other.due);
      order = order != 0 ? order : Long.compare(message.id, other.message.id);
      return order != 0 ? order : Integer.compare(number, other.number);
    }

    boolean isLeased() {
      return held != null && held.active;
    }

    boolean canGo(boolean filling) {
      return held == null && (waits || onHold || filling);
    }

    DeliveryStatus shownStatus() {
      if (status == DeliveryStatus.FAILED) {
        return status;
      }
      if (isLeased()) {
        return DeliveryStatus.PROCESSING;
      }
      return onHold ? DeliveryStatus.HELD : status;
    }

    RowState state() {
      return new RowState(
          number, false, status, due, onHold, handingOver, possibleDuplicate, rerouted, history);
    }

    void set(RowState state) {
      status = state.status();
      due = state.due();
      onHold = state.onHold();
      handingOver = state.handingOver();
      possibleDuplicate = state.possibleDuplicate();
      rerouted = state.rerouted();
      history = state.history();
    }

    /** Where it stands among what is put aside. */
    Shelf.Due key() {
      return Shelf.Due.of(at.number, due, message.id);
    }
  }

  /**
   * The rows of one priority that wait for one destination, by when they are due. Which line's turn
   * it is depends on how long the first in each has been due, {@link #AHEAD} more for each step of
   * priority: so nothing need be sorted again while time goes by, and nothing waits for ever for
   * what comes later, however much that is.
   */
  static final class Waiting<L> {
    final Key key;
    final int priority;
    final long number;
    final TreeSet<Row<L>> rows = new TreeSet<>();
    final int[] byStatus = new int[DeliveryStatus.values().length];
    int users;

    /** Whether the shelf knows the number. */
    boolean named;

    /** How many rows wait that are put aside. */
    int shelved;

    /** Where the first of them is, or was before it was fetched for another destination. */
    Shelf.@Nullable Due firstShelved;

    /** How many to fetch next: more each time. */
    int fetches = 1;

    Waiting(Key key, int priority, long number) {
      this.key = key;
      this.priority = priority;
      this.number = number;
    }

    void shelve(Shelf.Due due) {
      shelved++;
      if (firstShelved == null || due.compareTo(firstShelved) < 0) {
        firstShelved = due;
      }
    }

    void unshelve() {
      if (--shelved == 0) {
        firstShelved = null;
      }
    }

    boolean isEmpty() {
      return rows.isEmpty() && firstShelved == null;
    }

    /** The first, or null if the first is put aside. */
    @Nullable Row<L> firstHere() {
      var first = rows.isEmpty() ? null : rows.first();
      var aside = firstShelved;
      return aside != null && (first == null || aside.compareTo(first.key()) < 0) ? null : first;
    }

    /** Where the first stands among the first of all lines; there must be one. */
    long rank() {
      long due = Math.max(nanos(nextDue()), Long.MIN_VALUE / 2);
      return due - priority * AHEAD;
    }

    /** Of the first that waits; there must be one. */
    Instant nextDue() {
      var aside = firstShelved == null ? Instant.MAX : instant(firstShelved.due());
      return rows.isEmpty() || aside.isBefore(rows.first().due) ? aside : rows.first().due;
    }
  }

  /** A lease; when it has run out it is still good for rows that nobody else has claimed since. */
  static final class Held<L> implements Comparable<Held<L>> {
    final Instant until;
    final long serial;
    final List<Row<L>> rows;
    boolean active = true;

    Held(Instant until, long serial, List<Row<L>> rows) {
      this.until = until;
      this.serial = serial;
      this.rows = rows;
    }

    /** By when they run out. */
    @Override
    public int compareTo(Held<L> other) {
      int order = until.compareTo(other.until);
      return order != 0 ? order : Long.compare(serial, other.serial);
    }
  }
}
