package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.Spool;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.queue.IdempotencyKey;
import org.unifiedmta.delivery.queue.KeyedAdds;
import org.unifiedmta.delivery.queue.Lease;
import org.unifiedmta.delivery.queue.MessageIds;
import org.unifiedmta.delivery.queue.NewMessage;
import org.unifiedmta.delivery.queue.NewRow;
import org.unifiedmta.delivery.queue.Page;
import org.unifiedmta.delivery.queue.QueueIndex;
import org.unifiedmta.delivery.queue.QueueStore;
import org.unifiedmta.delivery.queue.QueuedMessage;
import org.unifiedmta.delivery.queue.RecipientResult;
import org.unifiedmta.delivery.queue.RowState;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue.Filter;

/**
 * The embedded store: a queue in a directory of its own, for one process at a time. What it has
 * said it took is there again after a crash, a power failure included as far as the disk keeps its
 * word.
 *
 * <p>Streams of {@link #open} read the log's files on the caller's thread, survive its interrupts,
 * and must be closed, since they keep their files. What is settled is written within 50
 * milliseconds; lost in a crash, it means another attempt.
 */
public final class LogQueueStore implements QueueStore {
  private static final Logger log = LoggerFactory.getLogger(LogQueueStore.class);
  private static final int LOOKED_AT = 256; // messages at a time
  private static final int KEYS_OF_A_FILE = 32 * 1024;

  private final QueueDirectory directory;
  private final IndexFile file;
  private final QueueIndex<Stored> index;
  private final Space space;
  private final Spares spares;
  private final KeyFiles keys;
  private final KeyedAdds keyed;
  private final SegmentLog segments;
  private final Budget budget;
  private final LogSpool spool;
  private final Compactor compactor;
  private final MessageIds ids;
  private final Timer timer;
  private volatile Map<String, List<Integer>> interrupted = Map.of();
  private volatile boolean closed;

  /**
   * Opens the queue in a directory, which is made, for its owner alone, if it is missing.
   *
   * @param bufferMemory octets for messages on their way into the log, all together; at least 1 MB
   *     is sensible
   * @throws ConfigException if the directory cannot be used, with its path, what is wrong and what
   *     to do; if the log is damaged, with the file and the offset
   */
  public static LogQueueStore open(
      Path directory, Timer timer, Metrics metrics, long bufferMemory, int minFreeDisk) {
    var settings = Settings.standard(bufferMemory, minFreeDisk);
    return open(directory, timer, metrics, settings, new FileDisk());
  }

  static LogQueueStore open(
      Path directory, Timer timer, Metrics metrics, Settings settings, Disk disk) {
    var opened = QueueDirectory.open(directory, disk);
    try {
      return new LogQueueStore(opened, timer, metrics, settings, disk);
    } catch (IOException e) {
      opened.close();
      throw QueueDirectory.unusable(directory, e);
    } catch (RuntimeException | Error e) {
      opened.close();
      throw e;
    }
  }

  private LogQueueStore(
      QueueDirectory directory, Timer timer, Metrics metrics, Settings settings, Disk disk)
      throws IOException {
    var path = directory.path();
    this.directory = directory;
    this.spares = new Spares(path, disk, settings);
    this.keys = new KeyFiles(path, disk, timer, IDEMPOTENCY_WINDOW, KEYS_OF_A_FILE);
    this.keyed = new KeyedAdds(keys::find);
    this.timer = timer;
    this.space = new Space(path, disk, spares, keys, settings.segmentSize());
    this.file = new IndexFile(path, space);
    this.index = new QueueIndex<>(timer, this::write, file, settings.rowsInMemory());
    try {
      var recovery = new Recovery(path, disk, space, index, file, keys);
      recovery.run();
      this.ids = new MessageIds(timer, recovery.highestId());
      spares.start();
      this.segments =
          new SegmentLog(
              path,
              disk,
              spares,
              space,
              recovery.nextSequence(),
              settings.salts(),
              ids::last,
              metrics);
    } catch (IOException | RuntimeException | Error e) {
      index.closeShelf(false);
      spares.close();
      space.close();
      keys.close();
      throw e;
    }
    file.follow(this::position, ids::last);
    this.budget = new Budget(settings.bufferMemory());
    this.spool = new LogSpool(segments, space, budget, settings.wholeUpTo());
    this.compactor = new Compactor(space, index, segments, spool, metrics);
    interrupted = interruptedRows();
    segments.start();
    compactor.start();
    metrics.gauge("queue.log.size", space::octets);
    metrics.gauge("queue.log.live", space::live);
  }

