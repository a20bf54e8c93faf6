package org.unifiedmta.core.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.mime.MimePart;
import org.unifiedmta.core.mime.MimeWriter;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.report.DeliveryReport.Action;
import org.unifiedmta.core.report.DeliveryReport.Status;

class DeliveryReportTest {
  private static final Instant ARRIVED = Instant.parse("2026-01-02T03:04:05Z");

  @Test
  void aReportHasOneGroupForTheMessageAndOneForEachRecipient() throws IOException {
    var report =
        new DeliveryReport(
            "mx.example.org",
            "id+1",
            ARRIVED,
            List.of(
                new Status(
                    "rfc822;ben@example.net",
                    EmailAddress.parse("\"b b\"@example.net"),
                    Action.FAILED,
                    SmtpReply.of(550, "5.1.1", "no such user")),
                new Status(
                    null,
                    EmailAddress.parse("carl@example.net"),
                    Action.DELAYED,
                    SmtpReply.of(550, "5.7.1", "x"))));
    assertThat(written(report, "message/delivery-status"))
        .isEqualTo(
            """
            Original-Envelope-Id: id+1
            Reporting-MTA: dns; mx.example.org
            Arrival-Date: Fri, 2 Jan 2026 03:04:05 +0000

            Original-Recipient: rfc822;ben@example.net
            Final-Recipient: rfc822; "b b"@example.net
            Action: failed
            Status: 5.1.1
            Diagnostic-Code: smtp; 550 5.1.1 no such user

            Final-Recipient: rfc822; carl@example.net
            Action: delayed
            Status: 4.0.0
            Diagnostic-Code: smtp; 550 5.7.1 x
            """
                .replace("\n", "\r\n"));
  }

  @Test
  void whatAPeerSaidStaysInItsFieldOnShortLinesAndSevenBit() throws IOException {
    for (var text :
        List.of("J\u00f6rg", "x".repeat(5_000), "a\tb\u0085c\u001b", "\ud83d\ude00".repeat(900))) {
      var status =
          new Status(
              null,
              EmailAddress.parse("ben@example.net"),
              Action.FAILED,
              SmtpReply.of(550, "5.1.1", text));
      var written =
          written(
              new DeliveryReport("mx.example.org", "a\r\nEvil: x", ARRIVED, List.of(status)),
              "message/delivery-status");
      assertThat(written.chars()).allMatch(c -> c == '\r' || c == '\n' || (c >= 32 && c < 127));
      assertThat(written.lines()).allMatch(line -> line.length() <= 998);
      assertThat(written.lines()).noneMatch(line -> line.startsWith("Evil"));
    }
  }

  @Test
  void anAddressBeyondAsciiHasAReportOfItsOwnKind() throws IOException {
    var status =
        new Status(
            null,
            EmailAddress.parse("j\u00f6rg@example.net"),
            Action.FAILED,
            SmtpReply.of(550, "5.1.1", "J\u00f6rg is gone"));
    var report = new DeliveryReport("mx.example.org", null, ARRIVED, List.of(status));
    assertThat(written(report, "message/global-delivery-status"))
        .contains("Final-Recipient: utf-8; j\u00f6rg@example.net\r\n", "J\u00f6rg is gone");
  }

  @Test
  void aReportIsAboutSomebody() {
    assertThatThrownBy(() -> new DeliveryReport("mx.example.org", null, ARRIVED, List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** The part as our reader finds it in a whole report (RFC 6522). */
  private static String written(DeliveryReport report, String type) throws IOException {
    var out = new ByteArrayOutputStream();
    var root =
        new MimePart.Multipart(
            "multipart/report; report-type=delivery-status", List.of(report.toPart()));
    new MimeWriter(out, MimeWriter.newBoundary()).write(List.of("From: a@b.example"), root);
    assertThat(out.toString(StandardCharsets.ISO_8859_1).chars()).allMatch(c -> c < 127);
    var part = Email.parse(out.toByteArray()).attachments().get(0);
    assertThat(part.contentType()).isEqualTo(type);
    if (type.equals("message/delivery-status")) {
      assertThat(out.toString(StandardCharsets.ISO_8859_1))
          .contains("Content-Transfer-Encoding: 7bit\r\n"); // RFC 3464 2.1
    }
    return new String(part.open().readAllBytes(), StandardCharsets.UTF_8);
  }
}
