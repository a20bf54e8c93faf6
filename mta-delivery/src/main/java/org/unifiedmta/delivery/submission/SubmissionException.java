package org.unifiedmta.delivery.submission;

import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.core.reply.SmtpReply;

/** A message that is not taken into the queue: for nobody, or refused by a route. */
public class SubmissionException extends MtaException {
  private static final long serialVersionUID = 1L;

  private final transient @Nullable SmtpReply reply;

  SubmissionException(String message, @Nullable SmtpReply reply) {
    super(message);
    this.reply = reply;
  }

  /** What an SMTP client would have been told, or null. */
  public @Nullable SmtpReply reply() {
    return reply;
  }
}
