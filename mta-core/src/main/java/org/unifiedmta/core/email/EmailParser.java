package org.unifiedmta.core.email;

import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.mime.HeaderText;
import org.unifiedmta.core.mime.MimeReader;
import org.unifiedmta.core.spool.ByteSource;

/** Makes sense of a message, whatever it looks like. */
final class EmailParser {
  private static final int MAXIMUM_DEFECTS = 100;
  private static final int MAXIMUM_MAILBOXES = 10_000; // of one kind, in however many fields

  private final ByteSource message;
  private final MimeReader.Tree tree;
  private final Headers headers;
  private final List<String> defects = new ArrayList<>();

  private EmailParser(ByteSource message) {
    this.message = message;
    this.tree = MimeReader.read(message);
    this.headers = Headers.of(tree.header());
  }

  static Email parse(ByteSource message) {
    return new EmailParser(message).parse();
  }

  private Email parse() {
    tree.defects().forEach(this::defect);
    var shown = new ShownParts(tree.root());
    if (!shown.isComplete()) {
      defect("text too long to be shown");
    }
    var attachments = new ArrayList<Attachment>();
    collect(tree.root(), shown, attachments);
    var content =
        new EmailContent(
            first(mailboxes("From")),
            mailboxes("To"),
            mailboxes("Cc"),
            mailboxes("Bcc"),
            mailboxes("Reply-To"),
            headers.first("Subject").orElse(""),
            text(shown.text()),
            text(shown.html()),
            messageId(),
            date(),
            priority(),
            attachments,
            null,
            false);
    return new Email(content, this::copy, headers, tree.eightBit(), defects);
  }

  private void defect(String defect) {
    if (defects.size() < MAXIMUM_DEFECTS) {
      defects.add(defect);
    }
  }

  private void copy(OutputStream out) throws IOException {
    try (var in = message.open()) {
      in.transferTo(out);
    }
  }

  private void collect(MimeReader.Part part, ShownParts shown, List<Attachment> attachments) {
    if (part.isMultipart()) {
      part.parts().forEach(inner -> collect(inner, shown, attachments));
    } else if (!shown.contains(part)) {
      attachments.add(
          new Attachment(
              part.fileName(),
              part.contentType(),
              part.contentId(),
              ByteSource.of(() -> MimeReader.open(message, part))));
    }
  }

  /** What is shown one below the other; null for nothing. */
  private @Nullable String text(List<MimeReader.Part> parts) {
    if (parts.size() < 2) {
      return parts.isEmpty() ? null : MimeReader.text(message, parts.get(0));
    }
    var all = new StringBuilder();
    for (var part : parts) {
      boolean lineOpen = all.length() > 0 && all.charAt(all.length() - 1) != '\n';
      all.append(lineOpen ? "\r\n" : "").append(MimeReader.text(message, part));
    }
    return all.toString();
  }

  private static @Nullable Mailbox first(List<Mailbox> mailboxes) {
    return mailboxes.isEmpty() ? null : mailboxes.get(0);
  }

  private List<Mailbox> mailboxes(String name) {
    var list = headers.addresses(name);
    list.defects().forEach(defect -> defect("field " + name + ": " + defect));
    var mailboxes = list.mailboxes();
    if (mailboxes.size() > MAXIMUM_MAILBOXES) {
      defect("more than " + MAXIMUM_MAILBOXES + " mailboxes in the field " + name);
      return mailboxes.subList(0, MAXIMUM_MAILBOXES);
    }
    return mailboxes;
  }

  private @Nullable String messageId() {
    // A structured field: what looks like an encoded word in it is none, RFC 2047 5.
    var field =
        headers.fields("Message-ID").stream().findFirst().map(HeaderText::unfold).orElse("");
    int start = field.indexOf('<');
    int end = field.indexOf('>', start + 1);
    var id = start >= 0 && end > start ? field.substring(start + 1, end) : field;
    return id.isBlank() ? null : id;
  }

  private @Nullable Instant date() {
    var field = headers.first("Date").orElse("");
    if (field.isEmpty()) {
      return null;
    }
    var date = DateField.parse(field);
    if (date.isEmpty()) {
      defect("malformed field Date");
    }
    return date.orElse(null);
  }

  private Email.Priority priority() {
    var importance = headers.first("Importance").orElse("").toLowerCase(Locale.ROOT);
    var number = headers.first("X-Priority").orElse("").strip();
    if (importance.equals("high") || number.startsWith("1") || number.startsWith("2")) {
      return Email.Priority.HIGH;
    }
    return importance.equals("low") || number.startsWith("4") || number.startsWith("5")
        ? Email.Priority.LOW
        : Email.Priority.NORMAL;
  }
}
