package org.unifiedmta.security.sasl;

import static org.assertj.core.api.Assertions.assertThat;

import com.ibm.icu.text.StringPrep;
import com.ibm.icu.text.StringPrepParseException;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SaslPrepTest {

  /** RFC 4013 3, and some more. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "I\u00adX|IX",
        "user|user",
        "USER|USER",
        "\u00aa|a",
        "\u2168|IX",
        "a\u00a0b|a b",
        "a\u3000b|a b",
        "o\u0308|\u00f6",
        "\ufb01|fi",
        "\u0627\u0031\u0628|\u0627\u0031\u0628",
        "\ud83d\ude00|\ud83d\ude00"
      })
  void namesAreMappedAndNormalized(String name, String prepared) {
    assertThat(SaslPrep.name(name)).isEqualTo(prepared);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\u00ad",
        "\u0007",
        "a\u007f",
        "\u0627\u0031",
        "\u0627a\u0628",
        "\u200e",
        "\ue000",
        "\ufffd",
        "\ud800"
      })
  void someAreNoNames(String name) {
    assertThat(SaslPrep.name(name)).isNull();
  }

  @Test
  void aPasswordThatCannotBePreparedStaysAsItIs() {
    assertThat(SaslPrep.password("a\u0007\u00a0")).isEqualTo("a\u0007\u00a0");
    assertThat(SaslPrep.password("a\u00a0")).isEqualTo("a ");
  }

  /**
   * ICU has the tables of RFC 3454, and the five characters as they were before Unicode corrected
   * their decompositions (Corrigendum #4).
   */
  @Test
  void everyCharacterOfUnicode32IsTreatedAsIcuDoes() {
    var icu = StringPrep.getInstance(StringPrep.RFC4013_SASLPREP);
    var corrected = Set.of(0x2F868, 0x2F874, 0x2F91F, 0x2F95F, 0x2F9BF);
    int compared = 0;
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      String theirs;
      try {
        theirs = icu.prepare("a" + Character.toString(c) + "1", StringPrep.DEFAULT);
      } catch (StringPrepParseException e) {
        if (e.getError() == StringPrepParseException.UNASSIGNED_ERROR) {
          continue;
        }
        theirs = null;
      }
      if (corrected.contains(c)) {
        continue;
      }
      compared++;
      assertThat(SaslPrep.name("a" + Character.toString(c) + "1"))
          .as("U+%04X", c)
          .isEqualTo(theirs);
    }
    assertThat(compared).isGreaterThan(95_000);
  }
}
