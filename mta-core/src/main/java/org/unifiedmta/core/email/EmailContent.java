package org.unifiedmta.core.email;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Mailbox;

/**
 * What a message says, however it came about.
 *
 * @param eightBitMime whether it may be written in 8 bits
 */
record EmailContent(
    @Nullable Mailbox from,
    List<Mailbox> to,
    List<Mailbox> cc,
    List<Mailbox> bcc,
    List<Mailbox> replyTo,
    String subject,
    @Nullable String text,
    @Nullable String html,
    @Nullable String messageId,
    @Nullable Instant date,
    Email.Priority priority,
    List<Attachment> attachments,
    @Nullable EmailAddress envelopeFrom,
    boolean eightBitMime) {
  EmailContent {
    to = List.copyOf(to);
    cc = List.copyOf(cc);
    bcc = List.copyOf(bcc);
    replyTo = List.copyOf(replyTo);
    attachments = List.copyOf(attachments);
  }
}
