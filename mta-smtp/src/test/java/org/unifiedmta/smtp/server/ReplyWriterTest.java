package org.unifiedmta.smtp.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.reply.EnhancedStatus;
import org.unifiedmta.core.reply.SmtpReply;

class ReplyWriterTest {

  @Test
  void theStatusStandsOnEachLine() {
    var reply = new SmtpReply(550, new EnhancedStatus(5, 7, 1), List.of("No", "Really no"));
    assertThat(written(reply, true)).isEqualTo("550-5.7.1 No\r\n550 5.7.1 Really no\r\n");
    assertThat(written(reply, false)).isEqualTo("550-No\r\n550 Really no\r\n");
  }

  @Test
  void anEmptyTextIsOneLine() {
    assertThat(written(SmtpReply.of(250, "", ""), true)).isEqualTo("250 \r\n");
  }

  @Test
  void aLongTextIsCutIntoLinesOf512Octets() {
    var written = written(SmtpReply.of(250, "2.0.0", "x".repeat(1_200)), true);
    assertThat(written.lines()).hasSize(3).allMatch(line -> line.length() <= 510);
    assertThat(written).startsWith("250-2.0.0 x").contains("\r\n250 2.0.0 x");
    assertThat(written.chars().filter(c -> c == 'x').count()).isEqualTo(1_200);
  }

  @Test
  void aChallengeIsNeverCut() {
    var challenge = "QUJD".repeat(1_000);
    assertThat(written(SmtpReply.of(334, "", challenge), true))
        .isEqualTo("334 " + challenge + "\r\n");
  }

  @Test
  void nothingButPrintableAsciiLeaves() {
    assertThat(written(SmtpReply.of(250, "", "d\u00f6r\u001bte\u007f\u2028"), true))
        .isEqualTo("250 d?r?te??\r\n");
  }

  private static String written(SmtpReply reply, boolean withStatus) {
    var out = Unpooled.buffer();
    new ReplyWriter(withStatus).write(reply, out);
    return out.toString(StandardCharsets.ISO_8859_1);
  }
}
