package org.unifiedmta.smtp.codec;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.smtp.codec.ReplyParser.Result;

class ReplyParserTest {
  private final ReplyParser parser = new ReplyParser();

  @Test
  void linesWithAHyphenBelongToOneReply() {
    assertThat(parser.line("250-mx.example.org")).isEqualTo(new Result.More());
    assertThat(parser.line("250-SIZE 1000")).isEqualTo(new Result.More());
    assertThat(parser.line("250 8BITMIME"))
        .isEqualTo(
            new Result.Complete(
                SmtpReply.parse("250-mx.example.org\n250-SIZE 1000\n250 8BITMIME")));
    assertThat(parser.line("550 5.1.1 No such user"))
        .isEqualTo(new Result.Complete(SmtpReply.of(550, "5.1.1", "No such user")));
  }

  @Test
  void aReplyMayBeItsCodeAlone() {
    assertThat(parser.line("250")).isEqualTo(new Result.Complete(SmtpReply.of(250, "", "")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "25", "2500 x", "abc", "650 x", "150 x", "HTTP/1.1 400 Bad", "250_x"})
  void whatIsNoReplyIsMalformed(String line) {
    assertThat(parser.line(line)).isInstanceOf(Result.Malformed.class);
  }

  @Test
  void linesOfOneReplyHaveOneCode() {
    parser.line("250-a");
    assertThat(parser.line("550 b")).isInstanceOf(Result.Malformed.class);
  }

  @Test
  void aBareLineEndInATextIsNoSecondLine() {
    assertThat(parser.line("250 a\n550 b\rc"))
        .isEqualTo(new Result.Complete(SmtpReply.of(250, "", "a 550 b c")));
  }

  @Test
  void aReplyHasAnEnd() {
    for (int i = 0; i < 100; i++) {
      assertThat(parser.line("250-x")).isEqualTo(new Result.More());
    }
    assertThat(parser.line("250 x")).isInstanceOf(Result.Malformed.class);
  }

  @Test
  void aReplyIsAtMost64KilobytesAndItsLines2048() {
    assertThat(parser.line("250 " + "x".repeat(2_045))).isInstanceOf(Result.Malformed.class);
    var fresh = new ReplyParser();
    for (int i = 0; i < 32; i++) {
      assertThat(fresh.line("250-" + "x".repeat(2_000))).isEqualTo(new Result.More());
    }
    assertThat(fresh.line("250-" + "x".repeat(2_000))).isInstanceOf(Result.Malformed.class);
  }
}
