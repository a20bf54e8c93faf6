package org.unifiedmta.delivery.attempt;

import org.unifiedmta.core.reply.SmtpReply;

/** What a mail handler did with a message for one recipient. */
public sealed interface RecipientVerdict {

  /** It is kept. */
  record Delivered() implements RecipientVerdict {}

  /** It is to be brought again later. */
  record Deferred(SmtpReply reply) implements RecipientVerdict {}

  /** It is refused for good; its sender is told. */
  record Rejected(SmtpReply reply) implements RecipientVerdict {}

  static RecipientVerdict delivered() {
    return new Delivered();
  }

  /** {@code 451 4.3.0} with this text. */
  static RecipientVerdict deferred(String text) {
    return new Deferred(SmtpReply.of(451, "4.3.0", text));
  }

  /** {@code 550 5.7.1} with this text. */
  static RecipientVerdict rejected(String text) {
    return new Rejected(SmtpReply.of(550, "5.7.1", text));
  }
}
