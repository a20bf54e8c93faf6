package org.unifiedmta.delivery.attempt;

import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Recipient;

/** Local delivery. Called on virtual threads, several at a time; may block. */
@FunctionalInterface
public interface MailHandler {

  /**
   * Whether there is such a recipient in our domains; asked at RCPT, false is {@code 550 5.1.1}.
   * Postmaster is not asked about (RFC 5321 4.5.1). Without an implementation, everybody is there.
   */
  default boolean accepts(EmailAddress recipient) {
    return true;
  }

  /**
   * Takes a message for one recipient. Called from the queue at least once for each recipient: the
   * same id may come again after a crash. A throw is a deferral.
   */
  RecipientVerdict handle(Recipient recipient, IncomingMail mail);
}