  /** Up to where nothing of the log need be read again. */
  private @Nullable Position position() {
    var position = segments.position();
    try {
      keys.sync();
      return position;
    } catch (IOException e) {
      log.warn("idempotency keys cannot be written, the log is to be read again: {}", e.toString());
      return null;
    }
  }

  KeyFiles keys() {
    return keys;
  }

  /** Gives a message these rows, and no other. */
  void set(long id, List<RowState> rows) {
    index.set(id, rows);
  }

  private Map<String, List<Integer>> interruptedRows() {
    var rows = new TreeMap<String, List<Integer>>();
    index.interrupted().forEach((id, numbers) -> rows.put(MessageIds.text(id), numbers));
    return rows;
  }

  private void write(QueueIndex.Change<Stored> change) {
    segments.append(new SettleAppend(change, space, null));
  }

  static List<QueueIndex.Place> places(List<NewRow> rows) {
    var places = new ArrayList<QueueIndex.Place>(rows.size());
    rows.forEach(row -> places.add(QueueIndex.Place.of(row)));
    return places;
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
    long id = MessageIds.parse(message.id());
    if (id < 0
        || !(message.body() instanceof LogSpool.Message spooled)
        || !spooled.body.isOf(budget)
        || index.locateHere(id, stored -> true).isPresent()
        || !spooled.body.take()) {
      tell(done, null, new IllegalArgumentException("no new id, or no body, of this store"));
      return;
    }
    var outcome = new Outcome(id, done);
    var settles = message.settles();
    // Queued while what it settles cannot be moved: a record must know where what it speaks of is.
    boolean queued =
        settles != null
            && index
                .locateHere(
                    MessageIds.parse(settles.id()),
                    told -> {
                      segments.append(
                          new MessageAppend(message, spooled, told, space, budget, outcome));
                      return true;
                    })
                .isPresent();
    if (!queued) {
      segments.append(new MessageAppend(message, spooled, null, space, budget, outcome));
    }
  }

  private final class Outcome implements MessageAppend.Outcome {
    private final long id;
    private final BiConsumer<@Nullable String, @Nullable Throwable> done;

    Outcome(long id, BiConsumer<@Nullable String, @Nullable Throwable> done) {
      this.id = id;
      this.done = done;
    }

    @Override
    public void stored(NewMessage message, Place where) {
      var key = message.idempotencyKey();
      if (key != null) {
        keys.keep(IdempotencyKey.of(key), id, timer.now());
      }
      index.add(id, new Stored(where), places(message.rows()));
      space.began(id, where);
      var settles = message.settles();
      if (settles != null) {
        index
            .finish(MessageIds.parse(settles.id()), settles.rows())
            .filter(QueueIndex.Change::ended)
            .ifPresent(change -> space.ended(change.id(), change.location().place()));
      }
      tell(done, message.id(), null);
      index.offer(id);
    }

    @Override
    public void failed(Throwable why) {
      tell(done, null, why);
    }
  }

