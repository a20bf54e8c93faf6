package org.unifiedmta.security.dkim;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.authres.AuthenticationResults;
import org.unifiedmta.security.dkim.DKIMSigner.Canonicalization;
import org.unifiedmta.security.dkim.DKIMVerifier.Policy;
import org.unifiedmta.security.dkim.DkimResult.Status;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.testing.CountingResolver;

/** What senders try, with signatures that are good but for what they try (RFC 6376 8). */
class DkimAttackTest {
  private static final Instant NOW = Instant.ofEpochSecond(1_772_366_400);
  private static final Clock CLOCK = Clock.fixed(NOW, ZoneOffset.UTC);
  private static final HandSigned.Key KEY = HandSigned.Key.of(1024);
  private static final String TAGS =
      "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=r; h=from:to:subject; bh=; b=";
  private static final String MESSAGE =
      "From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: a  b\r\n\tc\r\n\r\n"
          + "Hello  world\r\n";

  private static ZoneResolver.Builder zone() {
    return ZoneResolver.builder().txt("r._domainkey.example.org", KEY.record());
  }

  private static List<DkimResult> verify(DnsResolver dns, String message) {
    return new DKIMVerifier(dns, CLOCK, Policy.rfc8301()).verify(HandSigned.octets(message));
  }

  private static DkimResult verify(String message) {
    var results = verify(zone().build(), message);
    assertThat(results).hasSize(1);
    return results.getFirst();
  }

  private static String sign(String tags) {
    return HandSigned.sign(tags, KEY, MESSAGE);
  }

  /** The tags with one thing changed before they are signed. */
  private static String tags(String from, String to) {
    assertThat(TAGS).contains(from);
    return TAGS.replace(from, to);
  }

