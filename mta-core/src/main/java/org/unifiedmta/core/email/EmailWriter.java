package org.unifiedmta.core.email;

import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.mime.HeaderText;
import org.unifiedmta.core.mime.MimePart;
import org.unifiedmta.core.mime.MimeWriter;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;

/** Turns what a builder collected into fields and parts. */
final class EmailWriter {
  /** RFC 5322 3.3. */
  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("EEE, d MMM yyyy HH:mm:ss Z", Locale.ENGLISH)
          .withZone(ZoneOffset.UTC);

  /** Fields that have a method of their own or belong to the parts. */
  private static final Set<String> OWN =
      Set.of(
          "from",
          "to",
          "cc",
          "bcc",
          "reply-to",
          "subject",
          "date",
          "message-id",
          "x-priority",
          "importance",
          "mime-version",
          "content-type",
          "content-transfer-encoding",
          "content-disposition",
          "content-id");

  private static final SecureRandom RANDOM = new SecureRandom();

  private EmailWriter() {}

  static boolean writes(String field) {
    return OWN.contains(field.toLowerCase(Locale.ROOT));
  }

  static String newMessageId(Mailbox from, Clock clock) {
    var domain = from.address().domain();
    return Long.toString(clock.millis(), 36)
        + "."
        + random(8)
        + "@"
        + (from.address().isLiteral() ? "localhost" : domain);
  }

  private static String random(int bytes) {
    var random = new byte[bytes];
    RANDOM.nextBytes(random);
    return HexFormat.of().formatHex(random);
  }

  static Email build(EmailContent content, List<Headers.Field> extra) {
    var fields = fields(content, extra);
    var root = root(content);
    var boundary = MimeWriter.newBoundary();
    var section = (String.join("\r\n", fields) + "\r\n\r\n").getBytes(StandardCharsets.UTF_8);
    return new Email(
        content,
        out -> new MimeWriter(out, boundary, content.eightBitMime()).write(fields, root),
        Headers.of(HeaderSection.of(section)),
        content.eightBitMime(),
        List.of());
  }

  private static List<String> fields(EmailContent content, List<Headers.Field> extra) {
    var fields = new ArrayList<String>();
    if (content.date() != null) {
      fields.add("Date: " + date(content.date()));
    }
    if (content.from() != null) {
      fields.add(HeaderText.fold("From", mailboxes(List.of(content.from()))));
    }
    addresses(fields, "Reply-To", content.replyTo());
    addresses(fields, "To", content.to());
    addresses(fields, "Cc", content.cc());
    if (!content.subject().isEmpty()) {
      fields.add(HeaderText.unstructured("Subject", content.subject()));
    }
    if (content.messageId() != null) {
      fields.add("Message-ID: <" + content.messageId() + ">");
    }
    switch (content.priority()) {
      case HIGH -> fields.addAll(List.of("X-Priority: 1", "Importance: high"));
      case LOW -> fields.addAll(List.of("X-Priority: 5", "Importance: low"));
      case NORMAL -> {}
    }
    for (var field : extra) {
      fields.add(HeaderText.unstructured(field.name(), field.value()));
    }
    return List.copyOf(fields);
  }

  private static void addresses(List<String> fields, String name, List<Mailbox> mailboxes) {
    if (!mailboxes.isEmpty()) {
      fields.add(HeaderText.fold(name, mailboxes(mailboxes)));
    }
  }

  private static String mailboxes(List<Mailbox> mailboxes) {
    return String.join(", ", mailboxes.stream().map(EmailWriter::mailbox).toList());
  }

  private static String mailbox(Mailbox mailbox) {
    EmailAddress address = mailbox.address();
    return mailbox.displayName() == null
        ? address.toAscii()
        : HeaderText.encodePhrase(mailbox.displayName()) + " <" + address.toAscii() + ">";
  }

  private static String date(Instant date) {
    return DATE.format(date);
  }

  /** mixed( related( alternative( text, html ), inline… ), attachments… ), no level for nothing. */
  private static MimePart root(EmailContent content) {
    var inline = new ArrayList<MimePart>();
    var attached = new ArrayList<MimePart>();
    for (var attachment : content.attachments()) {
      boolean shown =
          attachment.contentId().filter(Text::isId).isPresent() && content.html() != null;
      (shown ? inline : attached).add(part(attachment, shown));
    }
    MimePart body;
    if (content.html() == null) {
      body = text("plain", content.text() == null ? "" : content.text());
    } else {
      body = related(text("html", content.html()), inline);
      if (content.text() != null) {
        body =
            new MimePart.Multipart(
                "multipart/alternative", List.of(text("plain", content.text()), body));
      }
    }
    if (attached.isEmpty()) {
      return body;
    }
    attached.add(0, body);
    return new MimePart.Multipart("multipart/mixed", attached);
  }

  /** RFC 2387. */
  private static MimePart related(MimePart html, List<MimePart> inline) {
    if (inline.isEmpty()) {
      return html;
    }
    var parts = new ArrayList<MimePart>();
    parts.add(html);
    parts.addAll(inline);
    return new MimePart.Multipart("multipart/related; type=\"text/html\"", parts);
  }

  private static MimePart text(String subtype, String text) {
    return new MimePart.Leaf(
        "text/" + subtype + "; charset=utf-8",
        List.of(),
        ByteSource.of(text.getBytes(StandardCharsets.UTF_8)),
        true);
  }

  private static MimePart part(Attachment attachment, boolean shown) {
    var name = attachment.filename();
    var disposition =
        (shown ? "inline" : "attachment")
            + (name == null ? "" : HeaderText.parameter("filename", name));
    var fields = new ArrayList<String>();
    fields.add(HeaderText.fold("Content-Disposition", disposition));
    attachment
        .contentId()
        .filter(Text::isId)
        .ifPresent(id -> fields.add("Content-ID: <" + id + ">"));
    return new MimePart.Leaf(
        HeaderText.contentType(attachment.contentType()), fields, attachment.content(), false);
  }
}
