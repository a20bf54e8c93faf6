package org.unifiedmta.smtp.pool;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.security.transport.TlsFacts;
import org.unifiedmta.smtp.client.RecipientReplies;
import org.unifiedmta.smtp.client.SmtpClient;
import org.unifiedmta.smtp.client.SmtpException;

/**
 * Sends over connections that are kept open a little while. A connection serves one message at a
 * time, and only messages of its own key.
 */
public final class SmtpClientPool implements AutoCloseable {

  /**
   * What one message met.
   *
   * @param tls null without
   * @param times that were waited, by phase; those before MAIL only on a new connection
   */
  public record Sent(
      RecipientReplies replies, @Nullable TlsFacts tls, Map<SmtpException.Phase, Duration> times) {}

  private static final class Idle {
    private final SmtpClient client;
    private final int messages;
    private Timer.@Nullable Handle expiry;

    Idle(SmtpClient client, int messages) {
      this.client = client;
      this.messages = messages;
    }
  }

  private final Timer timer;
  private final Duration idleTime;
  private final int messagesPerConnection;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<PoolKey, ArrayDeque<Idle>> idle = new HashMap<>();

  /** Whether it may be kept afterwards. */
  private final Map<SmtpClient, Boolean> busy = new IdentityHashMap<>();

  private boolean closed;

  /**
   * @param idleTime for which a connection waits for its next message
   * @param messagesPerConnection after which it is closed
   */
  public SmtpClientPool(Timer timer, Duration idleTime, int messagesPerConnection) {
    this.timer = timer;
    this.idleTime = idleTime;
    this.messagesPerConnection = messagesPerConnection;
  }

  /**
   * Sends one message over a connection that waits, or over a new one.
   *
   * @param most messages over one connection, if that is fewer than the pool's own
   * @param handOver is told before the content is complete
   * @throws org.unifiedmta.smtp.client.SmtpException if none can be had
   */
  public Sent send(
      PoolKey key, int most, Envelope envelope, ByteSource message, SmtpClient.HandOver handOver) {
    int limit = Math.min(most, messagesPerConnection);
    var waiting = take(key, limit);
    if (waiting != null) {
      int left = limit - waiting.messages;
      var sent = send(key, waiting, left, envelope, message, handOver);
      if (!sent.replies().unanswered()) {
        return sent;
      }
      // The server had closed it while it waited: nothing was heard, so nothing was accepted.
    }
    var client = SmtpClient.open(key.endpoint(), key.options(), timer);
    if (!markBusy(client)) {
      client.close();
      throw new IllegalStateException("the pool is closed");
    }
    return send(key, new Idle(client, 0), limit, envelope, message, handOver);
  }

  /**
   * @param left how many messages it may serve
   */
  private Sent send(
      PoolKey key,
      Idle with,
      int left,
      Envelope envelope,
      ByteSource message,
      SmtpClient.HandOver handOver) {
    var client = with.client;
    boolean reusable = false;
    try {
      var replies = client.send(envelope, message, handOver);
      reusable = replies.reusable();
      var times = new EnumMap<SmtpException.Phase, Duration>(SmtpException.Phase.class);
      if (with.messages == 0) {
        times.putAll(client.times());
      }
      times.putAll(replies.times());
      return new Sent(replies, client.tls().orElse(null), times);
    } finally {
      int most = Math.min(left, client.capabilities().mostMessages() - with.messages);
      giveBack(key, client, with.messages + 1, reusable, most > 1);
    }
  }

  /** One that waits, and has served fewer messages than this. */
  private @Nullable Idle take(PoolKey key, int limit) {
    lock.lock();
    try {
      var waiting = idle.get(key);
      if (waiting == null || waiting.getLast().messages >= limit) {
        return null; // one that has served more is closed when nobody needs it for a while
      }
      var taken = waiting.removeLast(); // the one that was used last is the likeliest to live
      if (waiting.isEmpty()) {
        idle.remove(key);
      }
      if (taken.expiry != null) {
        taken.expiry.cancel();
      }
      busy.put(taken.client, true);
      return taken;
    } finally {
      lock.unlock();
    }
  }

  private boolean markBusy(SmtpClient client) {
    lock.lock();
    try {
      if (!closed) {
        busy.put(client, true);
      }
      return !closed;
    } finally {
      lock.unlock();
    }
  }

  private void giveBack(
      PoolKey key, SmtpClient client, int messages, boolean reusable, boolean wanted) {
    boolean kept = false;
    lock.lock();
    try {
      boolean mayBeKept = Boolean.TRUE.equals(busy.remove(client));
      if (reusable && !closed && wanted && mayBeKept) {
        var waiting = new Idle(client, messages);
        idle.computeIfAbsent(key, k -> new ArrayDeque<>()).addLast(waiting);
        waiting.expiry = timer.at(timer.now().plus(idleTime), () -> expire(key, waiting));
        kept = true;
      }
    } finally {
      lock.unlock();
    }
    if (!kept) {
      goodbye(client, reusable);
    }
  }

  private void expire(PoolKey key, Idle waiting) {
    boolean found;
    lock.lock();
    try {
      var all = idle.get(key);
      found = all != null && all.remove(waiting);
      if (all != null && all.isEmpty()) {
        idle.remove(key);
      }
    } finally {
      lock.unlock();
    }
    if (found) {
      goodbye(waiting.client, true);
    }
  }

  /** On a thread of its own: the server may be slow to answer. */
  private static void goodbye(SmtpClient client, boolean politely) {
    Thread.ofVirtual().name("mta-quit").start(politely ? client::quit : client::close);
  }

  /** Connections that wait for a message. */
  public int idleConnections() {
    lock.lock();
    try {
      return idle.values().stream().mapToInt(ArrayDeque::size).sum();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Closes those that wait, and each of those at work when its message is done: how hosts are to be
   * spoken to has changed.
   */
  public void drain() {
    List<SmtpClient> waiting;
    lock.lock();
    try {
      waiting = takeAll();
      busy.replaceAll((client, kept) -> false);
    } finally {
      lock.unlock();
    }
    waiting.forEach(client -> goodbye(client, true));
  }

  private List<SmtpClient> takeAll() {
    var all = new ArrayList<SmtpClient>();
    for (var waiting : idle.values()) {
      for (var one : waiting) {
        if (one.expiry != null) {
          one.expiry.cancel();
        }
        all.add(one.client);
      }
    }
    idle.clear();
    return all;
  }

  /** Closes those that wait and ends those at work. */
  @Override
  public void close() {
    List<SmtpClient> waiting;
    List<SmtpClient> working;
    lock.lock();
    try {
      closed = true;
      waiting = takeAll();
      working = List.copyOf(busy.keySet());
    } finally {
      lock.unlock();
    }
    waiting.forEach(client -> goodbye(client, true));
    working.forEach(SmtpClient::abort);
  }
}
