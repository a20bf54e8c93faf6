package org.unifiedmta.delivery.queue;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;

/**
 * One recipient of a queued message.
 *
 * @param id of the message
 * @param row the recipient's number in it
 * @param attempts finished so far
 * @param nextAttempt when it may be tried next, or null where it will not be
 * @param lastReply of the last attempt, or null before
 */
public record QueueItem(
    String id,
    int row,
    Recipient recipient,
    DeliveryStatus status,
    String zone,
    String destination,
    int attempts,
    Instant queuedAt,
    @Nullable Instant nextAttempt,
    @Nullable SmtpReply lastReply) {}
