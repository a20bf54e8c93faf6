package org.unifiedmta.core.email;

import static org.assertj.core.api.Assertions.assertThat;

import jakarta.mail.Address;
import jakarta.mail.Multipart;
import jakarta.mail.Part;
import jakarta.mail.Session;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.io.ByteArrayInputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.james.mime4j.dom.BinaryBody;
import org.apache.james.mime4j.dom.Entity;
import org.apache.james.mime4j.dom.SingleBody;
import org.apache.james.mime4j.dom.TextBody;
import org.apache.james.mime4j.message.DefaultMessageBuilder;
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

  /** Each leaf as mime4j sees it: type, file name and content. */
  static List<String> leaves(byte[] message) throws Exception {
    var leaves = new ArrayList<String>();
    leaves(mime4j(message), leaves);
    return leaves;
  }

  private static void leaves(Entity entity, List<String> leaves) throws Exception {
    switch (entity.getBody()) {
      case org.apache.james.mime4j.dom.Multipart multipart -> {
        for (var part : multipart.getBodyParts()) {
          leaves(part, leaves);
        }
      }
      case TextBody text -> leaves.add(leaf(entity.getMimeType(), content(text)));
      case BinaryBody binary -> leaves.add(leaf(entity.getMimeType(), content(binary)));
      default -> throw new IllegalStateException("body of " + entity.getMimeType());
    }
  }

  private static byte[] content(SingleBody body) throws Exception {
    try (var in = body.getInputStream()) {
      return in.readAllBytes();
    }
  }

  /** Each leaf as Angus Mail sees it. */
  static List<String> angusLeaves(Part part) throws Exception {
    var leaves = new ArrayList<String>();
    if (part.getContentType().startsWith("multipart/")) {
      var multipart = (Multipart) part.getContent();
      for (int i = 0; i < multipart.getCount(); i++) {
        leaves.addAll(angusLeaves(multipart.getBodyPart(i)));
      }
    } else {
      var type = part.getContentType().replaceFirst(";.*", "").strip();
      leaves.add(leaf(type.replaceAll("(?s);.*", ""), part.getInputStream().readAllBytes()));
    }
    return leaves;
  }

  private static String leaf(String type, byte[] content) {
    return type + " " + Base64.getEncoder().encodeToString(content);
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
