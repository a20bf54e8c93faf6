package org.unifiedmta.examples;

import java.util.Locale;
import java.util.Set;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.delivery.attempt.IncomingMail;
import org.unifiedmta.delivery.attempt.MailHandler;
import org.unifiedmta.delivery.attempt.RecipientVerdict;

/** A mail handler for these local parts, or whole addresses, and nobody else. */
record KnownUsers(MailHandler handler, Set<String> users) implements MailHandler {

  @Override
  public boolean accepts(EmailAddress recipient) {
    return users.contains(recipient.localPart().toLowerCase(Locale.ROOT))
        || users.contains(recipient.toString().toLowerCase(Locale.ROOT));
  }

  @Override
  public RecipientVerdict handle(Recipient recipient, IncomingMail mail) {
    return handler.handle(recipient, mail);
  }
}
