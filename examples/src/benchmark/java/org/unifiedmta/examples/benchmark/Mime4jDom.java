package org.unifiedmta.examples.benchmark;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import java.util.List;
import org.apache.james.mime4j.dom.Entity;
import org.apache.james.mime4j.dom.Header;
import org.apache.james.mime4j.dom.Message;
import org.apache.james.mime4j.dom.Multipart;
import org.apache.james.mime4j.dom.SingleBody;
import org.apache.james.mime4j.dom.TextBody;
import org.apache.james.mime4j.dom.address.AddressList;
import org.apache.james.mime4j.dom.address.Mailbox;
import org.apache.james.mime4j.dom.address.MailboxList;
import org.apache.james.mime4j.dom.field.FieldName;
import org.apache.james.mime4j.dom.field.MailboxListField;
import org.apache.james.mime4j.dom.field.UnstructuredField;
import org.apache.james.mime4j.message.BodyPartBuilder;
import org.apache.james.mime4j.message.DefaultMessageBuilder;
import org.apache.james.mime4j.message.DefaultMessageWriter;
import org.apache.james.mime4j.message.MultipartBuilder;
import org.jspecify.annotations.Nullable;

/** Apache James mime4j, its document model. */
final class Mime4jDom implements MailLibrary {

  @Override
  public Letter read(byte[] message, OutputStream file) throws IOException {
    var parsed = new DefaultMessageBuilder().parseMessage(new ByteArrayInputStream(message));
    try {
      var body = new Body(file);
      body.read(parsed);
      var id = parsed.getMessageId();
      return new Letter(
          new Letter.Heading(person(parsed.getFrom().get(0)), parsed.getSubject()),
          people(parsed.getTo()),
          people(parsed.getCc()),
          parsed.getDate().toInstant(),
          id.substring(1, id.length() - 1),
          String.valueOf(body.text),
          String.valueOf(body.html),
          body.name);
    } finally {
      parsed.dispose(); // gives its buffers back
    }
  }

  /** The leaves that a reader shows, or offers to save. */
  private static final class Body {
    private final OutputStream file;
    @Nullable String text;
    @Nullable String html;
    @Nullable String name;

    Body(OutputStream file) {
      this.file = file;
    }

    void read(Entity entity) throws IOException {
      if (entity.getBody() instanceof Multipart multipart) {
        for (var part : multipart.getBodyParts()) {
          read(part);
        }
      } else if (text == null && entity.getMimeType().equals("text/plain")) {
        text = string((TextBody) entity.getBody());
      } else if (html == null && entity.getMimeType().equals("text/html")) {
        html = string((TextBody) entity.getBody());
      } else {
        name = entity.getFilename();
        ((SingleBody) entity.getBody()).writeTo(file);
      }
    }

    private static String string(TextBody body) throws IOException {
      try (var in = body.getInputStream()) {
        return new String(in.readAllBytes(), body.getCharset());
      }
    }
  }

  @Override
  public Letter.Heading readHeading(byte[] message) throws IOException {
    var header = new DefaultMessageBuilder().parseHeader(new ByteArrayInputStream(message));
    return new Letter.Heading(person(from(header).get(0)), subject(header));
  }

  private static MailboxList from(Header header) {
    return ((MailboxListField) header.getField(FieldName.FROM)).getMailboxList();
  }

  private static String subject(Header header) {
    return ((UnstructuredField) header.getField(FieldName.SUBJECT)).getValue();
  }

  private static List<Letter.Person> people(AddressList addresses) {
    return addresses.flatten().stream().map(Mime4jDom::person).toList();
  }

  private static Letter.Person person(Mailbox mailbox) {
    return new Letter.Person(mailbox.getName(), mailbox.getAddress());
  }

  @Override
  public byte[] write(Letter letter, byte[] file) throws IOException {
    var alternative =
        MultipartBuilder.create("alternative")
            .addBodyPart(text(letter.text(), "plain"))
            .addBodyPart(text(letter.html(), "html"))
            .build();
    var builder =
        Message.Builder.of()
            .setFrom(mailbox(letter.heading().from()))
            .setTo(mailboxes(letter.to()))
            .setCc(mailboxes(letter.cc()))
            .setSubject(letter.heading().subject())
            .setDate(Date.from(letter.date()))
            .setMessageId("<" + letter.messageId() + ">");
    if (letter.file() == null) {
      builder.setBody(alternative);
    } else {
      builder.setBody(
          MultipartBuilder.create("mixed")
              .addBodyPart(BodyPartBuilder.create().setBody(alternative).build())
              .addBodyPart(
                  BodyPartBuilder.create()
                      .setBody(file, Sample.FILE_TYPE)
                      .setContentTransferEncoding("base64")
                      .setContentDisposition("attachment", letter.file())
                      .build())
              .build());
    }
    var message = builder.build();
    try {
      var out = new ByteArrayOutputStream();
      new DefaultMessageWriter().writeMessage(message, out);
      return out.toByteArray();
    } finally {
      message.dispose();
    }
  }

  private static Entity text(String text, String subtype) throws IOException {
    return BodyPartBuilder.create()
        .setBody(text, subtype, StandardCharsets.UTF_8)
        .setContentTransferEncoding("quoted-printable")
        .build();
  }

  private static Mailbox[] mailboxes(List<Letter.Person> people) {
    return people.stream().map(Mime4jDom::mailbox).toArray(Mailbox[]::new);
  }

  private static Mailbox mailbox(Letter.Person person) {
    int at = person.address().indexOf('@');
    return new Mailbox(
        person.name(), person.address().substring(0, at), person.address().substring(at + 1));
  }
}
