package org.unifiedmta.delivery.queue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.delivery.queue.Indexed.Message;
import org.unifiedmta.delivery.queue.Indexed.Row;
import org.unifiedmta.delivery.queue.Indexed.Waiting;
import org.unifiedmta.delivery.queue.QueueIndex.RowView;
import org.unifiedmta.delivery.queue.Shelf.Due;
import org.unifiedmta.delivery.queue.Shelf.Shelved;

/**
 * What goes from an index to its shelf, and back, one step at a time: only whoever has the turn
 * puts aside and fetches, so that what it reads of the shelf cannot come into memory meanwhile. A
 * thread of its own does so, which nobody interrupts while it reads a file; a platform thread that
 * claims does it itself, since to wake another takes longer. What has changed is written now and
 * then, all together; what ends before that never gets there.
 */
final class Shelving<L> {
  private static final Logger log = LoggerFactory.getLogger(Shelving.class);
  private static final int SLICE = 256; // messages looked at under the index's lock
  private static final int FETCHED = 32; // messages at a time, at most
  private static final long SOON = Duration.ofMinutes(5).toNanos();
  private static final long WORK = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(2);
  private static final long REST = TimeUnit.SECONDS.toNanos(2);
  private static final int TOO_MUCH = 4;

  private final QueueIndex<L> index;
  private final Shelf<L> shelf;
  private final int most;
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("mta-queue-index").factory());
  private final ReentrantLock turn = new ReentrantLock(true);
  private final ConcurrentLinkedQueue<Runnable> asked = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean looking = new AtomicBoolean();
  private volatile int lookAt;
  private volatile @Nullable String failure;
  private boolean unsorted; // with the turn
  private boolean closed; // with the turn
  private long workingSince; // with the turn
  private volatile long lastCheckpoint = System.nanoTime() - REST;

  Shelving(QueueIndex<L> index, Shelf<L> shelf, int most) {
    this.index = index;
    this.shelf = shelf;
    this.most = most;
    this.lookAt = most;
  }

  // ---- by any thread --------------------------------------------------------------------------

  void restore() {
    ask(() -> {
      index.gone.addAll(shelf.restore(index::know, index::know));
      index.forgetUnused();
      return null;
    });
  }

  /** Whether there is too much in memory; to be called when there is more. */
  void look() {
    if (index.weight > lookAt && looking.compareAndSet(false, true)) {
      later(() -> {
        looking.set(false);
        checkpoint();
      });
    }
  }

  void relieve() {
    if (index.weight > 2 * most) {
      inTurn(this::checkpoint);
    }
  }

  void leaveUnsorted() {
    inTurn(() -> {
      unsorted = true;
      shelf.leaveUnsorted();
    });
  }

  /** Ends what {@link #leaveUnsorted} began. */
  void sort() {
    inTurn(() -> {
      if (!unsorted) {
        return;
      }
      unsorted = false;
      var counts = new TreeMap<Long, Integer>();
      for (var waiting : index.byNumber.values()) {
        waiting.firstShelved = null;
        counts.put(waiting.number, waiting.shelved);
      }
      shelf.sort(counts, this::isFirst);
    });
  }

  /** It comes in order; what is in memory is on the shelf too, perhaps as it was before. */
  private void isFirst(Due due) {
    var waiting = index.byNumber.get(due.destination());
    if (waiting != null && waiting.firstShelved == null && !isHere(due.id())) {
      waiting.firstShelved = due;
    }
  }

  void checkpointSoon() {
    if (System.nanoTime() - lastCheckpoint > REST && looking.compareAndSet(false, true)) {
      later(() -> {
        looking.set(false);
        checkpoint();
      });
    }
  }

  Optional<String> refusal() {
    var failed = failure;
    if (failed != null) {
      return Optional.of(failed);
    }
    return index.weight > (long) TOO_MUCH * Math.max(most, 10_000)
        ? Optional.of("the index of the queue is being written")
        : Optional.empty();
  }

  boolean hasFailed() {
    return failure != null;
  }

  /** Brings into memory what comes next for a destination. */
  void fetch(Waiting<L> waiting) {
    if (Thread.currentThread().isVirtual()) {
      ask(() -> {
        fetchHere(waiting);
        return null;
      });
      return;
    }
    turn.lock();
    try {
      if (closed) {
        throw new IllegalStateException("the store is closed");
      }
      attempt(() -> fetchHere(waiting));
    } finally {
      turn.unlock();
    }
  }

  /** Has a message stay in memory until somebody needs it no more; false if it is not there. */
  boolean keep(long id) {
    return keepHere(id)
        || ask(() -> {
          for (var at : fetchHere(id)) {
            findFirst(at, first(at));
          }
          return keepHere(id);
        });
  }

  private boolean keepHere(long id) {
    index.lock.lock();
    try {
      var message = index.messages.get(id);
      if (message != null) {
        message.keepers++;
      }
      return message != null;
    } finally {
      index.lock.unlock();
    }
  }

  <T> Optional<T> look(long id, BiFunction<L, List<RowView>, T> look) {
    return ask(() -> {
      var aside = shelf.find(id);
      index.lock.lock();
      try {
        var here = index.messages.get(id);
        if (here != null) {
          return Optional.of(look.apply(here.location, QueueIndex.views(here)));
        }
        return aside == null || index.gone.contains(id)
            ? Optional.empty()
            : Optional.of(look.apply(aside.location(), views(aside)));
      } finally {
        index.lock.unlock();
      }
    });
  }

  <T> QueueIndex.Found<T> look(
      long after, int limit, Predicate<List<RowView>> which, BiFunction<L, List<RowView>, T> look) {
    return ask(() -> lookHere(after, limit, which, look));
  }

  private <T> QueueIndex.Found<T> lookHere(
      long after, int limit, Predicate<List<RowView>> which, BiFunction<L, List<RowView>, T> look) {
    var aside = new ArrayList<Shelved<L>>();
    for (long from = after; aside.size() < limit; ) {
      var page = shelf.list(from, limit);
      if (page.isEmpty()) {
        break;
      }
      from = page.getLast().id();
      page.stream().filter(message -> !isHere(message.id())).forEach(aside::add);
    }
    index.lock.lock();
    try {
      var candidates = new TreeMap<Long, Candidate<L>>();
      for (var message : aside) {
        candidates.put(message.id(), new Candidate<>(message.location(), () -> views(message)));
      }
      QueueIndex.first(index.messages.tailMap(after, false).values(), limit)
          .forEach(message ->
              candidates.put(
                  message.id, new Candidate<>(message.location, () -> QueueIndex.views(message))));
      var found = new ArrayList<T>();
      long last = Long.MAX_VALUE;
      int looked = 0;
      for (var entry : candidates.entrySet()) {
        var rows = entry.getValue().rows.get();
        if (which.test(rows)) {
          found.add(look.apply(entry.getValue().location, rows));
        }
        if (++looked == limit) {
          last = entry.getKey();
          break;
        }
      }
      return new QueueIndex.Found<>(found, last);
    } finally {
      index.lock.unlock();
    }
  }

  private record Candidate<L>(L location, Supplier<List<RowView>> rows) {}

  /** Whether memory knows more of it than the shelf. */
  private boolean isHere(long id) {
    index.lock.lock();
    try {
      return index.messages.containsKey(id) || index.gone.contains(id);
    } finally {
      index.lock.unlock();
    }
  }

  private List<RowView> views(Shelved<L> message) {
    return message.rows().stream()
        .map(row -> {
          var at = Objects.requireNonNull(index.byNumber.get(row.destination())).key;
          return new RowView(at.zone(), at.destination(), row.state().shownAs(row.state().shown()));
        })
        .toList();
  }

  void close(boolean writes) {
    try {
      if (writes) {
        inTurn(this::checkpoint);
      }
    } catch (RuntimeException e) {
      log.error("the index of the queue could not be written; it will be made anew", e);
    }
    later(() -> {
      closed = true;
      shelf.close(failure == null);
    });
    thread.shutdown();
    boolean interrupted = false;
    boolean ended = false;
    while (!ended) {
      try {
        ended = thread.awaitTermination(1, TimeUnit.MINUTES);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits until the thread has done it, after all that came before. */
  private void inTurn(Runnable task) {
    var done = new CompletableFuture<Void>();
    thread.execute(() -> {
      try {
        withTurn(task);
        done.complete(null);
      } catch (RuntimeException | Error e) {
        done.completeExceptionally(e);
      }
    });
    done.join();
  }

  private void later(Runnable task) {
    try {
      thread.execute(() -> {
        try {
          withTurn(task);
        } catch (RuntimeException | Error e) {
          log.debug("it is known to have failed", e);
        }
      });
    } catch (RejectedExecutionException e) {
      log.debug("the index is closed", e);
    }
  }

  private void withTurn(Runnable task) {
    turn.lock();
    workingSince = System.nanoTime();
    try {
      attempt(task);
    } finally {
      turn.unlock();
    }
  }

  private void attempt(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException | Error e) {
      fail(e);
      throw e;
    }
  }

  /** Has the thread answer, in the middle of a checkpoint too. */
  private <T> T ask(Supplier<T> question) {
    if (turn.isHeldByCurrentThread()) {
      return question.get();
    }
    var answer = new CompletableFuture<T>();
    asked.add(() -> {
      try {
        answer.complete(question.get());
      } catch (RuntimeException | Error e) {
        answer.completeExceptionally(e);
        fail(e);
      }
    });
    try {
      thread.execute(() -> withTurn(this::answer));
    } catch (RejectedExecutionException e) {
      throw new IllegalStateException("the store is closed", e);
    }
    try {
      return answer.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }

  // ---- with the turn --------------------------------------------------------------------------

  /** Asked between any two small steps of something long. */
  private boolean isWanted() {
    return !asked.isEmpty() || (turn.hasQueuedThreads() && System.nanoTime() - workingSince > WORK);
  }

  /**
   * In the middle of something long: lets others have what they wait for. To hand the turn over
   * takes longer than to fetch a message, so whoever waits gets time for many.
   */
  private void giveWay() {
    if (!isWanted()) {
      return;
    }
    answer();
    if (turn.hasQueuedThreads()) {
      turn.unlock();
      LockSupport.parkNanos(PAUSE);
      turn.lock();
      workingSince = System.nanoTime();
    }
  }

  private void answer() {
    for (var next = asked.poll(); next != null; next = asked.poll()) {
      next.run();
    }
  }

  private void fail(Throwable why) {
    if (failure == null) {
      failure = "the index of the queue has failed (" + why + "); a restart makes it anew";
      log.error("{}", failure, why);
    }
  }

  private void fetchHere(Waiting<L> waiting) {
    var from = first(waiting);
    if (from == null) {
      return;
    }
    int wanted = waiting.fetches;
    waiting.fetches = Math.min(FETCHED, 2 * wanted);
    var page = shelf.due(from, wanted + 1);
    for (var due : page.subList(0, Math.min(wanted, page.size()))) {
      var unused = fetchHere(due.id());
    }
    findFirst(waiting, page.size() > wanted ? page.getLast() : null);
  }

  private @Nullable Due first(Waiting<L> waiting) {
    index.lock.lock();
    try {
      return waiting.shelved == 0 ? null : waiting.firstShelved;
    } finally {
      index.lock.unlock();
    }
  }

  /** Gives the destinations for which it was the first. */
  private List<Waiting<L>> fetchHere(long id) {
    if (isHere(id)) {
      return List.of();
    }
    var found = shelf.find(id);
    if (found == null) {
      return List.of();
    }
    var destinations = new ArrayList<Waiting<L>>();
    index.lock.lock();
    try {
      var message = new Message<>(id, found.location(), found.size());
      message.unfinished = found.rows().size();
      message.shelved = true;
      message.fetched = true;
      for (var aside : found.rows()) {
        var state = aside.state();
        var at = Objects.requireNonNull(index.byNumber.get(aside.destination()));
        var row = new Row<>(message, state.number(), at, state.due());
        row.set(state);
        message.rows[state.number()] = row;
        if (!state.onHold()) {
          boolean first = row.key().equals(at.firstShelved);
          at.unshelve();
          if (!index.filling) {
            at.rows.add(row);
            row.waits = true;
          }
          if (!unsorted && first) {
            destinations.add(at);
          }
        }
      }
      index.take(message);
    } finally {
      index.lock.unlock();
    }
    return destinations;
  }

  /** Finds what comes first for a destination among what is put aside, from a key on. */
  private void findFirst(Waiting<L> waiting, @Nullable Due from) {
    var at = from;
    Due found = null;
    while (at != null && found == null) {
      var page = shelf.due(at, FETCHED);
      for (var due : page) {
        if (found == null && !isHere(due.id())) {
          found = due;
        }
      }
      at =
          page.size() < FETCHED
              ? null
              : new Due(waiting.number, page.getLast().due(), page.getLast().id() + 1);
    }
    index.lock.lock();
    try {
      waiting.firstShelved = found;
    } finally {
      index.lock.unlock();
    }
  }

  private void checkpoint() {
    if (failure != null) {
      return;
    }
    lastCheckpoint = System.nanoTime();
    shelf.begin();
    List<Message<L>> dirty;
    List<Long> gone;
    List<Long> forgotten;
    index.lock.lock();
    try {
      dirty = new ArrayList<>(index.dirty);
      gone = new ArrayList<>(index.gone);
      forgotten = new ArrayList<>(index.forgotten);
      index.forgotten.clear();
    } finally {
      index.lock.unlock();
    }
    dirty.sort(Comparator.comparingLong(message -> message.id));
    for (int from = 0; from < dirty.size(); from += SLICE) {
      write(dirty.subList(from, Math.min(dirty.size(), from + SLICE)));
      giveWay();
    }
    for (long id : gone) {
      shelf.remove(id);
      giveWay();
    }
    forgotten.forEach(shelf::forget);
    while (shelf.advance(this::isWanted)) {
      giveWay();
    }
    shelf.commit();
    index.lock.lock();
    try {
      gone.forEach(index.gone::remove);
    } finally {
      index.lock.unlock();
    }
    putAside();
  }

  private void write(List<Message<L>> slice) {
    var copies = new ArrayList<Shelved<L>>(slice.size());
    var isNew = new ArrayList<Boolean>(slice.size());
    var unnamed = new ArrayList<Waiting<L>>();
    index.lock.lock();
    try {
      for (var message : slice) {
        if (message.unfinished > 0 && index.dirty.remove(message)) {
          message.dirty = false;
          isNew.add(!message.shelved);
          message.shelved = true;
          copies.add(copy(message, unnamed));
        }
      }
    } finally {
      index.lock.unlock();
    }
    unnamed.forEach(at -> shelf.name(at.number, at.key.zone(), at.key.destination(), at.priority));
    for (int i = 0; i < copies.size(); i++) {
      shelf.put(copies.get(i), isNew.get(i));
      giveWay();
    }
  }

  private Shelved<L> copy(Message<L> message, List<Waiting<L>> unnamed) {
    var rows = new ArrayList<Shelf.ShelvedRow>(message.unfinished);
    message
        .left()
        .forEach(row -> {
          if (!row.at.named) {
            row.at.named = true;
            unnamed.add(row.at);
          }
          rows.add(new Shelf.ShelvedRow(row.at.number, row.state()));
        });
    return new Shelved<>(message.id, message.location, message.rows.length, rows);
  }

  /** First what is not tried soon; then the youngest, whose turn comes last. */
  private void putAside() {
    long soon = Indexed.nanos(index.now()) + SOON;
    putAside(message -> message.left().allMatch(row -> Indexed.nanos(row.due) > soon));
    putAside(message -> !message.fetched);
    putAside(Shelving::forgetFetched);
    lookAt = Math.max(most, index.weight + most / 4);
  }

  /** What has been fetched may go the next time. */
  private static boolean forgetFetched(Message<?> message) {
    message.fetched = false;
    return false;
  }

  private void putAside(Predicate<Message<L>> which) {
    long before = Long.MAX_VALUE;
    int enough = index.filling ? 0 : most / 4;
    while (before != Long.MIN_VALUE && index.weight > enough) {
      before = putAside(which, before);
      giveWay();
    }
  }

  private long putAside(Predicate<Message<L>> which, long before) {
    index.lock.lock();
    try {
      var slice =
          QueueIndex.first(index.messages.headMap(before, false).descendingMap().values(), SLICE);
      for (var message : slice) {
        if (message.canGo(index.filling) && which.test(message)) {
          index.drop(message);
          message
              .left()
              .filter(row -> !row.onHold)
              .forEach(row -> {
                if (row.waits) {
                  row.at.rows.remove(row);
                }
                row.at.shelve(row.key());
              });
        }
      }
      return slice.isEmpty() ? Long.MIN_VALUE : slice.getLast().id;
    } finally {
      index.lock.unlock();
    }
  }
}
