package org.unifiedmta.delivery.queue;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.Spool;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue.Filter;

/**
 * Where queued mail is. Thread-safe. What is leased when a process ends is claimable again: at once
 * after a restart of an embedded store, else when the lease runs out.
 */
public interface QueueStore extends AutoCloseable {

  /** For so long after it was stored, a message's idempotency key is remembered. */
  Duration IDEMPOTENCY_WINDOW = Duration.ofHours(24);

  /** Bodies for this store; it takes only messages of its own spool. */
  Spool spool();

  /**
   * A new message id, greater than all before, also after a restart or when the clock goes back.
   */
  String newId();

  /**
   * Stores a message with its rows, all or nothing. Never blocks, never throws. If one was stored
   * with the same {@link NewMessage#idempotencyKey} within {@link #IDEMPOTENCY_WINDOW}, nothing is
   * stored; whoever adds with the same key at the same time hears the same.
   *
   * @param done called once, before any of the rows can be claimed, with the id when everything is
   *     on stable storage (of the message that was stored before, where there is one), or with what
   *     failed ({@link org.unifiedmta.core.spool.InsufficientStorageException} when there is no
   *     room); runs on the store's writer, so it must be short
   */
  void add(NewMessage message, BiConsumer<@Nullable String, @Nullable Throwable> done);

  /**
   * Leases rows that are due; the rows of one message, and one priority, make one lease. First come
   * those that have been due longest, where each step of {@link NewRow#priority} counts as five
   * minutes more: what is urgent overtakes what is not, but not for ever. Among equals the order is
   * by id.
   *
   * @param limit of leases, that is of messages
   */
  List<Lease> claim(String zone, String destination, int limit, Duration leaseFor);

  /**
   * Says what became of a lease's rows, in one record. Rows that the lease no longer holds are left
   * alone.
   *
   * @param results one for each row of the lease, in its order
   */
  void settle(Lease lease, List<RecipientResult> results);

  /**
   * Notes that the content is about to be handed over for these rows of a lease: what must be known
   * before a final dot is sent. Returns when the note survives the end of this process; blocks a
   * moment for that. It does not wait until the note is on stable storage: only where the power
   * fails at once does nobody remember it. It is void when the lease is settled.
   *
   * @param rows those that the lease does not hold any more are left alone
   * @throws org.unifiedmta.core.MtaException if it cannot be written; nothing should be handed over
   *     then, since what became of it could not be written either
   */
  void handOver(Lease lease, List<Integer> rows);

  /**
   * The rows, by message, of which the process before had handed the content over, or was about to,
   * and did not live to know the result. Each is told once, and {@link QueuedRow#possibleDuplicate}
   * from then on.
   */
  Map<String, List<Integer>> interrupted();

  /** Gives a lease back as if it had never been claimed. */
  void release(Lease lease);

  /** The message, if any of its rows is not finished. */
  Optional<QueuedMessage> find(String id);

  /**
   * The message's bytes as they are to be sent.
   *
   * @throws java.util.NoSuchElementException if it is not there
   */
  ByteSource open(String id);

  /** Messages by id, behind the one given, or from the first for null. */
  List<QueuedMessage> list(@Nullable String after, int limit);

  // What follows is done to the rows of a message that no attempt holds, and that fit a filter,
  // whose sender is not asked for; it tells whether there was one.

  /** Finishes rows. */
  boolean cancel(String id, Filter which);

  default boolean cancel(String id) {
    return cancel(id, Filter.all());
  }

  /** Makes rows due at this time. */
  boolean reschedule(String id, Filter which, Instant due);

  default boolean reschedule(String id, Instant due) {
    return reschedule(id, Filter.all(), due);
  }

  /** Keeps rows, but those that have failed, from being tried until they are released. */
  boolean hold(String id, Filter which);

  default boolean hold(String id) {
    return hold(id, Filter.all());
  }

  /** Lets rows on hold be tried again when they are due. */
  boolean release(String id, Filter which);

  default boolean release(String id) {
    return release(id, Filter.all());
  }

  /** Has rows, but those that have failed, go another way, when they are due. */
  boolean reroute(String id, Filter which, String zone, String destination);

  /**
   * Messages with a row that fits, by id.
   *
   * @param after a page's {@link Page#next}, or null to begin with the first
   * @param limit of messages
   */
  Page<QueuedMessage> list(Filter filter, @Nullable String after, int limit);

  /** Unfinished rows by status, from counters. */
  Map<DeliveryStatus, Long> counts();

  /** Those that fit; from counters too, but where a sender is asked for. */
  Map<DeliveryStatus, Long> counts(Filter filter);

  /** Where something waits. */
  List<Destination> destinations();

  /**
   * What waits for one destination.
   *
   * @param waiting rows not leased
   * @param nextDue of the first of them
   */
  record Destination(String zone, String name, long waiting, Instant nextDue) {}

  /** When the first waiting row of a destination is due; empty where none waits. */
  Optional<Instant> nextDue(String zone, String destination);

  /**
   * Is told, on any thread, whenever a destination gets a row, or gets one back, that is due at
   * this time.
   */
  interface DueListener {
    void due(String zone, String destination, Instant due);
  }

  /** Sets the one listener; it is not told of what waits already, see {@link #destinations}. */
  void onDue(DueListener listener);

  /** Whether its storage has failed for good, so that what is settled is not kept any more. */
  boolean hasFailed();

  /** Why the store takes no new mail now, or empty: no room, or its storage failed. */
  Optional<String> refusal();

  /**
   * Writes what is waiting to be written and closes what the store opened; leases stay unsettled.
   */
  @Override
  void close();
}
