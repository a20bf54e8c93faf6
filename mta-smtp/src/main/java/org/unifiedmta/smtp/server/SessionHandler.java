package org.unifiedmta.smtp.server;

import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.security.sasl.SaslExchange;

/**
 * Who decides what a session may do. Called on the session's event loop, so nothing here may block;
 * what waits is an {@link Answer.Later}. Called for commands that are well formed and in turn only.
 */
public interface SessionHandler {

  /** A client connected, and under implicit TLS has shaken hands; Continue sends the greeting. */
  Answer connected(SessionFacts session);

  /** EHLO or HELO with this name, which is in the facts already. */
  Answer helo(SessionFacts session);

  /**
   * The server's side of a login.
   *
   * @param mechanism in upper case, one of those offered
   * @return null if this mechanism cannot be had now ({@code 504 5.5.4})
   */
  @Nullable SaslExchange login(SessionFacts session, String mechanism);

  /**
   * MAIL.
   *
   * @param envelope without recipients yet
   * @param announcedSize SIZE= in octets (RFC 1870), or -1
   */
  Answer mail(SessionFacts session, Envelope envelope, long announcedSize);

  /**
   * RCPT.
   *
   * @param envelope with the recipients accepted so far, this one not among them
   */
  Answer recipient(SessionFacts session, Envelope envelope, Recipient recipient);

  /**
   * The data of a message is about to come.
   *
   * @param envelope with all recipients
   * @return who takes it, and nothing but it
   */
  MessageReceiver data(SessionFacts session, Envelope envelope);

  /** The client broke the protocol; what the handler itself refused is not told. */
  default void erred(SessionFacts session) {}

  /** The session has ended, whatever the reason. */
  void disconnected(SessionFacts session);
}
