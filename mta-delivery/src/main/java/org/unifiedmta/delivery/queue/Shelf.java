package org.unifiedmta.delivery.queue;

import java.time.Instant;
import java.util.List;
import java.util.SortedMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Where an index puts the messages that need not be in memory. Asked by the index's own thread
 * alone, but for {@link #restore}. What is put and removed between {@link #begin} and {@link
 * #commit} is there after a crash all together or not at all.
 *
 * @param <L> where a message is
 */
public interface Shelf<L> {

  /**
   * A message that is put aside.
   *
   * @param size how many rows it had in the beginning
   * @param rows those that are left
   */
  record Shelved<L>(long id, L location, int size, List<ShelvedRow> rows) {}

  /**
   * A row that is put aside.
   *
   * @param destination its number
   */
  record ShelvedRow(long destination, RowState state) {}

  /**
   * That a message has a row for a destination, by the order in which they are claimed.
   *
   * @param due nanoseconds since 1970, as far as they fit
   */
  record Due(long destination, long due, long id) implements Comparable<Due> {

    public static Due of(long destination, Instant due, long id) {
      return new Due(destination, Indexed.nanos(due), id);
    }

    @Override
    public int compareTo(Due other) {
      int order = Long.compare(destination, other.destination);
      order = order != 0 ? order : Long.compare(due, other.due);
      return order != 0 ? order : Long.compare(id, other.id);
    }
  }

  /** Hands out the destinations, one for each priority, with their numbers. */
  interface Destinations {
    void take(long number, String zone, String name, int priority);
  }

  /**
   * Hands out all that is here; before anything else is asked.
   *
   * @return the messages that have ended, and are only here still
   */
  List<Long> restore(Destinations destinations, Consumer<Shelved<L>> messages);

  /** From now on what is put is not sorted by when it is due, until {@link #sort}. */
  void leaveUnsorted();

  /**
   * Sorts all that is here by when it is due.
   *
   * @param counts how many rows wait for each destination
   * @param taken hears of each key, in order
   */
  void sort(SortedMap<Long, Integer> counts, Consumer<Due> taken);

  @Nullable Shelved<L> find(long id);

  /** What is due for a destination, from a key on, in order. */
  List<Due> due(Due from, int limit);

  /** The messages behind an id, in order. */
  List<Shelved<L>> list(long after, int limit);

  /** From now on belongs together. */
  void begin();

  void name(long destination, String zone, String name, int priority);

  void forget(long destination);

  /**
   * Puts a message aside, instead of what was put by its id before.
   *
   * @param isNew whether nothing was
   */
  void put(Shelved<L> message, boolean isNew);

  void remove(long id);

  /**
   * Applies the next part of what follows from what was put and removed.
   *
   * @param isEnough asked after each small step, whether to return
   * @return false when nothing is left to do but to commit
   */
  boolean advance(BooleanSupplier isEnough);

  /** Makes it last. */
  void commit();

  /**
   * @param isGood false if it is not to be used again
   */
  void close(boolean isGood);
}
