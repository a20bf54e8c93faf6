package org.unifiedmta.delivery.server;

import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.event.EventBus;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMCreator.KeyType;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry.State;
import org.unifiedmta.security.dkim.KeyRotation;
import org.unifiedmta.security.dkim.KeyRotation.Step;
import org.unifiedmta.security.dkim.PublishedKeys;
import org.unifiedmta.security.dkim.PublishedKeys.Seen;

/**
 * Takes the keys of our domains further, once when it starts and then every hour, on a virtual
 * thread of its own. Nobody here changes the DNS: what it lacks is told.
 */
final class KeyRotations implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(KeyRotations.class);
  private static final Duration BETWEEN = Duration.ofHours(1);
  private static final Duration TOLD_AGAIN = Duration.ofDays(1);

  private final DKIMCreator keys;
  private final List<DomainConfig> domains;
  private final PublishedKeys dns;
  private final EventBus events;
  private final Timer timer;

  /** Held while a key is changed, so that nothing is changed any more once this is closed. */
  private final ReentrantLock changing = new ReentrantLock();

  /** When it was last told what is wrong with a record or a domain, by its name. */
  private final Map<String, Instant> told = new HashMap<>();

  private volatile CompletableFuture<Void> run = CompletableFuture.completedFuture(null);
  private volatile Timer.@Nullable Handle next;
  private volatile boolean closed;

  private KeyRotations(
      DKIMCreator keys,
      List<DomainConfig> domains,
      PublishedKeys dns,
      EventBus events,
      Timer timer) {
    this.keys = keys;
    this.domains = List.copyOf(domains);
    this.dns = dns;
    this.events = events;
    this.timer = timer;
  }

  static KeyRotations start(
      DKIMCreator keys,
      List<DomainConfig> domains,
      PublishedKeys dns,
      EventBus events,
      Timer timer) {
    var rotations = new KeyRotations(keys, domains, dns, events, timer);
    rotations.begin();
    return rotations;
  }

  /** Runs once, on another thread; the next run is an hour after the end of this one. */
  private void begin() {
    var done = new CompletableFuture<Void>();
    run = done;
    Thread.ofVirtual()
        .name("mta-keys")
        .start(() -> {
          try {
            domains.forEach(this::rotate);
          } finally {
            again();
            done.complete(null);
          }
        });
  }

  private void again() {
    changing.lock();
    try {
      if (!closed) {
        next = timer.at(timer.now().plus(BETWEEN), this::begin);
      }
    } finally {
      changing.unlock();
    }
  }

  private void rotate(DomainConfig domain) {
    try {
      rotate(domain.domain(), rotation(domain.dkim()));
    } catch (RuntimeException e) {
      if (!closed && isToBeTold(domain.domain())) { // else what it is about may be gone, too
        log.error("the keys of {} are not rotated now", domain.domain(), e);
      }
    }
  }

  private static KeyRotation rotation(DomainConfig.Dkim wanted) {
    return new KeyRotation(
        Set.of(wanted.selector(), DKIMCreator.ed25519Selector(wanted.selector())),
        wanted.ed25519() ? EnumSet.allOf(KeyType.class) : EnumSet.of(KeyType.RSA),
        wanted.keySize(),
        wanted.rotateKeys() ? Duration.ofDays(wanted.rotationInterval()) : null);
  }

  private void rotate(String domain, KeyRotation rotation) {
    var seen = new HashMap<String, Seen>(); // each is asked for once in a run
    Function<Entry, Seen> looked =
        entry -> {
          var what = entry.selector() + (entry.state() == State.REVOKED ? " revoked" : "");
          return closed ? Seen.UNKNOWN : seen.computeIfAbsent(what, unused -> dns.look(entry));
        };
    var done = new HashSet<String>();
    for (var step = keys.next(domain, rotation, looked);
        step.isPresent();
        step = keys.next(domain, rotation, looked)) {
      if (!done.add(text(step.get()))) {
        if (!(step.get() instanceof Step.Delete)) { // which a store need not do
          log.warn("a step with the keys of {} is not kept: {}", domain, text(step.get()));
        }
        break;
      }
      if (!apply(step.get())) {
        return;
      }
    }
    for (var entry : keys.lookedFor(domain, rotation)) {
      tell(entry, looked.apply(entry));
    }
  }

  private static String text(Step step) {
    return switch (step) {
      case Step.Create(var old, var type, int bits) -> "one that follows " + old.selector();
      case Step.Move(var entry, var to) -> entry.selector() + " to " + to;
      case Step.Delete(var entry) -> entry.selector() + " deleted";
    };
  }

  /** False if this is closed. */
  private boolean apply(Step step) {
    changing.lock();
    try {
      if (closed) {
        return false;
      }
      keys.apply(step).ifPresent(now -> tell(step, now));
      return true;
    } finally {
      changing.unlock();
    }
  }

  private void tell(Step step, Entry now) {
    switch (step) {
      case Step.Delete delete ->
          log.debug("the key {} of {} is deleted", now.selector(), now.domain());
      case Step.Move(var before, var to) when before.state() == to -> {} // the time was noted
      case Step.Create create -> tellState(now);
      case Step.Move move -> tellState(now);
    }
  }

  private void tellState(Entry now) {
    log.info("the key {} of {} is {}", now.selector(), now.domain(), now.state());
    events.publish(
        MailEvent.KeyRotated.class,
        () -> new MailEvent.KeyRotated(timer.now(), now.domain(), now.selector(), now.state()));
  }

  private void tell(Entry entry, Seen seen) {
    var record = DKIMCreator.dnsRecord(entry);
    switch (seen) {
      case YES -> told.remove(record.name());
      case UNKNOWN -> log.debug("nobody says what the DNS has at {}", record.name());
      case NO -> {
        if (!isToBeTold(record.name())) {
          return;
        }
        log.warn("the DNS should have: {} TXT {}", record.name(), record.value());
        events.publish(
            MailEvent.KeyNotPublished.class,
            () ->
                new MailEvent.KeyNotPublished(
                    timer.now(), entry.domain(), entry.selector(), record.name(), record.value()));
      }
    }
  }

  private boolean isToBeTold(String name) {
    var now = timer.now();
    var last = told.get(name);
    boolean again = last == null || !now.isBefore(last.plus(TOLD_AGAIN));
    if (again) {
      told.put(name, now);
    }
    return again;
  }

  /** Waits until nothing happens any more before time passes; false if it took too long. */
  boolean awaitIdle(Duration timeout) {
    try {
      run.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
      return true;
    } catch (TimeoutException | ExecutionException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /**
   * Nothing is changed any more when it returns; a question that is under way is not waited for.
   */
  @Override
  public void close() {
    changing.lock();
    try {
      closed = true;
      var waiting = next;
      if (waiting != null) {
        waiting.cancel();
      }
    } finally {
      changing.unlock();
    }
  }
}
