package org.unifiedmta.delivery.schedule;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.reply.SmtpReply;

/**
 * How a destination does.
 *
 * @param running attempts under way
 * @param window how many there may be
 * @param until when a rest or suspension ends; null if there is none, or no end to it
 * @param failure what the last attempt met that reached nobody; null once somebody is reached
 */
public record DestinationState(
    Status status, int running, int window, @Nullable Instant until, @Nullable SmtpReply failure) {

  /** What is done with mail that is due. */
  public enum Status {
    /** It is tried. */
    ACTIVE,
    /** Nobody could be reached: it is put off, until one message finds out whether that is over. */
    RESTING,
    /** Somebody wants that it is put off. */
    SUSPENDED
  }

  static DestinationState unknown() {
    return new DestinationState(Status.ACTIVE, 0, 1, null, null);
  }

  /** Of one destination by two zones. */
  DestinationState and(DestinationState other) {
    var worse = status.compareTo(other.status) >= 0 ? this : other;
    return new DestinationState(
        worse.status,
        running + other.running,
        window + other.window,
        worse.until,
        worse.failure == null ? (worse == this ? other : this).failure : worse.failure);
  }

  DestinationState suspended(@Nullable Instant end) {
    return new DestinationState(Status.SUSPENDED, running, window, end, failure);
  }
}
