package org.unifiedmta.core.email;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.testing.Corpus;

@Timeout(120)
class EmailParserTest {
  private static final Charset WINDOWS_1252 = Charset.forName("windows-1252");

  @ParameterizedTest
  @ValueSource(strings = {"mime", "bounce"})
  void noMessageOfTheCorporaThrows(String corpus) throws IOException {
    var files = Corpus.messages(corpus);
    assertThat(files).hasSizeGreaterThan(50);
    for (Path file : files) {
      var bytes = Files.readAllBytes(file);
      readAll(bytes);
      readAll(crlf(bytes));
      readAll(Arrays.copyOf(bytes, bytes.length / 2)); // cut off
      boolean headless = file.toString().contains("noheader");
      assertThat(Email.parse(crlf(bytes)).headers().fields().isEmpty())
          .as(file.toString())
          .isEqualTo(headless);
    }
  }

  @Test
  void aMessageOfTheCorporaDamagedAtRandomThrowsNothing() throws IOException {
    var random = new Random(4);
    for (Path file : Corpus.messages("mime")) {
      var bytes = Files.readAllBytes(file);
      for (int i = 0; i < 10 && bytes.length < 50_000 && bytes.length > 0; i++) {
        var damaged = bytes.clone();
        for (int n = 0; n < 20; n++) {
          damaged[random.nextInt(damaged.length)] =
              (byte) "\r\n:;=\"-<>\0\u00ff".charAt(random.nextInt(11));
        }
        readAll(damaged);
      }
    }
  }

  /** Everything that can be asked of a message, and that its copy keeps the rules. */
  private static void readAll(byte[] message) throws IOException {
    var email = Email.parse(message);
    assertThat(email.toBytes()).isEqualTo(message);
    email.headers().fields();
    for (var attachment : email.attachments()) {
      try (var in = attachment.open()) {
        assertThat(in.readAllBytes()).hasSize((int) attachment.size());
      }
    }
    var envelope = email.envelope();
    boolean ascii =
        envelope.recipients().stream().noneMatch(r -> r.address().isInternationalized())
            && email.replyTo().stream().noneMatch(r -> r.address().isInternationalized())
            && !(envelope.mailFrom() != null && envelope.mailFrom().isInternationalized());
    if (email.from().isPresent() && ascii) { // the others need SMTPUTF8
      MailRules.check(email.toBuilder().build().toBytes());
    }
  }

