package org.unifiedmta.smtp.codec;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.EnumSet;
import java.util.HashMap;
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
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Envelope.Body;
import org.unifiedmta.core.address.Recipient.Notify;
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

  private static MailParameters parameters(long size, Body body, boolean smtpUtf8) {
    return new MailParameters(size, body, smtpUtf8, null, Envelope.Ret.UNSET, false, 0, null, null);
  }

  private static MailParameters dsn(String envelopeId, Envelope.Ret ret) {
    return new MailParameters(-1, Body.SEVEN_BIT, false, envelopeId, ret, false, 0, null, null);
  }

  private static MailParameters timed(
      int priority, MailParameters.Hold hold, MailParameters.By by) {
    return new MailParameters(
        -1, Body.SEVEN_BIT, false, null, Envelope.Ret.UNSET, true, priority, hold, by);
  }

  static List<Arguments> extensions() {
    var ann = EmailAddress.parse("ann@example.org");
    var until = Instant.parse("2026-01-02T02:04:05Z");
    var mail = "MAIL FROM:<ann@example.org> ";
    var rcpt = "RCPT TO:<ann@example.org> ";
    return List.of(
        Arguments.of("LHLO a.test", new SmtpCommand.Lhlo("a.test")),
        Arguments.of(
            mail + "BODY=BINARYMIME", new Mail(ann, parameters(-1, Body.BINARY_MIME, false))),
        Arguments.of(
            mail + "ENVID=QQ+2B314159 RET=HDRS",
            new Mail(ann, dsn("QQ+314159", Envelope.Ret.HEADERS))),
        Arguments.of(mail + "RET=full ENVID=a", new Mail(ann, dsn("a", Envelope.Ret.FULL))),
        Arguments.of(
            mail + "REQUIRETLS MT-PRIORITY=-9 HOLDFOR=60 BY=120;R",
            new Mail(
                ann,
                timed(
                    -9, new MailParameters.Hold.For(60), new MailParameters.By(120, true, false)))),
        Arguments.of(
            mail + "HOLDUNTIL=2026-01-02T03:04:05+01:00 REQUIRETLS MT-PRIORITY=3 BY=-9;NT",
            new Mail(
                ann,
                timed(
                    3,
                    new MailParameters.Hold.Until(until),
                    new MailParameters.By(-9, false, true)))),
        Arguments.of(
            rcpt + "NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob+2BX@example.com",
            new Rcpt(ann, true, Set.of(Notify.SUCCESS, Notify.DELAY), "rfc822;Bob+X@example.com")),
        Arguments.of(rcpt + "NOTIFY=NEVER", new Rcpt(ann, true, Set.of(Notify.NEVER), null)),
        Arguments.of("BDAT 0 LAST", new SmtpCommand.Bdat(0, true)),
        Arguments.of("bdat  86  last ", new SmtpCommand.Bdat(86, true)),
        Arguments.of("BDAT 100", new SmtpCommand.Bdat(100, false)),
        Arguments.of("BDAT 18446744073709551615", new SmtpCommand.Bdat(Long.MAX_VALUE, false)),
        Arguments.of(
            "XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.7 HELO=a+2Bb",
            new SmtpCommand.Proxied(
                Verb.XCLIENT, attributes("NAME", null, "ADDR", "192.0.2.7", "HELO", "a+b"))),
        Arguments.of(
            "XFORWARD source=LOCAL",
            new SmtpCommand.Proxied(Verb.XFORWARD, attributes("SOURCE", "LOCAL"))));
  }

  private static Map<String, String> attributes(String... pairs) {
    var attributes = new HashMap<String, String>();
    for (int i = 0; i < pairs.length; i += 2) {
      attributes.put(pairs[i], pairs[i + 1]);
    }
    return attributes;
  }

  @ParameterizedTest
  @MethodSource("extensions")
  void whatExtensionsAddIsRead(String line, SmtpCommand command) {
    assertThat(parser.parse(line)).isEqualTo(command);
    if (!(command instanceof SmtpCommand.Bdat
        || command instanceof SmtpCommand.Lhlo
        || command instanceof SmtpCommand.Proxied)) {
      var without = new CommandParser(EnumSet.noneOf(Extension.class)).parse(line);
      assertThat(((Invalid) without).reply().code()).isEqualTo(555);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "MAIL FROM:<a@b.test> ENVID=",
        "MAIL FROM:<a@b.test> ENVID=a+0D+0Ab",
        "MAIL FROM:<a@b.test> ENVID=a+zz",
        "MAIL FROM:<a@b.test> ENVID=a+4",
        "MAIL FROM:<a@b.test> RET=ALL",
        "MAIL FROM:<a@b.test> RET=FULL RET=HDRS",
        "MAIL FROM:<a@b.test> REQUIRETLS=yes",
        "MAIL FROM:<a@b.test> MT-PRIORITY=10",
        "MAIL FROM:<a@b.test> MT-PRIORITY=+1",
        "MAIL FROM:<a@b.test> MT-PRIORITY=",
        "MAIL FROM:<a@b.test> HOLDFOR=0",
        "MAIL FROM:<a@b.test> HOLDFOR=9999999999",
        "MAIL FROM:<a@b.test> HOLDUNTIL=tomorrow",
        "MAIL FROM:<a@b.test> HOLDFOR=1 HOLDUNTIL=2026-01-02T03:04:05Z",
        "MAIL FROM:<a@b.test> BY=0;R",
        "MAIL FROM:<a@b.test> BY=-1;R",
        "MAIL FROM:<a@b.test> BY=5",
        "MAIL FROM:<a@b.test> BY=5;X",
        "RCPT TO:<a@b.test> NOTIFY=",
        "RCPT TO:<a@b.test> NOTIFY=NEVER,DELAY",
        "RCPT TO:<a@b.test> NOTIFY=DELAY,DELAY",
        "RCPT TO:<a@b.test> NOTIFY=SOON",
        "RCPT TO:<a@b.test> ORCPT=a@b.test",
        "RCPT TO:<a@b.test> ORCPT=;a@b.test",
        "RCPT TO:<a@b.test> ORCPT=rf c;a",
        "RCPT TO:<a@b.test> ORCPT=rfc822;a+0Ab",
        "RCPT TO:<a@b.test> ORCPT=rfc822;",
        "XCLIENT ADDR",
        "XCLIENT ADDR=a+0Ab"
      })
  void whatTheirGrammarForbidsIsRefused(String line) {
    assertThat(((Invalid) parser.parse(line)).reply().code()).isEqualTo(501);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "BDAT",
        "BDAT -1",
        "BDAT abc",
        "BDAT 1e9",
        "BDAT 0x10",
        "BDAT 999999999999999999999",
        "BDAT 5 FIRST",
        "BDAT 5 LAST x"
      })
  void aChunkWhoseEndNobodyKnowsEndsTheSession(String line) {
    assertThat(parser.parse(line)).isEqualTo(new SmtpCommand.Endless());
  }

  static List<Arguments> commands() {
    var ann = EmailAddress.parse("ann@example.org");
    var plain = new Mail(ann, MailParameters.NONE);
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
        Arguments.of("MAIL FROM:<>", new Mail(null, MailParameters.NONE)),
        Arguments.of(
            "MAIL FROM:<ann@example.org> SIZE=1000 BODY=8BITMIME",
            new Mail(ann, parameters(1000, Body.EIGHT_BIT_MIME, false))),
        Arguments.of("MAIL FROM:<ann@example.org> body=7bit", plain),
        Arguments.of("MAIL FROM:<ann@example.org> AUTH=<>", plain),
        Arguments.of("MAIL FROM:<ann@example.org> AUTH=e+3Dmc2@example.com", plain),
        Arguments.of(
            "MAIL FROM:<ann@example.org> SIZE=0",
            new Mail(ann, parameters(0, Body.SEVEN_BIT, false))),
        Arguments.of(
            "MAIL FROM:<ann@example.org> SIZE=99999999999999999999",
            new Mail(ann, parameters(Long.MAX_VALUE, Body.SEVEN_BIT, false))),
        Arguments.of(
            "MAIL FROM:<d\u00f6rte@example.org> SMTPUTF8",
            new Mail(
                EmailAddress.parse("d\u00f6rte@example.org"),
                parameters(-1, Body.SEVEN_BIT, true))),
        Arguments.of("RCPT TO:<ann@example.org>", new Rcpt(ann, true, Set.of(), null)),
        Arguments.of("RCPT TO: <ann@example.org>", new Rcpt(ann, true, Set.of(), null)),
        Arguments.of(
            "RCPT TO:<Postmaster>",
            new Rcpt(new EmailAddress("postmaster", ""), true, Set.of(), null)),
        Arguments.of(
            "RCPT TO:<ann@b\u00fccher.example>",
            new Rcpt(EmailAddress.parse("ann@b\u00fccher.example"), false, Set.of(), null)),
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
    "MAIL FROM:<a@b.test> SMTPUTF8=1, 501 5.5.4",
    "MAIL FROM:<a@b.test> =x, 501 5.5.4",
    "MAIL FROM:<a@b.test> FOO=BAR, 555 5.5.4",
    "MAIL FROM:<a@b.test> FOO, 555 5.5.4",
    "MAIL FROM:<d\u00f6rte@b.test>, 553 5.6.7",
    "RCPT TO, 501 5.5.4",
    "RCPT TO:a@b.test, 501 5.5.2",
    "RCPT TO:<>, 501 5.1.3",
    "RCPT TO:<abuse>, 501 5.1.3",
    "RCPT TO:<a@[999.1.1.1]>, 501 5.1.3",
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
