package org.unifiedmta.core.mime;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HeaderTextTest {

  @Test
  void aFieldIsFoldedAtBlanksBeforeItsLineGetsLong() {
    assertThat(HeaderText.fold("X", "a b")).isEqualTo("X: a b");
    assertThat(HeaderText.fold("X", "")).isEqualTo("X:");
    var word = "w".repeat(40);
    assertThat(HeaderText.fold("X", word + " " + word + "  " + word))
        .isEqualTo("X: " + word + "\r\n " + word + "\r\n  " + word);
    var longWord = "w".repeat(100);
    assertThat(HeaderText.fold("X", longWord + " a")).isEqualTo("X: " + longWord + "\r\n a");
    assertThat(HeaderText.fold("X", "a " + longWord)).isEqualTo("X: a\r\n " + longWord);
  }

  @Test
  void unfoldingGivesWhatWasFolded() {
    var random = new Random(3);
    for (int i = 0; i < 5_000; i++) {
      var value = new StringBuilder("a");
      for (int n = random.nextInt(40); n > 0; n--) {
        value.append(" ".repeat(random.nextInt(3))).append("w".repeat(1 + random.nextInt(30)));
      }
      var folded = HeaderText.fold("Subject", value.toString());
      assertThat(HeaderText.unfold(folded.substring("Subject:".length())))
          .isEqualTo(value.toString());
      assertThat(folded.lines()).noneMatch(String::isBlank);
    }
  }

  @Test
  void encodedWordsAreOnLinesOf76Octets() { // RFC 2047 2
    for (var name : new String[] {"X", "Subject", "X-A-Field-With-A-Rather-Long-Name"}) {
      var field = HeaderText.unstructured(name, "\u00e4\u65e5 ".repeat(200) + "x");
      assertThat(field.lines()).allMatch(line -> line.length() <= 76);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "=?utf-8?q?a?= =?utf-8?q?b?= | ab",
        "=?utf-8?q?a?= b | a b",
        "=?UTF-8?B?w6Q=?= | \u00e4",
        "=?no-such?q?x?= | =?no-such?q?x?=",
        "=?utf-8?x?y?= | =?utf-8?x?y?=",
        "=?utf-8?q?a=0D=0Ab?= | a  b",
        "=?utf-8?q?a=00b?= | a b",
        "` a\r\n b ` | a b",
        "a\u0000b | a b",
        "=?utf-8?b?4oI=?= =?utf-8?b?rA==?= | \u20ac",
        "=?utf-8?q?=E2?= =?utf-8?B?gqw?= | \u20ac",
        "=?utf-8?q?=E2?= x =?utf-8?B?gqw?= | \ufffd x \ufffd\ufffd",
        "=?utf-8?q?a?= =?iso-8859-1?q?=E4?= | a\u00e4",
        "=?utf-8*en?q?a?= | a",
        "=?utf-8?q?a b c?= d | a b c d",
        "=?utf-8?q?really??= | really?",
        "=?utf-8?q?a=?= | a=",
        "=?utf-8?q?a=4?= | a=4",
        "=?utf-8?b?YQ?= | a",
        "=?utf-8?b?Y Q = =?= | a",
        "=?utf-8?b?Y?= | ``",
        "=?utf-8?b??=x | x",
        "a=?utf-8?q?b?=c | abc",
        "=?utf-8?q?a?==?utf-8?q?b?= | ab",
        "=?utf-8?q?a | =?utf-8?q?a",
        "=?iso-8859-1?q?=80?= | \u20ac",
        "=?gb2312?b?hDGVMw==?= | \ufeff",
        "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?= | \u65e5\u672c",
        "=?ks_c_5601-1987?b?sKE=?= | \uac00",
        "=?us-ascii?q?=E4?= | \u00e4"
      })
  void aFieldIsReadAsPeopleReadIt(String raw, String text) {
    assertThat(HeaderText.decode(raw)).isEqualTo(text);
  }

  @Test
  void aFieldFullOfEncodedWordsIsDecodedInOnePass() {
    assertThat(HeaderText.decode("=?utf-8?q?a?= ".repeat(10_000) + "end"))
        .isEqualTo("a".repeat(10_000) + " end");
    var unknown = "=?no-such-%d?q?a?= ";
    var many = new StringBuilder();
    for (int i = 0; i < 10_000; i++) {
      many.append(unknown.formatted(i));
    }
    assertThat(HeaderText.decode(many + "end")).isEqualTo(many + "end");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "text/csv | text/csv",
        "text/csv; charset=utf-8 | text/csv; charset=utf-8",
        "text/csv ; name=\"\u00e4\" | text/csv; name*=UTF-8''%C3%A4",
        "text/csv; charset=koi8-r; x=\u00e4 | text/csv; charset=\"koi8-r\"",
        "text | application/octet-stream",
        "`` | application/octet-stream",
        "a b/c | application/octet-stream",
        "t\u00e4xt/csv | application/octet-stream",
        "multipart/mixed; boundary=b | application/octet-stream",
        "Multipart/Mixed; name=x | application/octet-stream; name=\"x\""
      })
  void aContentTypeOfOthersIsWrittenAsOne(String given, String written) {
    assertThat(HeaderText.contentType(given)).isEqualTo(written);
    assertThat(HeaderText.isContentType(HeaderText.contentType(given))).isTrue();
  }

  @Test
  void aFileNameIsCutBetweenCharacters() {
    var parameter = HeaderText.parameter("filename", "\ud83d\ude00".repeat(50));
    for (var piece : parameter.split("; ")) {
      int percents = piece.length() - piece.replace("%", "").length();
      assertThat(percents % 4).as(piece).isZero();
    }
  }
}
