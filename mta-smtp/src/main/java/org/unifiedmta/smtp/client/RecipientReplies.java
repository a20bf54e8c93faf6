package org.unifiedmta.smtp.client;

import java.util.List;
import org.unifiedmta.core.reply.SmtpReply;

/**
 * What became of one transaction: for each recipient the reply that decided, in the order of the
 * envelope. Where the connection broke, that is a {@code 4yz} of our own.
 *
 * @param reusable whether the connection can take another transaction
 * @param unanswered whether nothing, or at first {@code 421}, was heard since the transaction
 *     began: on a connection that was idle before, it had been closed by the server
 * @param uncertain whether the whole message was sent and no reply to it was heard: it may have
 *     been accepted
 * @param reports whether the host does what was asked of it in NOTIFY (RFC 3461)
 */
public record RecipientReplies(
    List<SmtpReply> replies,
    boolean reusable,
    boolean unanswered,
    boolean uncertain,
    boolean reports) {
  public RecipientReplies {
    replies = List.copyOf(replies);
  }
}
