package org.unifiedmta.smtp.server;

import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.SpooledMessage;
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
   * The end of data. The handler takes the message over and closes it if it does not keep it.
   *
   * @param reply takes the verdict once, from any thread; Continue is not one of them
   */
  void message(
      SessionFacts session, Envelope envelope, SpooledMessage message, Consumer<Verdict> reply);

  /**
   * The end of data over LMTP (RFC 2033 4.2). The handler takes the message over and closes it.
   *
   * @param replies takes once, from any thread, one reply for each recipient, in their order
   */
  default void messageForEach(
      SessionFacts session,
      Envelope envelope,
      SpooledMessage message,
      Consumer<List<SmtpReply>> replies) {
    message(
        session,
        envelope,
        message,
        verdict ->
            replies.accept(
                Collections.nCopies(
                    envelope.recipients().size(),
                    verdict instanceof Verdict.Reply(var reply) ? reply : Replies.LOCAL_ERROR)));
  }

  /** The client broke the protocol; what the handler itself refused is not told. */
  default void erred(SessionFacts session) {}

  /** The session has ended, whatever the reason. */
  void disconnected(SessionFacts session);
}
