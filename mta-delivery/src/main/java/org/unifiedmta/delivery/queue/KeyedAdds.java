package org.unifiedmta.delivery.queue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Has all who add a message with the same key end with the same one, at once or one after the
 * other. Thread-safe; holds only what is under way.
 */
public final class KeyedAdds {
  private final Function<IdempotencyKey, OptionalLong> known;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<IdempotencyKey, List<BiConsumer<@Nullable String, @Nullable Throwable>>>
      underWay = new HashMap<>();

  /**
   * @param known the id of the message that was stored with a key, if it is remembered; must
   *     remember it before it is told that the message is stored
   */
  public KeyedAdds(Function<IdempotencyKey, OptionalLong> known) {
    this.known = known;
  }

  /**
   * Adds a message, or tells what became of the one that was added before.
   *
   * @param add adds it, and tells what became of it
   */
  public void add(
      NewMessage message,
      BiConsumer<@Nullable String, @Nullable Throwable> done,
      Consumer<BiConsumer<@Nullable String, @Nullable Throwable>> add) {
    var given = message.idempotencyKey();
    if (given == null) {
      add.accept(done);
      return;
    }
    var key = IdempotencyKey.of(given);
    if (waits(key, done)) {
      message.body().close();
      return;
    }
    OptionalLong before;
    try {
      before = known.apply(key);
    } catch (RuntimeException e) {
      message.body().close();
      end(key, null, e, done);
      return;
    }
    if (before.isPresent()) {
      message.body().close();
      end(key, MessageIds.text(before.getAsLong()), null, done);
    } else {
      add.accept((id, why) -> end(key, id, why, done));
    }
  }

  /** Whether somebody adds with this key already, and will tell. */
  private boolean waits(
      IdempotencyKey key, BiConsumer<@Nullable String, @Nullable Throwable> done) {
    lock.lock();
    try {
      var others = underWay.get(key);
      if (others == null) {
        underWay.put(key, new ArrayList<>(0));
      } else {
        others.add(done);
      }
      return others != null;
    } finally {
      lock.unlock();
    }
  }

  private void end(
      IdempotencyKey key,
      @Nullable String id,
      @Nullable Throwable why,
      BiConsumer<@Nullable String, @Nullable Throwable> done) {
    List<BiConsumer<@Nullable String, @Nullable Throwable>> others;
    lock.lock();
    try {
      others = underWay.remove(key);
    } finally {
      lock.unlock();
    }
    try {
      done.accept(id, why);
    } finally {
      if (others != null) {
        others.forEach(other -> other.accept(id, why));
      }
    }
  }
}
