package org.unifiedmta.security.dkim;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DkimKeyRecordTest {
  private static final byte[] KEY = {1, 2, 3, 4};

  @ParameterizedTest
  @ValueSource(
      strings = {
        "v=DKIM1; p=AQIDBA==",
        "p=AQIDBA==",
        "v=DKIM1; n=\"quoted\"; p=AQ ID\tBA ==",
        "v=DKIM1; n=f\u00fcr uns; p=AQIDBA==",
        "v=DKIM1; n=\uFFFD; p=AQIDBA==;"
      })
  void theseHaveTheSameKey(String txt) {
    assertThat(DkimKeyRecord.parse(txt).orElseThrow().octets()).isEqualTo(KEY);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\0",
        "\"v=DKIM1; p=AQIDBA==\"",
        "v=\"DKIM1\"; p=AQIDBA==",
        "v=DKIM1; p=\"AQIDBA==\"",
        "v=DKIM1\\; p=AQIDBA==",
        "v=DKIM1\0; p=AQIDBA==",
        "v=DKIM1; p=AQ\0IDBA==",
        "v=DKIM1; n=\0; p=AQIDBA==",
        "v=DKIM1; \0; p=AQIDBA==",
        "v=DKIM1; p=AQIDBA==\u00e4",
        "v=DKIM1; p=AQID\uFFFDBA==",
        "v=DKIM1; p\u00e4=x; p=AQIDBA==",
        "\uFEFFv=DKIM1; p=AQIDBA==",
        "v=D\u212aIM1; p=AQIDBA=="
      })
  void theseAreNoKeys(String txt) {
    assertThat(DkimKeyRecord.parse(txt)).isEmpty();
  }
}
