package org.unifiedmta.examples.demo;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.email.Attachment;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.spool.ByteSource;

/** Where the demo's messages come from. */
final class Letters {
  private static final String ANN = "Ann Archer <ann@" + DemoNetwork.HOME + ">";
  private static final int LARGE = 14_700_000; // 20 MB in base64
  private static final int CROWD = 50;
  private static final byte[] DOT =
      Base64.getDecoder()
          .decode(
              "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
                  + "rkJggg==");

  private Letters() {}

  /** One of each kind that makes a difference on the way. */
  static List<Letter> samples() {
    return List.of(
        Letter.of("plain text", plain(), Story.DELIVERED),
        Letter.of("HTML with a picture and an attachment", invoice(), Story.DELIVERED),
        Letter.of("20 MB", large(), Story.DELIVERED),
        Letter.of(CROWD + " recipients", newsletter(), Story.DELIVERED),
        Letter.of("to a greylisting host", greylisted(), Story.DEFERRED_THEN_DELIVERED),
        Letter.of("to a host that refuses", refused(), Story.bounced("550 5.1.1")));
  }

  private static Email plain() {
    return Email.builder()
        .from(ANN)
        .to("Bob Baker <bob@near.test>")
        .subject("Lunch on Thursday – Café Müller?")
        .text("Hi Bob,\n\nhalf past twelve, the table by the window.\n\n.\n..\nAnn\n")
        .build();
  }

  private static Email invoice() {
    return Email.builder()
        .from("Example Shop <shop@" + DemoNetwork.HOME + ">")
        .to("Carla Cook <carla@near.test>")
        .replyTo("service@" + DemoNetwork.HOME)
        .subject("Your invoice 2041")
        .text("Your invoice is attached. Total: 41.90 EUR.\n")
        .html(
            "<html><body><img src=\"cid:logo\" alt=\"\"><p>Your invoice is attached.</p>"
                + "<p>Total: <b>41.90&nbsp;€</b></p></body></html>\n")
        .attachment(Attachment.inline("logo", "logo.png", "image/png", DOT))
        .attachment(
            Attachment.of(
                "invoice-2041.csv",
                "text/csv; charset=utf-8",
                "item,price\ncoffee,12.50\nkettle,29.40\n".getBytes(StandardCharsets.UTF_8)))
        .build();
  }

  private static Email large() {
    var content = new byte[LARGE];
    new Random(20).nextBytes(content);
    return Email.builder()
        .from(ANN)
        .to("Print Shop <orders@near.test>")
        .subject("The poster, ready for print")
        .text("As discussed; please print 200.\n")
        .attachment(Attachment.of("poster.tiff", "image/tiff", content))
        .build();
  }

  private static Email newsletter() {
    return Email.builder()
        .from("Chess Club <chess@" + DemoNetwork.HOME + ">")
        .subject("Spring tournament")
        .text("Round one begins on Saturday at ten.\n")
        .bcc(
            IntStream.rangeClosed(1, CROWD)
                .mapToObj("member%02d@crowd.test"::formatted)
                .toArray(String[]::new))
        .build();
  }

  private static Email greylisted() {
    return Email.builder()
        .from(ANN)
        .to("Grete <grete@grey.test>")
        .subject("We have not met")
        .text("Hello Grete,\n\nyour server does not know mine yet.\n\nAnn\n")
        .build();
  }

  private static Email refused() {
    return Email.builder()
        .from(ANN)
        .to("nobody@strict.test")
        .subject("Are you still there?")
        .text("I have not heard from you for a year.\n")
        .build();
  }

  /** The {@code .eml} files of a folder, to whom they are addressed, by name. */
  static List<Letter> in(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files
          .filter(file -> file.toString().endsWith(".eml") && Files.isRegularFile(file))
          .sorted()
          .map(Letters::file)
          .toList();
    }
  }

  private static Letter file(Path file) {
    var message = new MailFile(file);
    var email = Email.parse(message);
    var written = email.envelope();
    var recipients = written.recipients().stream().filter(to -> !to.address().isLiteral()).toList();
    return new Letter(
        String.valueOf(file.getFileName()),
        Envelope.of(
            written.mailFrom() == null
                ? new EmailAddress("sender", DemoNetwork.HOME)
                : written.mailFrom(),
            recipients.isEmpty() ? List.of(Recipient.of("reader@near.test")) : recipients),
        message,
        email.messageId().orElse(""),
        Story.DELIVERED);
  }

  /** A file as it goes over the wire, whatever ends its lines on disk. */
  private record MailFile(Path file) implements ByteSource {
    @Override
    public InputStream open() {
      return ByteSource.of(lines()).open();
    }

    @Override
    public long size() {
      return lines().length;
    }

    private byte[] lines() {
      try {
        var read = Files.readAllBytes(file);
        var lines = new ByteArrayOutputStream(read.length + read.length / 32 + 2);
        for (int i = 0; i < read.length; i++) {
          boolean pair = read[i] == '\r' && i + 1 < read.length && read[i + 1] == '\n';
          if (read[i] == '\r' || read[i] == '\n') {
            lines.write('\r');
            lines.write('\n');
            i += pair ? 1 : 0;
          } else {
            lines.write(read[i]);
          }
        }
        byte last = read.length == 0 ? 0 : read[read.length - 1];
        if (last != '\r' && last != '\n') {
          lines.write('\r');
          lines.write('\n');
        }
        return lines.toByteArray();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
