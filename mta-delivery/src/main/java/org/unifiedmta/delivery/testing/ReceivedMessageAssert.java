package org.unifiedmta.delivery.testing;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.assertj.core.api.AbstractAssert;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.email.Attachment;

/** What can be asserted of one {@link ReceivedMessage}. */
public final class ReceivedMessageAssert
    extends AbstractAssert<ReceivedMessageAssert, ReceivedMessage> {

  ReceivedMessageAssert(ReceivedMessage actual) {
    super(actual, ReceivedMessageAssert.class);
  }

  /** This address in the field From. */
  public ReceivedMessageAssert hasFrom(String address) {
    isNotNull();
    var from = actual.email().from().map(Mailbox::address);
    return check(
        from.equals(Optional.of(EmailAddress.parse(address))),
        "from",
        address,
        from.map(EmailAddress::toString).orElse("nobody"));
  }

  /** Exactly these recipients in the envelope, in any order. */
  public ReceivedMessageAssert hasRecipients(String... addresses) {
    isNotNull();
    var wanted = Stream.of(addresses).map(EmailAddress::parse).toList();
    var recipients = recipients();
    return check(
        wanted.size() == recipients.size() && recipients.containsAll(wanted),
        "recipients",
        wanted,
        recipients);
  }

  /** A recipient of the envelope who is in none of the fields To, Cc and Bcc. */
  public ReceivedMessageAssert hasHiddenRecipient(String address) {
    isNotNull();
    var wanted = EmailAddress.parse(address);
    var email = actual.email();
    var shown =
        Stream.of(email.to(), email.cc(), email.bcc())
            .flatMap(List::stream)
            .map(Mailbox::address)
            .toList();
    check(recipients().contains(wanted), "a recipient", wanted, recipients());
    return check(!shown.contains(wanted), "nowhere in To, Cc and Bcc", wanted, shown);
  }

  public ReceivedMessageAssert hasSubject(String subject) {
    isNotNull();
    return check(
        actual.email().subject().equals(subject), "subject", subject, actual.email().subject());
  }

  /** A field of this name with exactly this value, unfolded and decoded. */
  public ReceivedMessageAssert hasHeader(String name, String value) {
    isNotNull();
    var values = actual.email().headers().all(name);
    return check(values.contains(value), "field " + name, value, values);
  }

  public ReceivedMessageAssert textContains(String part) {
    isNotNull();
    var text = actual.email().text().orElse("");
    return check(text.contains(part), "text with", part, text);
  }

  public ReceivedMessageAssert htmlContains(String part) {
    isNotNull();
    var html = actual.email().html().orElse("");
    return check(html.contains(part), "HTML with", part, html);
  }

  public ReceivedMessageAssert hasAttachment(String filename) {
    isNotNull();
    var names =
        actual.email().attachments().stream()
            .map(Attachment::filename)
            .map(String::valueOf)
            .toList();
    return check(names.contains(filename), "attachment", filename, names);
  }

  /** Whether it came through STARTTLS or implicit TLS. */
  public ReceivedMessageAssert wasSentOverTls() {
    isNotNull();
    var session = actual.session();
    return check(session != null && session.tls() != null, "TLS", "a session with TLS", session);
  }

  /** The user whose login this message was sent by. */
  public ReceivedMessageAssert wasAuthenticatedAs(String user) {
    isNotNull();
    var session = actual.session();
    var found = session == null ? null : session.authenticatedUser();
    return check(user.equals(found), "login", user, found);
  }

  private List<EmailAddress> recipients() {
    return actual.envelope().recipients().stream().map(r -> r.address()).toList();
  }

  private ReceivedMessageAssert check(
      boolean holds, String what, Object wanted, @Nullable Object found) {
    if (!holds) {
      failWithMessage(
          "Expected %s <%s> of message%n  %s%nbut found <%s>", what, wanted, actual, found);
    }
    return this;
  }
}
