package org.unifiedmta.delivery.queue;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.reply.SmtpReply;

/**
 * What a store must remember of a row that changed.
 *
 * @param finished whether the row is to be forgotten
 * @param due when it may be tried next, if not finished
 */
public record RowState(
    int number,
    boolean finished,
    DeliveryStatus status,
    int attempts,
    Instant due,
    @Nullable SmtpReply lastReply) {

  /** What it is when this is the result of an attempt, or, where it had failed, of a report. */
  public RowState after(RecipientResult result, Instant now) {
    boolean report = status == DeliveryStatus.FAILED;
    return switch (result) {
      case RecipientResult.Delivered delivered when report -> ended();
      case RecipientResult.Delivered delivered ->
          new RowState(
              number, true, DeliveryStatus.DELIVERED, attempts + 1, now, delivered.reply());
      case RecipientResult.Reported reported ->
          new RowState(number, true, DeliveryStatus.FAILED, attempts, now, lastReply);
      // A report that could not be made: what is to be reported stays as it is.
      case RecipientResult.Deferred deferred when report -> withDue(deferred.due());
      case RecipientResult.Failed failed when report -> withDue(now);
      case RecipientResult.Deferred deferred ->
          new RowState(
              number,
              false,
              DeliveryStatus.DEFERRED,
              attempts + 1,
              deferred.due(),
              deferred.reply());
      case RecipientResult.Failed failed ->
          new RowState(number, false, DeliveryStatus.FAILED, attempts + 1, now, failed.reply());
    };
  }

  /** The same at another time. */
  public RowState withDue(Instant other) {
    return new RowState(number, finished, status, attempts, other, lastReply);
  }

  /** The same, cancelled. */
  public RowState cancelled() {
    return new RowState(number, true, DeliveryStatus.CANCELLED, attempts, due, lastReply);
  }

  /** The same, to be forgotten. */
  public RowState ended() {
    return new RowState(number, true, status, attempts, due, lastReply);
  }
}