  // ---- the field (3.5)

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "v=1; | v=1;",
        "v=1; | v = 1 ;",
        "v=1; | x_odd=1; v=1; Z9=;",
        "v=1; a=rsa-sha256; | a=rsa-sha256; v=1;",
        "c=relaxed/relaxed; | c=relaxed;",
        "c=relaxed/relaxed; | ``",
        "c=relaxed/relaxed; | c=simple/relaxed;",
        "h=from:to:subject; | h=From;",
        "h=from:to:subject; | h= FROM : to:x-none:to ;",
        "d=example.org; | d=EXAMPLE.org;",
        "s=r; | s=R; q=dns/txt;",
        "s=r; | s=r; q=dns/other:dns/txt;",
        "s=r; | s=r; i=@example.org;",
        "s=r; | s=r; i=ann=20b@example.org;",
        "s=r; | s=r; i=@a.b.Example.ORG;",
        "s=r; | s=r; t=1772366400; x=1772366401;",
        "s=r; | s=r; x=1772366400;",
        "s=r; | s=r; x=9999999999999999999999999;",
        "s=r; | s=r; t=1772369999;", // a clock that is ahead by less than an hour
        "s=r; | s=r; l=13;",
        "s=r; | s=r; l=0013;",
        "b= | z=From:ann@example.org; b=",
      })
  void whatTheGrammarHasPasses(String from, String to) {
    assertThat(verify(sign(tags(from, to)))).extracting(DkimResult::status).isEqualTo(Status.PASS);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        // What must be there.
        "v=1; | `` | PERMERROR | no v=1",
        "v=1; | v=; | PERMERROR | no v=1",
        "v=1; | v=2; | PERMERROR | no v=1",
        "v=1; | v=1.0; | PERMERROR | no v=1",
        "v=1; | V=1; | PERMERROR | no v=1",
        "a=rsa-sha256; | `` | PERMERROR | no a=",
        "d=example.org; | `` | PERMERROR | no d=",
        "d=example.org; | D=example.org; | PERMERROR | no d=",
        "s=r; | `` | PERMERROR | no s=",
        "s=r; | s=; | PERMERROR | no s=",
        "h=from:to:subject; | `` | PERMERROR | no h=",
        "h=from:to:subject; | h=; | PERMERROR | no h=",
        "bh=; | `` | PERMERROR | no bh=",
        "bh=; b= | bh= | PERMERROR | no b=",
        "bh=; b= | bh=; b=*** | PERMERROR | b= is no base64",
        "bh=; | bh=***; | PERMERROR | bh= is no base64",
        // 3.2: a tag that is there twice makes it no list of tags, also one that nobody knows.
        "s=r; | s=r; s=r; | PERMERROR | no list of tags",
        "d=example.org; | d=example.org; d=evil.test; | PERMERROR | no list of tags",
        "s=r; | s=r; odd=1; odd=1; | PERMERROR | no list of tags",
        "s=r; | s=r; odd; | PERMERROR | no list of tags",
        "s=r; | s=r;; | PERMERROR | no list of tags",
        "s=r; | s=r; 1x=1; | PERMERROR | no list of tags",
        // 5.4
        "h=from:to:subject; | h=to:subject; | PERMERROR | From is not signed",
        "h=from:to:subject; | h=from1:xfrom; | PERMERROR | From is not signed",
        "h=from:to:subject; | h=from::to; | PERMERROR | h= is no list of names",
        "h=from:to:subject; | h=:; | PERMERROR | h= is no list of names",
        // i= is in d=, label by label.
        "s=r; | s=r; i=@example.net; | PERMERROR | i= is not in d=",
        "s=r; | s=r; i=@notexample.org; | PERMERROR | i= is not in d=",
        "s=r; | s=r; i=@example.org.evil.test; | PERMERROR | i= is not in d=",
        "s=r; | s=r; i=@org; | PERMERROR | i= is not in d=",
        "s=r; | s=r; i=ann@example.org@evil.test; | PERMERROR | i= is not in d=",
        "s=r; | s=r; i=example.org; | PERMERROR | i= has no domain",
        "s=r; | s=r; i=@; | PERMERROR | i= is no identity",
        "s=r; | s=r; i=; | PERMERROR | i= has no domain",
        // 3.6.1, t=s
        "s=r; | s=strict; i=@sub.example.org; | PERMERROR | the key is not for subdomains",
        // Numbers.
        "s=r; | s=r; l=14; | PERMERROR | l= is more than there is",
        "s=r; | s=r; l=999999999999999999999; | PERMERROR | l= is more than there is",
        "s=r; | s=r; l=-1; | PERMERROR | l= is no number",
        "s=r; | s=r; l=+13; | PERMERROR | l= is no number",
        "s=r; | s=r; l=; | PERMERROR | l= is no number",
        "s=r; | s=r; l=1 3; | PERMERROR | l= is no number",
        "s=r; | s=r; l=0x0d; | PERMERROR | l= is no number",
        "s=r; | s=r; t=yesterday; | PERMERROR | t= is no number",
        "s=r; | s=r; x=-1; | PERMERROR | x= is no number",
        "s=r; | s=r; t=1772366400; x=1772366400; | PERMERROR | x= is not after t=",
        "s=r; | s=r; t=1772366400; x=1772366399; | PERMERROR | x= is not after t=",
        "s=r; | s=r; t=1772452800; | PERMERROR | signed in the future",
        "s=r; | s=r; t=999999999999999999999; | PERMERROR | signed in the future",
        "s=r; | s=r; x=1772366399; | FAIL | signature expired",
        "s=r; | s=r; t=1; x=2; | FAIL | signature expired",
        // RFC 8301 3.1: whatever it proves.
        "a=rsa-sha256; | a=rsa-sha1; | POLICY | SHA-1",
        "a=rsa-sha256; | a=rsa-sha512; | PERMERROR | algorithm rsa-sha512",
        "a=rsa-sha256; | a=none; | PERMERROR | algorithm none",
        "s=r; | s=r; q=dns/other; | PERMERROR | no way to ask for the key but dns/other",
        // What l= leaves out was added by anybody.
        "s=r; | s=r; l=0; | POLICY | l= leaves a part unsigned",
        "s=r; | s=r; l=5; | POLICY | l= leaves a part unsigned",
      })
  void whatIsWrongIsSaidWhateverTheSignatureProves(
      String from, String to, Status status, String reason) {
    var dns = zone().txt("strict._domainkey.example.org", KEY.record() + "; t=s").build();
    var results = verify(dns, sign(tags(from, to)));
    assertThat(results).hasSize(1);
    assertThat(results.getFirst().status()).as("%s", results).isEqualTo(status);
    assertThat(results.getFirst().reason()).isEqualTo(reason);
  }

  @Test
  void aLengthHas76DigitsAtMost() {
    var length = "0".repeat(74) + "13";
    assertThat(verify(sign(tags("s=r;", "s=r; l=" + length + ";"))).status())
        .isEqualTo(Status.PASS);
    assertThat(verify(sign(tags("s=r;", "s=r; l=0" + length + ";"))).status())
        .isEqualTo(Status.PERMERROR);
  }

  @Test
  void ofSeveralSignaturesEachHasItsResult() {
    var message = HandSigned.sign(tags("h=from:to:subject;", "h=to;"), KEY, MESSAGE);
    message = HandSigned.sign(TAGS, KEY, message);
    message = HandSigned.sign(tags("a=rsa-sha256;", "a=rsa-sha1;"), KEY, message);
    assertThat(verify(zone().build(), message))
        .extracting(DkimResult::status)
        .containsExactly(Status.POLICY, Status.PASS, Status.PERMERROR);
  }

  // ---- what is put before or behind what was signed (8.2, 8.15)

  /** A part that a reader shows in place of the one that was signed. */
  @Test
  void aBodyThatGoesOnBehindItsLengthIsNotBelieved() {
    var multipart = MESSAGE.replace("\r\n\r\n", "\r\nContent-Type: text/plain\r\n\r\n");
    var signed = HandSigned.sign(tags("s=r;", "s=r; l=13;"), KEY, multipart);
    assertThat(verify(signed).status()).isEqualTo(Status.PASS);
    var shown =
        signed.replace("Content-Type: text/plain", "Content-Type: multipart/mixed; boundary=x")
            + "--x\r\nContent-Type: text/html\r\n\r\n<b>pay here</b>\r\n--x--\r\n";
    assertThat(verify(shown))
        .isEqualTo(
            new DkimResult(Status.POLICY, "example.org", "r", "l= leaves a part unsigned", false));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "From: eve@evil.test\r\n",
        "from : eve@evil.test\r\n",
        "From:\r\n eve@evil.test\r\n"
      })
  void anotherFromFieldMakesOneThatIsNotBelieved(String field) {
    var signed = sign(TAGS);
    for (var message : List.of(field + signed, signed.replace("Subject:", field + "Subject:"))) {
      assertThat(verify(message).reason()).isEqualTo("there are more From fields than are signed");
    }
    // Below the last field it would be the one that is signed.
    assertThat(verify(signed.replace("\r\n\r\n", "\r\n" + field + "\r\n")).status())
        .isEqualTo(Status.PERMERROR);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"From", "Reply-To", "Subject", "Date", "To", "Cc", "Content-Type", "SUBJECT"})
  void nobodyAddsToWhatWeSign(String name) {
    var signer =
        DKIMSigner.builder("example.org", "r", DkimKeys.RSA.getPrivate()).clock(CLOCK).build();
    var dns = ZoneResolver.builder().txt("r._domainkey.example.org", DkimKeys.record(DkimKeys.RSA));
    var signed = new String(signer.sign(HandSigned.octets(MESSAGE)), StandardCharsets.ISO_8859_1);
    assertThat(verify(dns.build(), signed).getFirst().status()).isEqualTo(Status.PASS);
    for (var added :
        List.of(
            name + ": x\r\n" + signed,
            signed.replace("\r\n\r\n", "\r\n" + name + ": x\r\n\r\n"),
            signed.replace("Subject:", name + ":\r\nSubject:"))) {
      assertThat(verify(dns.build(), added).getFirst().isValid()).as(added).isFalse();
    }
  }

  // ---- what happens to messages on their way (3.4)

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        // what | becomes | simple/simple, relaxed/simple, simple/relaxed, relaxed/relaxed
        "Hello | Hallo | FAIL FAIL FAIL FAIL",
        "Hello  world | Hello world | FAIL FAIL PASS PASS",
        "Hello  world | Hello\tworld | FAIL FAIL PASS PASS",
        "Hello  world | `Hello  world \t` | FAIL FAIL PASS PASS",
        "Hello  world | Helloworld | FAIL FAIL FAIL FAIL",
        "world~ | world~~~ | PASS PASS PASS PASS",
        "world~ | world | PASS PASS PASS PASS",
        "world~ | world~ ~ | FAIL FAIL PASS PASS",
        "world~ | world~.~ | FAIL FAIL FAIL FAIL",
        "Subject: | SUBJECT: | FAIL PASS FAIL PASS",
        "Subject: | Subject : | FAIL PASS FAIL PASS",
        "Subject: | `Subject:  ` | FAIL PASS FAIL PASS",
        "a  b~\tc | a b c | FAIL PASS FAIL PASS",
        "a  b~\tc | a~ b~ c\t | FAIL PASS FAIL PASS",
        "a  b~\tc | a  bc | FAIL FAIL FAIL FAIL",
        "a  b~\tc | A  b~\tc | FAIL FAIL FAIL FAIL",
        "Subject: a | Subject : A | FAIL FAIL FAIL FAIL",
      })
  void whatRelaysChange(String from, String to, String statuses) {
    var found = new ArrayList<String>();
    for (var forms :
        List.of("simple/simple", "relaxed/simple", "simple/relaxed", "relaxed/relaxed")) {
      var signed = sign(tags("relaxed/relaxed", forms));
      var changed = signed.replace(from.replace("~", "\r\n"), to.replace("~", "\r\n"));
      assertThat(changed).isNotEqualTo(signed);
      found.add(verify(changed).status().name());
    }
    assertThat(String.join(" ", found)).isEqualTo(statuses);
  }

  @ParameterizedTest
  @ValueSource(strings = {"simple/simple", "relaxed/relaxed"})
  void lettersBeyondAsciiAndLongLinesAreSignedAsTheyAre(String forms) {
    var message =
        MESSAGE
            .replace("a  b", "Gr\u00c3\u00bc\u00c3\u009fe \u00ff" + "x".repeat(2_000))
            .replace("Hello", "\u0000\u0080" + "y".repeat(5_000));
    var signed = HandSigned.sign(tags("relaxed/relaxed", forms), KEY, message);
    assertThat(verify(signed).status()).isEqualTo(Status.PASS);
    assertThat(verify(signed.replace("\u00bc", "\u00a4")).status()).isEqualTo(Status.FAIL);
    assertThat(verify(signed.replace("xxx", "xx")).status()).isEqualTo(Status.FAIL);
  }

  @Test
  void aLineFeedAloneIsNoLineBreakAndBecomesOneOnlyBeforeSigning() {
    var signed = HandSigned.sign(TAGS, KEY, MESSAGE.replace("world", "wor\nld"));
    assertThat(verify(signed).status()).isEqualTo(Status.PASS);
    assertThat(verify(signed.replace("wor\nld", "wor\r\nld")).status()).isEqualTo(Status.FAIL);
  }

  @ParameterizedTest
  @ValueSource(ints = {20, 60, 75, 76, 77, 150, 400})
  void longValuesOfOursAreFoldedAndVerifyInEveryForm(int length) {
    var names = new ArrayList<String>();
    for (int i = 0; i < 60; i++) {
      names.add("X-" + "n".repeat(length - 2));
    }
    var label = "l".repeat(Math.min(length, 63));
    var dns =
        ZoneResolver.builder()
            .txt(label + "._domainkey.example.org", DkimKeys.record(DkimKeys.RSA))
            .build();
    for (var header : Canonicalization.values()) {
      for (var body : Canonicalization.values()) {
        var signer =
            DKIMSigner.builder("example.org", label, DkimKeys.RSA.getPrivate())
                .clock(CLOCK)
                .canonicalization(header, body)
                .headers(names)
                .identity("i".repeat(length) + "@" + (label + ".").repeat(3) + "example.org")
                .build();
        var signed =
            new String(signer.sign(HandSigned.octets(MESSAGE)), StandardCharsets.ISO_8859_1);
        assertThat(verify(dns, signed).getFirst().status()).isEqualTo(Status.PASS);
        assertThat(signed.split("\r\n\r\n")[0].lines())
            .allMatch(line -> line.length() <= 998 && !line.isBlank());
      }
    }
  }

  /** Who gets the same message again cannot tell; only its end of validity can (8.6). */
  @Test
  void whatIsSentAgainVerifiesUntilItExpires() {
    var signed = sign(tags("s=r;", "s=r; t=1772366400; x=1772366460;"));
    for (int seconds : new int[] {0, 30, 60}) {
      var clock = Clock.offset(CLOCK, Duration.ofSeconds(seconds));
      var verifier = new DKIMVerifier(zone().build(), clock, Policy.rfc8301());
      assertThat(verifier.verify(HandSigned.octets(signed)).getFirst().isValid()).isTrue();
    }
    var late = Clock.offset(CLOCK, Duration.ofSeconds(61));
    assertThat(
            new DKIMVerifier(zone().build(), late, Policy.rfc8301())
                .verify(HandSigned.octets(signed)))
        .extracting(DkimResult::reason)
        .containsExactly("signature expired");
  }

  // ---- keys (3.6.1, RFC 8301 3.2)

  static Stream<Arguments> keys() {
    return Stream.of(
        Arguments.of(HandSigned.Key.of(512), Status.POLICY, "the key is too short"),
        Arguments.of(HandSigned.Key.of(768), Status.POLICY, "the key is too short"),
        Arguments.of(HandSigned.Key.of(1023), Status.POLICY, "the key is too short"),
        Arguments.of(HandSigned.Key.of(1024), Status.PASS, null),
        Arguments.of(HandSigned.Key.of(1025), Status.PASS, null),
        Arguments.of(HandSigned.Key.of(2048, "3"), Status.PASS, null),
        Arguments.of(HandSigned.Key.of(4096), Status.PASS, null),
        Arguments.of(HandSigned.Key.of(2048, "4294967297"), Status.PASS, null),
        // Work without an end, or none.
        Arguments.of(HandSigned.Key.of(8193, "1"), Status.PERMERROR, "the key is none"),
        Arguments.of(HandSigned.Key.of(16_384, "1"), Status.PERMERROR, "the key is none"),
        Arguments.of(HandSigned.Key.of(200_000, "1"), Status.PERMERROR, "the key is none"),
        Arguments.of(HandSigned.Key.of(2048, "1"), Status.PERMERROR, "the key is none"),
        Arguments.of(HandSigned.Key.of(2048, "2147483648"), Status.PERMERROR, "the key is none"),
        Arguments.of(HandSigned.Key.of(2048, "17179869185"), Status.PERMERROR, "the key is none"),
        Arguments.of(HandSigned.Key.of(2047).doubled(), Status.PERMERROR, "the key is none"));
  }

  @ParameterizedTest
  @MethodSource("keys")
  void keysThatAreTooShortOrTooMuchWorkProveNothing(
      HandSigned.Key key, Status status, String reason) {
    var dns = ZoneResolver.builder().txt("r._domainkey.example.org", key.record()).build();
    var result = verify(dns, HandSigned.sign(TAGS, key, MESSAGE)).getFirst();
    assertThat(result.status()).as("%s", result).isEqualTo(status);
    assertThat(result.reason()).isEqualTo(reason);
  }

  static Stream<Arguments> records() {
    var good = KEY.record();
    var p = good.substring(good.indexOf("p="));
    var half = p.length() / 2;
    return Stream.of(
        // Blanks anywhere, other tags, and all that says it is for this.
        Arguments.of(Status.PASS, null, List.of(p)),
        Arguments.of(Status.PASS, null, List.of(good + ";")),
        Arguments.of(Status.PASS, null, List.of(good.replace(";", " ;\r\n\t"))),
        Arguments.of(
            Status.PASS,
            null,
            List.of(p.substring(0, half) + " \t " + p.substring(half) + " ; n=x; odd=")),
        Arguments.of(Status.PASS, null, List.of(good + "; h=sha1 : sha256; s=web:email; t=x; g=*")),
        Arguments.of(Status.PASS, null, List.of(good + "; h=; s=*; t=s")),
        Arguments.of(Status.PASS, null, List.of(good, "v=spf1 -all", "")),
        Arguments.of(Status.PASS, null, List.of(good + "; n=" + "x".repeat(60_000))),
        // No key.
        Arguments.of(Status.PERMERROR, "no key", List.of()),
        Arguments.of(Status.PERMERROR, "no key in what is there", List.of("")),
        Arguments.of(Status.PERMERROR, "no key in what is there", List.of("v=spf1 -all")),
        Arguments.of(
            Status.PERMERROR, "no key in what is there", List.of(good.replace("M1", "M2"))),
        Arguments.of(
            Status.PERMERROR, "no key in what is there", List.of(good.replace("M1", "M10"))),
        Arguments.of(
            Status.PERMERROR, "no key in what is there", List.of(good.replace("DKIM1", "dkim1"))),
        Arguments.of(Status.PERMERROR, "no key in what is there", List.of(p + "; v=DKIM1")),
        Arguments.of(Status.PERMERROR, "no key in what is there", List.of("v=DKIM1; k=rsa")),
        Arguments.of(Status.PERMERROR, "no key in what is there", List.of(good + "; " + p)),
        Arguments.of(Status.PERMERROR, "no key in what is there", List.of("v=DKIM1; p=***")),
        Arguments.of(Status.PERMERROR, "no key in what is there", List.of(good + "\0")),
        Arguments.of(
            Status.PERMERROR, "no key in what is there", List.of(good + "x".repeat(70_000))),
        Arguments.of(
            Status.PERMERROR,
            "no key in what is there",
            List.of(good + "; n=" + "x".repeat(5_000_000))),
        Arguments.of(Status.PERMERROR, "the key is revoked", List.of("v=DKIM1; p=")),
        Arguments.of(Status.PERMERROR, "the key is none", List.of("v=DKIM1; p=AAAA")),
        Arguments.of(Status.PERMERROR, "the key is none", List.of("p=" + "MIIB".repeat(12_000))),
        Arguments.of(Status.PERMERROR, "the key is none", List.of("p=" + "MIAw".repeat(16_000))),
        Arguments.of(Status.PERMERROR, "the key is none", List.of(p.substring(0, half - half % 4))),
        // A key for something else.
        Arguments.of(Status.PERMERROR, "the key is of another type", List.of("k=ed25519; " + p)),
        Arguments.of(Status.PERMERROR, "the key is of another type", List.of("k=; " + p)),
        Arguments.of(Status.PERMERROR, "the key is not for this hash", List.of(good + "; h=sha1")),
        Arguments.of(
            Status.PERMERROR, "the key is not for this hash", List.of(good + "; h=sha2560")),
        Arguments.of(Status.PERMERROR, "the key is not for mail", List.of(good + "; s=other")),
        Arguments.of(
            Status.PERMERROR, "the key is not for mail", List.of(good + "; s=emailx:tlsrpt")),
        // 3.6.2.2 leaves open which one counts: then none does, in any order.
        Arguments.of(Status.PERMERROR, "more than one key", List.of(good, good)),
        Arguments.of(Status.PERMERROR, "more than one key", List.of(good, "v=DKIM1; p=")),
        Arguments.of(Status.PERMERROR, "more than one key", List.of("v=DKIM1; p=", good)),
        Arguments.of(
            Status.PERMERROR,
            "more than one key",
            List.of(HandSigned.Key.of(1025).record(), good, HandSigned.Key.of(1026).record())));
  }

  @ParameterizedTest
  @MethodSource("records")
  void theKeyIsTheOneRecordOfAKeyForThis(Status status, String reason, List<String> records) {
    var zone = ZoneResolver.builder();
    records.forEach(record -> zone.txt("r._domainkey.example.org", record));
    var result = verify(zone.build(), sign(TAGS)).getFirst();
    assertThat(result.status()).as("%s", result).isEqualTo(status);
    assertThat(result.reason()).isEqualTo(reason);
  }

  @Test
  void theStringsOfARecordAreOneTextWithoutBlanksBetweenThem() {
    var record = KEY.record();
    var strings = new ArrayList<String>();
    for (int i = 0; i < record.length(); i += 20) {
      strings.add(record.substring(i, Math.min(record.length(), i + 20)));
    }
    var dns =
        ZoneResolver.builder()
            .txt("r._domainkey.example.org", strings.toArray(String[]::new))
            .build();
    assertThat(verify(dns, sign(TAGS)).getFirst().status()).isEqualTo(Status.PASS);
  }

  @ParameterizedTest
  @CsvSource({"1, PASS", "8, PASS", "9, TEMPERROR", "100, TEMPERROR"})
  void aliasesOfAKeyAreFollowedToAnEnd(int aliases, Status status) {
    var zone = ZoneResolver.builder().txt("c" + aliases + ".test", KEY.record());
    zone.cname("r._domainkey.example.org", "c1.test");
    for (int i = 1; i < aliases; i++) {
      zone.cname("c" + i + ".test", "c" + (i + 1) + ".test");
    }
    assertThat(verify(zone.build(), sign(TAGS)).getFirst().status()).isEqualTo(status);
  }

  /** Of such a key and a signature of nothing it is true for every message. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"
      })
  void aPointOfSmallOrderIsNoKey(String octets) {
    var point = HexFormat.of().parseHex(octets);
    var dns =
        ZoneResolver.builder()
            .txt(
                "r._domainkey.example.org",
                "k=ed25519; p=" + Base64.getEncoder().encodeToString(point))
            .build();
    var identity = new byte[64];
    identity[0] = 1;
    for (var signature : List.of(new byte[64], identity, java.util.Arrays.copyOf(point, 64))) {
      var tags =
          tags("rsa-sha256", "ed25519-sha256")
              .replace(" b=", " b=" + Base64.getEncoder().encodeToString(signature));
      for (int i = 0; i < 16; i++) { // some are true for one message of eight
        var result = verify(dns, HandSigned.sign(tags + "; n=" + i, KEY, MESSAGE)).getFirst();
        assertThat(result.isValid()).isFalse();
      }
    }
  }

  @Test
  void whatAKeyInTestingProvesIsSaidAndWhatItDoesNotProveIsToo() {
    var dns = zone().txt("t._domainkey.example.org", KEY.record() + "; t=s:y").build();
    var signed = sign(tags("s=r;", "s=t;"));
    assertThat(verify(dns, signed).getFirst())
        .isEqualTo(new DkimResult(Status.PASS, "example.org", "t", null, true));
    assertThat(verify(dns, signed.replace("Hello", "Hallo")).getFirst())
        .isEqualTo(
            new DkimResult(
                Status.FAIL, "example.org", "t", "the body is not what was signed", true));
  }

  // ---- what is asked for

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "d=example.org; | d=com;",
        "d=example.org; | d=.;",
        "d=example.org; | d=..;",
        "d=example.org; | d=.example.org;",
        "d=example.org; | d=example.org.;",
        "d=example.org; | d=example..org;",
        "d=example.org; | d=*.example.org;",
        "d=example.org; | d=example .org;",
        "d=example.org; | d=[192.0.2.1];",
        "d=example.org; | d=../../etc;",
        "d=example.org; | d=-a.example.org;",
        "d=example.org; | d=xn--a.example.org;",
        "d=example.org; | d=e\u00ffample.org;",
        "d=example.org; | d=ex\0ample.org;",
        "d=example.org; | d=example.org\\.evil.test;",
        "s=r; | s=*;",
        "s=r; | s=a.*;",
        "s=r; | s=..;",
        "s=r; | s=.r;",
        "s=r; | s=r.;",
        "s=r; | s=a b;",
        "s=r; | s=r\0;",
        "s=r; | s=r\\;",
        "s=r; | s=r@x;",
        "s=r; | s=r/x;",
        "s=r; | s=r\"x;",
        "s=r; | s=r(x);",
        "s=r; | s=r,x;",
        "s=r; | s=r=x;",
        "s=r; | s=r%00;",
        "s=r; | s=r\u00ff;",
        "s=r; | s=\u00e2\u0080\u008b;",
      })
  void namesThatNobodyCanHaveAreNotAskedFor(String from, String to) {
    assertNobodyIsAsked(tags(from, to));
  }

  private static void assertNobodyIsAsked(String tags) {
    var dns = new CountingResolver(zone().build());
    assertThat(verify(dns, HandSigned.sign(tags, KEY, MESSAGE)))
        .as(tags)
        .extracting(DkimResult::status)
        .containsExactly(Status.PERMERROR);
    assertThat(dns.questions()).isEmpty();
  }

  @Test
  void namesThatAreTooLongAreNotAskedForEither() {
    var label = "a".repeat(63);
    assertNobodyIsAsked(tags("s=r;", "s=" + label + "a;"));
    assertNobodyIsAsked(tags("d=example.org;", "d=" + label + "a.org;"));
    assertNobodyIsAsked(tags("d=example.org;", "d=" + (label + ".").repeat(4) + "org;"));
    // Neither of them, but both.
    var both = tags("s=r;", "s=" + label + "." + label + ";");
    var domain = "d=" + label + "." + "b".repeat(46) + ".org;"; // 253 with the rest
    var dns = new CountingResolver(zone().build());
    verify(dns, HandSigned.sign(both.replace("d=example.org;", domain), KEY, MESSAGE));
    assertThat(dns.questions()).singleElement().asString().hasSize("TXT ".length() + 253);
    assertNobodyIsAsked(both.replace("d=example.org;", domain.replace("bbb.", "bbbb.")));
  }

  /** RFC 8616 5: d=, s= and i= may have U-labels; they are compared and asked for as A-labels. */
  @ParameterizedTest
  @CsvSource({
    "b\u00fccher.example, @b\u00fccher.example, PASS",
    "B\u00dcCHER.example, @a.xn--bcher-kva.example, PASS",
    "xn--bcher-kva.example, ann@b\u00fccher.example, PASS",
    "xn--bcher-kva.example, @bucher.example, PERMERROR",
    "b\u00fccher.example, @b\u00fccher.example.evil.test, PERMERROR"
  })
  void uLabelsAreALabels(String domain, String identity, Status status) {
    var dns =
        new CountingResolver(
            ZoneResolver.builder()
                .txt("xn--slctr-bsa.s._domainkey.xn--bcher-kva.example", KEY.record())
                .build());
    var tags =
        tags("d=example.org; s=r;", "d=" + domain + "; s=s\u00e9lctr.s; i=" + identity + ";");
    var octets = new String(tags.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    var result = verify(dns, HandSigned.sign(octets, KEY, MESSAGE)).getFirst();
    assertThat(result.status()).as("%s %s", result, dns.questions()).isEqualTo(status);
    assertThat(result.domain()).isEqualTo("xn--bcher-kva.example");
    assertThat(dns.questions()).hasSize(status == Status.PASS ? 1 : 0);
  }

  /** 8.4: each signature costs a question, and each name may take its time. */
  @Test
  void ofHundredsOfSignaturesTenAreLookedAtAndNoneLate() {
    var message = new StringBuilder();
    for (int i = 0; i < 500; i++) {
      var signed = sign(tags("s=r;", "s=s" + i + ";"));
      message.append(signed, 0, signed.length() - MESSAGE.length());
    }
    var now = new AtomicReference<>(NOW);
    InstantSource source = now::get;
    var slow =
        new CountingResolver(zone().build()) {
          @Override
          protected void asked(String question) {
            super.asked(question);
            now.updateAndGet(before -> before.plus(Duration.ofSeconds(5)));
          }
        };
    var verifier = new DKIMVerifier(slow, source.withZone(ZoneOffset.UTC), Policy.rfc8301());
    var results = verifier.verify(HandSigned.octets(message + MESSAGE));
    assertThat(slow.questions()).hasSize(5); // at 0, 5, 10, 15 and 20 s
    assertThat(results).hasSize(500);
    assertThat(results.subList(0, 5)).allMatch(result -> result.status() == Status.PERMERROR);
    assertThat(results.subList(5, 10)).allMatch(result -> result.status() == Status.TEMPERROR);
    assertThat(results.subList(10, 500))
        .allMatch(result -> result.status() == Status.POLICY)
        .allMatch(result -> "one signature too many".equals(result.reason()));
  }

  // ---- what is said of it (RFC 8601)

  static Stream<String> injections() {
    return Stream.of(
            "evil.test; dmarc=pass",
            "\"evil.test\"; dmarc=pass",
            "evil.test\r\n\tdmarc=pass",
            "evil.test (dmarc=pass)",
            "evil.test\"; dmarc=pass; x=\"",
            "evil.test\\",
            "evil.test\u00e4",
            "evil.test header.from=legit.test",
            "=?utf-8?q?a?=",
            "a".repeat(60_000))
        .flatMap(value ->
            Stream.of("d", "s", "i", "a", "c", "q", "v", "h").map(tag -> tag + "=" + value));
  }

  @ParameterizedTest
  @MethodSource("injections")
  void whatStandsInASignatureStaysInItsResult(String tag) {
    var name = tag.substring(0, 2);
    var tags = TAGS.replaceAll("(^|; )" + name + "[^;]*;", "$1") + "; " + tag;
    var results =
        verify(
            zone().build(), "DKIM-Signature: " + tags.replace("bh=", "bh=AA==") + "\r\n" + MESSAGE);
    assertThat(results).hasSize(1).noneMatch(DkimResult::isValid);
    assertThat(results.getFirst().reason()).matches("[ -~]{1,200}");
    var header = header(results);
    assertThat(header).matches("([ -~]+|\r\n[ \t])*");
    assertThat(header.replace("\r\n", "").replaceAll("\"([^\"\\\\]|\\\\.)*\"", "Q"))
        .matches(
            "Authentication-Results: mx.here.test; spf=none; dkim=permerror reason=Q"
                + "( header.d=[a-z0-9.-]+)?( header.s=[a-z0-9.-]+)?; arc=none; dmarc=none");
  }

  private static String header(List<DkimResult> results) {
    var spf =
        new SpfResult(
            SpfResult.Result.NONE, "", InetAddress.getLoopbackAddress(), null, "not checked");
    return new AuthenticationResults(spf, results, ArcResult.none(), DmarcResult.none())
        .header("mx.here.test");
  }
}
