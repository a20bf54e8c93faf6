package org.unifiedmta.delivery.hook;

import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.email.Headers;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.smtp.server.SessionFacts;
import org.unifiedmta.smtp.server.Verdict;

/**
 * Decisions of the host's own, asked before the server's. Called on virtual threads, so they may
 * block; the first hook that does not say Continue wins, and one that throws or takes too long is
 * {@code 451 4.3.0}.
 */
public interface Hook {

  /** A client connected. */
  default Verdict onConnect(SessionFacts session) {
    return Verdict.proceed();
  }

  /** EHLO or HELO. */
  default Verdict onHelo(SessionFacts session) {
    return Verdict.proceed();
  }

  /**
   * A login that would succeed; whatever is not Continue makes it fail.
   *
   * @param user who has proved it
   */
  default Verdict onAuth(SessionFacts session, String user) {
    return Verdict.proceed();
  }

  /** MAIL; the envelope has no recipients yet. */
  default Verdict onMail(SessionFacts session, Envelope envelope) {
    return Verdict.proceed();
  }

  /** RCPT; the envelope has those accepted before this one. */
  default Verdict onRcpt(SessionFacts session, Envelope envelope, Recipient recipient) {
    return Verdict.proceed();
  }

  /**
   * The end of data, before anything else looks at the message.
   *
   * @param headers of the message
   */
  default Verdict onHeaders(SessionFacts session, Envelope envelope, Headers headers) {
    return Verdict.proceed();
  }

  /** The end of data, behind {@link #onHeaders}. The message is the server's to close. */
  default Verdict onMessage(SessionFacts session, Envelope envelope, SpooledMessage message) {
    return Verdict.proceed();
  }
}
