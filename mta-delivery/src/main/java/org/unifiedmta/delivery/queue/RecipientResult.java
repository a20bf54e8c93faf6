package org.unifiedmta.delivery.queue;

import java.time.Instant;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.routing.route.Destinations;

/** What became of one recipient in one attempt. */
public sealed interface RecipientResult {

  /** The next host has taken responsibility; the row is finished. */
  record Delivered(SmtpReply reply) implements RecipientResult {}

  /** To be tried again at {@code due}. */
  record Deferred(SmtpReply reply, Instant due) implements RecipientResult {}

  /**
   * Not to be tried again: the row waits at {@link Destinations#REPORT} until its sender has been
   * told.
   */
  record Failed(SmtpReply reply) implements RecipientResult {}

  /** The failure has been told, or nobody wanted to hear of it; the row is finished. */
  record Reported() implements RecipientResult {}
}
