package org.unifiedmta.security.transport;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MtaStsRecordTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "v=STSv1; id=20160831085700Z;",
        "v=STSv1;id=20160831085700Z",
        "v=STSv1 \t;\t id=20160831085700Z \t; ",
        "v=STSv1; a.b_c-d=e; id=20160831085700Z",
        "v=STSv1; id=20160831085700Z; id=2; id=%"
      })
  void theseRecordsSayTheSame(String text) {
    assertThat(MtaStsRecord.parse(text)).contains(new MtaStsRecord("20160831085700Z"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "v=STSv1",
        "v=STSv1;",
        "v=STSv1;;",
        "v=STSv1; id=",
        "v=STSv1; id=a-b",
        "v=STSv1; id=123456789012345678901234567890123",
        "v=STSv1; id = a",
        "v=STSv1; ID=a",
        "v=STSv1; id=a b",
        "v=STSv1; id=a ",
        "v=STSv1; id=a;; b=c",
        "v=STSv1; id=a; b",
        "v=STSv1; id=a; _b=c",
        "v=STSv1; id=a; b=c=d",
        "v=STSv1; id=a; b=\u00e4",
        "v=STSv1; id=\u0661",
        "v=STSv1; id=\0",
        "v=STSv1 id=a",
        "v=STSv10; id=a",
        "v=stsv1; id=a",
        "V=STSv1; id=a",
        " v=STSv1; id=a",
        "id=a; v=STSv1"
      })
  void theseAreNone(String text) {
    assertThat(MtaStsRecord.parse(text)).isEmpty();
  }

  @Test
  void otherTextsAtThatNameAreNotCounted() {
    assertThat(
            MtaStsRecord.among(
                List.of("v=spf1 -all", "v=STSv1", "v=STSv1; id=a", "v=STSv2; id=b", "")))
        .contains(new MtaStsRecord("a"));
  }

  @Test
  void twoRecordsAreNone() {
    assertThat(MtaStsRecord.among(List.of("v=STSv1; id=a", "v=STSv1; id=a"))).isEmpty();
    assertThat(MtaStsRecord.among(List.of("v=STSv1; id=a", "v=STSv1; %"))).isEmpty();
    assertThat(MtaStsRecord.among(List.of())).isEmpty();
  }
}
