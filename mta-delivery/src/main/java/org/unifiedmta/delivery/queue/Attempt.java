package org.unifiedmta.delivery.queue;

import java.time.Instant;
import org.unifiedmta.core.reply.SmtpReply;

/**
 * An attempt to deliver to one recipient.
 *
 * @param at when it ended
 * @param reply of the next host, or what says why there was none
 */
public record Attempt(Instant at, SmtpReply reply) {}
