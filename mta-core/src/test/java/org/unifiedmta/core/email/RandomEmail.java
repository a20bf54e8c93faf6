package org.unifiedmta.core.email;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Mailbox;

/** A message of any content that a builder takes. */
final class RandomEmail {
  private static final String[] PIECES = {
    "a",
    "Hello",
    " ",
    "  ",
    ".",
    "=?",
    "?=",
    "=",
    "_",
    "\"",
    "\\",
    "\u00e4",
    "\u65e5\u672c",
    "\ud83d\ude00",
    ",",
    ";",
    ":",
    "<",
    ">",
    "@",
    "(",
    ")",
    "'",
    "%",
    "*",
    "x".repeat(70),
    "y".repeat(1_000),
    "word ".repeat(20)
  };
  private static final String[] LINE_ENDS = {"\r\n", "\n", "\r", "\r\n.\r\n", "\0", "\t", " \r\n"};

  private final Random random;

  RandomEmail(Random random) {
    this.random = random;
  }

  Email build() {
    var builder = Email.builder().from(mailbox()).subject(line());
    for (int i = random.nextInt(4); i > 0; i--) {
      builder.to(address().toAscii());
    }
    for (int i = random.nextInt(3); i > 0; i--) {
      builder.cc(
          "\"" + line().replaceAll("[\"\\\\]", "").strip() + "\" <" + address().toAscii() + ">");
    }
    builder.bcc("hidden@example.com");
    if (random.nextBoolean()) {
      builder.text(text());
    }
    if (random.nextBoolean()) {
      builder.html(text());
    }
    if (random.nextBoolean()) {
      builder.header("X-Own", line().strip() + "x");
    }
    builder.priority(Email.Priority.values()[random.nextInt(3)]);
    for (int i = random.nextInt(4); i > 0; i--) {
      var content = new byte[random.nextInt(300)];
      random.nextBytes(content);
      builder.attachment(
          random.nextBoolean()
              ? Attachment.of(random.nextInt(4) == 0 ? null : "f" + line() + "f", "a/b", content)
              : Attachment.inline(i + "@example.org", "g" + line() + "g", "image/png", content));
    }
    return builder.build();
  }

  private Mailbox mailbox() {
    var name = line().strip();
    return new Mailbox(name.isEmpty() ? null : name, address());
  }

  private EmailAddress address() {
    return switch (random.nextInt(4)) {
      case 0 -> EmailAddress.parse("\"a b,c\"@example.org");
      case 1 -> EmailAddress.parse("ann@[IPv6:2001:db8::1]");
      case 2 -> EmailAddress.parse("x".repeat(64) + "@b\u00fccher.example");
      default -> EmailAddress.parse("ben+tag@example.net");
    };
  }

  private String line() {
    var line = new StringBuilder();
    for (int i = random.nextInt(8); i > 0; i--) {
      line.append(PIECES[random.nextInt(PIECES.length)]);
    }
    return line.toString();
  }

  private String text() {
    var text = new StringBuilder();
    for (int i = random.nextInt(30); i > 0; i--) {
      text.append(random.nextInt(3) == 0 ? LINE_ENDS[random.nextInt(LINE_ENDS.length)] : line());
    }
    return text.toString();
  }

  /** Everything a recipient can see is as the sender gave it. */
  static void assertSame(Email read, Email given) throws IOException {
    assertThat(read.from()).isEqualTo(given.from());
    assertThat(read.to()).isEqualTo(given.to());
    assertThat(read.cc()).isEqualTo(given.cc());
    assertThat(read.bcc()).isEmpty();
    assertThat(read.subject()).isEqualTo(given.subject());
    assertThat(read.priority()).isEqualTo(given.priority());
    assertThat(read.messageId()).isEqualTo(given.messageId());
    assertThat(read.headers().first("X-Own")).isEqualTo(given.headers().first("X-Own"));
    assertThat(read.html()).isEqualTo(given.html().map(RandomEmail::lines));
    assertThat(read.text())
        .isEqualTo(
            given.html().isPresent()
                ? given.text().map(RandomEmail::lines)
                : given.text().map(RandomEmail::lines).or(() -> Optional.of("")));
    var files = inWireOrder(given);
    assertThat(read.attachments()).hasSameSizeAs(files);
    for (int i = 0; i < files.size(); i++) {
      var file = read.attachments().get(i);
      assertThat(file.filename()).isEqualTo(files.get(i).filename());
      assertThat(file.contentType()).isEqualTo(files.get(i).contentType());
      assertThat(file.contentId()).isEqualTo(files.get(i).contentId());
      assertThat(file.open().readAllBytes()).isEqualTo(files.get(i).open().readAllBytes());
    }
  }

  /** What the HTML shows comes with it. */
  static List<Attachment> inWireOrder(Email given) {
    var files = new ArrayList<>(given.attachments());
    if (given.html().isPresent()) {
      files.sort(Comparator.comparing(file -> file.contentId().isEmpty()));
    }
    return files;
  }

  static String lines(String text) {
    return text.replaceAll("\r\n|\r|\n", "\r\n");
  }
}
