package org.unifiedmta.smtp.server;

import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.reply.SmtpReply;

/** What is to be done with what the client asked for. */
public sealed interface Verdict {

  /** As usual: the command gets its ordinary reply. */
  record Continue() implements Verdict {}

  /**
   * The command gets this reply; negative, it had no effect. At the end of data a positive one is
   * the acknowledgement.
   */
  record Reply(SmtpReply reply) implements Verdict {}

  /**
   * The connection is closed behind this reply.
   *
   * @param reply null to close without a word
   */
  record Disconnect(@Nullable SmtpReply reply) implements Verdict {}

  /** The ordinary outcome. */
  static Verdict proceed() {
    return new Continue();
  }

  /** A reply of one line. */
  static Verdict reply(int code, String status, String text) {
    return new Reply(SmtpReply.of(code, status, text));
  }
}
