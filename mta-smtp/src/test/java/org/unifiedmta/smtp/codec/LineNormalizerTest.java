package org.unifiedmta.smtp.codec;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.smtp.codec.DotUnstuffer.Outcome;

class LineNormalizerTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "R.R | ",
        "aR.R | aR",
        "aNbR.R | aRbR",
        "aCbR.R | aRbR",
        "aCCRbR.R | aRRRbR",
        "a0bR.R | abR",
        "aN.NbR.R | aR.RbR",
        "aN..R.R | aR..R",
        "aR..NbR.R | aR.RbR",
        "aR.NbR.R | aRRbR",
        "aR.CbR.R | aRRbR",
        "aR.CRbR.R | aRRRbR",
        "aRN.R.R | aRR.R",
        "aC.R.R | aR.R"
      })
  void whatIsKeptHasNoLineEndButCrlf(String wire, String kept) {
    // The first CRLF stands for that of DATA itself: the message begins behind it.
    var stream = wire.startsWith("R") ? wire.substring(1) : wire;
    var expected = kept == null ? "" : octets(kept);
    for (int cut = 0; cut <= octets(stream).length(); cut++) {
      assertThat(read(octets(stream) + "NEXT", cut)).isEqualTo(expected + "|NEXT");
    }
  }

  private static String octets(String abbreviated) {
    return abbreviated
        .replace("R", "\r\n")
        .replace("N", "\n")
        .replace("C", "\r")
        .replace("0", "\0");
  }

  private static String read(String stream, int cut) {
    var normalizer = LineNormalizer.ofData();
    var out = new ByteArrayOutputStream();
    var first = ByteBuffer.wrap(stream.substring(0, cut).getBytes(ISO_8859_1));
    var second = ByteBuffer.wrap(stream.substring(cut).getBytes(ISO_8859_1));
    var outcome = normalizer.read(first, piece -> write(piece, out));
    if (outcome == Outcome.MORE) {
      outcome = normalizer.read(second, piece -> write(piece, out));
    }
    return outcome == Outcome.MORE
        ? "no end"
        : out.toString(ISO_8859_1) + "|" + ISO_8859_1.decode(first) + ISO_8859_1.decode(second);
  }

  private static void write(ByteBuffer piece, ByteArrayOutputStream out) {
    var bytes = new byte[piece.remaining()];
    piece.get(bytes);
    out.writeBytes(bytes);
  }

  @Test
  void theSequencesOfSmtpsmugNeverEndAMessage() {
    for (Map<String, Object> one : Corpus.cases("smtp/end-of-data.jsonl")) {
      var sequence = new String(Corpus.octets(one.get("sequence_b64")), ISO_8859_1);
      var stream = "Subject: x\r\n\r\nouter" + sequence + "RSET\r\n";
      for (int cut = 0; cut <= stream.length(); cut++) {
        assertThat(!read(stream, cut).equals("no end"))
            .as("%s cut at %d", one.get("id"), cut)
            .isEqualTo(one.get("ends_data"));
      }
    }
  }
}
