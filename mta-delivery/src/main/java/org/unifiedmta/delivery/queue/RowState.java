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

  /** The same, to be forgotten. */
  public RowState ended() {
    return new RowState(number, true, status, attempts, due, lastReply);
  }
}
