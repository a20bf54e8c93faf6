package org.unifiedmta.delivery.queue;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.Spool;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue.Filter;

/**
 * A queue that is gone when its process ends; for tests, and for mail that may be lost. {@link
 * #add} tells its outcome before it returns.
 */
public final class MemoryQueueStore implements QueueStore {
  private static final Logger log = LoggerFactory.getLogger(MemoryQueueStore.class);
  private static final int MOST_KEYS = 100_000; // the oldest are forgotten early
  private static final long DEFAULT_LIMIT = 256L * 1024 * 1024;

  private record Stored(NewMessage message, MemorySpool.Message body) {}

  private record Keyed(long id, Instant at) {}

  private final Timer timer;
  private final KeyedAdds keyed = new KeyedAdds(this::known);
  private final ReentrantLock lock = new ReentrantLock();
  private final LinkedHashMap<IdempotencyKey, Keyed> keys = new LinkedHashMap<>();
  private final MemorySpool spool;
  private final QueueIndex<Stored> index;
  private final MessageIds ids;
  private volatile boolean closed;

  /** With at most a quarter of the heap, and 256 MB, for bodies. */
  public MemoryQueueStore(Timer timer) {
    this(timer, Math.min(DEFAULT_LIMIT, Runtime.getRuntime().maxMemory() / 4));
  }

  /**
   * @param memoryLimit octets for all bodies together
   */
  public MemoryQueueStore(Timer timer, long memoryLimit) {
    this.timer = timer;
    this.spool = new MemorySpool(memoryLimit);
    this.ids = new MessageIds(timer, 0);
    this.index = new QueueIndex<>(timer, MemoryQueueStore::freeIfEnded);
  }

  private static void freeIfEnded(QueueIndex.Change<Stored> change) {
    if (change.ended()) {
      change.location().body.free();
    }
  }

  @Override
  public Spool spool() {
    return spool;
  }

  @Override
  public String newId() {
    return MessageIds.text(ids.next());
  }

  @Override
  public void add(NewMessage message, BiConsumer<@Nullable String, @Nullable Throwable> done) {
    keyed.add(message, done, told -> addNew(message, told));
  }

  private void addNew(NewMessage message, BiConsumer<@Nullable String, @Nullable Throwable> done) {
    if (closed) {
      done.accept(null, new IllegalStateException("the store is closed"));
      return;
    }
    long id = MessageIds.parse(message.id());
    if (id < 0
        || !(message.body() instanceof MemorySpool.Message body)
        || !body.isOf(spool)
        || !body.take()) {
      done.accept(null, new IllegalArgumentException("no id, or no body, of this store"));
      return;
    }
    var places = message.rows().stream().map(QueueIndex.Place::of).toList();
    if (!index.add(id, new Stored(message, body), places)) {
      body.free();
      done.accept(null, new IllegalArgumentException("the id is taken: " + message.id()));
      return;
    }
    keep(message.idempotencyKey(), id);
    var told = message.settles();
    if (told != null) {
      index
          .finish(MessageIds.parse(told.id()), told.rows())
          .ifPresent(MemoryQueueStore::freeIfEnded);
    }
    try {
      done.accept(message.id(), null);
    } catch (RuntimeException e) {
      log.error("what was to be done with the stored message {} failed", message.id(), e);
    }
    index.offer(id);
  }

  private OptionalLong known(IdempotencyKey key) {
    lock.lock();
    try {
      var found = keys.get(key);
      return found == null || found.at.plus(IDEMPOTENCY_WINDOW).isBefore(timer.now())
          ? OptionalLong.empty()
          : OptionalLong.of(found.id);
    } finally {
      lock.unlock();
    }
  }

