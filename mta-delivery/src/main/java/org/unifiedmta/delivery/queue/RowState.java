package org.unifiedmta.delivery.queue;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.reply.SmtpReply;

/**
 * What a store must remember of a row that changed.
 *
 * @param finished whether the row is to be forgotten
 * @param due when it may be tried next, if not finished
 * @param onHold whether it is not to be tried before somebody releases it
 * @param handingOver whether an attempt of which no result is known has begun to hand the content
 *     over
 * @param possibleDuplicate whether a process ended while it was {@code handingOver}
 * @param rerouted where it goes in place of where it was to go when it was added, or null
 * @param first attempt, or null before
 * @param last attempt, which may be the first too
 */
public record RowState(
    int number,
    boolean finished,
    DeliveryStatus status,
    int attempts,
    Instant due,
    boolean onHold,
    boolean handingOver,
    boolean possibleDuplicate,
    @Nullable Reroute rerouted,
    @Nullable Attempt first,
    @Nullable Attempt last) {

  /** Another way. */
  public record Reroute(String zone, String destination) {}

  /** A row that has not been tried. */
  public static RowState pending(int number, Instant due) {
    return new RowState(
        number, false, DeliveryStatus.PENDING, 0, due, false, false, false, null, null, null);
  }

  /** What it is when this is the result of an attempt, or, where it had failed, of a report. */
  public RowState after(RecipientResult result, Instant now) {
    boolean report = status == DeliveryStatus.FAILED;
    return switch (result) {
      case RecipientResult.Delivered delivered when report -> ended();
      case RecipientResult.Delivered(var reply) ->
          tried(DeliveryStatus.DELIVERED, now, new Attempt(now, reply)).ended();
      case RecipientResult.Reported reported -> ended();
      // A report that could not be made: what is to be reported stays as it is.
      case RecipientResult.Deferred deferred when report -> withDue(deferred.due());
      case RecipientResult.Failed failed when report -> withDue(now);
      case RecipientResult.Deferred(var reply, var again) ->
          tried(DeliveryStatus.DEFERRED, again, new Attempt(now, reply));
      case RecipientResult.Failed(var reply) ->
          tried(DeliveryStatus.FAILED, now, new Attempt(now, reply)).withHold(false);
    };
  }

  private RowState tried(DeliveryStatus became, Instant next, Attempt attempt) {
    return shownAs(became)
        .withDue(next)
        .withHandover(false, possibleDuplicate)
        .withAttempts(attempts + 1, first == null ? attempt : first, attempt);
  }

  /** The last attempt's, or null before. */
  public @Nullable SmtpReply lastReply() {
    return last == null ? null : last.reply();
  }

  /** The same at another time. */
  public RowState withDue(Instant other) {
    return new RowState(
        number,
        finished,
        status,
        attempts,
        other,
        onHold,
        handingOver,
        possibleDuplicate,
        rerouted,
        first,
        last);
  }

  /** The same on hold, or not. */
  public RowState withHold(boolean held) {
    return new RowState(
        number,
        finished,
        status,
        attempts,
        due,
        held,
        handingOver,
        possibleDuplicate,
        rerouted,
        first,
        last);
  }

  /** The same with other attempts. */
  public RowState withAttempts(int count, @Nullable Attempt one, @Nullable Attempt another) {
    return new RowState(
        number,
        finished,
        status,
        count,
        due,
        onHold,
        handingOver,
        possibleDuplicate,
        rerouted,
        one,
        another);
  }

  /** The same, but for what is known of its content's way. */
  public RowState withHandover(boolean begun, boolean doubtful) {
    return new RowState(
        number, finished, status, attempts, due, onHold, begun, doubtful, rerouted, first, last);
  }

  /** The same, sent another way. */
  public RowState withReroute(@Nullable Reroute other) {
    return new RowState(
        number,
        finished,
        status,
        attempts,
        due,
        onHold,
        handingOver,
        possibleDuplicate,
        other,
        first,
        last);
  }

  /** The same when the process ended. */
  public RowState interrupted() {
    return withHandover(false, possibleDuplicate || handingOver);
  }

  /** The status that is shown of a row that no lease holds. */
  DeliveryStatus shown() {
    return onHold && status != DeliveryStatus.FAILED ? DeliveryStatus.HELD : status;
  }

  /** The same as somebody sees it. */
  public RowState shownAs(DeliveryStatus shown) {
    return new RowState(
        number,
        finished,
        shown,
        attempts,
        due,
        onHold,
        handingOver,
        possibleDuplicate,
        rerouted,
        first,
        last);
  }

  /** The same, cancelled. */
  public RowState cancelled() {
    return shownAs(DeliveryStatus.CANCELLED).ended();
  }

  /** The same, to be forgotten. */
  public RowState ended() {
    return new RowState(
        number,
        true,
        status,
        attempts,
        due,
        onHold,
        handingOver,
        possibleDuplicate,
        rerouted,
        first,
        last);
  }
}