  @Test
  void aMessageIsRead() {
    var email =
        Email.parse(
            message(
                """
                Received: from a
                From: =?utf-8?q?J=C3=B6rg?= <j@example.org>
                To: ann@example.org, "Ben, B." <ben@example.org>,
                 Group: carl@example.org, dora@example.org;
                Cc: undisclosed-recipients:;
                Reply-To: <re@example.org>
                Subject: =?iso-8859-1?q?J=F6rg?= =?utf-8?b?w7Y=?= x
                Date: Fri, 2 Jan 2026 03:04:05 +0100 (CET)
                Message-ID: <1@example.org>
                Importance: High

                Hi
                """));
    assertThat(email.from())
        .contains(new Mailbox("J\u00f6rg", EmailAddress.parse("j@example.org")));
    assertThat(email.to().stream().map(to -> to.address().localPart()))
        .containsExactly("ann", "ben", "carl", "dora");
    assertThat(email.to().get(1).displayName()).isEqualTo("Ben, B.");
    assertThat(email.cc()).isEmpty();
    assertThat(email.replyTo()).hasSize(1);
    assertThat(email.subject()).isEqualTo("J\u00f6rg\u00f6 x");
    assertThat(email.date()).contains(Instant.parse("2026-01-02T02:04:05Z"));
    assertThat(email.messageId()).contains("1@example.org");
    assertThat(email.priority()).isEqualTo(Email.Priority.HIGH);
    assertThat(email.text()).contains("Hi\r\n");
    assertThat(email.html()).isEmpty();
    assertThat(email.envelopeFrom()).isEmpty();
    assertThat(email.defects()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\r\n", "\r\n\r\n", "x", "\0", ":", "Subject", "Subject:", "\n\n"})
  void almostNothingIsAMessageToo(String message) throws IOException {
    readAll(message.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void undeclaredOctetsAreUtf8ElseWindows1252() {
    for (var charset : List.of(StandardCharsets.UTF_8, WINDOWS_1252)) {
      var email =
          Email.parse(
              "From: J\u00f6rg <j@example.org>\r\nSubject: \u20ac \u00e4\r\n\r\n\u20ac \u00e4\r\n"
                  .getBytes(charset));
      assertThat(email.subject()).isEqualTo("\u20ac \u00e4");
      assertThat(email.text()).contains("\u20ac \u00e4\r\n");
      assertThat(email.from().map(Mailbox::displayName)).contains("J\u00f6rg");
    }
    var name = "From: \u65e5\u672c <\u65e5@example.org>\r\n\r\n".getBytes(StandardCharsets.UTF_8);
    assertThat(Email.parse(name).from())
        .contains(new Mailbox("\u65e5\u672c", EmailAddress.parse("\u65e5@example.org")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "text/plain; charset=iso-8859-1 | \u00e4",
        "text/plain; charset=\"ISO-8859-1\" | \u00e4",
        "text/plain; charset=no-such | \u00e4",
        "text/plain; charset=us-ascii | \u00e4",
        "text/plain; charset=utf-8 | \ufffd",
        "text/plain | \u00e4",
        "text/plain; charset= | \u00e4",
        "TEXT/Plain;CHARSET=windows-1252 | \u00e4"
      })
  void theDeclaredCharsetCountsWhereItIsOne(String type, String text) {
    var message =
        ("Content-Type: " + type + "\r\n\r\n\u00e4").getBytes(StandardCharsets.ISO_8859_1);
    assertThat(Email.parse(message).text()).contains(text);
  }

  @Test
  void brokenEncodingsGiveWhatCanBeRead() {
    assertThat(text("base64", "SGVs!bG8=\n")).isEqualTo("Hello");
    assertThat(text("base64", "SGVsbG8")).startsWith("Hel");
    assertThat(text("base64", "SGVsbG8=\nSGVsbG8=\n")).startsWith("Hello");
    assertThat(text("quoted-printable", "a=ZZ=3Db=\nc =\n")).contains("=b");
    assertThat(text("BASE64 ", "SGVsbG8=")).isEqualTo("Hello");
    assertThat(text("x-unknown", "Hello")).isEqualTo("Hello");
    assertThat(text("", "Hello")).isEqualTo("Hello");
  }

  private static String text(String encoding, String body) {
    return Email.parse(message("Content-Transfer-Encoding: " + encoding + "\n\n" + body))
        .text()
        .orElseThrow();
  }

  @Test
  void aMultipartWithoutEndIsReadToItsEnd() {
    var email =
        Email.parse(
            message(
                """
                Content-Type: multipart/mixed; boundary=b

                preamble
                --b

                one
                --b
                Content-Type: a/b; name="x"

                two
                """));
    assertThat(email.text()).contains("one");
    assertThat(email.attachments()).hasSize(1);
    assertThat(content(email.attachments().get(0))).isEqualTo("two\r\n");
  }

  @Test
  void aMultipartWithoutBoundaryLosesNothing() {
    var email = Email.parse(message("Content-Type: multipart/mixed\n\n--b\n\none\n--b--\n"));
    var all =
        email.text().orElse("")
            + email.attachments().stream().map(EmailParserTest::content).toList();
    assertThat(all).contains("one");
  }

  @Test
  void aForwardedMessageIsOneAttachmentWithItsVeryBytes() {
    var inner =
        "Subject: inner\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n";
    var email =
        Email.parse(
            ("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n"
                    + "Content-Type: message/rfc822\r\n\r\n"
                    + inner
                    + "\r\n--b--\r\n")
                .getBytes(StandardCharsets.UTF_8));
    assertThat(email.text()).contains("text");
    assertThat(email.attachments()).hasSize(1);
    assertThat(email.attachments().get(0).contentType()).isEqualTo("message/rfc822");
    assertThat(content(email.attachments().get(0))).isEqualTo(inner);
  }

  @Test
  void theMessagesOfADigestAreMessages() {
    var email =
        Email.parse(
            message(
                "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\nHi\n--b--\n"));
    assertThat(email.text()).isEmpty();
    assertThat(email.attachments().get(0).contentType()).isEqualTo("message/rfc822");
    assertThat(content(email.attachments().get(0))).isEqualTo("Subject: x\r\n\r\nHi");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "attachment; filename=a.txt | a.txt",
        "attachment; filename=\"a b.txt\" | a b.txt",
        "attachment; filename=a b.txt | a b.txt",
        "attachment; filename=\"a\\\"b.txt\" | a\"b.txt",
        "attachment;filename=\"a;b.txt\" ; x=y | a;b.txt",
        "attachment; filename*=UTF-8''%E2%82%AC.txt | \u20ac.txt",
        "attachment; filename*=iso-8859-1'en'%E4.txt | \u00e4.txt",
        "attachment; filename*=%E4.txt | \u00e4.txt",
        "attachment; filename*0*=UTF-8''%E2%82; filename*1*=%AC; filename*2=.txt | \u20ac.txt",
        "attachment; filename*1=b.txt; filename*0=a | ab.txt",
        "attachment; filename=x; filename*=UTF-8''%E4%B8%80 | \u4e00",
        "attachment; filename=\"=?utf-8?q?=C3=A4?=.txt\" | \u00e4.txt",
        "attachment; filename==?utf-8?b?w6Q=?= | \u00e4",
        "attachment; filename=\"\u00e4.txt\" | \u00e4.txt",
        "attachment; filename=\"a.txt | a.txt",
        "attachment; FileName = a.txt | a.txt",
        "inline; filename=a.txt | a.txt",
        "attachment; filename*=UTF-8''a%0D%0Ab | a  b",
        "attachment; x=1;; filename=a.txt | a.txt"
      })
  void aFileNameIsReadHoweverItIsWritten(String disposition, String name) {
    var email =
        Email.parse(
            message(
                "Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Disposition: "
                    + disposition
                    + "\n\nx\n--b--\n"));
    assertThat(email.attachments()).hasSize(1);
    assertThat(email.attachments().get(0).filename()).isEqualTo(name);
  }

  /** RFC 8621 4.1.4, its example among them. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "text | text | - | ",
        "html | - | html | ",
        "alternative(text html) | text | html | ",
        "alternative(html text) | text | html | ",
        "alternative(html) | - | html | ",
        "alternative(text related(html image)) | text | html | image",
        "related(html image text) | - | html | image,text",
        "mixed(text image text2) | text,text2 | - | image",
        "mixed(text html) | text | html | ",
        "mixed(text named text2) | text,text2 | - | named",
        "mixed(named text) | named,text | - | ",
        "mixed(attached) | - | - | attached",
        "mixed(text attached html) | text | html | attached",
        "mixed(text message) | text | - | message",
        "signed(alternative(text html) signature) | text | html | signature",
        "report(text status message) | text | - | status,message",
        "mixed(alternative(text html) footer) | text,footer | html | ",
        "mixed(A mixed(alternative(mixed(B image D) related(E image2)) image3 excel message) K)"
            + " | A,B,D,K | E | image,image2,image3,excel,message"
      })
  void whatIsShownIsWhatAMailReaderShows(String tree, String text, String html, String files) {
    var email = Email.parse(message("MIME-Version: 1.0\n" + new Tree(tree).part() + "\n"));
    assertThat(email.text().map(EmailParserTest::words)).isEqualTo(Optional.ofNullable(text));
    assertThat(email.html().map(EmailParserTest::words)).isEqualTo(Optional.ofNullable(html));
    assertThat(email.attachments().stream().map(EmailParserTest::content).map(String::strip))
        .containsExactly(files == null ? new String[0] : files.split(","));
    assertThat(email.defects()).isEmpty();
  }

  private static String words(String text) {
    return String.join(",", text.split("\r\n"));
  }

  /** Writes a message from a tree such as {@code mixed(text image)}; each leaf holds its name. */
  private static final class Tree {
    private final String tree;
    private int at;
    private int boundaries;

    Tree(String tree) {
      this.tree = tree;
    }

    String part() {
      int from = at;
      while (at < tree.length() && " ()".indexOf(tree.charAt(at)) < 0) {
        at++;
      }
      var name = tree.substring(from, at);
      if (at == tree.length() || tree.charAt(at) != '(') {
        return leaf(name);
      }
      var boundary = "b" + boundaries++;
      var parts = new StringBuilder("Content-Type: multipart/" + name + "; boundary=" + boundary);
      parts.append("\n\npreamble\n");
      do {
        at++;
        parts.append("--").append(boundary).append("\n").append(part()).append("\n");
      } while (tree.charAt(at) == ' ');
      at++;
      return parts.append("--").append(boundary).append("--\nepilogue").toString();
    }

    private static String leaf(String name) {
      var header =
          switch (name.replaceAll("[0-9]", "")) {
            case "html", "E" -> "Content-Type: text/html";
            case "image" -> "Content-Type: image/png\nContent-Disposition: inline; filename=i.png";
            case "excel" -> "Content-Type: application/x-excel";
            case "named" -> "Content-Type: text/plain; name=a.txt";
            case "attached" -> "Content-Disposition: attachment";
            case "message" -> "Content-Type: message/rfc822";
            case "signature" -> "Content-Type: application/pgp-signature";
            case "status" -> "Content-Type: message/delivery-status";
            default -> "Content-Type: text/plain";
          };
      return header + "\n\n" + name;
    }
  }

  @Test
  void anAddressThatIsNoneIsADefectAndTheOthersAreRead() {
    var email =
        Email.parse(
            message(
                """
                From: "Ann \\"the boss\\"" <"a b"@example.org>
                To: nobody, a@@b, ann@example.org, x@-y.example, Ben ben@example.org, "Carl" c@example.org
                Date: yesterday
                Message-ID: without brackets

                """));
    assertThat(email.from())
        .contains(new Mailbox("Ann \"the boss\"", EmailAddress.parse("\"a b\"@example.org")));
    assertThat(email.to())
        .containsExactly(new Mailbox(null, EmailAddress.parse("ann@example.org")));
    assertThat(email.defects()).isNotEmpty();
    assertThat(email.date()).isEmpty();
    assertThat(email.messageId()).contains("without brackets");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"Subject", "From", "To", "Message-ID", "X-Own", "Content-Type", "Reply-To"})
  void nothingInAnEncodedWordBreaksOutOfItsField(String field) {
    for (var evil :
        List.of(
            "=?us-ascii?q?<a=0D=0AEvil:_x@y.example>?=",
            "=?us-ascii?q?a=0D=0AEvil:_x?= <a@b.example>",
            "<=?us-ascii?q?a=0D=0AEvil:_x?=@b.example>",
            "=?utf-8?b?DQpFdmlsOiB4DQo=?=",
            "<\u0000\r\u000b\u0007@b.example>")) {
      var parsed = Email.parse(message("From: ann@example.org\n" + field + ": " + evil + "\n\nx"));
      assertThat(parsed.headers().first(field).orElse("")).doesNotContain("\r", "\n", "\0");
      assertThat(parsed.subject()).doesNotContain("\r", "\n");
      if (parsed.from().isPresent()) {
        var bytes = parsed.toBuilder().build().toBytes();
        MailRules.check(bytes);
        assertThat(Email.parse(bytes).headers().first("Evil")).isEmpty();
      }
    }
  }

  @Test
  void aCopyOfWhatOthersWroteKeepsTheRules() {
    var long2000 = "x".repeat(2_000);
    var bytes =
        ("From: ann@example.org\r\nMessage-ID: <"
                + long2000
                + "@\u00e4>\r\n\u00fc-Field: x\r\nReferences: <"
                + long2000
                + ">\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                + "--b\r\nContent-Type: a/b; x=\u00e4; name=\"\u00e4"
                + long2000
                + "\"\r\n\r\none\r\n"
                + "--b\r\nContent-Type: a b/c; charset=utf-8\r\nContent-ID: <\u00e4 >\r\n\r\ntwo\r\n"
                + "--b\r\nContent-Type: multipart/mixed\r\n\r\nthree\r\n"
                + "--b\r\nContent-Type: message/rfc822\r\n\r\nX: "
                + long2000
                + "\u00e4\r\n--b--\r\n")
            .getBytes(StandardCharsets.UTF_8);
    var parsed = Email.parse(bytes);
    var copy = parsed.toBuilder().build().toBytes();
    MailRules.check(copy);
    var again = Email.parse(copy);
    assertThat(again.attachments().stream().map(EmailParserTest::content).toList())
        .containsAll(parsed.attachments().stream().map(EmailParserTest::content).toList());
    assertThat(again.attachments().get(0).filename()).isEqualTo("\u00e4" + long2000);
    assertThat(again.messageId()).isPresent();
  }

  @Test
  void depthAndNumberOfPartsAreBounded() {
    var deep = new StringBuilder();
    for (int i = 0; i < 300; i++) {
      deep.append("Content-Type: multipart/mixed; boundary=b")
          .append(i)
          .append("\r\n\r\n--b")
          .append(i)
          .append("\r\n");
    }
    var email = Email.parse(deep.append("\r\nx").toString().getBytes(StandardCharsets.UTF_8));
    assertThat(email.defects()).anyMatch(defect -> defect.contains("deeper than 100"));
    var wide =
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + "--b\r\n\r\nx\r\n".repeat(10_010);
    var many = Email.parse(wide.getBytes(StandardCharsets.UTF_8));
    assertThat(many.defects()).anyMatch(defect -> defect.contains("more than 10000 parts"));
    assertThat(many.text().orElseThrow().lines().filter(line -> line.equals("x")))
        .hasSize(10_010); // nothing is lost
    var fields = Email.parse(("X: y\r\n".repeat(5_000) + "\r\nx").getBytes(StandardCharsets.UTF_8));
    assertThat(fields.headers().fields()).hasSize(2_000);
    assertThat(fields.defects()).isNotEmpty();
    var endless = "Subject: x\r\nTo: " + "a@b.example,".repeat(30_000) + "\r\n\r\n";
    var tooLong = Email.parse(endless.getBytes(StandardCharsets.UTF_8));
    assertThat(tooLong.subject()).isEqualTo("x");
    assertThat(tooLong.to()).isEmpty(); // half a field is none
    assertThat(tooLong.defects()).isNotEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(",
        ")",
        "<",
        "\"",
        "\\",
        ":",
        ";",
        ",",
        "=?",
        "=?a?q?",
        "@",
        "[",
        "a@b,",
        "a:",
        "=",
        "\t\r\n ",
        "x=y;",
        "=?utf-8?q?a?= ",
        "%",
        "'"
      })
  void aHostileFieldTakesNoTimeAndNoStack(String piece) throws IOException {
    var evil = piece.repeat(100_000 / piece.length());
    for (var field :
        List.of(
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Content-Type",
            "Content-Disposition",
            "Content-Transfer-Encoding",
            "X-Priority")) {
      for (var before : List.of("", "attachment; filename=", "multipart/mixed; boundary=")) {
        readAll((field + ": " + before + evil + "\r\n\r\nx").getBytes(StandardCharsets.UTF_8));
      }
    }
  }

  @Test
  void aStreamIsReadIntoMemoryUpToItsBound() {
    var small = new ByteArrayInputStream(message("Subject: x\n\n"));
    assertThat(Email.parse(small).subject()).isEqualTo("x");
    var endless =
        new InputStream() {
          @Override
          public int read() {
            return 'x';
          }

          @Override
          public int read(byte[] bytes, int from, int length) {
            Arrays.fill(bytes, from, from + length, (byte) 'x');
            return length;
          }
        };
    assertThatThrownBy(() -> Email.parse(endless)).isInstanceOf(MessageTooLargeException.class);
  }

  private static byte[] message(String text) {
    return text.replaceAll("(?<!\r)\n", "\r\n").getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] crlf(byte[] message) {
    return new String(message, StandardCharsets.ISO_8859_1)
        .replaceAll("\r?\n", "\r\n")
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  private static String content(Attachment attachment) {
    try (var in = attachment.open()) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  void theLineOfAMailboxFileIsNoFieldAndAFieldWithABlankIsNoSuchLine() {
    var file = "From ann@example.org Thu Nov 26 12:00:00 2026\r\nSubject: x\r\n\r\nx\r\n";
    assertThat(Email.parse(file.getBytes(StandardCharsets.US_ASCII)).subject()).isEqualTo("x");
    var field = "From : <ann@example.org>\r\nSubject: x\r\n\r\nx\r\n";
    assertThat(Email.parse(field.getBytes(StandardCharsets.US_ASCII)).from())
        .contains(new Mailbox(null, EmailAddress.parse("ann@example.org")));
    assertThat(Email.parse(new byte[0]).defects()).isNotNull();
  }
}