  private static void tell(
      BiConsumer<@Nullable String, @Nullable Throwable> done,
      @Nullable String id,
      @Nullable Throwable why) {
    try {
      done.accept(id, why);
    } catch (RuntimeException e) {
      log.error("who added a message failed when told what became of it", e);
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
    var written = new CompletableFuture<Void>();
    boolean begun =
        index.handOver(
            lease, rows, change -> segments.append(new SettleAppend(change, space, written)));
    if (!begun) {
      return;
    }
    try {
      written.join();
    } catch (CompletionException e) {
      throw new MtaException("it cannot be noted that the message is handed over", e.getCause());
    }
  }

  @Override
  public Map<String, List<Integer>> interrupted() {
    var found = interrupted;
    interrupted = Map.of();
    return found;
  }

  @Override
  public void release(Lease lease) {
    index.release(lease);
  }

  /** A message that cannot leave the log, with its rows as they were. */
  private record Held(Place place, List<QueueIndex.RowView> rows) {

    static Held hold(Stored stored, List<QueueIndex.RowView> rows) {
      return new Held(stored.hold(), rows);
    }

    QueuedMessage read(Space space) {
      try {
        var message = place.read();
        return new QueuedMessage(
            MessageIds.text(message.id()),
            message.envelope(),
            message.body().size(),
            message.queuedAt(),
            message.session(),
            message.security(),
            message.expires(),
            message.retry(),
            rows.stream().map(row -> row.of(message.rows().get(row.state().number()))).toList());
      } finally {
        place.drop(space);
      }
    }
  }

  @Override
  public Optional<QueuedMessage> find(String id) {
    return index.look(MessageIds.parse(id), Held::hold).map(held -> held.read(space));
  }

  @Override
  public List<QueuedMessage> list(@Nullable String after, int limit) {
    return list(Filter.all(), after, limit).items();
  }

  @Override
  public Page<QueuedMessage> list(Filter filter, @Nullable String after, int limit) {
    var found = new ArrayList<QueuedMessage>();
    long from = after == null ? -1 : MessageIds.parse(after);
    while (found.size() < limit && from < Long.MAX_VALUE) {
      int wanted = Math.min(LOOKED_AT, limit - found.size());
      var page = index.look(from, wanted, filter::fitsOne, Held::hold);
      for (var message : read(page.found())) {
        if (filter.fits(message.envelope())) {
          found.add(message);
        }
      }
      from = page.last();
    }
    return new Page<>(found, from == Long.MAX_VALUE ? null : MessageIds.text(from));
  }

  private List<QueuedMessage> read(List<Held> found) {
    var left = new ArrayDeque<>(found);
    var read = new ArrayList<QueuedMessage>(found.size());
    try {
      while (!left.isEmpty()) {
        read.add(left.remove().read(space));
      }
    } finally {
      left.forEach(held -> held.place.drop(space));
    }
    return read;
  }

  @Override
  public boolean hold(String id, Filter which) {
    return index.hold(MessageIds.parse(id), which);
  }

  @Override
  public boolean release(String id, Filter which) {
    return index.release(MessageIds.parse(id), which);
  }

  @Override
  public ByteSource open(String id) {
    var place = heldPlace(id);
    try {
      return new Source(id, place, place.readBody());
    } finally {
      place.drop(space);
    }
  }

  private Place heldPlace(String id) {
    return index
        .locate(MessageIds.parse(id), Stored::hold)
        .orElseThrow(() -> new NoSuchElementException("no message " + id));
  }

  private final class Source implements ByteSource {
    private final String id;
    private final Place read;
    private final Records.Body body;

    Source(String id, Place read, Records.Body body) {
      this.id = id;
      this.read = read;
      this.body = body;
    }

    @Override
    public InputStream open() {
      var place = heldPlace(id); // which may be another one each time
      try {
        var there = place.equals(read) ? body : place.readBody(); // it knows where its chunks are
        return there.edits().applyTo(place.open(there, () -> place.drop(space)));
      } catch (RuntimeException e) {
        place.drop(space);
        throw e;
      }
    }

    @Override
    public long size() {
      return body.size();
    }
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
    return segments.hasFailed() || index.hasFailed();
  }

  @Override
  public Optional<String> refusal() {
    if (closed) {
      return Optional.of("the store is closed");
    }
    return budget.isTight()
        ? Optional.of("less than a tenth is left of the memory for messages in transit")
        : segments.refusal().or(index::refusal);
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    compactor.close();
    index.close();
    segments.close();
    // What was settled since the log failed is forgotten, as it says.
    index.closeShelf(!segments.hasFailed());
    spares.close();
    space.close();
    keys.close();
    directory.close();
  }
}
