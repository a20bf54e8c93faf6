package org.unifiedmta.smtp.codec;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope.Body;
import org.unifiedmta.smtp.codec.SmtpCommand.Auth;
import org.unifiedmta.smtp.codec.SmtpCommand.Ehlo;
import org.unifiedmta.smtp.codec.SmtpCommand.Foreign;
import org.unifiedmta.smtp.codec.SmtpCommand.Helo;
import org.unifiedmta.smtp.codec.SmtpCommand.Invalid;
import org.unifiedmta.smtp.codec.SmtpCommand.Mail;
import org.unifiedmta.smtp.codec.SmtpCommand.Rcpt;
import org.unifiedmta.smtp.codec.SmtpCommand.Simple;
import org.unifiedmta.smtp.codec.SmtpCommand.Verb;

class CommandParserTest {
  private final CommandParser parser = new CommandParser(EnumSet.allOf(Extension.class));

  static List<Arguments> commands() {
    var ann = EmailAddress.parse("ann@example.org");
    var plain = new Mail(ann, -1, Body.SEVEN_BIT, false);
    return List.of(
        Arguments.of("EHLO mx.example.org", new Ehlo("mx.example.org")),
        Arguments.of("eHlO [192.0.2.1]", new Ehlo("[192.0.2.1]")),
        Arguments.of("EHLO a_b", new Ehlo("a_b")),
        Arguments.of("HELO my computer", new Helo("my computer")),
        Arguments.of("MAIL FROM:<ann@example.org>", plain),
        Arguments.of("mail from:<ann@example.org>", plain),
        Arguments.of("MAIL FROM: <ann@example.org>", plain),
        Arguments.of("MAIL FROM:<ann@example.org>  ", plain),
        Arguments.of("MAIL  FROM:<@relay.example,@b.example:ann@example.org>", plain),
        Arguments.of("MAIL FROM:<>", new Mail(null, -1, Body.SEVEN_BIT, false)),
        Arguments.of(
            "MAIL FROM:<ann@example.org> SIZE=1000 BODY=8BITMIME",
            new Mail(ann, 1000, Body.EIGHT_BIT_MIME, false)),
        Arguments.of("MAIL FROM:<ann@example.org> body=7bit", plain),
        Arguments.of("MAIL FROM:<ann@example.org> AUTH=<>", plain),
        Arguments.of("MAIL FROM:<ann@example.org> AUTH=e+3Dmc2@example.com", plain),
        Arguments.of("MAIL FROM:<ann@example.org> SIZE=0", new Mail(ann, 0, Body.SEVEN_BIT, false)),
        Arguments.of(
            "MAIL FROM:<ann@example.org> SIZE=99999999999999999999",
            new Mail(ann, Long.MAX_VALUE, Body.SEVEN_BIT, false)),
        Arguments.of(
            "MAIL FROM:<d\u00f6rte@example.org> SMTPUTF8",
            new Mail(EmailAddress.parse("d\u00f6rte@example.org"), -1, Body.SEVEN_BIT, true)),
        Arguments.of("RCPT TO:<ann@example.org>", new Rcpt(ann, true)),
        Arguments.of("RCPT TO: <ann@example.org>", new Rcpt(ann, true)),
        Arguments.of("RCPT TO:<Postmaster>", new Rcpt(new EmailAddress("postmaster", ""), true)),
        Arguments.of(
            "RCPT TO:<ann@b\u00fccher.example>",
            new Rcpt(EmailAddress.parse("ann@b\u00fccher.example"), false)),
        Arguments.of("DATA", new Simple(Verb.DATA)),
        Arguments.of("data ", new Simple(Verb.DATA)),
        Arguments.of("RSET", new Simple(Verb.RSET)),
        Arguments.of("NOOP whatever <>", new Simple(Verb.NOOP)),
        Arguments.of("QUIT", new Simple(Verb.QUIT)),
        Arguments.of("VRFY ann", new Simple(Verb.VRFY)),
        Arguments.of("EXPN staff", new Simple(Verb.EXPN)),
        Arguments.of("HELP", new Simple(Verb.HELP)),
        Arguments.of("STARTTLS", new Simple(Verb.STARTTLS)),
        Arguments.of("AUTH PLAIN", new Auth("PLAIN", null)),
        Arguments.of("auth plain AGEAYg==", new Auth("PLAIN", "AGEAYg==")),
        Arguments.of("AUTH PLAIN =", new Auth("PLAIN", "=")));
  }

