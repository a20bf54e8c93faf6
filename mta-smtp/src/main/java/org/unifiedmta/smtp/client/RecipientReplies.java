package org.unifiedmta.smtp.client;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.unifiedmta.core.reply.SmtpReply;

/**
 * What became of one message: for each recipient the reply that decided, in the order of the
 * envelope. Where the connection broke, that is a {@code 4yz} of our own.
 *
 * @param reusable whether the connection can take another message
 * @param unanswered whether nothing, or at first {@code 421}, was heard since the message began: on
 *     a connection that was idle before, it had been closed by the server
 * @param uncertain whether the whole message was sent and no reply to it was heard: it may have
 *     been accepted
 * @param reports whether the host does what was asked of it in NOTIFY (RFC 3461)
 * @param needsSevenBits whether the host was not asked since it takes no octets beyond ASCII (RFC
 *     6152 3): the message can be tried in another form
 * @param times that were waited for the server, by what it was asked
 */
public record RecipientReplies(
    List<SmtpReply> replies,
    boolean reusable,
    boolean unanswered,
    boolean uncertain,
    boolean reports,
    boolean needsSevenBits,
    Map<SmtpException.Phase, Duration> times) {
  public RecipientReplies {
    replies = List.copyOf(replies);
    times = Map.copyOf(times);
  }
}