  private void keep(@Nullable String key, long id) {
    if (key == null) {
      return;
    }
    lock.lock();
    try {
      var now = timer.now();
      keys.putLast(IdempotencyKey.of(key), new Keyed(id, now));
      while (keys.size() > MOST_KEYS
          || keys.firstEntry().getValue().at.plus(IDEMPOTENCY_WINDOW).isBefore(now)) {
        keys.pollFirstEntry();
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public List<Lease> claim(String zone, String destination, int limit, Duration leaseFor) {
    return index.claim(zone, destination, limit, leaseFor);
  }

  @Override
  public void settle(Lease lease, List<RecipientResult> results) {
    index.settle(lease, results);
  }

  @Override
  public void handOver(Lease lease, List<Integer> rows) {
    boolean unused = index.handOver(lease, rows, change -> {});
  }

  @Override
  public Map<String, List<Integer>> interrupted() {
    return Map.of();
  }

  @Override
  public void release(Lease lease) {
    index.release(lease);
  }

  @Override
  public Optional<QueuedMessage> find(String id) {
    return index.look(MessageIds.parse(id), MemoryQueueStore::queued);
  }

  @Override
  public ByteSource open(String id) {
    return index
        .look(MessageIds.parse(id), (stored, rows) -> (ByteSource) stored.body)
        .orElseThrow(() -> new NoSuchElementException("no message " + id));
  }

  @Override
  public List<QueuedMessage> list(@Nullable String after, int limit) {
    long from = after == null ? -1 : MessageIds.parse(after);
    return index.look(from, limit, MemoryQueueStore::queued);
  }

  @Override
  public Page<QueuedMessage> list(Filter filter, @Nullable String after, int limit) {
    var found = new ArrayList<QueuedMessage>();
    long from = after == null ? -1 : MessageIds.parse(after);
    while (found.size() < limit && from < Long.MAX_VALUE) {
      var page = index.look(from, limit - found.size(), filter::fitsOne, MemoryQueueStore::queued);
      page.found().stream().filter(message -> filter.fits(message.envelope())).forEach(found::add);
      from = page.last();
    }
    return new Page<>(found, from == Long.MAX_VALUE ? null : MessageIds.text(from));
  }

  @Override
  public boolean hold(String id, Filter which) {
    return index.hold(MessageIds.parse(id), which);
  }

  @Override
  public boolean release(String id, Filter which) {
    return index.release(MessageIds.parse(id), which);
  }

  private static QueuedMessage queued(Stored stored, List<QueueIndex.RowView> rows) {
    var message = stored.message;
    return new QueuedMessage(
        message.id(),
        message.envelope(),
        stored.body.size(),
        message.queuedAt(),
        message.session(),
        message.security(),
        message.expires(),
        message.retry(),
        rows.stream().map(row -> row.of(message.rows().get(row.state().number()))).toList());
  }

  @Override
  public boolean cancel(String id, Filter which) {
    return index.cancel(MessageIds.parse(id), which);
  }

  @Override
  public boolean reschedule(String id, Filter which, Instant due) {
    return index.reschedule(MessageIds.parse(id), which, due);
  }

  @Override
  public boolean reroute(String id, Filter which, String zone, String destination) {
    return index.reroute(MessageIds.parse(id), which, zone, destination);
  }

  @Override
  public Map<DeliveryStatus, Long> counts() {
    return index.counts();
  }

  @Override
  public Map<DeliveryStatus, Long> counts(Filter filter) {
    return filter.sender() == null ? index.counts(filter) : QueueIndex.countEach(filter, this);
  }

  @Override
  public List<Destination> destinations() {
    return index.destinations();
  }

  @Override
  public Optional<Instant> nextDue(String zone, String destination) {
    return index.nextDue(zone, destination);
  }

  @Override
  public void onDue(DueListener listener) {
    index.onDue(listener);
  }

  @Override
  public boolean hasFailed() {
    return false;
  }

  @Override
  public Optional<String> refusal() {
    return spool.isFull()
        ? Optional.of("the mail in memory has reached its limit")
        : Optional.empty();
  }

  @Override
  public void close() {
    closed = true;
    index.close();
  }
}
