package org.unifiedmta.smtp.server;

import java.util.concurrent.Callable;
import org.unifiedmta.core.reply.SmtpReply;

/** How a {@link SessionHandler} decides: on the spot, or after something that waits. */
public sealed interface Answer {

  /** Decided. */
  record Now(Verdict verdict) implements Answer {}

  /**
   * To be asked on a virtual thread, where it may block. A throw is {@code 451 4.3.0}. The session
   * handles no further command until then.
   */
  record Later(Callable<Verdict> verdict) implements Answer {}

  /** Continue, at once. */
  static Answer proceed() {
    return new Now(Verdict.proceed());
  }

  /** This reply, at once. */
  static Answer reply(int code, String status, String text) {
    return new Now(new Verdict.Reply(SmtpReply.of(code, status, text)));
  }
}
