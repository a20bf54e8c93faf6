package org.unifiedmta.smtp.server;

import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.MessageWatcher;
import org.unifiedmta.core.spool.SpooledMessage;

/**
 * Takes one message: sees it pass on its way into the spool, then gets the whole of it, or hears
 * that there will be none. Called on the session's event loop, so nothing here may block.
 */
public interface MessageReceiver extends MessageWatcher {

  /**
   * The end of data. The receiver takes the message over and closes it if it does not keep it.
   *
   * @param reply takes the verdict once, from any thread; Continue is not one of them
   */
  void message(SpooledMessage message, Consumer<Verdict> reply);

  /**
   * The end of data over LMTP (RFC 2033 4.2). The receiver takes the message over and closes it.
   *
   * @param recipients how many there are
   * @param replies takes once, from any thread, one reply for each recipient, in their order
   */
  default void messageForEach(
      SpooledMessage message, int recipients, Consumer<List<SmtpReply>> replies) {
    message(
        message,
        verdict ->
            replies.accept(
                Collections.nCopies(
                    recipients,
                    verdict instanceof Verdict.Reply(var reply) ? reply : Replies.LOCAL_ERROR)));
  }
}
