package org.unifiedmta.delivery.testing;

import java.time.Instant;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.security.SecurityResults;
import org.unifiedmta.smtp.server.SessionFacts;

/**
 * A message that a {@link MailFixture} took, once for all its recipients.
 *
 * @param envelope with the recipients that were accepted
 * @param raw its octets, the server's trace fields in front; not to be changed
 * @param session null for mail submitted in process
 * @param security null unless the fixture was given {@link MailFixture.Builder#dns DNS records}
 * @param receivedAt when it was delivered to the fixture
 */
public record ReceivedMessage(
    Envelope envelope,
    Email email,
    byte[] raw,
    @Nullable SessionFacts session,
    @Nullable SecurityResults security,
    Instant receivedAt) {

  /** Sender, recipients and subject, on one line. */
  @Override
  public String toString() {
    return "<%s> to %s \"%s\""
        .formatted(
            envelope.mailFrom() == null ? "" : envelope.mailFrom(),
            envelope.recipients().stream()
                .map(recipient -> "<" + recipient.address() + ">")
                .collect(Collectors.joining(", ")),
            email.subject());
  }
}
