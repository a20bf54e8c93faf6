package org.unifiedmta.examples.benchmark;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import org.apache.james.mime4j.codec.QuotedPrintableOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * A message of an ordinary working day: five hops, a signature, umlauts in names and subject, text
 * and HTML in quoted-printable, perhaps a file.
 *
 * @param letter what it says
 * @param file what is attached, if anything
 * @param wire as it arrives
 */
record Sample(Letter letter, byte[] file, byte[] wire) {
  static final String FILE_TYPE = "application/pdf";

  private static final int FILE_SIZE = 750_000; // 1 MB in base64

  private static final String HEADER =
      """
      Return-Path: <joerg.mueller@mail.example.com>
      Received: from mx2.example.org (mx2.example.org [192.0.2.25])
       by store7.example.org with LMTP id kJ3vBq0Yl2kXFwAA0J78UA
       (envelope-from <joerg.mueller@mail.example.com>)
       for <anna.schaefer@example.org>; Fri, 13 Feb 2026 09:15:41 +0100
      Received: from filter1.example.org (filter1.example.org [192.0.2.31])
       by mx2.example.org (Postfix) with ESMTPS id 4fCk2L5Zt0z9sWc
       (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))
       for <anna.schaefer@example.org>; Fri, 13 Feb 2026 09:15:40 +0100 (CET)
      Received: from out4.example.com (out4.example.com [198.51.100.14])
       by filter1.example.org (Postfix) with ESMTPS id 4fCk2K1xTqz4Hkq;
       Fri, 13 Feb 2026 09:15:38 +0100 (CET)
      Received: from submit.example.com (unknown [10.20.0.4])
       by out4.example.com (Postfix) with ESMTP id 7D1F2A0B3C;
       Fri, 13 Feb 2026 08:15:37 +0000 (UTC)
      Received: from [10.7.8.9] (dsl-203-0-113-77.example.net [203.0.113.77])
       by submit.example.com (Postfix) with ESMTPSA id 2B9E41D07F;
       Fri, 13 Feb 2026 08:15:36 +0000 (UTC)
      DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=mail.example.com;
       s=s2026; t=1770970537; h=from:to:cc:subject:date:message-id:mime-version:
       content-type; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;
       b=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzRtFqeHnQ
       kEY6cnZhY5Rz3+0pSrbq6Xy0Qx1lPpHq5cHkqQm4gQd8h1v1bWm2o5t9FZrJkYQXyqB0xN4e
       JmTqW3oBz7nQh8W3yR9vH1k=
      From: =?utf-8?Q?J=C3=B6rg_M=C3=BCller?= <joerg.mueller@mail.example.com>
      To: =?utf-8?Q?Anna_Sch=C3=A4fer?= <anna.schaefer@example.org>,
       Benjamin Baker <ben.baker@example.net>
      Cc: =?utf-8?B?Wm/DqyDDhW5nc3Ryw7Zt?= <zoe@example.edu>,
       Accounts Team <accounts@example.org>
      Subject: =?utf-8?Q?Fr=C3=BChjahrsplanung_2026=3A_bitte_bis_Freitag?=
       =?utf-8?Q?_pr=C3=BCfen_=E2=80=93_Z=C3=BCrich_und_K=C3=B6ln?=
      Date: Fri, 13 Feb 2026 09:15:35 +0100
      Message-ID: <6f1d2c3b-8a47-4e0b-9a55-0c7d1e2f3a4b@mail.example.com>
      User-Agent: Mozilla Thunderbird
      Content-Language: de-DE
      MIME-Version: 1.0
      """;

  private static final String TEXT =
      """
      Liebe Anna, lieber Ben,

      die Zahlen für das Frühjahr sind fertig. Bitte prüft bis Freitag, ob die Beträge für
      Zürich und Köln stimmen – danach gehen sie an die Geschäftsführung.

      Offen sind noch:
        * die Miete für das Büro in Köln (4.300 €)
        * zwei Stellen in Zürich, siehe Seite 7

      Die Tabelle liegt am gewohnten Ort. Wer Änderungen hat, schreibt sie bitte dort hinein und
      nicht in eine Kopie; was am Montag nicht darin steht, kommt erst im Herbst zur Sprache.

      Viele Grüße
      Jörg
      """;

