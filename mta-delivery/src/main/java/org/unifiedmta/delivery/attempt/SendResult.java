package org.unifiedmta.delivery.attempt;

import java.util.List;
import java.util.Map;
import org.unifiedmta.core.reply.SmtpReply;

/**
 * What became of a message sent at once, without the queue.
 *
 * @param accepted recipients that the server took, as the envelope has them
 * @param rejected the others, with what was said of them
 * @param response the server's text at the end, behind its code: {@code 2.0.0 Ok: queued}
 * @param tls whether the connection was under TLS
 * @param messageId of the message, without brackets
 */
public record SendResult(
    List<String> accepted,
    Map<String, SmtpReply> rejected,
    String response,
    boolean tls,
    String messageId) {
  public SendResult {
    accepted = List.copyOf(accepted);
    rejected = Map.copyOf(rejected);
  }

  /** Whether every recipient was accepted. */
  public boolean isComplete() {
    return rejected.isEmpty();
  }
}
