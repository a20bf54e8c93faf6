package org.unifiedmta.delivery.queue;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.reply.SmtpReply;

/**
 * The attempts to deliver to one recipient, in order. Bounded: of many, or of long replies, the
 * first is kept, and as many of the last as there is room for.
 *
 * @param count of all attempts, those included that are not kept
 * @param attempts those that are kept
 */
public record History(int count, List<Attempt> attempts) {
  /** Before the first attempt. */
  public static final History NONE = new History(0, List.of());

  private static final int MOST = 64;
  private static final int CHARACTERS = 8 * 1024;

  public History {
    attempts = List.copyOf(attempts);
  }

  /** With another attempt. */
  History and(Attempt next) {
    var all = new ArrayList<>(attempts);
    var last = last();
    if (last != null && last.reply().equals(next.reply())) {
      all.add(new Attempt(next.at(), last.reply())); // one text in memory
    } else {
      all.add(next);
    }
    while (all.size() > 2 && (all.size() > MOST || charactersOf(all) > CHARACTERS)) {
      all.remove(1);
    }
    return new History(count + 1, all);
  }

  /** A reply that was the one before too is in memory, and on the disk, once. */
  private static int charactersOf(List<Attempt> attempts) {
    int sum = 0;
    SmtpReply before = null;
    for (var attempt : attempts) {
      if (!attempt.reply().equals(before)) {
        before = attempt.reply();
        sum += before.lines().stream().mapToInt(String::length).sum();
      }
    }
    return sum;
  }

  /** Null before the first. */
  public @Nullable Attempt first() {
    return attempts.isEmpty() ? null : attempts.getFirst();
  }

  /** Null before the first. */
  public @Nullable Attempt last() {
    return attempts.isEmpty() ? null : attempts.getLast();
  }

  /** Of the last attempt, or null before. */
  public @Nullable SmtpReply lastReply() {
    var last = last();
    return last == null ? null : last.reply();
  }
}