  @ParameterizedTest
  @MethodSource("commands")
  void whatFollowsTheGrammarIsRead(String line, SmtpCommand command) {
    assertThat(parser.parse(line)).isEqualTo(command);
  }

  @ParameterizedTest
  @CsvSource({
    "'', 500 5.5.1",
    "'   ', 500 5.5.1",
    "FOO, 500 5.5.1",
    "MAILFROM:<a@b.test>, 500 5.5.1",
    "r\u017fet, 500 5.5.1",
    "EHLO, 501 5.5.4",
    "MAIL, 501 5.5.4",
    "MAIL FROM, 501 5.5.4",
    "MAIL FROM:, 501 5.5.2",
    "MAIL FROM :<a@b.test>, 501 5.5.4",
    "MAIL FROM:a@b.test, 501 5.5.2",
    "MAIL FROM:<a@b@c.test>, 501 5.1.7",
    "MAIL FROM:<<a@b.test>>, 501 5.1.7",
    "MAIL FROM:<a@b.test, 501 5.1.7",
    "MAIL FROM:<@>, 501 5.1.7",
    "MAIL FROM:<a@b..test>, 501 5.1.7",
    "MAIL FROM:<a b@c.test>, 501 5.1.7",
    "MAIL FROM:<;sleep 66;>, 501 5.1.7",
    "MAIL FROM:<\uFFFD@b.test>, 501 5.1.7",
    "MAIL FROM:<a@b.test>>, 501 5.5.2",
    "MAIL FROM:<a@b.test>SIZE=1, 501 5.5.2",
    "MAIL FROM:<a@b.test> SIZE=, 501 5.5.4",
    "MAIL FROM:<a@b.test> SIZE=-1, 501 5.5.4",
    "MAIL FROM:<a@b.test> SIZE=1e3, 501 5.5.4",
    "MAIL FROM:<a@b.test> SIZE=100000000000000000000, 501 5.5.4",
    "MAIL FROM:<a@b.test> SIZE, 501 5.5.4",
    "MAIL FROM:<a@b.test> SIZE=1 SIZE=1, 501 5.5.4",
    "MAIL FROM:<a@b.test> BODY=BINARYMIME, 501 5.5.4",
    "MAIL FROM:<a@b.test> SMTPUTF8=1, 501 5.5.4",
    "MAIL FROM:<a@b.test> =x, 501 5.5.4",
    "MAIL FROM:<a@b.test> FOO=BAR, 555 5.5.4",
    "MAIL FROM:<a@b.test> FOO, 555 5.5.4",
    "MAIL FROM:<a@b.test> RET=FULL, 555 5.5.4",
    "MAIL FROM:<d\u00f6rte@b.test>, 553 5.6.7",
    "RCPT TO, 501 5.5.4",
    "RCPT TO:a@b.test, 501 5.5.2",
    "RCPT TO:<>, 501 5.1.3",
    "RCPT TO:<abuse>, 501 5.1.3",
    "RCPT TO:<a@[999.1.1.1]>, 501 5.1.3",
    "RCPT TO:<a@b.test> NOTIFY=NEVER, 555 5.5.4",
    "DATA now, 501 5.5.4",
    "STARTTLS now, 501 5.5.4",
    "QUIT now, 501 5.5.4",
    "AUTH, 501 5.5.4",
    "AUTH PLAIN AA== AA==, 501 5.5.4"
  })
  void whatDoesNotIsRefused(String line, String reply) {
    assertThat(refusal(line)).startsWith(reply);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "NOOP\nNOOP",
        "NOOP\rNOOP",
        "RCPT TO:<a@b.test>\nRCPT TO:<c@b.test>",
        "MAIL FROM:<a\u0000b@c.test>",
        "EHLO \u001b[31mx",
        "EHLO a\tb",
        "\u0080\u0081",
        "NOOP\u007f"
      })
  void aControlCharacterSpoilsAnyCommand(String line) {
    assertThat(refusal(line)).startsWith("500 5.5.2");
  }

  @Test
  void aNameMayHave255Octets() {
    assertThat(parser.parse("EHLO " + "x".repeat(255))).isInstanceOf(Ehlo.class);
    assertThat(refusal("EHLO " + "x".repeat(256))).startsWith("501 5.5.4");
  }

  @Test
  void aParameterOfAnExtensionThatIsNotOfferedIsUnknown() {
    var few = new CommandParser(Set.of(Extension.PIPELINING));
    for (var parameter : List.of("SIZE=1", "BODY=7BIT", "SMTPUTF8", "AUTH=<>")) {
      var command = few.parse("MAIL FROM:<a@b.test> " + parameter);
      assertThat(((Invalid) command).reply().code()).as(parameter).isEqualTo(555);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET / HTTP/1.1", "POST / HTTP/1.1", "CONNECT a:25 HTTP/1.1"})
  void aBrowserIsToldFromAClient(String line) {
    assertThat(parser.parse(line)).isEqualTo(new Foreign());
  }

  // Where Haraka is lenient we are not. By RFC 5321 4.1.2 a path without a domain is none, but for
  // <postmaster> as a recipient (4.5.1).
  private static final Set<String> NO_PATHS = Set.of("MAIL FROM:<postmaster>", "RCPT TO:<abuse>");

  @Test
  void theCommandsOfHarakaAreReadStrictly() {
    for (Map<String, Object> one : Corpus.cases("envelope/haraka-commands.jsonl")) {
      var line = (String) one.get("line");
      // Haraka's domains may be single labels, and its parameters are anything.
      var command = parser.parse(line);
      boolean wellFormed = !(command instanceof Invalid invalid) || invalid.reply().code() == 555;
      boolean wanted =
          one.get("valid").equals(true)
              && one.get("lenient").equals(false)
              && !NO_PATHS.contains(line);
      assertThat(wellFormed).as("%s: %s", line, command).isEqualTo(wanted);
    }
  }

  @Test
  void noLineBreaksTheParser() {
    var random = new Random(20_261_125);
    var seeds =
        List.of(
            "EHLO [IPv6:2001:db8::1]",
            "MAIL FROM:<\"a b\"@example.org> SIZE=10 BODY=8BITMIME SMTPUTF8 AUTH=<>",
            "RCPT TO:<@a.example,@b.example:d\u00f6rte@[192.0.2.1]>",
            "AUTH PLAIN AGEAYg==");
    for (int i = 0; i < 50_000; i++) {
      var line = new StringBuilder(seeds.get(i % seeds.size()));
      for (int change = random.nextInt(4); change >= 0; change--) {
        int at = random.nextInt(line.length());
        switch (random.nextInt(3)) {
          case 0 -> line.setCharAt(at, (char) random.nextInt(300));
          case 1 -> line.insert(at, (char) (32 + random.nextInt(96)));
          default -> line.setLength(at + 1);
        }
      }
      var command = parser.parse(line.toString());
      if (command instanceof Invalid(var reply)) {
        assertThat(reply.isPermanent()).as("%s: %s", line, reply).isTrue();
      }
    }
  }

  private String refusal(String line) {
    return ((Invalid) parser.parse(line)).reply().toString();
  }
}
