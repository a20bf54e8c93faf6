package org.unifiedmta.delivery.queue;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;

/**
 * One recipient in the store.
 *
 * @param number its place in the message's list of recipients
 * @param status PENDING, PROCESSING, DEFERRED, HELD, or FAILED while its report is due
 * @param route name of the route that decided, or null for none
 * @param priority -9 to 9
 * @param due when it may be tried next
 * @param possibleDuplicate whether a crash ended an attempt that had begun to hand the content
 *     over, so that the recipient may have it already
 * @param history its attempts so far
 */
public record QueuedRow(
    int number,
    Recipient recipient,
    String zone,
    String destination,
    @Nullable String route,
    DeliveryStatus status,
    int priority,
    Instant due,
    boolean possibleDuplicate,
    History history) {

  /** How many are finished. */
  public int attempts() {
    return history.count();
  }

  /** Of the last attempt, or null before. */
  public @Nullable SmtpReply lastReply() {
    return history.lastReply();
  }
}
