package org.unifiedmta.core.email;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import jakarta.mail.Message.RecipientType;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.spool.ByteSource;

class EmailBuilderTest {
  private static final Instant NOW = Instant.parse("2026-01-02T03:04:05Z");

  private static Email.Builder builder() {
    return Email.builder(Clock.fixed(NOW, ZoneOffset.UTC))
        .from("Ann Example <ann@example.org>")
        .to("ben@example.net");
  }

  @Test
  void aPlainMessageIsWrittenAsAnybodyWouldWriteIt() {
    var email = builder().messageId("<1@example.org>").subject("Hello").text("Hi\n.\n").build();
    assertThat(string(email.toBytes()))
        .isEqualTo(
            """
            Date: Fri, 2 Jan 2026 03:04:05 +0000
            From: Ann Example <ann@example.org>
            To: ben@example.net
            Subject: Hello
            Message-ID: <1@example.org>
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: 7bit

            Hi
            .
            """
                .replace("\n", "\r\n"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Hello",
        "",
        " leading",
        "trailing ",
        "  ",
        " ",
        "two  blanks",
        "=?utf-8?q?no_encoded_word?=",
        "=?",
        "?=",
        "a =?b?q?c?= d",
        "J\u00f6rg",
        "\ud83d\ude00",
        "tab\there",
        "colon: semicolon; \"quote\" \\",
        "Bcc: evil@example.org"
      })
  void aSubjectArrivesAsItWasGiven(String subject) throws Exception {
    assertSubject(subject);
  }

  @Test
  void aSubjectMayBeLong() throws Exception {
    assertSubject("x".repeat(3_000));
    assertSubject("word ".repeat(500) + "end");
    assertSubject("a" + " ".repeat(2_000) + "b");
    assertSubject("\ud83d\ude00".repeat(500));
    assertSubject("a\ud83d\ude00".repeat(500));
    assertSubject("\u00e4 ".repeat(500) + "\u4e00");
    assertSubject("\"\\".repeat(600));
  }

  private static void assertSubject(String subject) throws Exception {
    var email = builder().subject(subject).text("x").build();
    MailRules.check(email.toBytes());
    assertThat(Email.parse(email.toBytes()).subject()).isEqualTo(subject);
    assertThat(angus(email).getSubject()).isEqualTo(subject.isEmpty() ? null : subject);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Ann",
        "Ann B. Example",
        "Example, Ann",
        "\"Ann\"",
        "a\\b",
        "J\u00f6rg",
        "\ud83d\ude00 smile",
        "=?utf-8?q?x?=",
        "Ann <boss@example.org>",
        "ann@example.org",
        "(Ann)",
        "Ann; ben:",
        "\u65e5\u672c"
      })
  void aDisplayNameArrivesAsItWasGiven(String name) throws Exception {
    var mailbox = new Mailbox(name, EmailAddress.parse("ann@example.org"));
    var email = builder().from(mailbox).build();
    MailRules.check(email.toBytes());
    assertThat(Email.parse(email.toBytes()).from()).contains(mailbox);
    var from = (InternetAddress) angus(email).getFrom()[0];
    assertThat(from.getPersonal()).isEqualTo(name);
    assertThat(from.getAddress()).isEqualTo("ann@example.org");
  }

  @Test
  void aDisplayNameMayBeLong() {
    for (var name : List.of("x".repeat(2_000), "\"".repeat(900), "\u00e4".repeat(900))) {
      var mailbox = new Mailbox(name, EmailAddress.parse("ann@example.org"));
      var email = builder().from(mailbox).build();
      MailRules.check(email.toBytes());
      assertThat(Email.parse(email.toBytes()).from()).contains(mailbox);
    }
  }

  @Test
  void aDisplayNameOfBlanksOrNothingDoesNoHarm() {
    for (var name : List.of("", " ", "   ")) {
      var email = builder().from(new Mailbox(name, EmailAddress.parse("ann@example.org"))).build();
      assertThat(Email.parse(email.toBytes()).from().map(Mailbox::address))
          .contains(EmailAddress.parse("ann@example.org"));
    }
  }

