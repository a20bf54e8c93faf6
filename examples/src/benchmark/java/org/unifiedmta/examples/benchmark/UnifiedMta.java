package org.unifiedmta.examples.benchmark;

import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.email.Attachment;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.email.Headers;
import org.unifiedmta.core.spool.ByteSource;

/** This library. */
final class UnifiedMta implements MailLibrary {

  @Override
  public Letter read(byte[] message, OutputStream file) throws IOException {
    var email = Email.parse(message);
    String name = null;
    for (var attachment : email.attachments()) {
      name = attachment.filename();
      try (var content = attachment.open()) {
        content.transferTo(file);
      }
    }
    return new Letter(
        new Letter.Heading(person(email.from().orElseThrow()), email.subject()),
        people(email.to()),
        people(email.cc()),
        email.date().orElseThrow(),
        email.messageId().orElseThrow(),
        email.text().orElseThrow(),
        email.html().orElseThrow(),
        name);
  }

  @Override
  public Letter.Heading readHeading(byte[] message) {
    var headers = Headers.of(ByteSource.of(message));
    return new Letter.Heading(
        person(headers.addresses("From").mailboxes().get(0)),
        headers.first("Subject").orElseThrow());
  }

  private static List<Letter.Person> people(List<Mailbox> mailboxes) {
    return mailboxes.stream().map(UnifiedMta::person).toList();
  }

  private static Letter.Person person(Mailbox mailbox) {
    return new Letter.Person(String.valueOf(mailbox.displayName()), mailbox.address().toAscii());
  }

  @Override
  public byte[] write(Letter letter, byte[] file) {
    var builder =
        Email.builder()
            .from(letter.heading().from().toString())
            .to(strings(letter.to()))
            .cc(strings(letter.cc()))
            .subject(letter.heading().subject())
            .date(letter.date())
            .messageId(letter.messageId())
            .text(letter.text())
            .html(letter.html());
    if (letter.file() != null) {
      builder.attachment(Attachment.of(letter.file(), Sample.FILE_TYPE, file));
    }
    return builder.build().toBytes();
  }

  private static String[] strings(List<Letter.Person> people) {
    return people.stream().map(Letter.Person::toString).toArray(String[]::new);
  }
}
