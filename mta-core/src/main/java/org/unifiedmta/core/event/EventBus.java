package org.unifiedmta.core.event;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells events to listeners. Each subscription has one bounded queue and one thread; when its queue
 * is full the oldest event is dropped and counted. Publishing never waits for a listener.
 */
public final class EventBus implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(EventBus.class);
  private static final int QUEUE_LENGTH = 10_000;

  private final List<Listener<?>> listeners = new CopyOnWriteArrayList<>();
  private final AtomicInteger threads = new AtomicInteger();
  private final AtomicLong published = new AtomicLong();

  /** Hears all events of a class and its subclasses, in the order of their publication. */
  public <E extends MtaEvent> Subscription on(Class<E> type, Consumer<? super E> consumer) {
    var listener = new Listener<E>(type, consumer);
    listener.start("mta-events-" + threads.incrementAndGet());
    listeners.add(listener);
    return listener;
  }

  /** Publishes an event, which is built only if somebody listens to its class. */
  public <E extends MtaEvent> void publish(Class<E> type, Supplier<E> event) {
    published.incrementAndGet();
    E built = null;
    for (var listener : listeners) {
      if (listener.type.isAssignableFrom(type)) {
        built = built == null ? event.get() : built;
        listener.offer(built);
      }
    }
  }

  /** How many events there have been, also those that nobody listened to. */
  public long published() {
    return published.get();
  }

  /**
   * Waits until the listeners have heard everything; called by a listener, it does not wait for
   * that one.
   *
   * @return false if the time ran out first
   */
  public boolean awaitHeard(Duration timeout) {
    long end = System.nanoTime() + timeout.toNanos();
    try {
      for (var listener : listeners) {
        if (!listener.awaitHeard(end)) {
          return false;
        }
      }
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Lets the listeners hear what is waiting, for at most a second each, and ends their threads. */
  @Override
  public void close() {
    listeners.forEach(Listener::finish);
  }

  private final class Listener<E extends MtaEvent> implements Subscription {
    private final Class<E> type;
    private final Consumer<? super E> consumer;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Condition heard = lock.newCondition();
    private final ArrayDeque<MtaEvent> waiting = new ArrayDeque<>();
    private @Nullable Thread thread;
    private boolean listening;
    private boolean draining;
    private boolean closed;
    private long dropped;

    Listener(Class<E> type, Consumer<? super E> consumer) {
      this.type = type;
      this.consumer = consumer;
    }

    void start(String name) {
      thread = Thread.ofPlatform().daemon().name(name).start(this::run);
    }

    void offer(MtaEvent event) {
      lock.lock();
      try {
        if (closed) {
          return;
        }
        if (waiting.size() == QUEUE_LENGTH) {
          waiting.removeFirst();
          dropped++;
        }
        waiting.addLast(event);
        changed.signal();
      } finally {
        lock.unlock();
      }
    }

    private void run() {
      for (var event = next(); event != null; event = next()) {
        try {
          consumer.accept(type.cast(event));
        } catch (Throwable e) { // also checked exceptions, which other languages throw
          log.warn("a listener of {} failed", type.getSimpleName(), e);
        }
      }
    }

    private @Nullable MtaEvent next() {
      lock.lock();
      try {
        listening = false;
        if (waiting.isEmpty()) {
          heard.signalAll();
        }
        while (waiting.isEmpty() && !draining && !closed) {
          changed.awaitUninterruptibly();
        }
        listening = !closed && !waiting.isEmpty();
        return listening ? waiting.pollFirst() : null;
      } finally {
        lock.unlock();
      }
    }

    boolean awaitHeard(long end) throws InterruptedException {
      lock.lock();
      try {
        long left = end - System.nanoTime();
        while ((listening || !waiting.isEmpty()) && !isOver() && left > 0) {
          left = heard.awaitNanos(left);
        }
        return left > 0;
      } finally {
        lock.unlock();
      }
    }

    private boolean isOver() {
      return closed || thread == Thread.currentThread();
    }

    void finish() {
      stop(false);
      var running = thread;
      if (running != null && running != Thread.currentThread()) {
        try {
          running.join(1000);
          running.interrupt(); // it may sleep in the listener
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
      close();
    }

    private void stop(boolean atOnce) {
      lock.lock();
      try {
        draining = true;
        closed |= atOnce;
        changed.signal();
        heard.signalAll();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public long dropped() {
      lock.lock();
      try {
        return dropped;
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void close() {
      listeners.remove(this);
      stop(true);
    }
  }
}
