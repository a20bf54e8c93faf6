package org.unifiedmta.delivery.queue;

import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.reply.SmtpReply;

/** What the index holds of messages, rows, destinations and leases; touched under its lock only. */
final class Indexed {
  private Indexed() {}

  static final Comparator<Row<?>> BY_DUE =
      Comparator.<Row<?>, Instant>comparing(row -> row.due)
          .thenComparingLong(row -> row.message.id)
          .thenComparingInt(row -> row.number);

  static final Comparator<Held<?>> BY_END =
      Comparator.<Held<?>, Instant>comparing(held -> held.until)
          .thenComparingLong(held -> held.serial);

  record Key(String zone, String destination) {}

  static final class Message<L> {
    final long id;
    L location;
    final @Nullable Row<L>[] rows;
    int unfinished;

    @SuppressWarnings({"unchecked", "rawtypes"})
    Message(long id, L location, int rows) {
      this.id = id;
      this.location = location;
      this.rows = new Row[rows];
      this.unfinished = rows;
    }
  }

  static final class Row<L> {
    final Message<L> message;
    final int number;
    Waiting<L> at;
    Instant due;
    DeliveryStatus status = DeliveryStatus.PENDING;
    int attempts;
    @Nullable SmtpReply lastReply;
    @Nullable Held<L> held;
    boolean waits;

    Row(Message<L> message, int number, Waiting<L> at, Instant due) {
      this.message = message;
      this.number = number;
      this.at = at;
      this.due = due;
    }

    boolean isLeased() {
      return held != null && held.active;
    }

    DeliveryStatus shownStatus() {
      return isLeased() && status != DeliveryStatus.FAILED ? DeliveryStatus.PROCESSING : status;
    }

    RowState state() {
      return new RowState(number, false, status, attempts, due, lastReply);
    }
  }

  /** The rows that wait for one destination. */
  static final class Waiting<L> {
    final Key key;
    final TreeSet<Row<L>> rows = new TreeSet<>(BY_DUE);
    int users;

    Waiting(Key key) {
      this.key = key;
    }
  }

  /** A lease; when it has run out it is still good for rows that nobody else has claimed since. */
  static final class Held<L> {
    final Instant until;
    final long serial;
    final List<Row<L>> rows;
    boolean active = true;

    Held(Instant until, long serial, List<Row<L>> rows) {
      this.until = until;
      this.serial = serial;
      this.rows = rows;
    }
  }
}
