package org.unifiedmta.examples.benchmark;

import jakarta.activation.DataHandler;
import jakarta.mail.Address;
import jakarta.mail.Message.RecipientType;
import jakarta.mail.MessagingException;
import jakarta.mail.Multipart;
import jakarta.mail.Part;
import jakarta.mail.Session;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeBodyPart;
import jakarta.mail.internet.MimeMessage;
import jakarta.mail.internet.MimeMultipart;
import jakarta.mail.util.ByteArrayDataSource;
import jakarta.mail.util.SharedByteArrayInputStream;
import jakarta.mail.util.StreamProvider;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UnsupportedEncodingException;
import java.util.Date;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;
import org.eclipse.angus.mail.util.MailStreamProvider;
import org.jspecify.annotations.Nullable;

/** Jakarta Mail as Eclipse Angus implements it. */
final class AngusMail implements MailLibrary {
  private static final String UTF_8 = "utf-8";

  static {
    // Unless told, it searches the class path for its own streams at each encoded word and part.
    System.setProperty(StreamProvider.class.getName(), MailStreamProvider.class.getName());
  }

  private final Session session = Session.getInstance(new Properties());

  @Override
  public Letter read(byte[] message, OutputStream file) throws MessagingException, IOException {
    var mime = parse(message);
    var body = new Body(file);
    body.read(mime);
    return new Letter(
        heading(mime),
        people(mime.getRecipients(RecipientType.TO)),
        people(mime.getRecipients(RecipientType.CC)),
        mime.getSentDate().toInstant(),
        mime.getMessageID().substring(1, mime.getMessageID().length() - 1),
        String.valueOf(body.text),
        String.valueOf(body.html),
        body.name);
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

    void read(Part part) throws MessagingException, IOException {
      if (part.isMimeType("multipart/*")) {
        var multipart = (Multipart) part.getContent();
        for (int i = 0; i < multipart.getCount(); i++) {
          read(multipart.getBodyPart(i));
        }
      } else if (text == null && part.isMimeType("text/plain")) {
        text = (String) part.getContent();
      } else if (html == null && part.isMimeType("text/html")) {
        html = (String) part.getContent();
      } else {
        name = part.getFileName();
        try (var content = part.getInputStream()) {
          content.transferTo(file);
        }
      }
    }
  }

  @Override
  public Letter.Heading readHeading(byte[] message) throws MessagingException {
    return heading(parse(message));
  }

  private MimeMessage parse(byte[] message) throws MessagingException {
    return new MimeMessage(session, new SharedByteArrayInputStream(message)); // which is not copied
  }

  private static Letter.Heading heading(MimeMessage message) throws MessagingException {
    return new Letter.Heading(person(message.getFrom()[0]), message.getSubject());
  }

  private static List<Letter.Person> people(Address[] addresses) {
    return Stream.of(addresses).map(AngusMail::person).toList();
  }

  private static Letter.Person person(Address address) {
    var internet = (InternetAddress) address;
    return new Letter.Person(internet.getPersonal(), internet.getAddress());
  }

  @Override
  public byte[] write(Letter letter, byte[] file) throws MessagingException, IOException {
    var message = new Identified(session, letter.messageId());
    message.setFrom(address(letter.heading().from()));
    message.setRecipients(RecipientType.TO, addresses(letter.to()));
    message.setRecipients(RecipientType.CC, addresses(letter.cc()));
    message.setSubject(letter.heading().subject(), UTF_8);
    message.setSentDate(Date.from(letter.date()));
    var alternative =
        new MimeMultipart("alternative", text(letter.text(), "plain"), text(letter.html(), "html"));
    if (letter.file() == null) {
      message.setContent(alternative);
    } else {
      var body = new MimeBodyPart();
      body.setContent(alternative);
      var attached = new MimeBodyPart();
      attached.setDataHandler(new DataHandler(new ByteArrayDataSource(file, Sample.FILE_TYPE)));
      attached.setDisposition(Part.ATTACHMENT);
      attached.setFileName(letter.file());
      message.setContent(new MimeMultipart(body, attached));
    }
    message.saveChanges();
    var out = new ByteArrayOutputStream();
    message.writeTo(out);
    return out.toByteArray();
  }

  private static MimeBodyPart text(String text, String subtype) throws MessagingException {
    var part = new MimeBodyPart();
    part.setText(text, UTF_8, subtype);
    return part;
  }

  private static InternetAddress[] addresses(List<Letter.Person> people)
      throws UnsupportedEncodingException {
    var addresses = new InternetAddress[people.size()];
    for (int i = 0; i < addresses.length; i++) {
      addresses[i] = address(people.get(i));
    }
    return addresses;
  }

  private static InternetAddress address(Letter.Person person) throws UnsupportedEncodingException {
    return new InternetAddress(person.address(), person.name(), UTF_8);
  }

  /** A message that keeps the Message-ID it is given. */
  private static final class Identified extends MimeMessage {
    private final String messageId;

    Identified(Session session, String messageId) {
      super(session);
      this.messageId = messageId;
    }

    @Override
    protected void updateMessageID() throws MessagingException {
      setHeader("Message-ID", "<" + messageId + ">");
    }
  }
}
