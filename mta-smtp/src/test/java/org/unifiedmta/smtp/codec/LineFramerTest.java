package org.unifiedmta.smtp.codec;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.unifiedmta.smtp.codec.LineFramer.Line;

class LineFramerTest {

  static List<Arguments> streams() {
    return List.of(
        Arguments.of("NOOP\r\n", List.of("NOOP")),
        Arguments.of("\r\n\r\n", List.of("", "")),
        Arguments.of("NOOP\r\nQUIT\r\nMA", List.of("NOOP", "QUIT")),
        Arguments.of("NOOP\nNOOP\r\n", List.of("NOOP\nNOOP")),
        Arguments.of("NOOP\rNOOP\r\n", List.of("NOOP\rNOOP")),
        Arguments.of("NOOP\r\r\n", List.of("NOOP\r")),
        Arguments.of("NOOP\n\r\n", List.of("NOOP\n")),
        Arguments.of("\n\r\n", List.of("\n")),
        Arguments.of("a\u0000b\r\n", List.of("a\u0000b")),
        Arguments.of("d\u00f6rte\r\n", List.of("d\u00f6rte")),
        Arguments.of("NOOP\r", List.of()),
        Arguments.of("NOOP\n", List.of()));
  }

  @ParameterizedTest
  @MethodSource("streams")
  void onlyCrlfEndsALineWhereverTheStreamIsCut(String stream, List<String> lines) {
    var octets = stream.getBytes(StandardCharsets.UTF_8);
    for (int cut = 0; cut <= octets.length; cut++) {
      var framer = new LineFramer();
      var found = texts(framer, octets, 0, cut);
      found.addAll(texts(framer, octets, cut, octets.length));
      assertThat(found).as("cut at %d", cut).isEqualTo(lines);
    }
  }

  @Test
  void aLineOfExactlyTheLimitIsRead() {
    var line = "x".repeat(98);
    assertThat(next(new LineFramer(), line + "\r\n", 100)).isEqualTo(new Line.Text(line));
    assertThat(next(new LineFramer(), line + "x\r\n", 100)).isEqualTo(new Line.TooLong());
  }

  @Test
  void aLineThatIsTooLongIsOneEventAndTheNextLineIsWhole() {
    var framer = new LineFramer();
    var in = buffer("x".repeat(100_000) + "\nQUIT\nQUIT\r\nNOOP\r\n");
    assertThat(framer.next(in, 512)).isEqualTo(new Line.TooLong());
    assertThat(framer.next(in, 512)).isEqualTo(new Line.Text("NOOP"));
    assertThat(framer.next(in, 512)).isNull();
  }

  @Test
  void octetsWithoutEndAreGivenUp() {
    var framer = new LineFramer();
    var in = buffer("x".repeat(300_000));
    assertThat(framer.next(in, 512)).isEqualTo(new Line.Endless());
  }

  @Test
  void malformedUtf8BecomesReplacementCharacters() {
    var in = ByteBuffer.wrap(new byte[] {(byte) 0x80, (byte) 0xff, '\r', '\n'});
    assertThat(new LineFramer().next(in, 512)).isEqualTo(new Line.Text("\uFFFD\uFFFD"));
  }

  private static List<String> texts(LineFramer framer, byte[] octets, int from, int to) {
    var in = ByteBuffer.wrap(octets, from, to - from);
    var texts = new ArrayList<String>();
    for (var line = framer.next(in, 512); line != null; line = framer.next(in, 512)) {
      texts.add(((Line.Text) line).text());
    }
    return texts;
  }

  private static Line next(LineFramer framer, String stream, int limit) {
    return framer.next(buffer(stream), limit);
  }

  private static ByteBuffer buffer(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }
}
