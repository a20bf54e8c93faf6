package org.unifiedmta.smtp.codec;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.smtp.codec.DotUnstuffer.Outcome;

class DotStufferTest {

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "'', .~, false",
        ".~, ..~.~, false",
        "a~, a~.~, false",
        "a~.b~, a~..b~.~, false",
        "a~..~, a~...~.~, false",
        "a, a~.~, true",
        "l.l, ~..~.~, true",
        "l.~, ~..~.~, true",
        "r.r, ~..~.~, true",
        "r.~, ~..~.~, true",
        "arrb~, a~~b~.~, true",
        "ar, a~.~, true",
        "al~, a~~.~, true",
        "a0b~, 'a b~.~', true"
      })
  void onlyCleanLineEndsLeaveWhereverTheMessageIsCut(String in, String out, boolean changed) {
    var message = wire(in);
    for (int cut = 0; cut <= message.length(); cut++) {
      var stuffer = new DotStuffer();
      assertThat(written(stuffer, message, cut)).as("cut at %d", cut).isEqualTo(wire(out));
      assertThat(stuffer.hasChangedContent()).isEqualTo(changed);
    }
  }

  @Test
  void theMessagesOfMoxLeaveAsTheyMustOrAreNormalised() {
    for (var one : Corpus.cases("smtp/data-writer.jsonl")) {
      var message = new String(Corpus.octets(one.get("message_b64")), ISO_8859_1);
      for (int cut = 0; cut <= message.length(); cut++) {
        var stuffer = new DotStuffer();
        var out = written(stuffer, message, cut);
        var wanted = one.get("wire_b64");
        if (wanted != null) {
          assertThat(out).isEqualTo(new String(Corpus.octets(wanted), ISO_8859_1));
        }
        assertThat(stuffer.hasChangedContent()).isEqualTo(wanted == null);
        assertThat(endOf(out)).as("%s cut at %d", one.get("id"), cut).isEqualTo(out.length());
      }
    }
  }

  @Test
  void whatHasNoDotsIsPassedOnInOnePiece() {
    var pieces = new int[1];
    new DotStuffer()
        .write(ByteBuffer.wrap("a\r\nb\r\nc.\r\n".getBytes(ISO_8859_1)), piece -> pieces[0]++);
    assertThat(pieces[0]).isOne();
  }

  /** In chunks (RFC 3030 2) dots are dots, and whatever else is odd is mended as on the way in. */
  @Test
  void inChunksOnlyLineEndsAreMended() {
    var random = new Random(3030);
    for (int i = 0; i < 20_000; i++) {
      var text = new StringBuilder();
      for (int length = random.nextInt(12); length > 0; length--) {
        text.append("ab.\r\n\0".charAt(random.nextInt(6)));
      }
      var wanted = new StringBuilder();
      var normalizer = LineNormalizer.ofChunks();
      var unused =
          normalizer.read(
              ByteBuffer.wrap(text.toString().getBytes(ISO_8859_1)),
              piece -> wanted.append(ISO_8859_1.decode(piece)));
      normalizer.finish(piece -> wanted.append(ISO_8859_1.decode(piece)));
      var written = new StringBuilder();
      var chunks = DotStuffer.ofChunks();
      int cut = random.nextInt(text.length() + 1);
      for (var part : new String[] {text.substring(0, cut), text.substring(cut)}) {
        chunks.write(
            ByteBuffer.wrap(part.getBytes(ISO_8859_1)),
            piece -> written.append(ISO_8859_1.decode(piece)));
      }
      chunks.complete(piece -> written.append(ISO_8859_1.decode(piece)));
      assertThat(written.toString()).as("%s cut at %d", text, cut).isEqualTo(wanted.toString());
    }
  }

  /** Where a strict receiver sees the end; -1 if it sees none or a violation. */
  private static int endOf(String wire) {
    var in = ByteBuffer.wrap(wire.getBytes(ISO_8859_1));
    return new DotUnstuffer().read(in, piece -> {}) == Outcome.END ? in.position() : -1;
  }

  private static String written(DotStuffer stuffer, String message, int cut) {
    var out = new StringBuilder();
    for (var part : new String[] {message.substring(0, cut), message.substring(cut)}) {
      stuffer.write(
          ByteBuffer.wrap(part.getBytes(ISO_8859_1)),
          piece -> out.append(ISO_8859_1.decode(piece)));
    }
    stuffer.finish(piece -> out.append(ISO_8859_1.decode(piece)));
    return out.toString();
  }

  /** In the table ~ is CRLF, r a bare CR, l a bare LF, 0 a NUL. */
  private static String wire(String text) {
    return text.replace("r", "\r").replace("l", "\n").replace("~", "\r\n").replace("0", "\0");
  }
}
