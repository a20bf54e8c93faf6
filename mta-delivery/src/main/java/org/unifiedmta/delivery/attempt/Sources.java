package org.unifiedmta.delivery.attempt;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.routing.zone.IpPool.Source;
import org.unifiedmta.routing.zone.SourceChooser;

/**
 * Which of our addresses a message leaves from: not one that a receiver does not want to see for a
 * while, and of a new one only so many a day. Remembers both over a restart. Thread-safe.
 */
public final class Sources implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Sources.class);
  private static final String RESTS = "sources/rests";
  private static final String SENT = "sources/sent";
  private static final int MOST_RESTS = 10_000;

  /** Messages of a day that a crash may forget, of each new address. */
  private static final int KEPT_EACH = 10;

  private record Rest(InetAddress source, String receiver) {}

  private record Day(LocalDate day, long sent) {}

  private final StorageManager storage;
  private final Timer timer;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Rest, Instant> rests = new LinkedHashMap<>();
  private final Map<InetAddress, Day> days = new HashMap<>();

  /** Takes up what was remembered. */
  public Sources(StorageManager storage, Timer timer) {
    this.storage = storage;
    this.timer = timer;
    read(RESTS, words -> rests.put(new Rest(ip(words[0]), words[1]), Instant.parse(words[2])));
    read(
        SENT,
        words ->
            days.put(ip(words[0]), new Day(LocalDate.parse(words[1]), Long.parseLong(words[2]))));
  }

  private interface Line {
    void take(String[] words);
  }

  private void read(String key, Line line) {
    storage
        .get(key)
        .ifPresent(bytes ->
            new String(bytes, StandardCharsets.UTF_8)
                .lines()
                .forEach(text -> {
                  try {
                    line.take(text.split(" ", 3));
                  } catch (RuntimeException e) {
                    log.warn("{} has a line that is not understood: {}", key, text);
                  }
                }));
  }

  private static InetAddress ip(String text) {
    var ip = Literals.ip(text);
    if (ip == null) {
      throw new IllegalArgumentException("no IP address: " + text);
    }
    return ip;
  }

  /**
   * The source for a message; the same each time, as long as it may be used.
   *
   * @param sources to choose from
   */
  Optional<Source> choose(List<Source> sources, String message, String receiver) {
    lock.lock();
    try {
      return SourceChooser.choose(sources, message, source -> mayUse(source, receiver));
    } finally {
      lock.unlock();
    }
  }

  private boolean mayUse(Source source, String receiver) {
    var until = rests.get(new Rest(source.address(), receiver));
    if (until != null && until.isAfter(timer.now())) {
      return false;
    }
    var warmup = source.warmup();
    return warmup == null || sentToday(source.address()) < warmup.quota(today());
  }

  private LocalDate today() {
    return LocalDate.ofInstant(timer.now(), ZoneOffset.UTC);
  }

  private long sentToday(InetAddress source) {
    var day = days.get(source);
    return day == null || !day.day.equals(today()) ? 0 : day.sent;
  }

  /** A message is about to leave from there. */
  void used(Source source) {
    if (source.warmup() == null) {
      return;
    }
    String written = null;
    lock.lock();
    try {
      long sent = sentToday(source.address()) + 1;
      days.put(source.address(), new Day(today(), sent));
      written = sent % KEPT_EACH == 1 ? days() : null;
    } finally {
      lock.unlock();
    }
    if (written != null) {
      keep(SENT, written);
    }
  }

  /** A receiver does not want to see an address for a while. */
  void rest(InetAddress source, String receiver, Duration time) {
    String written;
    lock.lock();
    try {
      var now = timer.now();
      rests.values().removeIf(until -> !until.isAfter(now));
      if (rests.size() < MOST_RESTS) {
        rests.put(new Rest(source, receiver), now.plus(time));
      }
      written =
          rests.entrySet().stream()
              .map(rest ->
                  rest.getKey().source.getHostAddress()
                      + " "
                      + rest.getKey().receiver
                      + " "
                      + rest.getValue())
              .collect(Collectors.joining("\n"));
    } finally {
      lock.unlock();
    }
    log.info("{} rests for {}, for {}", source.getHostAddress(), receiver, time);
    keep(RESTS, written);
  }

  private String days() {
    return days.entrySet().stream()
        .map(day ->
            day.getKey().getHostAddress() + " " + day.getValue().day + " " + day.getValue().sent)
        .collect(Collectors.joining("\n"));
  }

  private void keep(String key, String text) {
    try {
      storage.set(key, text.getBytes(StandardCharsets.UTF_8));
    } catch (RuntimeException e) {
      log.warn("{} could not be kept, and is forgotten with this process", key, e);
    }
  }

  /** Keeps how much was sent today. */
  @Override
  public void close() {
    String written;
    lock.lock();
    try {
      written = days();
    } finally {
      lock.unlock();
    }
    if (!written.isEmpty()) {
      keep(SENT, written);
    }
  }
}
