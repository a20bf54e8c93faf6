package org.unifiedmta.core.mime;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.mime.SevenBit.Unconvertible;
import org.unifiedmta.core.spool.ByteSource;

class SevenBitTest {

  private static ByteSource source(String text) {
    return ByteSource.of(text.replace("\n", "\r\n").getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] read(ByteSource source) {
    try (var in = source.open()) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String converted(String text) throws Unconvertible {
    return new String(read(SevenBit.convert(source(text))), ISO_8859_1).replace("\r\n", "\n");
  }

  @Test
  void whatIsAsciiStaysTheVeryMessage() throws Unconvertible {
    var message = source("Subject: x\nContent-Type: text/plain\n\nhello\n");
    assertThat(SevenBit.convert(message)).isSameAs(message);
  }

  @Test
  void textBecomesQuotedPrintable() throws Unconvertible {
    assertThat(
            converted(
                """
                Subject: x
                Content-Transfer-Encoding: 8bit
                Content-Type: text/plain; charset=utf-8

                hello dörte, this is a line = of mostly ASCII
                """))
        .isEqualTo(
            """
            Subject: x
            Content-Transfer-Encoding: quoted-printable
            Content-Type: text/plain; charset=utf-8

            hello d=C3=B6rte, this is a line =3D of mostly ASCII
            """);
  }

  @Test
  void whatIsMostlyBeyondAsciiBecomesBase64() throws Unconvertible {
    var text = "Content-Type: text/plain; charset=utf-8\n\nпривет, мир\n";
    var after = converted(text);
    assertThat(after).contains("Content-Transfer-Encoding: base64\n");
    assertThat(Email.parse(after.getBytes(ISO_8859_1)).text().orElseThrow())
        .isEqualToNormalizingNewlines("привет, мир\n");
  }

  @Test
  void eachPartIsEncodedByItselfAndBoundariesStay() throws Unconvertible {
    var after =
        converted(
            """
            Content-Type: multipart/mixed; boundary=b
            Content-Transfer-Encoding: 8bit

            preamble
            --b
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: 8bit

            größe of the first part of this message
            --b
            Content-Type: text/plain

            plain
            --b
            Content-Type: message/rfc822

            Subject: inner
            Content-Type: text/plain; charset=utf-8

            naïve text within the message in the message
            --b--
            """);
    assertThat(after)
        .isEqualTo(
            """
            Content-Type: multipart/mixed; boundary=b
            Content-Transfer-Encoding: 7bit

            preamble
            --b
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            gr=C3=B6=C3=9Fe of the first part of this message
            --b
            Content-Type: text/plain

            plain
            --b
            Content-Type: message/rfc822

            Subject: inner
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            na=C3=AFve text within the message in the message
            --b--
            """);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Subject: größe\n\ntext\n",
        "Content-Type: multipart/signed; boundary=b\n\n--b\n\ngröße\n--b--\n",
        "Content-Type: message/partial; id=1\n\ngröße\n",
        "Content-Transfer-Encoding: base64\n\ngröße\n",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nX: größe\n\ntext\n--b--\n",
        "Content-Type: multipart/mixed\n\n--b\n\ngröße\n--b--\n", // no boundary: no parts
        "Content-Type: multipart/mixed; boundary=b\n\ngröße\n--b\n\ntext\n--b--\n", // preamble
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b--\ngröße\n", // epilogue
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\ngröße\n", // no end
      })
  void whatCannotBeChangedWithoutHarmIsRefused(String message) {
    assertThatThrownBy(() -> converted(message)).isInstanceOf(Unconvertible.class);
  }

  @Test
  void aBinaryAttachmentComesThrough() throws Unconvertible {
    var random = new Random(7);
    for (int i = 0; i < 200; i++) {
      var octets = new byte[random.nextInt(2000)];
      random.nextBytes(octets);
      var content = new String(octets, ISO_8859_1);
      var head = "Content-Type: multipart/mixed; boundary=edge\r\n\r\n--edge\r\n";
      var part = "Content-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\n";
      var message = (head + part + content + "\r\n--edge--\r\n").getBytes(ISO_8859_1);
      var after = read(SevenBit.convert(ByteSource.of(message)));
      for (byte b : after) {
        assertThat(b).isPositive();
      }
      assertThat(Email.parse(after).attachments().getFirst().open())
          .as("content %d", i)
          .hasBinaryContent(octets);
    }
  }
}
