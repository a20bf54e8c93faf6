package org.unifiedmta.delivery.inbound;

import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.AddressList;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.security.sasl.CredentialStore;
import org.unifiedmta.smtp.server.SessionFacts;

/** Whom a user who has logged in may claim to be (RFC 6409 6.1). Blocks as the store does. */
final class SenderPolicy {
  private static final Set<String> FIELDS =
      Set.of("from", "sender", "resent-from", "resent-sender");

  private final @Nullable CredentialStore store; // null where everybody may be anybody

  SenderPolicy(@Nullable CredentialStore store) {
    this.store =
        store != null
                && Overridden.is(
                    store, CredentialStore.class, "maySendAs", String.class, String.class)
            ? store
            : null;
  }

  /** Whether there is anything to ask about this session's mail. */
  boolean concerns(SessionFacts session) {
    return store != null && session.authenticatedUser() != null;
  }

  /** Why this may not be the sender, or null. */
  @Nullable SmtpReply refusal(SessionFacts session, Envelope envelope) {
    var sender = envelope.mailFrom();
    return sender == null || maySendAs(session, sender.toAscii())
        ? null
        : refusal(session, sender.toAscii());
  }

  /** Why the header section may not claim what it claims, or null. */
  @Nullable SmtpReply refusal(SessionFacts session, HeaderSection header) {
    var fields = Stream.concat(header.fields().stream(), header.hiddenFields().stream()).toList();
    for (var field : fields) {
      if (!FIELDS.contains(field.name().strip().toLowerCase(Locale.ROOT))) {
        continue;
      }
      var mailboxes = AddressList.parse(field.value()).mailboxes();
      if (mailboxes.isEmpty()) {
        return refusal(session, field.name()); // whoever reads it may read anybody there
      }
      for (var mailbox : mailboxes) {
        var address = mailbox.address().toAscii();
        if (!maySendAs(session, address)) {
          return refusal(session, address);
        }
      }
    }
    return null;
  }

  private boolean maySendAs(SessionFacts session, String address) {
    var user = session.authenticatedUser();
    return store == null || user == null || store.maySendAs(user, address);
  }

  private static SmtpReply refusal(SessionFacts session, String what) {
    var text = new StringBuilder();
    what.chars().limit(320).filter(c -> c > ' ' && c < 127).forEach(c -> text.append((char) c));
    return SmtpReply.of(553, "5.7.1", session.authenticatedUser() + " may not send as " + text);
  }
}
