package org.unifiedmta.core.email;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DateFieldTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Fri, 21 Nov 1997 09:55:06 -0600 | 1997-11-21T15:55:06Z",
        "Tue, 1 Jul 2003 10:52:37 +0200 | 2003-07-01T08:52:37Z",
        "Thu, 13 Feb 1969 23:32:54 -0330 | 1969-02-14T03:02:54Z",
        "21 Nov 97 09:55:06 GMT | 1997-11-21T09:55:06Z",
        "21 Nov 49 09:55:06 GMT | 2049-11-21T09:55:06Z",
        "21 Nov 100 09:55:06 GMT | 2000-11-21T09:55:06Z",
        "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600 | 1997-11-21T15:55:06Z",
        "Thu, (a (nested) comment) 13 Feb 1969 23:32 -0330 (Newfoundland Time) | 1969-02-14T03:02:00Z",
        "Mon, 2 Feb 2026 03:04:05 EST | 2026-02-02T08:04:05Z",
        "Mon, 2 Feb 2026 03:04:05 PDT | 2026-02-02T10:04:05Z",
        "Mon, 2 Feb 2026 03:04:05 Z | 2026-02-02T03:04:05Z",
        "Mon, 2 Feb 2026 03:04:05 A | 2026-02-02T03:04:05Z",
        "Mon, 2 Feb 2026 03:04:05 CEST | 2026-02-02T03:04:05Z",
        "Mon, 2 Feb 2026 03:04:05 | 2026-02-02T03:04:05Z",
        "mon,2 FEBRUARY 2026 3:4:5 +01:00 | 2026-02-02T02:04:05Z",
        "2-Feb-2026 03:04:05 -0000 | 2026-02-02T03:04:05Z",
        "Mon Feb  2 03:04:05 2026 | 2026-02-02T03:04:05Z",
        "Sat, 31 Dec 2016 23:59:60 +0000 | 2017-01-01T00:00:00Z",
        "Mon, 2 Feb 2026 03:04:05.678 +0000 | 2026-02-02T03:04:05Z",
        "Mon, 2 Feb 2026 03:04:05 +9959 | 2026-01-28T23:05:05Z"
      })
  void aDateIsReadHoweverItIsWritten(String text, String instant) {
    assertThat(DateField.parse(text).map(Instant::toString).orElse("-")).isEqualTo(instant);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "yesterday",
        "2 Feb 2026",
        "Feb 2026 03:04:05",
        "2 Feb 03:04:05",
        "30 Feb 2026 03:04:05",
        "32 Feb 2026 03:04:05",
        "2 Feb 2026 24:00:00",
        "2 Feb 2026 03:60:00",
        "2 Feb 2026 03:04:61",
        "2 Feb 2026 03",
        "2 Feb 2026 a:b:c",
        "2 Feb 2026 03:04:05 +1",
        "2 Feb 2026 03:04:05 +abcd",
        "2 Feb 99999999999 03:04:05",
        "2 Feb 2026 :",
        "2--Feb---2026--",
        "2 Feb 2026 03:04:05 <script>",
        "(2 Feb 2026 03:04:05",
        "\u0662 Feb 2026 03:04:05"
      })
  void whatIsNoDateIsNone(String text) {
    assertThat(DateField.parse(text)).isEmpty();
    assertThat(DateField.parse(text + " ".repeat(200))).isEmpty();
  }
}
