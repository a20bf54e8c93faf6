package org.unifiedmta.smtp.codec;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.EnumSet;
import org.unifiedmta.smtp.codec.DotUnstuffer.Outcome;

/**
 * What a peer may send, searched for what nobody thought of. A normal build reads the seeds only,
 * which are in the test resources. To search, one method at a time:
 *
 * <pre>
 * JAZZER_FUZZ=1 mvn -Dquick -pl mta-smtp -am test -Dsurefire.failIfNoSpecifiedTests=false \
 *     -Dtest='CodecFuzzTest#anyOctetsAreLinesAndCommands'
 * </pre>
 */
class CodecFuzzTest {

  /** Framer and parser: something for every line, the same wherever the stream is cut. */
  @FuzzTest(maxDuration = "3m")
  void anyOctetsAreLinesAndCommands(byte[] octets) {
    var whole = read(octets, octets.length);
    assertThat(read(octets, 1)).isEqualTo(whole);
    assertThat(read(octets, 7)).isEqualTo(whole);
  }

  private static String read(byte[] octets, int piece) {
    var parser = new CommandParser(EnumSet.allOf(Extension.class));
    var framer = new LineFramer();
    var read = new StringBuilder();
    for (int from = 0; from < octets.length; from += piece) {
      var in = ByteBuffer.wrap(octets, from, Math.min(piece, octets.length - from));
      for (var line = framer.next(in, LineFramer.COMMAND_LINE);
          line != null;
          line = framer.next(in, LineFramer.COMMAND_LINE)) {
        read.append(line instanceof LineFramer.Line.Text(var text) ? parser.parse(text) : line);
        read.append('\n');
      }
    }
    return read.toString();
  }

  /** What is kept of a message has no line end but CRLF, and can be written and read again. */
  @FuzzTest(maxDuration = "3m")
  void anyOctetsAreData(byte[] octets) {
    var strict = new ByteArrayOutputStream();
    var in = ByteBuffer.wrap(octets);
    var outcome = new DotUnstuffer().read(in, piece -> take(piece, strict));
    if (outcome == Outcome.END) {
      assertClean(strict.toByteArray());
      assertThat(stuffedAndRead(strict.toByteArray())).isEqualTo(strict.toByteArray());
      var ends = new LineEnds();
      assertThat(ends.check(ByteBuffer.wrap(strict.toByteArray())) && !ends.isAfterCr()).isTrue();
    }
    var lenient = new ByteArrayOutputStream();
    var same = ByteBuffer.wrap(octets);
    var normalized = LineNormalizer.ofData().read(same, piece -> take(piece, lenient));
    assertThat(normalized).isNotEqualTo(Outcome.VIOLATION);
    assertClean(lenient.toByteArray());
    if (outcome == Outcome.END) {
      assertThat(lenient.toByteArray()).isEqualTo(strict.toByteArray());
      assertThat(same.position()).isEqualTo(in.position());
    }
  }

  private static byte[] stuffedAndRead(byte[] message) {
    var wire = new ByteArrayOutputStream();
    var stuffer = new DotStuffer();
    stuffer.write(ByteBuffer.wrap(message), piece -> take(piece, wire));
    stuffer.finish(piece -> take(piece, wire));
    var read = new ByteArrayOutputStream();
    var outcome =
        new DotUnstuffer().read(ByteBuffer.wrap(wire.toByteArray()), piece -> take(piece, read));
    assertThat(outcome).isEqualTo(Outcome.END);
    return read.toByteArray();
  }

  private static void assertClean(byte[] kept) {
    for (int i = 0; i < kept.length; i++) {
      assertThat(kept[i]).isNotZero();
      assertThat(kept[i] == '\n').isEqualTo(i > 0 && kept[i - 1] == '\r');
    }
  }

  private static void take(ByteBuffer piece, ByteArrayOutputStream to) {
    var octets = new byte[piece.remaining()];
    piece.get(octets);
    to.writeBytes(octets);
  }
}
