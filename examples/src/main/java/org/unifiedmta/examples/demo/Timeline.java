package org.unifiedmta.examples.demo;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.delivery.event.MailEvent;

/** What all servers say of all messages, sorted into one story for each. Thread-safe. */
final class Timeline {

  /**
   * A message that a server's mail handler got, for one recipient.
   *
   * @param id of the message at that host
   * @param fingerprint of the body
   */
  record Arrival(Instant at, String host, String id, EmailAddress recipient, String fingerprint) {}

  /**
   * A report that a message has failed.
   *
   * @param about the Message-ID of the message, in brackets
   * @param status the fields of its delivery-status part (RFC 3464)
   */
  record Report(Instant at, String about, EmailAddress to, String subject, String status) {}

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Map<String, List<MailEvent>> events = new HashMap<>();
  private final Map<String, List<Arrival>> arrivals = new HashMap<>();
  private final Map<String, List<Report>> reports = new HashMap<>();
  private long facts;

  void heard(MailEvent event) {
    add(events, event.queueId(), event);
  }

  void arrived(Arrival arrival) {
    add(arrivals, receipt(arrival.host(), arrival.id()), arrival);
  }

  void reported(Report report) {
    add(reports, report.about(), report);
  }

  private <T> void add(Map<String, List<T>> map, String key, T fact) {
    lock.lock();
    try {
      map.computeIfAbsent(key, k -> new ArrayList<>()).add(fact);
      facts++;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** What names a message at the host that took it. */
  static String receipt(String host, String id) {
    return host + " " + id;
  }

  /**
   * Waits until every story has ended, or nothing has happened for a while.
   *
   * @param letters by the id of the message in the sender's queue
   * @param told hears each story when it ends, at last those that did not
   */
  void await(Map<String, Letter> letters, Duration patience, Consumer<Story> told)
      throws InterruptedException {
    var waiting = new LinkedHashMap<>(letters);
    long seen = -1;
    while (!waiting.isEmpty() && changedSince(seen, patience)) {
      var ended = new ArrayList<Story>();
      seen = collect(waiting, ended);
      for (var story : ended) {
        waiting.remove(story.id());
        told.accept(story);
      }
    }
    waiting.forEach((id, letter) -> told.accept(story(id, letter)));
  }

  private boolean changedSince(long seen, Duration patience) throws InterruptedException {
    long nanos = patience.toNanos();
    lock.lock();
    try {
      while (facts == seen && nanos > 0) {
        nanos = changed.awaitNanos(nanos);
      }
      return facts != seen;
    } finally {
      lock.unlock();
    }
  }

  /** The number of facts that were looked at. */
  private long collect(Map<String, Letter> waiting, List<Story> ended) {
    lock.lock();
    try {
      waiting.forEach((id, letter) -> {
        var story = story(id, letter);
        if (story.isEnded()) {
          ended.add(story);
        }
      });
      return facts;
    } finally {
      lock.unlock();
    }
  }

  private Story story(String id, Letter letter) {
    lock.lock();
    try {
      var told = List.copyOf(events.getOrDefault(id, List.of()));
      var arrived =
          Story.receipts(told).stream()
              .flatMap(receipt -> arrivals.getOrDefault(receipt, List.of()).stream())
              .toList();
      var about = reports.getOrDefault("<" + letter.messageId() + ">", List.of());
      return new Story(id, letter, told, arrived, List.copyOf(about));
    } finally {
      lock.unlock();
    }
  }
}
