package org.unifiedmta.core.reply;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SmtpReplyTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      nullValues = "-",
      value = {
        "250 Ok | 250 | - | Ok",
        "250 2.0.0 Ok: queued | 250 | 2.0.0 | Ok: queued",
        "250 | 250 | - | ``",
        "250 2.0.0 | 250 | 2.0.0 | ``",
        "550 5.1.1 no such user | 550 | 5.1.1 | no such user",
        "550-5.1.1 no~550 5.1.1 such user | 550 | 5.1.1 | no such user",
        "550-5.1.1 no\\550-such\\550 5.1.1 user\\ | 550 | 5.1.1 | no such user",
        "550 4.1.1 mixed up | 550 | - | 4.1.1 mixed up",
        "550 5.1.1, no such user | 550 | 5.1.1 | , no such user",
        "550 192.0.2.1 is listed | 550 | - | 192.0.2.1 is listed",
        "550 5.7.1.2 version | 550 | - | 5.7.1.2 version",
        "599 x | 599 | - | x",
        "269 x | 269 | - | x",
        "354 go on | 354 | - | go on",
        "421-4.3.2 a~421 b | 421 | 4.3.2 | a b"
      })
  void aReplyIsRead(String wire, int code, String status, String text) {
    var reply = SmtpReply.parse(wire.replace("~", "\r\n").replace("\\", "\n"));
    assertThat(reply.code()).isEqualTo(code);
    assertThat(reply.status() == null ? null : reply.status().toString()).isEqualTo(status);
    assertThat(reply.text()).isEqualTo(text);
    assertThat(SmtpReply.parse(reply.toString())).hasToString(reply.toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "Ok",
        "25",
        "25x Ok",
        "150 x",
        "650 x",
        "2500 x",
        "250_x",
        "250-a\r\n251 b",
        "250 a\r\nb",
        "250 a\r\n\r\n250 b"
      })
  void whatIsNoReplyIsRefused(String wire) {
    assertThatThrownBy(() -> SmtpReply.parse(wire)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void bareCarriageReturnsAndNulsOfAPeerAreBlanks() {
    assertThat(SmtpReply.parse("550 a\rb\0c").text()).isEqualTo("a b c");
  }

  @Test
  void aReplyOfOursIsOneLineOrMany() {
    assertThat(SmtpReply.of(550, "5.1.1", "no such user")).hasToString("550 5.1.1 no such user");
    assertThat(SmtpReply.of(250, "", "")).hasToString("250");
    assertThat(SmtpReply.of(250, "2.0.0", "").textAfterCode()).contains("2.0.0");
    assertThat(SmtpReply.of(250, "", "").textAfterCode()).isEmpty();
    assertThat(new SmtpReply(250, null, List.of()).lines()).containsExactly("");
  }

  @Test
  void noReplyOfOursBreaksOutOfItsLine() {
    for (var text : new String[] {"a\rb", "a\nb", "a\0b"}) {
      assertThatThrownBy(() -> SmtpReply.of(550, "5.1.1", text))
          .isInstanceOf(IllegalArgumentException.class);
    }
    for (int code : new int[] {0, 199, 600, -250}) {
      assertThatThrownBy(() -> SmtpReply.of(code, "", "x"))
          .isInstanceOf(IllegalArgumentException.class);
    }
    for (var status : new String[] {"5", "5.1", "5.1.1 x", "3.1.1", "5.1.1000", "5.1.1."}) {
      assertThatThrownBy(() -> SmtpReply.of(550, status, "x"))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @ParameterizedTest
  @CsvSource({"250, true, false, false", "354, true, false, false", "450, false, true, false"})
  void theFirstDigitSays(int code, boolean positive, boolean temporary, boolean permanent) {
    var reply = SmtpReply.of(code, "", "x");
    assertThat(reply.isPositive()).isEqualTo(positive);
    assertThat(reply.isTransient()).isEqualTo(temporary);
    assertThat(reply.isPermanent()).isEqualTo(permanent);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "5.1.1 | 5.1.1",
        "550 5.1.1 no such user | 5.1.1",
        "550-5.7.26 unauthenticated | 5.7.26",
        "said: (#5.1.1) | 5.1.1",
        "status 4.2.2. Try later | 4.2.2",
        "status 4.2.2 | 4.2.2",
        "smtp;550 5.1.1 | 5.1.1",
        "2.999.999 | 2.999.999",
        "host 192.0.2.1 said 5.4.4 | 5.4.4",
        "15.1.1 | -",
        "5.1.1234 | -",
        "5.1.1.1 | -",
        "3.1.1 | -",
        "5.1 | -",
        "5..1 | -",
        "v5.1.1 | -",
        "Postfix4.1.1 | -",
        "'' | -"
      })
  void theFirstStatusThatIsAWordIsFound(String text, String status) {
    assertThat(EnhancedStatus.find(text).map(EnhancedStatus::toString))
        .isEqualTo(java.util.Optional.ofNullable(status));
  }
}
