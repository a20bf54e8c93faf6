package org.unifiedmta.smtp.codec;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.unifiedmta.smtp.codec.DotUnstuffer.Outcome;

class DotUnstufferTest {

  /** What came out: the message, how it ended, and what was left. */
  private record Read(String message, Outcome outcome, String left) {}

  static List<Arguments> messages() {
    return List.of(
        Arguments.of(".\r\n", ""),
        Arguments.of("\r\n.\r\n", "\r\n"),
        Arguments.of("a\r\n.\r\n", "a\r\n"),
        Arguments.of("..\r\n.\r\n", ".\r\n"),
        Arguments.of("...\r\n.\r\n", "..\r\n"),
        Arguments.of(".x\r\n.\r\n", "x\r\n"),
        Arguments.of("a\r\n..b\r\n.c\r\nd.\r\n.\r\n", "a\r\n.b\r\nc\r\nd.\r\n"),
        Arguments.of(". \r\n.\r\n", " \r\n"),
        Arguments.of(".\t\r\n.\r\n", "\t\r\n"),
        Arguments.of(" .\r\n.\r\n", " .\r\n"),
        Arguments.of("\u0085.\u0085\r\n.\r\n", "\u0085.\u0085\r\n"),
        Arguments.of("\u008d\u008a.\u008d\u008a\r\n.\r\n", "\u008d\u008a.\u008d\u008a\r\n"),
        Arguments.of("\u000b.\r\n.\r\n", "\u000b.\r\n"),
        Arguments.of("x".repeat(30) + "\r\n.\r\n", "x".repeat(30) + "\r\n"));
  }

  @ParameterizedTest
  @MethodSource("messages")
  void aMessageLosesItsStuffedDotsWhereverTheStreamIsCut(String wire, String message) {
    var stream = wire + "MAIL FROM:<a@b.test>\r\n";
    for (int cut = 0; cut <= wire.length(); cut++) {
      assertThat(read(stream, cut))
          .as("cut at %d", cut)
          .isEqualTo(new Read(message, Outcome.END, "MAIL FROM:<a@b.test>\r\n"));
    }
    assertThat(read(stream, 1, 2, 3, 4)).extracting(Read::message).isEqualTo(message);
  }

  static List<String> smuggling() {
    return List.of(
        "\n.\n",
        "\n.\r",
        "\n.\r\n",
        "\n.\r\r\n",
        "\n.\n\r",
        "\r.\n",
        "\r.\r",
        "\r.\r\n",
        "\r.\r\r\n",
        "\r\n.\n",
        "\r\n.\r.",
        "\r\n.\r\r\n",
        "\r\n.\n\r",
        "\n\n.\r\n",
        "\n\r.\r\n",
        "\r\r.\r\n",
        "\r\r\n.\r\n",
        "\u0000.\r\n",
        "\r\u0000\n.\r\n",
        "\r\n.\u0000\r\n",
        "\r\n.\r\u0000\n",
        "\r\n\u0000.\r\n",
        "\n..\n");
  }

  @ParameterizedTest
  @MethodSource("smuggling")
  void aBareCrOrLfOrANulIsAViolationWhereverTheStreamIsCut(String sequence) {
    for (var before : List.of("", "outer", "outer line of some length\r\nouter")) {
      var stream = before + sequence + "MAIL FROM:<a@b.test>\r\n.\r\n";
      for (int cut = 0; cut <= before.length() + sequence.length() + 1; cut++) {
        assertThat(read(stream, cut).outcome())
            .as("cut at %d of %s", cut, stream)
            .isEqualTo(Outcome.VIOLATION);
      }
    }
  }

  @Test
  void theSequencesOfSmtpsmugNeverEndAMessage() {
    for (Map<String, Object> one : Corpus.cases("smtp/end-of-data.jsonl")) {
      var sequence = new String(Corpus.octets(one.get("sequence_b64")), ISO_8859_1);
      var stream = "Subject: x\r\n\r\nouter" + sequence + "RSET\r\n";
      for (int cut = 0; cut <= stream.length(); cut++) {
        assertThat(read(stream, cut).outcome() == Outcome.END)
            .as("%s cut at %d", one.get("id"), cut)
            .isEqualTo(one.get("ends_data"));
      }
    }
  }

  @Test
  void everyLengthOfLineEndsAtItsCrlf() {
    for (int length = 0; length < 40; length++) {
      var line = "x".repeat(length);
      assertThat(read(line + "\r\n.\r\n", 0)).isEqualTo(new Read(line + "\r\n", Outcome.END, ""));
      assertThat(read(line + "\n", 0).outcome()).isEqualTo(Outcome.VIOLATION);
      assertThat(read(line + "\0\r\n", 0).outcome()).isEqualTo(Outcome.VIOLATION);
    }
  }

  @Test
  void aMessageWithoutStuffedDotsIsPassedOnInOnePiece() {
    var pieces = new int[1];
    var wire = ByteBuffer.wrap("a\r\nb\r\nc\r\n.\r\n".getBytes(ISO_8859_1));
    new DotUnstuffer().read(wire, piece -> pieces[0]++);
    assertThat(pieces[0]).isOne();
  }

  private static Read read(String stream, int... cuts) {
    var unstuffer = new DotUnstuffer();
    var message = new StringBuilder();
    var octets = stream.getBytes(ISO_8859_1);
    int from = 0;
    for (int i = 0; i <= cuts.length; i++) {
      int to = i < cuts.length ? Math.max(from, cuts[i]) : octets.length;
      // A slice that starts elsewhere, as a channel's buffer does, and is direct like one.
      var chunk = ByteBuffer.allocateDirect(to - from + 3).position(3);
      chunk.put(octets, from, to - from).flip().position(3);
      var outcome = unstuffer.read(chunk, piece -> message.append(text(piece)));
      if (outcome != Outcome.MORE) {
        var left = text(chunk) + new String(octets, to, octets.length - to, ISO_8859_1);
        return new Read(message.toString(), outcome, left);
      }
      from = to;
    }
    return new Read(message.toString(), Outcome.MORE, "");
  }

  private static String text(ByteBuffer piece) {
    return ISO_8859_1.decode(piece).toString();
  }
}