  private static final String HTML =
      """
      <html><head><meta charset="utf-8"></head><body style="font-family: sans-serif">
      <p>Liebe Anna, lieber Ben,</p>
      <p>die Zahlen für das Frühjahr sind fertig. Bitte prüft bis <b>Freitag</b>, ob die Beträge für
      Zürich und Köln stimmen – danach gehen sie an die Geschäftsführung.</p>
      <p>Offen sind noch:</p>
      <ul><li>die Miete für das Büro in Köln (4.300&nbsp;€)</li>
      <li>zwei Stellen in Zürich, siehe Seite&nbsp;7</li></ul>
      <p>Die Tabelle liegt am gewohnten Ort. Wer Änderungen hat, schreibt sie bitte dort hinein und
      nicht in eine Kopie; was am <i>Montag</i> nicht darin steht, kommt erst im Herbst zur
      Sprache.</p>
      <p>Viele Grüße<br>Jörg</p></body></html>
      """;

  /** 4 KB: text and HTML. Without what servers put in front, as its author writes it, 2.3 KB. */
  static Sample small() {
    return of(null, new byte[0]);
  }

  /** 1 MB: the same with a file. */
  static Sample large() {
    var file = new byte[FILE_SIZE];
    new Random(1).nextBytes(file);
    return of("planung-2026.pdf", file);
  }

  private static Sample of(@Nullable String name, byte[] file) {
    var letter =
        new Letter(
            new Letter.Heading(
                new Letter.Person("Jörg Müller", "joerg.mueller@mail.example.com"),
                "Frühjahrsplanung 2026: bitte bis Freitag prüfen – Zürich und Köln"),
            List.of(
                new Letter.Person("Anna Schäfer", "anna.schaefer@example.org"),
                new Letter.Person("Benjamin Baker", "ben.baker@example.net")),
            List.of(
                new Letter.Person("Zoë Ångström", "zoe@example.edu"),
                new Letter.Person("Accounts Team", "accounts@example.org")),
            Instant.parse("2026-02-13T08:15:35Z"),
            "6f1d2c3b-8a47-4e0b-9a55-0c7d1e2f3a4b@mail.example.com",
            crlf(TEXT),
            crlf(HTML),
            name);
    var body =
        multipart(
            "alternative",
            part("text/plain; charset=utf-8", "quoted-printable", "", quotedPrintable(TEXT)),
            part("text/html; charset=utf-8", "quoted-printable", "", quotedPrintable(HTML)));
    if (name != null) {
      var disposition = "Content-Disposition: attachment; filename=\"" + name + "\"\n";
      var content = Base64.getMimeEncoder().encodeToString(file);
      body = multipart("mixed", body, part(FILE_TYPE, "base64", disposition, content));
    }
    return new Sample(letter, file, crlf(HEADER + body).getBytes(StandardCharsets.US_ASCII));
  }

  private static String multipart(String subtype, String... parts) {
    var boundary = "------------" + subtype + "0aB3xQ7";
    var multipart = new StringBuilder();
    multipart.append(
        "Content-Type: multipart/" + subtype + ";\n boundary=\"" + boundary + "\"\n\n");
    for (var part : parts) {
      multipart.append("--" + boundary + "\n" + part + "\n");
    }
    return multipart.append("--" + boundary + "--\n").toString();
  }

  private static String part(String type, String encoding, String fields, String content) {
    return "Content-Type: "
        + type
        + "\nContent-Transfer-Encoding: "
        + encoding
        + "\n"
        + fields
        + "\n"
        + content;
  }

  private static String quotedPrintable(String text) {
    var out = new ByteArrayOutputStream();
    try (var encoder = new QuotedPrintableOutputStream(out, false)) {
      encoder.write(crlf(text).getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toString(StandardCharsets.US_ASCII);
  }

  private static String crlf(String lines) {
    return lines.replace("\r\n", "\n").replace("\n", "\r\n");
  }
}
