package org.unifiedmta.core.address;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MailboxTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      nullValues = "-",
      value = {
        "ann@example.org | - | ann@example.org",
        "<ann@example.org> | - | ann@example.org",
        "Ann <ann@example.org> | Ann | ann@example.org",
        "Ann B. Example <ann@example.org> | Ann B. Example | ann@example.org",
        "\"Example, Ann\" <ann@example.org> | Example, Ann | ann@example.org",
        "\"Ann \\\"the boss\\\"\" <ann@example.org> | Ann \"the boss\" | ann@example.org",
        "\"a \\\\ b\" <ann@example.org> | a \\ b | ann@example.org",
        "\"\" <ann@example.org> | - | ann@example.org",
        "Ann<ann@example.org> | Ann | ann@example.org",
        "J\u00f6rg <j@example.org> | J\u00f6rg | j@example.org",
        "\"<a@b>\" <ann@example.org> | <a@b> | ann@example.org",
        "\"a b\"@example.org | - | \"a b\"@example.org",
        "Ann <\"a<b\"@example.org> | Ann | \"a<b\"@example.org",
        "\"a>b\"@example.org | - | \"a>b\"@example.org"
      })
  void aNameMayStandInFront(String text, String name, String address) {
    assertThat(Mailbox.parse(text)).isEqualTo(new Mailbox(name, EmailAddress.parse(address)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "Ann",
        "Ann <>",
        "Ann <ann@example.org",
        "Ann <ann@example.org> x",
        "ann@example.org, ben@example.org",
        "Ann\r\nBcc: x <ann@example.org>",
        "Ann <ann@example.org\r\n>"
      })
  void whatIsNoMailboxIsRefused(String text) {
    assertThatThrownBy(() -> Mailbox.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void noNameBreaksOutOfItsField() {
    var ann = EmailAddress.parse("ann@example.org");
    for (var name : new String[] {"a\rb", "a\nb", "a\0b", "a\u007fb"}) {
      assertThatThrownBy(() -> new Mailbox(name, ann)).isInstanceOf(IllegalArgumentException.class);
    }
  }
}