  @Test
  void oddAddressesArriveAsTheyWereGiven() throws Exception {
    for (var text :
        List.of(
            "\"a b\"@example.org",
            "\"a,\\\"b\"@example.org",
            "ann@[192.0.2.1]",
            "a@b\u00fccher.example")) {
      var email = builder().cc("X <" + text + ">", text).build();
      MailRules.check(email.toBytes());
      var address = EmailAddress.parse(text);
      assertThat(Email.parse(email.toBytes()).cc())
          .containsExactly(new Mailbox("X", address), new Mailbox(null, address));
      assertThat(angus(email).getRecipients(RecipientType.CC)).hasSize(2);
    }
  }

  @Test
  void hiddenRecipientsAreInTheEnvelopeOnly() {
    var email =
        builder()
            .cc("carl@example.net")
            .bcc("Dora <dora@example.net>", "ben@example.net")
            .envelopeFrom("bounces@example.org")
            .build();
    assertThat(string(email.toBytes())).doesNotContainIgnoringCase("bcc").doesNotContain("dora");
    assertThat(email.headers().first("Bcc")).isEmpty();
    assertThat(email.bcc()).hasSize(2);
    assertThat(email.envelope().mailFrom()).isEqualTo(EmailAddress.parse("bounces@example.org"));
    assertThat(email.envelope().recipients().stream().map(r -> r.address().toAscii()))
        .containsExactly("ben@example.net", "carl@example.net", "dora@example.net");
    var copy = email.toBuilder().build();
    assertThat(copy.bcc()).isEqualTo(email.bcc());
    assertThat(string(copy.toBytes())).doesNotContainIgnoringCase("bcc");
    assertThatThrownBy(() -> builder().header("BCC", "x@example.org"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a\r\nBcc: x@example.org", "a\nb", "a\rb", "a\0b", "a\u001bb", "a\u007f"})
  void nothingBreaksOutOfItsField(String evil) {
    var builder = builder();
    var bytes = new byte[0];
    assertRefused(() -> builder.subject(evil));
    assertRefused(() -> builder.header("X-Test", evil));
    assertRefused(() -> builder.header(evil, "x"));
    assertRefused(() -> builder.from(evil + " <ann@example.org>"));
    assertRefused(() -> builder.to("\"" + evil + "\"@example.org"));
    assertRefused(() -> builder.messageId(evil));
    assertRefused(() -> builder.envelopeFrom(evil + "@example.org"));
    assertRefused(() -> Attachment.of(evil, "text/csv", bytes));
    assertRefused(() -> Attachment.of("x", "text/csv; name=" + evil, bytes));
    assertRefused(() -> Attachment.inline(evil, "x", "image/png", bytes));
    assertRefused(() -> Attachment.inline("x", evil, "image/png", bytes));
  }

  @Test
  void whatIsNoNameTypeOrIdIsRefused() {
    for (var name : List.of("", "a b", "a:", "\u00e4", "x".repeat(77), "Subject", "MIME-Version")) {
      assertRefused(() -> builder().header(name, "x"));
    }
    for (var type :
        List.of(
            "",
            "text",
            "/csv",
            "text/",
            "multipart/mixed",
            "text/c sv",
            "a,b/c",
            "t\u00e4xt/csv",
            "text/csv; name=" + "x".repeat(1000))) {
      assertRefused(() -> Attachment.of("x", type, new byte[0]));
    }
    for (var id : List.of("", "a b", "a<b", "<>", "\u00e4@b", "x".repeat(901), "a\tb")) {
      assertRefused(() -> Attachment.inline(id, "x", "image/png", new byte[0]));
      assertRefused(() -> builder().messageId(id));
    }
    assertRefused(() -> Email.builder().build());
  }

  private static void assertRefused(Runnable work) {
    assertThatThrownBy(work::run).isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "x",
        ".",
        ".\r\n..\r\n.",
        "bare\nline\nfeeds\n",
        "bare\rreturns\r",
        "mixed\r\n\n\r\r\n",
        "From ann\r\n>From ben\r\n",
        "trailing blanks  \r\n\t\r\n",
        "J\u00f6rg\r\n",
        "\ud83d\ude00",
        "=3D =\r\n=20",
        "nul\0and\u0007bell",
        "\u65e5\u672c\u8a9e\r\n",
        "--=_boundary\r\n"
      })
  void aTextArrivesWithItsLineEndsMadeCrlf(String text) {
    assertText(text);
  }

  @Test
  void aTextMayHaveLongLines() {
    for (int length : new int[] {997, 998, 999, 5_000, 100_000}) {
      assertText("x".repeat(length) + "\r\n");
      assertText("x".repeat(length));
      assertText("\u00e4" + "x".repeat(length));
      assertText("\u00e4".repeat(length));
      assertText(".".repeat(length) + "\r\n.\r\n");
    }
  }

  private static void assertText(String text) {
    var lines = text.replaceAll("\r\n|\r|\n", "\r\n");
    for (var email :
        List.of(
            builder().text(text).build(),
            builder().html(text).build(),
            builder().text(text).html(text).build(),
            builder().text(text).attachment(Attachment.of("a", "a/b", new byte[] {1})).build())) {
      var bytes = email.toBytes();
      MailRules.check(bytes);
      var parsed = Email.parse(bytes);
      assertThat(parsed.text()).isEqualTo(email.text().map(given -> lines));
      assertThat(parsed.html()).isEqualTo(email.html().map(given -> lines));
      assertThat(parsed.defects()).isEmpty();
    }
  }

  @Test
  void aMessageWithoutAnyTextIsEmpty() {
    var parsed = Email.parse(builder().build().toBytes());
    assertThat(parsed.text()).contains("");
    assertThat(parsed.html()).isEmpty();
    assertThat(parsed.attachments()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "report.pdf",
        "a b.pdf",
        "\"quoted\".pdf",
        "back\\slash.pdf",
        "semi;colon=x.pdf",
        "J\u00f6rg.pdf",
        "\ud83d\ude00.pdf",
        "100%.pdf",
        "it's.pdf",
        "=?utf-8?q?x?=.pdf",
        "../../etc/passwd",
        "a,b<c>@d.pdf"
      })
  void aFileNameArrivesAsItWasGiven(String name) throws Exception {
    assertFileName(name);
  }

  @Test
  void aFileNameMayBeLong() throws Exception {
    assertFileName("x".repeat(61));
    assertFileName("x".repeat(2_000) + ".pdf");
    assertFileName("a b ".repeat(300) + ".pdf");
    assertFileName("\ud83d\ude00\u00e4x".repeat(200) + ".pdf");
  }

  private static void assertFileName(String name) throws Exception {
    var content = new byte[] {0, 1, 13, 10, 13, 46, -1};
    var email = builder().text("x").attachment(Attachment.of(name, "a/b", content)).build();
    MailRules.check(email.toBytes());
    var attachment = Email.parse(email.toBytes()).attachments().get(0);
    assertThat(attachment.filename()).isEqualTo(name);
    assertThat(attachment.contentType()).isEqualTo("a/b");
    assertThat(attachment.open().readAllBytes()).isEqualTo(content);
    assertThat(attachment.size()).isEqualTo(content.length);
    var part = ((jakarta.mail.Multipart) angus(email).getContent()).getBodyPart(1);
    assertThat(part.getFileName()).isEqualTo(name);
    assertThat(part.getInputStream().readAllBytes()).isEqualTo(content);
  }

  @Test
  void imagesAreRelatedToTheHtmlAndFilesAreMixedIn() throws Exception {
    var email =
        builder()
            .text("text")
            .html("<img src='cid:logo@example.org'>")
            .attachment(Attachment.of("data.csv", "text/csv; charset=utf-8", new byte[] {'a'}))
            .attachment(
                Attachment.inline("logo@example.org", "logo.png", "image/png", new byte[] {1}))
            .build();
    MailRules.check(email.toBytes());
    assertThat(MailRules.structure(email.toBytes()))
        .isEqualTo(
            "multipart/mixed(multipart/alternative(text/plain,multipart/related(text/html,image/png)),text/csv)");
    var parsed = Email.parse(email.toBytes());
    assertThat(parsed.text()).contains("text");
    assertThat(parsed.html()).isEqualTo(email.html());
    assertThat(parsed.attachments().stream().map(Attachment::filename))
        .containsExactly("logo.png", "data.csv");
    assertThat(parsed.attachments().get(0).contentId()).contains("logo@example.org");
    assertThat(MailRules.structure(builder().text("x").build().toBytes())).isEqualTo("text/plain");
    assertThat(MailRules.structure(builder().html("x").build().toBytes())).isEqualTo("text/html");
    assertThat(MailRules.structure(parsed.toBuilder().build().toBytes()))
        .isEqualTo(MailRules.structure(email.toBytes()));
  }

  @Test
  void aForwardedMessageKeepsItsOctetsAndTheLinesStayShort() throws Exception {
    var plain = "Subject: inner\r\n\r\nHi\r\n".getBytes(StandardCharsets.UTF_8);
    var eight = "Subject: inner\r\n\r\nJ\u00f6rg\r\n".getBytes(StandardCharsets.UTF_8);
    var longLine = ("Subject: x\r\n\r\n" + "y".repeat(2_000)).getBytes(StandardCharsets.UTF_8);
    for (var inner : List.of(plain, eight, longLine)) {
      var email = builder().attachment(Attachment.of("m.eml", "message/rfc822", inner)).build();
      MailRules.check(email.toBytes());
      var attachment = Email.parse(email.toBytes()).attachments().get(0);
      // RFC 6532 3.7: what is not 7-bit can only be encoded as message/global.
      assertThat(attachment.contentType())
          .isEqualTo(inner == plain ? "message/rfc822" : "message/global");
      assertThat(attachment.open().readAllBytes()).isEqualTo(inner);
    }
  }

  @Test
  void aMessageIsWrittenTheSameEachTime() {
    var email =
        builder().text("x").html("y").attachment(Attachment.of("a", "a/b", new byte[9])).build();
    assertThat(email.toBytes()).isEqualTo(email.toBytes());
    assertThat(email.toBuilder().build().messageId()).isEqualTo(email.messageId());
  }

  @Test
  void aFileIsReadWhenTheMessageIsWritten(@TempDir Path directory) throws Exception {
    var file = Files.write(directory.resolve("r\u00e9sum\u00e9.pdf"), new byte[] {1, 2, 3});
    var attachment = Attachment.of(file);
    assertThat(attachment.filename()).isEqualTo("r\u00e9sum\u00e9.pdf");
    assertThat(attachment.contentType()).isEqualTo("application/pdf");
    assertThat(attachment.size()).isEqualTo(3);
    var email = builder().attachment(attachment).build();
    assertThat(Email.parse(email.toBytes()).attachments().get(0).open().readAllBytes())
        .containsExactly(1, 2, 3);
    Files.delete(file);
    assertThatThrownBy(email::toBytes).isInstanceOf(UncheckedIOException.class);
    assertRefused(() -> Attachment.of(file));
  }

  @Test
  void aLargeAttachmentPassesThroughWithoutBeingHeld() {
    long size = 1_200L * 1024 * 1024; // more than the heap of the tests
    var email = builder().attachment(Attachment.of("big", "a/b", new Zeros(size))).build();
    var out = new Counting();
    email.writeTo(out);
    assertThat(out.count).isGreaterThan(size * 4 / 3);
  }

  @Test
  void fieldsOfOnesOwnArriveAndThePriorityIsTold() throws Exception {
    var email =
        builder()
            .replyTo("Re <re@example.org>")
            .header("X-Campaign", "J\u00f6rg " + "x".repeat(2_000))
            .header("List-Unsubscribe", "<https://example.org/u?a=b>, <mailto:u@example.org>")
            .priority(Email.Priority.HIGH)
            .build();
    MailRules.check(email.toBytes());
    var parsed = Email.parse(email.toBytes());
    assertThat(parsed.priority()).isEqualTo(Email.Priority.HIGH);
    assertThat(parsed.replyTo()).isEqualTo(email.replyTo());
    assertThat(parsed.headers().all("x-campaign"))
        .containsExactly("J\u00f6rg " + "x".repeat(2_000));
    assertThat(angus(email).getHeader("List-Unsubscribe"))
        .containsExactly("<https://example.org/u?a=b>, <mailto:u@example.org>");
    assertThat(parsed.date()).contains(NOW);
    assertThat(parsed.headers().first("Date")).contains("Fri, 2 Jan 2026 03:04:05 +0000");
  }

  @Test
  void unsubscribingTakesOneClickWhereTheSenderSaysSo() throws Exception {
    var https = URI.create("https://example.org/u?list=a&token=" + "x".repeat(700));
    var mail = URI.create("mailto:u@example.org?subject=unsubscribe");
    var email = builder().listUnsubscribe(mail).listUnsubscribeOneClick(https, mail).build();
    MailRules.check(email.toBytes());
    var read = angus(email);
    assertThat(read.getHeader("List-Unsubscribe", null).replace("\r\n", ""))
        .isEqualTo("<" + https + ">, <" + mail + ">"); // RFC 8058 3.1
    assertThat(read.getHeader("List-Unsubscribe-Post"))
        .containsExactly("List-Unsubscribe=One-Click");
    var copy = email.toBuilder().build();
    assertThat(copy.headers().fields()).isEqualTo(email.headers().fields());
    var other = email.toBuilder().listUnsubscribe(mail).build();
    assertThat(other.headers().all("List-Unsubscribe")).containsExactly("<" + mail + ">");
    assertThat(other.headers().all("List-Unsubscribe-Post")).isEmpty();
    for (var uri : List.of("http://example.org", "mailto:u@example.org")) {
      assertRefused(() -> builder().listUnsubscribeOneClick(URI.create(uri)));
    }
    for (var uri :
        List.of(
            "ftp://example.org", "/u", "https://example.org/a,b", "https://e/" + "x".repeat(900))) {
      assertRefused(() -> builder().listUnsubscribe(URI.create(uri)));
    }
    assertRefused(() -> builder().listUnsubscribe());
  }

  @Test
  void textIsInEightBitsOnlyWhereThatIsAskedFor() throws Exception {
    var plain = builder().text("J\u00f6rg\n").html("J\u00f6rg").build();
    assertThat(plain.envelope().body()).isEqualTo(Envelope.Body.SEVEN_BIT);
    var email = plain.toBuilder().eightBitMime().subject("J\u00f6rg").build();
    assertThat(email.envelope().body()).isEqualTo(Envelope.Body.EIGHT_BIT_MIME);
    var bytes = string(email.toBytes());
    assertThat(bytes)
        .contains("\r\n\r\nJ\u00f6rg\r\n")
        .doesNotContain("base64", "quoted-printable");
    assertThat(bytes.split("Content-Transfer-Encoding: 8bit", -1)).hasSize(4); // RFC 2045 6.4
    assertThat(bytes).doesNotContain("Subject: J\u00f6rg");
    assertThat(angus(email).getSubject()).isEqualTo("J\u00f6rg");
    assertThat(Email.parse(email.toBytes()).text()).contains("J\u00f6rg\r\n");
    assertThat(email.toBuilder().build().toBytes().length).isEqualTo(email.toBytes().length);
    for (var text : List.of("\u00f6".repeat(600), "\u00f6\0")) { // long lines, NUL
      MailRules.check(builder().eightBitMime().text(text).build().toBytes());
    }
    var inner = "Subject: inner\r\n\r\nJ\u00f6rg\r\n".getBytes(StandardCharsets.UTF_8);
    var forwarded =
        builder()
            .eightBitMime()
            .attachment(Attachment.of("m.eml", "message/rfc822", inner))
            .build();
    var attachment = Email.parse(forwarded.toBytes()).attachments().get(0);
    assertThat(attachment.contentType()).isEqualTo("message/rfc822");
    assertThat(attachment.open().readAllBytes()).isEqualTo(inner);
    assertThat(attachment.email().flatMap(Email::text)).contains("J\u00f6rg\r\n");
  }

  @Test
  void theShortestSafeEncodingIsTaken() {
    for (var text :
        List.of(
            "a",
            "\u00e4 and ninety-nine letters ".repeat(9),
            "\u65e5\u672c",
            "=".repeat(900) + "\u00e4")) {
      var written = string(builder().text(text).build().toBytes());
      var body = written.substring(written.indexOf("\r\n\r\n"));
      var bytes = text.getBytes(StandardCharsets.UTF_8).length;
      assertThat(body.length()).as(text).isLessThanOrEqualTo(bytes * 4 / 3 * 78 / 76 + 10);
    }
  }

  @Test
  void anAddressOrFieldInUtf8NeedsSmtpUtf8() {
    assertThat(builder().subject("J\u00f6rg").build().needsSmtpUtf8()).isFalse();
    assertThat(builder().cc("a@b\u00fccher.example").build().needsSmtpUtf8()).isFalse();
    for (var email :
        List.of(
            builder().cc("j\u00f6rg@example.org").build(),
            builder().bcc("j\u00f6rg@example.org").build(),
            builder().replyTo("j\u00f6rg@example.org").build(),
            builder().envelopeFrom("j\u00f6rg@example.org").build(),
            Email.parse("Subject: J\u00f6rg\r\n\r\n".getBytes(StandardCharsets.UTF_8)))) {
      assertThat(email.needsSmtpUtf8()).isTrue();
      assertThat(email.envelope().smtpUtf8()).isTrue();
    }
    var latin = Email.parse("Subject: J\u00f6rg\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
    assertThat(latin.needsSmtpUtf8()).isFalse();
    assertThat(latin.envelope().body()).isEqualTo(Envelope.Body.EIGHT_BIT_MIME);
  }

  @Test
  void anAttachmentMayComeFromAnythingThatCanBeOpened() throws Exception {
    var opened = new AtomicInteger();
    var source =
        ByteSource.of(() -> {
          opened.incrementAndGet();
          return new ByteArrayInputStream(new byte[] {1, 2, 3});
        });
    var email =
        builder()
            .html("<img src='cid:i@example.org'>")
            .attachment(Attachment.of("a", "a/b", source))
            .attachment(Attachment.inline("i@example.org", "i.png", "image/png", source))
            .build();
    assertThat(opened).hasValue(0);
    var read = Email.parse(email.toBytes()).attachments();
    assertThat(opened).hasValue(2);
    assertThat(read).allMatch(attachment -> attachment.size() == 3);
    assertThat(email.attachments().get(0).size()).isEqualTo(3);
  }

  @Test
  void aListInOneTextIsNoRecipient() {
    assertRefused(() -> builder().to("ann@example.org, victim@example.org"));
    var list = new Mailbox[] {Mailbox.parse("Ann <a@example.org>"), Mailbox.parse("b@example.org")};
    var email = builder().to(list).cc(list).bcc(list).replyTo(list).build();
    assertThat(email.to()).hasSize(3);
    assertThat(email.envelope().recipients()).hasSize(3);
    assertThat(email.replyTo()).containsExactly(list);
  }

  /** Messages of any content: what was given is what each reader reads. */
  @Test
  void whateverIsBuiltIsReadBackByEveryReader() throws Exception {
    var random = new Random(20260102);
    for (int i = 0; i < 10_000; i++) {
      var email = new RandomEmail(random).build();
      var bytes = email.toBytes();
      MailRules.check(bytes);
      assertThat(email.toBytes()).isEqualTo(bytes);
      var read = Email.parse(bytes);
      assertThat(read.defects()).isEmpty();
      RandomEmail.assertSame(read, email);
      var copy = read.toBuilder().build().toBytes();
      MailRules.check(copy);
      RandomEmail.assertSame(Email.parse(copy), email);
      MailRules.assertSeen(MailRules.readByMime4j(bytes), email);
      MailRules.assertSeen(MailRules.readByAngus(bytes), email);
    }
  }

  private static MimeMessage angus(Email email) throws Exception {
    return MailRules.angus(email.toBytes());
  }

  private static String string(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private record Zeros(long size) implements ByteSource {
    @Override
    public InputStream open() {
      return new InputStream() {
        private long left = size;

        @Override
        public int read() {
          return left-- > 0 ? 0 : -1;
        }

        @Override
        public int read(byte[] bytes, int from, int length) {
          if (left <= 0) {
            return -1;
          }
          int read = (int) Math.min(left, length);
          left -= read;
          return read;
        }
      };
    }
  }

  private static final class Counting extends OutputStream {
    private long count;

    @Override
    public void write(int b) {
      count++;
    }

    @Override
    public void write(byte[] bytes, int from, int length) {
      count += length;
    }
  }
}
