package org.unifiedmta.delivery.queue;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

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
 * @param history its attempts
 */
public record RowState(
    int number,
    boolean finished,
    DeliveryStatus status,
    Instant due,
    boolean onHold,
    boolean handingOver,
    boolean possibleDuplicate,
    @Nullable Reroute rerouted,
    History history) {

  /** Another way. */
  public record Reroute(String zone, String destination) {}

  /** A row that has not been tried. */
  public static RowState pending(int number, Instant due) {
    return new RowState(
        number, false, DeliveryStatus.PENDING, due, false, false, false, null, History.NONE);
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
        .withHistory(history.and(attempt));
  }

  /** How many have been made. */
  public int attempts() {
    return history.count();
  }

  /** The same at another time. */
  public RowState withDue(Instant other) {
    return new RowState(
        number, finished, status, other, onHold, handingOver, possibleDuplicate, rerouted, history);
  }

  /** The same on hold, or not. */
  public RowState withHold(boolean held) {
    return new RowState(
        number, finished, status, due, held, handingOver, possibleDuplicate, rerouted, history);
  }

  /** The same with other attempts. */
  public RowState withHistory(History other) {
    return new RowState(
        number, finished, status, due, onHold, handingOver, possibleDuplicate, rerouted, other);
  }

  /** The same, but for what is known of its content's way. */
  public RowState withHandover(boolean begun, boolean doubtful) {
    return new RowState(number, finished, status, due, onHold, begun, doubtful, rerouted, history);
  }

  /** The same, sent another way. */
  public RowState withReroute(@Nullable Reroute other) {
    return new RowState(
        number, finished, status, due, onHold, handingOver, possibleDuplicate, other, history);
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
        number, finished, shown, due, onHold, handingOver, possibleDuplicate, rerouted, history);
  }

  /** The same, cancelled. */
  public RowState cancelled() {
    return shownAs(DeliveryStatus.CANCELLED).ended();
  }

  /** The same, to be forgotten. */
  public RowState ended() {
    return new RowState(
        number, true, status, due, onHold, handingOver, possibleDuplicate, rerouted, history);
  }
}
