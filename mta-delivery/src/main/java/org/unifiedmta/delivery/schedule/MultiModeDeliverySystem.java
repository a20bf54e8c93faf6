package org.unifiedmta.delivery.schedule;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.attempt.Passage;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.queue.Lease;
import org.unifiedmta.delivery.queue.QueueStore;
import org.unifiedmta.delivery.queue.RecipientResult;
import org.unifiedmta.delivery.schedule.DestinationQueue.Key;
import org.unifiedmta.routing.route.Destinations;
import org.unifiedmta.routing.route.Destinations.Target;

/**
 * Decides what is tried next: destinations with something due take turns, each within its window,
 * all within one bound. One thread decides; each attempt runs on a virtual thread of its own.
 *
 * <p>A destination where nobody can be reached rests, at first about a minute, then twice as long
 * each time, up to half an hour. What comes due in a rest is put off as if it had been tried, so it
 * expires in its time. Then one message is tried; when somebody answers, what was put off goes out
 * at once, one at first, then two, four and so on up to the window. Rests are forgotten when the
 * process ends.
 */
public final class MultiModeDeliverySystem implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(MultiModeDeliverySystem.class);

  /** Longer than any attempt takes: what runs out is tried a second time. */
  private static final Duration LEASE = Duration.ofHours(6);

  private static final Duration AFTER_FAILURE = Duration.ofMinutes(5);

  /** Messages that are put off in one turn. */
  private static final int PUT_OFF = 50;

  private static final SmtpReply FAILED =
      SmtpReply.of(451, "4.3.0", "the attempt failed on our side");

  /** How a recipient's mail is delivered. */
  public enum Mode {
    /** To one host. */
    FORWARD,
    /** To the MX hosts of the recipient's domain. */
    MX,
    /** To the mail handler. */
    LOCAL,
    /** To the MX hosts, scanned and signed first. */
    PROCESS
  }

  /** Works on one lease until it is settled or given back; blocks. */
  public interface Worker {

    /** Tries it. */
    Contact work(Lease lease, Target target, Passage passage);

    /** Settles it as if it had been tried, and had met this. */
    void putOff(Lease lease, SmtpReply reply);
  }

  /**
   * Bounds.
   *
   * @param attempts at a time, in all; those that have gone on for ten seconds do not count, up to
   *     2,000
   * @param perDestination at a time
   */
  public record Limits(int attempts, int perDestination) {
    /** So many in all, 5 for a destination, 20 for the mail handler. */
    public static Limits of(int attempts) {
      return new Limits(attempts, 5);
    }

    int window(Target target) {
      return target instanceof Target.Local ? 4 * perDestination : perDestination;
    }
  }

  private final QueueStore store;
  private final Worker worker;
  private final Limits limits;
  private final Traffic traffic;
  private final Timer timer;
  private final Recall recall;
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("mta-attempt-", 0).factory());
  private final Thread thread;

  /** One virtual thread's work: an attempt, or some messages that are put off. */
  private static final class Task {
    private final DestinationQueue queue;
    private final List<Lease> leases;
    private final @Nullable SmtpReply putOff;
    private final Traffic.@Nullable Permit permit;
    private final Instant began;
    private Contact contact = new Contact.None();

    private Task(
        DestinationQueue queue,
        List<Lease> leases,
        @Nullable SmtpReply putOff,
        Traffic.@Nullable Permit permit,
        Instant began) {
      this.queue = queue;
      this.leases = leases;
      this.putOff = putOff;
      this.permit = permit;
      this.began = began;
    }

    static Task attempt(
        DestinationQueue queue,
        List<Lease> leases,
        Traffic.@Nullable Permit permit,
        Instant began) {
      return new Task(queue, leases, null, permit, began);
    }

    static Task putOff(DestinationQueue queue, List<Lease> leases, SmtpReply why, Instant began) {
      return new Task(queue, leases, why, null, began);
    }
  }

  /** Until when somebody wants a destination left alone. */
  private record Suspension(@Nullable Instant until, Timer.@Nullable Handle end) {
    boolean isOver(Instant now) {
      return until != null && !until.isAfter(now);
    }

    SmtpReply reply() {
      return SmtpReply.of(
          451, "4.4.0", "not tried: suspended" + (until == null ? "" : " until " + until));
    }
  }

  // what comes in from other threads
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Map<Key, Instant> signals = new LinkedHashMap<>();
  private final List<Task> finished = new ArrayList<>();
  private final Set<String> resumed = new HashSet<>();
  private final Set<Gate> opened = new LinkedHashSet<>();
  private boolean hasNews;
  private boolean stopping;
  private boolean deciding;
  private int runningNow;

  private final Map<String, Suspension> suspensions = new ConcurrentHashMap<>();

  /** Changed by the scheduler's thread only, as all that follows is. */
  private final Map<Key, DestinationQueue> queues = new ConcurrentHashMap<>();

  private final ArrayDeque<DestinationQueue> ready = new ArrayDeque<>();
  private final Slots slots;
  private Instant nextSlot = Instant.MIN;
  private boolean stalled;

  public MultiModeDeliverySystem(
      QueueStore store, Worker worker, Limits limits, Traffic traffic, Timer timer) {
    this.store = store;
    this.worker = worker;
    this.limits = limits;
    this.traffic = traffic;
    this.timer = timer;
    this.slots = new Slots(limits.attempts());
    this.recall = new Recall(store, timer, this::tellChange);
    this.thread = new Thread(this::run, "mta-schedule");
    thread.setDaemon(true);
  }

  /** Begins with whatever waits in the store. */
  public void start() {
    store.onDue(this::due);
    for (var destination : store.destinations()) {
      due(destination.zone(), destination.name(), destination.nextDue());
    }
    thread.start();
  }

  private void due(String zone, String destination, Instant at) {
    news(() -> signals.merge(new Key(zone, destination), at, (a, b) -> a.isBefore(b) ? a : b));
  }

  private void news(Runnable what) {
    lock.lock();
    try {
      what.run();
      hasNews = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void tellChange() {
    lock.lock();
    try {
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void run() {
    while (true) {
      Map<Key, Instant> due;
      List<Task> done;
      Set<String> again;
      List<Gate> open;
      lock.lock();
      try {
        deciding = false;
        changed.signalAll();
        while (!hasNews && !stopping) {
          changed.awaitUninterruptibly();
        }
        if (stopping) {
          return;
        }
        deciding = true;
        hasNews = false;
        due = Map.copyOf(signals);
        done = List.copyOf(finished);
        again = Set.copyOf(resumed);
        open = List.copyOf(opened);
        signals.clear();
        finished.clear();
        resumed.clear();
        opened.clear();
      } finally {
        lock.unlock();
      }
      try {
        done.forEach(this::settleFinished);
        due.forEach(this::lookAt);
        again.forEach(this::resumeHere);
        open.forEach(gate -> traffic.next(gate).forEach(this::line));
        dispatch();
      } catch (RuntimeException e) {
        log.error("the scheduler failed; it goes on", e);
      }
    }
  }

  private void settleFinished(Task task) {
    var queue = task.queue;
    slots.giveBack(task);
    if (task.permit != null) {
      var receiver = task.permit.receiver();
      if (receiver != null) {
        queue.setReceiver(receiver);
      }
      traffic.end(task.permit).forEach(this::line);
    }
    if (task.putOff != null) {
      queue.setPuttingOff(false);
    } else {
      learn(queue, task, task.leases.getFirst().id());
    }
    line(queue);
  }

  private void learn(DestinationQueue queue, Task task, String id) {
    switch (task.contact) {
      case Contact.Made made -> {
        boolean back = queue.isDown();
        queue.reached(id);
        if (back) {
          log.info("{} answers again", queue.key().destination());
        }
        recall(queue);
      }
      case Contact.Failed(var reply, var again) when queue.isBusy() -> {
        // Others are being served there: it has too much to do, but it is there.
        log.debug("{} refuses one of several: {}", queue.key().destination(), reply);
        queue.refused();
      }
      case Contact.Failed(var reply, var again) -> {
        var level = queue.isDown() ? Level.DEBUG : Level.INFO;
        queue.notReached(id, task.began, timer.now(), reply, again);
        log.atLevel(level)
            .log("{} rests until {}: {}", queue.key().destination(), queue.restEnds(), reply);
      }
      case Contact.None none -> queue.finished();
    }
  }

  private void recall(DestinationQueue queue) {
    if (queue.hasWaiting() && !queue.isDown() && suspension(queue.key().destination()) == null) {
      var extent = queue.hasMoreWaiting() ? Recall.Extent.ALL : Recall.Extent.THESE;
      recall.of(queue.key(), queue.waiting(), extent);
      queue.forgetWaiting();
    }
  }

  private void lookAt(Key key, Instant at) {
    var queue = queues.computeIfAbsent(key, this::queue);
    if (at.isAfter(timer.now())) {
      wake(queue, at);
    } else {
      line(queue);
    }
  }

  private DestinationQueue queue(Key key) {
    var target = Destinations.parse(key.destination());
    return new DestinationQueue(key, target, limits.window(target));
  }

  private void resumeHere(String destination) {
    for (var queue : queues.values()) {
      if (queue.key().destination().equals(destination)) {
        if (queue.isDown()) {
          queue.endRest();
          recall.of(queue.key(), queue.waiting(), Recall.Extent.ONE);
        } else {
          recall(queue);
        }
        line(queue);
      }
    }
  }

  private void wake(DestinationQueue queue, Instant at) {
    queue.wakeBy(at, timer, () -> due(queue.key().zone(), queue.key().destination(), at));
  }

  private void line(DestinationQueue queue) {
    if (!queue.isReady()) {
      queue.setReady(true);
      ready.addLast(queue);
    }
  }

  /** One claim for the first in the line, which then stands at its end: they take turns. */
  private void dispatch() {
    if (store.hasFailed()) {
      // What is delivered now would not be remembered, and come a second time after a restart.
      if (!stalled) {
        log.error("the queue's storage has failed: no mail is sent until it is mended");
      }
      stalled = true;
      return;
    }
    while (!ready.isEmpty() && hasRoom()) {
      var queue = ready.removeFirst();
      queue.setReady(false);
      try {
        turn(queue);
      } catch (RuntimeException e) { // of the store
        log.error("{} is looked at again in {}", queue.key(), AFTER_FAILURE, e);
        queue.awake();
        wake(queue, timer.now().plus(AFTER_FAILURE));
        traffic.instead(queue).forEach(this::line);
      }
    }
    if (!ready.isEmpty()) {
      slots.nextFree().ifPresent(this::wakeForSlot);
    }
  }

  private void turn(DestinationQueue queue) {
    var why = whyNot(queue);
    if (why != null) {
      putOff(queue, why);
      traffic.instead(queue).forEach(this::line);
      return;
    }
    if (queue.isHere()) {
      if (queue.hasRoom()) {
        claim(queue, null);
      }
      return;
    }
    queue.setWidest(traffic.connectionsPerDomain(queue.key().zone()));
    if (!queue.hasRoom()) {
      traffic.instead(queue).forEach(this::line);
      return;
    }
    switch (traffic.ask(queue)) {
      case Traffic.Answer.Now(var permit, var beside) -> {
        beside.forEach(this::line);
        claim(queue, permit);
      }
      case Traffic.Answer.Later(var instead) -> instead.forEach(this::line);
      case Traffic.Answer.At(var time, var gate, var instead) -> {
        instead.forEach(this::line);
        timer.at(time, () -> news(() -> opened.add(gate)));
      }
    }
  }

  private void wakeForSlot(Instant at) {
    if (!nextSlot.isAfter(timer.now())) { // else it wakes in time already
      nextSlot = at;
      timer.at(at, () -> news(() -> {}));
    }
  }

  private boolean hasRoom() {
    lock.lock();
    try {
      return !stopping && slots.isFree(timer.now());
    } finally {
      lock.unlock();
    }
  }

  /** What mail that is due for this destination meets, or null if it is tried. */
  private @Nullable SmtpReply whyNot(DestinationQueue queue) {
    var suspension = suspension(queue.key().destination());
    if (suspension != null) {
      return suspension.reply();
    }
    var failure = queue.restsFor(timer.now());
    return failure == null
        ? null
        : SmtpReply.of(451, "4.4.1", "not tried: nobody was reached before: " + failure);
  }

  private @Nullable Suspension suspension(String destination) {
    var suspension = suspensions.get(destination);
    return suspension == null || suspension.isOver(timer.now()) ? null : suspension;
  }

  private void claim(DestinationQueue queue, Traffic.@Nullable Permit permit) {
    var leases = List.<Lease>of();
    try {
      leases = store.claim(queue.key().zone(), queue.key().destination(), 1, LEASE);
    } finally {
      if (leases.isEmpty() && permit != null) {
        traffic.end(permit).forEach(this::line);
      }
    }
    if (!leases.isEmpty()) {
      if (permit != null) {
        permit.claimed(leases.getFirst().rows().size());
      }
      queue.started();
      start(Task.attempt(queue, leases, permit, timer.now()));
      line(queue);
      return;
    }
    if (queue.isDown() && queue.running() == 0 && !queue.scouts().isEmpty()) {
      recall.of(queue.key(), queue.scouts(), Recall.Extent.ONE);
    }
    await(queue);
  }

  private void putOff(DestinationQueue queue, SmtpReply why) {
    if (queue.isPuttingOff()) {
      return; // and stands in the line again when that is done
    }
    var leases = store.claim(queue.key().zone(), queue.key().destination(), PUT_OFF, LEASE);
    if (leases.isEmpty()) {
      await(queue);
      return;
    }
    leases.forEach(lease -> queue.waits(lease.id()));
    queue.setPuttingOff(true);
    start(Task.putOff(queue, leases, why, timer.now()));
  }

  /** Nothing is due: sees to it that the destination is looked at when something is. */
  private void await(DestinationQueue queue) {
    var key = queue.key();
    queue.awake();
    store.nextDue(key.zone(), key.destination()).ifPresent(at -> wake(queue, at));
    if (queue.restEnds().isAfter(timer.now())) {
      wake(queue, queue.restEnds());
    }
    if (queue.isIdle()) {
      queues.remove(key);
    }
  }

  private void start(Task task) {
    slots.take(task, timer.now());
    lock.lock();
    try {
      runningNow++;
    } finally {
      lock.unlock();
    }
    threads.execute(() -> run(task));
  }

  private void run(Task task) {
    try {
      for (var lease : task.leases) {
        if (task.putOff != null) {
          putOff(lease, task.putOff);
        } else {
          task.contact =
              attempt(
                  lease, task.queue.target(), task.permit == null ? Passage.free() : task.permit);
        }
      }
    } finally {
      news(() -> {
        runningNow--;
        finished.add(task);
      });
    }
  }

  private void putOff(Lease lease, SmtpReply reply) {
    try {
      worker.putOff(lease, reply);
    } catch (Throwable e) {
      afterFailure(lease, e);
    }
  }

  private Contact attempt(Lease lease, Target target, Passage passage) {
    try {
      return worker.work(lease, target, passage);
    } catch (Throwable e) { // whatever it was, the lease must not hang until it runs out
      afterFailure(lease, e);
      return new Contact.None();
    }
  }

  /** Given back as it was, it would be the first again, and hold up all that wait behind it. */
  private void afterFailure(Lease lease, Throwable failure) {
    log.error("{} an attempt failed; it is made again in {}", lease.id(), AFTER_FAILURE, failure);
    var later = new RecipientResult.Deferred(FAILED, timer.now().plus(AFTER_FAILURE));
    try {
      store.settle(lease, Collections.nCopies(lease.rows().size(), later));
    } catch (RuntimeException e) {
      log.error("{} could not be put off; its lease runs out", lease.id(), e);
    }
  }

  // ---- for operators

  /**
   * Has mail for a destination put off, as long as this server runs; attempts that run go on. What
   * comes due is put off as if it had been tried in vain, so it expires in its time.
   *
   * @param destination as the queue writes it, in whatever zone: a domain, {@code host:port}, or
   *     {@code local}
   * @param time for which, or null to wait for {@link #resume}
   * @throws IllegalArgumentException if that is where failures wait to be reported
   */
  public void suspend(String destination, @Nullable Duration time) {
    if (destination.equals(Destinations.REPORT)) {
      throw new IllegalArgumentException("reports are not suspended");
    }
    var until = time == null ? null : timer.now().plus(time);
    var end = until == null ? null : timer.at(until, () -> resumeIfOver(destination));
    cancel(suspensions.put(destination, new Suspension(until, end)));
  }

  private void resumeIfOver(String destination) {
    if (suspension(destination) == null) { // else there is a longer one now
      resume(destination);
    }
  }

  /**
   * Ends a suspension: what was put off for it goes out at once. Ends a rest too: one message is
   * tried at once, and when somebody is reached, the others are.
   */
  public void resume(String destination) {
    cancel(suspensions.remove(destination));
    news(() -> resumed.add(destination));
  }

  private static void cancel(@Nullable Suspension suspension) {
    if (suspension != null && suspension.end() != null) {
      suspension.end().cancel();
    }
  }

  /**
   * How the destinations do for which something waits or runs, and those that are suspended; by
   * name, two zones taken together.
   */
  public Map<String, DestinationState> destinations() {
    var states = new HashMap<String, DestinationState>();
    queues.forEach(
        (key, queue) -> states.merge(key.destination(), queue.state(), DestinationState::and));
    suspensions.forEach((name, suspension) ->
        states.put(
            name,
            states.getOrDefault(name, DestinationState.unknown()).suspended(suspension.until())));
    return Map.copyOf(states);
  }

  /** Why nothing is tried now for a destination of a zone, whatever is due; for people. */
  public Optional<String> whyNot(String zone, String destination) {
    var suspension = suspension(destination);
    if (suspension != null) {
      return Optional.of("suspended" + end(suspension.until()));
    }
    var queue = queues.get(new Key(zone, destination));
    var bound =
        queue == null || queue.isHere()
            ? Optional.<String>empty()
            : traffic.whyNot(zone, queue.receiver());
    var state = queue == null ? DestinationState.unknown() : queue.state();
    return state.status() == DestinationState.Status.RESTING
        ? Optional.of("rests" + end(state.until()) + ": " + state.failure())
        : bound;
  }

  private static String end(@Nullable Instant until) {
    return until == null ? "" : " until " + until;
  }

  // ---- the end of it

  /**
   * Waits until nothing can happen before time passes or something comes in: what is stored is in
   * its line, no attempt runs, and what is due is not to be tried.
   *
   * @return false if the time ran out first
   */
  public boolean awaitQuiet(Duration timeout) {
    long end = System.nanoTime() + timeout.toNanos();
    try {
      while (awaitTurn(end)) {
        if (!hasUnclaimed()) {
          return true;
        }
        TimeUnit.NANOSECONDS.sleep(100_000); // the store is about to tell of it
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return false;
  }

  private boolean awaitTurn(long end) throws InterruptedException {
    lock.lock();
    try {
      long left = end - System.nanoTime();
      while ((deciding || hasNews || runningNow > 0 || !recall.isIdle()) && left > 0) {
        left = changed.awaitNanos(left);
      }
      return left > 0;
    } finally {
      lock.unlock();
    }
  }

  /** Whether the store has something that is due, or not yet in line. */
  private boolean hasUnclaimed() {
    long unfinished =
        store.counts().entrySet().stream()
            .filter(count -> count.getKey() != DeliveryStatus.HELD)
            .mapToLong(Map.Entry::getValue)
            .sum();
    long waiting = 0;
    boolean due = false;
    for (var destination : store.destinations()) {
      waiting += destination.waiting();
      due |=
          !destination.nextDue().isAfter(timer.now())
              && !waitsForTurn(new Key(destination.zone(), destination.name()));
    }
    boolean tries = limits.attempts() > 0 && !store.hasFailed();
    return waiting < unfinished || (due && tries);
  }

  /** Whether it is told when it may go on. */
  private boolean waitsForTurn(Key key) {
    var queue = queues.get(key);
    return queue != null && queue.waitsAt() != null;
  }

  /** Attempts that run now. */
  public int runningAttempts() {
    lock.lock();
    try {
      return runningNow;
    } finally {
      lock.unlock();
    }
  }

  /** Starts no attempt any more; those that run go on. */
  public void stopClaiming() {
    recall.close();
    lock.lock();
    try {
      stopping = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until no attempt runs, and none can begin any more; to be called after {@link
   * #stopClaiming}.
   *
   * @return false if the time ran out first
   */
  public boolean awaitIdle(Duration timeout) {
    long end = System.nanoTime() + timeout.toNanos();
    try {
      // What the thread has claimed already it will still start.
      if (thread.isAlive() && !thread.join(atLeastAMoment(timeout))) {
        return false;
      }
      return awaitAttempts(end);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static Duration atLeastAMoment(Duration timeout) {
    var moment = Duration.ofMillis(100);
    return timeout.compareTo(moment) < 0 ? moment : timeout;
  }

  private boolean awaitAttempts(long end) throws InterruptedException {
    lock.lock();
    try {
      long left = end - System.nanoTime();
      while (runningNow > 0 && left > 0) {
        left = changed.awaitNanos(left);
      }
      return runningNow == 0;
    } finally {
      lock.unlock();
    }
  }

  /** Ends what still runs. To be called when the store is closed: threads are interrupted. */
  @Override
  public void close() {
    stopClaiming();
    queues.values().forEach(DestinationQueue::awake);
    suspensions.values().forEach(MultiModeDeliverySystem::cancel);
    threads.shutdownNow();
  }
}
