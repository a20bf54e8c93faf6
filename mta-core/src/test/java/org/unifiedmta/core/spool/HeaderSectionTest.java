package org.unifiedmta.core.spool;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HeaderSectionTest {
  private static final String MESSAGE =
      "Received: from a\r\n\tby b;\r\n today\r\nSubject: x\r\nX-Empty:\r\n\r\nBody: no\r\n\r\nend\r\n";

  @Test
  void fieldsComeInWireOrderWithTheirRanges() {
    var section = section(MESSAGE);
    assertThat(section.fields())
        .containsExactly(
            new HeaderSection.Field("Received", " from a\r\n\tby b;\r\n today", 0, 34),
            new HeaderSection.Field("Subject", " x", 34, 46),
            new HeaderSection.Field("X-Empty", "", 46, 56));
    assertThat(section.size()).isEqualTo(56);
    assertThat(section.first("SUBJECT")).contains(section.fields().get(1));
    assertThat(section.first("Body")).isEmpty();
    assertThat(section.all("received")).hasSize(1);
    assertThat(section.fields().get(1).cut()).isEqualTo(new SpooledMessage.Cut(34, 46));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        MESSAGE,
        "\r\nbody: x\r\n\r\n",
        "\r\n",
        "",
        "A: b",
        "A: b\r\n",
        "A: b\r\n\r\n",
        "A: b\r\nno field\r\nC: d\r\n\r\n",
        "A: b\nC: d\n\nbody: x\n",
        "A: b\r\n\r\n\r\n\r\n"
      })
  void whereverTheStreamIsCutTheSectionIsTheSame(String message) {
    var bytes = latin1(message);
    var expected = fields(HeaderSection.of(bytes));
    for (int first = 0; first <= bytes.length; first++) {
      for (int second = first; second <= bytes.length; second++) {
        var collector = new HeaderSection.Collector();
        collector.write(ByteBuffer.wrap(bytes, 0, first));
        collector.write(ByteBuffer.wrap(bytes, first, second - first));
        collector.write(ByteBuffer.wrap(bytes, second, bytes.length - second));
        assertThat(fields(collector.section())).isEqualTo(expected);
      }
    }
    var byOctets = new HeaderSection.Collector();
    for (byte b : bytes) {
      byOctets.write(ByteBuffer.wrap(new byte[] {b}));
    }
    assertThat(fields(byOctets.section())).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`` | ``",
        "~ | ``",
        "~A: b~~ | ``",
        "A: b | A= b",
        "A: b~ | A= b",
        "A : b~~ | A= b",
        "A\t:b~~ | A=b",
        "A:b:c~~ | A=b:c",
        "A: b~no field~C: d~~ | A= b",
        "A: b~: x~C: d~~ | A= b",
        "A: b~two words: x~C: d~~ | A= b",
        "` A: b~C: d~~` | ``",
        "no colon~A: b~~ | ``",
        "A: b~ ~ c~D: e~~ | A= b~ ~ c,D= e",
        "A:~ b~~ | A=~ b",
        "A: \u00e4~~ | A= \u00e4",
        "From ann Mon Jan  1 00:00:00 2026~A: b~~ | ``"
      })
  void whatIsNoFieldIsWhereTheBodyBegan(String message, String expected) {
    assertThat(fields(section(message.replace("~", "\r\n"))))
        .isEqualTo(expected.replace("~", "\r\n"));
  }

  @Test
  void aBareLineFeedEndsAFieldButNotTheStream() {
    assertThat(fields(section("A: b\nC: d\n\nE: f\n"))).isEqualTo("A= b,C= d");
  }

  @Test
  void theCollectorIsCompleteAtTheBlankLineAndTakesNoMore() {
    var collector = new HeaderSection.Collector();
    collector.write(ByteBuffer.wrap(latin1("A: b\r\n\r")));
    assertThat(collector.isComplete()).isFalse();
    var rest = ByteBuffer.wrap(latin1("\nC: d\r\n\r\n"));
    collector.write(rest);
    assertThat(collector.isComplete()).isTrue();
    assertThat(fields(collector.section())).isEqualTo("A= b");
  }

  @Test
  void pastTheBoundTheRestIsBodyAndHalfAFieldIsNone() {
    var field = "X: " + "y".repeat(995) + "\r\n"; // 1,000 octets
    var section = section(field.repeat(300) + "\r\n");
    assertThat(section.fields()).hasSize(262); // of 262,144 octets
    assertThat(section.size()).isEqualTo(262_000);
    assertThat(section("A: b\r\nX: " + "y".repeat(300_000) + "\r\n\r\n").fields()).hasSize(1);
    assertThat(section("A: b\r\n".repeat(2_001) + "\r\n").fields()).hasSize(2_000);
  }

  @Test
  void anySequenceOfOctetsIsTakenAndTheRangesAreWithinIt() {
    var random = new Random(2);
    var alphabet = "aB-: \t\r\n\u0000\u00ff";
    for (int i = 0; i < 20_000; i++) {
      var text = new StringBuilder();
      for (int n = random.nextInt(40); n > 0; n--) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      var section = section(text.toString());
      int at = 0;
      for (var field : section.fields()) {
        assertThat(field.from()).isEqualTo(at);
        assertThat(text.substring(field.from(), field.to())).startsWith(field.name());
        at = field.to();
      }
      assertThat(section.size()).isEqualTo(at);
    }
  }

  private static HeaderSection section(String message) {
    return HeaderSection.of(latin1(message));
  }

  private static byte[] latin1(String message) {
    return message.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static String fields(HeaderSection section) {
    List<HeaderSection.Field> fields = section.fields();
    return fields.stream()
        .map(field -> field.name() + "=" + field.value())
        .collect(Collectors.joining(","));
  }
}
