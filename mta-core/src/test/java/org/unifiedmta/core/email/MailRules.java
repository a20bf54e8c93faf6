package org.unifiedmta.core.email;

import static org.assertj.core.api.Assertions.assertThat;

import jakarta.mail.Address;
import jakarta.mail.Message.RecipientType;
import jakarta.mail.Multipart;
import jakarta.mail.Part;
import jakarta.mail.Session;
import jakarta.mail.internet.ContentType;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Properties;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.james.mime4j.dom.Entity;
import org.apache.james.mime4j.dom.Message;
import org.apache.james.mime4j.dom.SingleBody;
import org.apache.james.mime4j.message.DefaultMessageBuilder;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Mailbox;

/** What every message we write keeps, and what other readers make of it. */
final class MailRules {
  private MailRules() {}

  /**
   * RFC 5322 2.1, 2.3: 7-bit, CRLF, no NUL, no line beyond 998 octets; a header section's shape.
   */
  static void check(byte[] message) {
    int line = 0;
    boolean header = true;
    for (int i = 0; i < message.length; i++) {
      byte b = message[i];
      if (b == '\n') {
        assertThat(i > 0 && message[i - 1] == '\r').as("bare LF at %s", i).isTrue();
        header &= line > 0;
        line = 0;
      } else if (b == '\r') {
        assertThat(i + 1 < message.length && message[i + 1] == '\n')
            .as("bare CR at %s", i)
            .isTrue();
      } else {
        assertThat(b).as("octet at %s", i).isPositive();
        line++;
        assertThat(line).as("line at %s", i).isLessThanOrEqualTo(998);
      }
      if (header && line == 1 && b == ' ') {
        int end = i;
        while (message[end] == ' ') {
          end++;
        }
        assertThat(message[end])
            .as("line of blanks in the header at %s", i)
            .isNotEqualTo((byte) '\r');
      }
    }
  }

  /** The types of the parts as mime4j sees them: {@code multipart/mixed(text/plain,image/png)}. */
  static String structure(byte[] message) throws Exception {
    return structure(mime4j(message));
  }

  private static String structure(Entity entity) {
    return entity.getBody() instanceof org.apache.james.mime4j.dom.Multipart multipart
        ? entity.getMimeType()
            + multipart.getBodyParts().stream()
                .map(MailRules::structure)
                .collect(Collectors.joining(",", "(", ")"))
        : entity.getMimeType();
  }

  /**
   * What a reader makes of a message.
   *
   * @param parts type, file name and content of each leaf
   */
  record Seen(
      String subject, List<Mailbox> from, List<Mailbox> to, List<Mailbox> cc, List<String> parts) {}

  /** What a reader makes of it is what was given. */
  static void assertSeen(Seen seen, Email given) throws Exception {
    assertThat(seen.subject()).isEqualTo(given.subject());
    assertThat(seen.from()).isEqualTo(given.from().stream().toList());
    assertThat(seen.to()).isEqualTo(given.to());
    assertThat(seen.cc()).isEqualTo(given.cc());
    assertThat(seen.parts()).isEqualTo(partsOf(given));
  }

  private static List<String> partsOf(Email given) throws Exception {
    var parts = new ArrayList<String>();
    if (given.text().isPresent() || given.html().isEmpty()) {
      parts.add(text("text/plain", given.text().orElse("")));
    }
    if (given.html().isPresent()) {
      parts.add(text("text/html", given.html().orElseThrow()));
    }
    for (var file : RandomEmail.inWireOrder(given)) {
      parts.add(part(file.contentType(), file.filename(), file.open().readAllBytes()));
    }
    return parts;
  }

  private static String text(String type, String text) {
    return part(type, null, RandomEmail.lines(text).getBytes(StandardCharsets.UTF_8));
  }

  private static String part(String type, @Nullable String name, byte[] content) {
    return type + " " + name + " " + Base64.getEncoder().encodeToString(content);
  }

  static Seen readByMime4j(byte[] bytes) throws Exception {
    var message = (Message) mime4j(bytes);
    var parts = new ArrayList<String>();
    mime4jParts(message, parts);
    return new Seen(
        message.getSubject() == null ? "" : message.getSubject(),
        mailboxes(message.getFrom().stream()),
        mailboxes(message.getTo() == null ? Stream.of() : message.getTo().flatten().stream()),
        mailboxes(message.getCc() == null ? Stream.of() : message.getCc().flatten().stream()),
        parts);
  }

  private static List<Mailbox> mailboxes(
      Stream<org.apache.james.mime4j.dom.address.Mailbox> mailboxes) {
    return mailboxes
        .map(mailbox ->
            new Mailbox(
                mailbox.getName(), new EmailAddress(mailbox.getLocalPart(), mailbox.getDomain())))
        .toList();
  }

  private static void mime4jParts(Entity entity, List<String> parts) throws Exception {
    switch (entity.getBody()) {
      case org.apache.james.mime4j.dom.Multipart multipart -> {
        for (var part : multipart.getBodyParts()) {
          mime4jParts(part, parts);
        }
      }
      case SingleBody body -> {
        try (var in = body.getInputStream()) {
          parts.add(part(entity.getMimeType(), entity.getFilename(), in.readAllBytes()));
        }
      }
      default -> throw new IllegalStateException("body of " + entity.getMimeType());
    }
  }

  static Seen readByAngus(byte[] bytes) throws Exception {
    var message = angus(bytes);
    var parts = new ArrayList<String>();
    angusParts(message, parts);
    return new Seen(
        message.getSubject() == null ? "" : message.getSubject(),
        angusAddresses(message.getFrom()),
        angusAddresses(message.getRecipients(RecipientType.TO)),
        angusAddresses(message.getRecipients(RecipientType.CC)),
        parts);
  }

  private static void angusParts(Part part, List<String> parts) throws Exception {
    if (part.isMimeType("multipart/*")) {
      var multipart = (Multipart) part.getContent();
      for (int i = 0; i < multipart.getCount(); i++) {
        angusParts(multipart.getBodyPart(i), parts);
      }
    } else {
      var type = new ContentType(part.getContentType()).getBaseType();
      parts.add(part(type, part.getFileName(), part.getInputStream().readAllBytes()));
    }
  }

  static MimeMessage angus(byte[] message) throws Exception {
    return new MimeMessage(
        Session.getInstance(new Properties()), new ByteArrayInputStream(message));
  }

  static List<Mailbox> angusAddresses(Address[] addresses) {
    return addresses == null
        ? List.of()
        : Arrays.stream(addresses)
            .map(InternetAddress.class::cast)
            .map(address ->
                new Mailbox(address.getPersonal(), EmailAddress.parse(address.getAddress())))
            .toList();
  }

  private static Entity mime4j(byte[] message) throws Exception {
    return new DefaultMessageBuilder().parseMessage(new ByteArrayInputStream(message));
  }
}
