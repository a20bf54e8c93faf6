package org.unifiedmta.delivery.schedule;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.reply.SmtpReply;

/** What an attempt learnt of its destination, whatever became of the message. */
public sealed interface Contact {

  /** Somebody answered there, be it for the message or against it. */
  record Made() implements Contact {}

  /**
   * Nobody could be reached, so the next message would meet the same.
   *
   * @param reply what the message met
   * @param again when the message is to be tried next, or null if it is not
   */
  record Failed(SmtpReply reply, @Nullable Instant again) implements Contact {}

  /** Nothing: it was not tried, or what went wrong went wrong here. */
  record None() implements Contact {}
}
