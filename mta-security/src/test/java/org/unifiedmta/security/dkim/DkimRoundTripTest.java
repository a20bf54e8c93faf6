package org.unifiedmta.security.dkim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Stream;
import org.bouncycastle.asn1.pkcs.RSAPublicKey;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.security.dkim.DKIMSigner.Canonicalization;
import org.unifiedmta.security.dkim.DKIMVerifier.Policy;
import org.unifiedmta.security.dkim.DkimResult.Status;
import org.unifiedmta.security.testing.CountingResolver;

class DkimRoundTripTest {
  private static final Instant NOW = Instant.parse("2026-03-01T12:00:00Z");
  private static final Clock CLOCK = Clock.fixed(NOW, ZoneOffset.UTC);
  private static final KeyPair RSA = pair("RSA", 2048);
  private static final KeyPair ED25519 = pair("Ed25519", 0);
  private static final String MESSAGE =
      "From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: a  b\r\n\tc\r\n"
          + "Date: Sun, 1 Mar 2026 12:00:00 +0000\r\n\r\nHello \t world  \r\n\r\nbye\r\n\r\n\r\n";

  private static KeyPair pair(String algorithm, int bits) {
    try {
      var generator = KeyPairGenerator.getInstance(algorithm);
      if (bits > 0) {
        generator.initialize(bits);
      }
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String record(KeyPair keys) {
    var encoded = keys.getPublic().getEncoded();
    boolean rsa = keys.getPublic().getAlgorithm().equals("RSA");
    var octets = rsa ? encoded : Arrays.copyOfRange(encoded, encoded.length - 32, encoded.length);
    return "v=DKIM1; k="
        + (rsa ? "rsa" : "ed25519")
        + "; p="
        + Base64.getEncoder().encodeToString(octets);
  }

  private static ZoneResolver.Builder zone() {
    return ZoneResolver.builder()
        .txt("r._domainkey.example.org", record(RSA))
        .txt("e._domainkey.example.org", record(ED25519));
  }

  private static DKIMVerifier verifier(DnsResolver dns) {
    return new DKIMVerifier(dns, CLOCK, Policy.rfc8301());
  }

  private static DKIMSigner.Builder signer(String selector) {
    var key = selector.equals("r") ? RSA : ED25519;
    return DKIMSigner.builder("example.org", selector, key.getPrivate()).clock(CLOCK);
  }

  private static byte[] octets(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static List<Status> statuses(byte[] message) {
    return verifier(zone().build()).verify(message).stream().map(DkimResult::status).toList();
  }

  private static String signed() {
    return new String(signer("r").build().sign(octets(MESSAGE)), StandardCharsets.UTF_8);
  }

  static Stream<String> bodies() {
    return Stream.of(
        "",
        "\r\n",
        "\r\n\r\n\r\n",
        "no line break at the end",
        " \t \r\n \r\n",
        "a\r\n",
        "a \t b\t\r\n\r\n \r\nc  \r\n \r\n",
        "\r\n\r\nlater\r\n",
        "lone \r here and \n there\r\n",
        "ends in \r",
        "Grüße, 日本語\r\n",
        "x".repeat(10_000) + "\r\n" + " ".repeat(5_000) + "\r\n");
  }

  @ParameterizedTest
  @MethodSource("bodies")
  void whatIsSignedVerifiesInEveryForm(String body) {
    var message = octets(MESSAGE.substring(0, MESSAGE.indexOf("\r\n\r\n") + 4) + body);
    for (var selector : List.of("r", "e")) {
      for (var header : Canonicalization.values()) {
        for (var form : Canonicalization.values()) {
          var signed = signer(selector).canonicalization(header, form).build().sign(message);
          assertThat(statuses(signed)).as("%s %s", header, form).containsExactly(Status.PASS);
        }
      }
    }
  }

  @Test
  void messagesOfAllKindsVerifyAndDoNotWhenAnOctetChanges() {
    var random = new Random(6376);
    for (int i = 0; i < 500; i++) {
      var message = message(random);
      var header = Canonicalization.values()[random.nextInt(2)];
      var body = Canonicalization.values()[random.nextInt(2)];
      var signed =
          signer(random.nextBoolean() ? "r" : "e")
              .canonicalization(header, body)
              .build()
              .sign(message);
      assertThat(statuses(signed)).as("message %d", i).containsExactly(Status.PASS);
      int at = signed.length - message.length + random.nextInt(message.length);
      if (signed[at] > ' ') {
        var changed = signed.clone();
        changed[at] = (byte) (changed[at] == 'q' ? 'z' : 'q');
        assertThat(statuses(changed))
            .as("message %d, octet %d", i, at)
            .isNotEqualTo(List.of(Status.PASS));
      }
    }
  }

  /** From is first, what follows is all signed. */
  private static byte[] message(Random random) {
    var text = new StringBuilder("From: <ann@example.org>\r\n");
    var names = List.of("To", "Subject", "Date", "Message-ID", "Cc", "MIME-Version", "References");
    for (var name : names) {
      if (random.nextInt(3) > 0) {
        text.append(random.nextBoolean() ? name : name.toUpperCase(Locale.ROOT));
        text.append(':').append(words(random, "\r\n\t")).append("\r\n");
      }
    }
    text.append("\r\n");
    for (int line = random.nextInt(8); line > 0; line--) {
      text.append(words(random, "\r\n"));
    }
    return text.toString().getBytes(StandardCharsets.ISO_8859_1);
  }

  private static String words(Random random, String lineBreak) {
    var text = new StringBuilder();
    for (int i = random.nextInt(12); i > 0; i--) {
      switch (random.nextInt(6)) {
        case 0 -> text.append(" ".repeat(1 + random.nextInt(3)));
        case 1 -> text.append('\t');
        case 2 -> text.append("w").append(lineBreak).append(lineBreak.length() > 2 ? "v" : "");
        case 3 -> text.append((char) (128 + random.nextInt(128)));
        default -> text.append("word").append(random.nextInt(100));
      }
    }
    return text.append('.').toString();
  }

  @Test
  void theNameOfTheSignaturesOwnFieldIsSignedAsItIsWrittenInTheSimpleForm() {
    var signed =
        new String(
            signer("r")
                .canonicalization(Canonicalization.SIMPLE, Canonicalization.SIMPLE)
                .build()
                .sign(octets(MESSAGE)),
            StandardCharsets.UTF_8);
    assertThat(statuses(octets(signed))).containsExactly(Status.PASS);
    assertThat(statuses(octets(signed.replace("DKIM-Signature:", "Dkim-Signature:"))))
        .containsExactly(Status.FAIL);
  }

  @Test
  void relaxedFormsBearWhatRelaysDoToBlanks() {
    var relayed =
        signed()
            .replace("Subject: a  b\r\n\tc", "SUBJECT:a b c")
            .replace("Hello \t world  ", "Hello world")
            .replace("bye\r\n\r\n\r\n", "bye\r\n");
    assertThat(statuses(octets(relayed))).containsExactly(Status.PASS);
  }

  /** Its first line would go on the signature. */
  @Test
  void aMessageWithoutHeaderThatBeginsWithABlankIsSignedAsABody() {
    var signed = signer("r").build().sign(octets(" by evil.test; x=1\r\nbody\r\n"));
    assertThat(statuses(signed)).containsExactly(Status.PASS);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "From: <eve@evil.test>",
        "Subject: another",
        "To: <eve@evil.test>",
        "Date: Mon, 2 Mar 2026 12:00:00 +0000",
        "Reply-To: <eve@evil.test>",
        "Content-Type: text/html"
      })
  void anotherFieldInFrontBreaksTheSignature(String field) {
    assertThat(statuses(octets(field + "\r\n" + signed()))).doesNotContain(Status.PASS);
  }

  @Test
  void aSignatureThatCoversFewerFromFieldsThanThereAreIsNone() {
    var twice = "From: <a@example.org>\r\n" + MESSAGE;
    var once = signed().replaceFirst("h=[^;]*;", "h=From;"); // whatever it proves
    assertThat(verifier(zone().build()).verify(octets("From: <eve@evil.test>\r\n" + once)))
        .singleElement()
        .extracting(DkimResult::reason)
        .isEqualTo("there are more From fields than are signed");
    assertThat(statuses(signer("r").build().sign(octets(twice)))).containsExactly(Status.PASS);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "v=1; | v=2; | PERMERROR",
        "v=1; | '' | PERMERROR",
        "a=rsa-sha256; | a=rsa-sha1; | POLICY",
        "a=rsa-sha256; | a=rsa-md5; | PERMERROR",
        "a=rsa-sha256; | a=ed25519-sha256; | PERMERROR",
        "a=rsa-sha256; | '' | PERMERROR",
        "c=relaxed/relaxed; | c=odd; | PERMERROR",
        "d=example.org; | d=org; | PERMERROR",
        "d=example.org; | d=.; | PERMERROR",
        "d=example.org; | d=../../x; | PERMERROR",
        "s=r; | s=../../x; | PERMERROR",
        "s=r; | s=a..b; | PERMERROR",
        "s=r; | s=none; | PERMERROR",
        "s=r; | s=slow; | TEMPERROR",
        "s=r; | s=twice; | PERMERROR",
        "s=r; | s=revoked; | PERMERROR",
        "s=r; | s=dkim2; | PERMERROR",
        "s=r; | s=sha1; | PERMERROR",
        "s=r; | s=web; | PERMERROR",
        "s=r; | s=junk; | PERMERROR",
        "s=r; | s=short; | POLICY",
        "s=r; | s=huge; | PERMERROR",
        "s=r; | s=exponent1; | PERMERROR",
        "s=r; | s=even; | PERMERROR",
        "s=r; | s=e; | PERMERROR",
        "s=r; | s=r; i=@sub.example.org; | FAIL",
        "s=r; | s=strict; i=@sub.example.org; | PERMERROR",
        "s=r; | s=r; i=@example.net; | PERMERROR",
        "s=r; | s=r; i=nobody; | PERMERROR",
        "s=r; | s=r; l=0; | FAIL",
        "s=r; | s=r; l=99999999; | PERMERROR",
        "s=r; | s=r; l=-1; | PERMERROR",
        "s=r; | s=r; l=1234567890123456789012345678901234567890; | PERMERROR",
        "s=r; | s=r; x=1; | PERMERROR",
        "s=r; | s=r; s=r; | PERMERROR",
        "s=r; | s=r; odd=1; | FAIL",
        "s=r; | s=r; q=dns/txt:other; | FAIL",
        "s=r; | s=r; q=other; | PERMERROR",
      })
  void whatIsWrongWithASignature(String from, String to, Status status) throws Exception {
    var dns =
        zone()
            .fail("slow._domainkey.example.org", "TXT", DnsResolver.Status.TIMEOUT)
            .txt("twice._domainkey.example.org", record(RSA))
            .txt("twice._domainkey.example.org", record(RSA))
            .txt("revoked._domainkey.example.org", "v=DKIM1; p=")
            .txt("dkim2._domainkey.example.org", record(RSA).replace("DKIM1", "DKIM2"))
            .txt("sha1._domainkey.example.org", record(RSA) + "; h=sha1")
            .txt("web._domainkey.example.org", record(RSA) + "; s=web")
            .txt("strict._domainkey.example.org", record(RSA) + "; t=s")
            .txt("junk._domainkey.example.org", "v=DKIM1; p=AAAA")
            .txt("short._domainkey.example.org", rsa(768, "65537", true))
            .txt("huge._domainkey.example.org", rsa(16_384, "65537", true))
            .txt("exponent1._domainkey.example.org", rsa(2048, "1", true))
            .txt("even._domainkey.example.org", rsa(2048, "65537", false));
    var message = signed();
    assertThat(message).contains(from);
    var results = verifier(dns.build()).verify(octets(message.replace(from, to)));
    assertThat(results).extracting(DkimResult::status).as("%s", results).containsExactly(status);
  }

  /** A record of a key that nobody has made. */
  private static String rsa(int bits, String exponent, boolean odd) {
    var modulus = new BigInteger(bits, new Random(bits)).setBit(bits - 1);
    modulus = odd ? modulus.setBit(0) : modulus.clearBit(0);
    try {
      var key = new RSAPublicKey(modulus, new BigInteger(exponent));
      return "v=DKIM1; p=" + Base64.getEncoder().encodeToString(key.getEncoded());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aSignatureIsGoodUntilItExpires() {
    var message = signer("r").expiresAfter(Duration.ofDays(1)).build().sign(octets(MESSAGE));
    assertThat(statuses(message)).containsExactly(Status.PASS);
    var later = Clock.offset(CLOCK, Duration.ofDays(1).plusSeconds(1));
    assertThat(new DKIMVerifier(zone().build(), later, Policy.rfc8301()).verify(message))
        .extracting(DkimResult::reason)
        .containsExactly("signature expired");
    var earlier = Clock.offset(CLOCK, Duration.ofDays(-1));
    assertThat(new DKIMVerifier(zone().build(), earlier, Policy.rfc8301()).verify(message))
        .extracting(DkimResult::status)
        .containsExactly(Status.PERMERROR);
  }

  @Test
  void ofManySignaturesOnlyTheFirstTenAreLookedAt() {
    var message = octets(MESSAGE);
    for (int i = 0; i < 12; i++) {
      message = signer("e").build().sign(message);
    }
    var dns = new CountingResolver(zone().build());
    assertThat(verifier(dns).verify(message))
        .extracting(DkimResult::status)
        .hasSize(12)
        .endsWith(Status.PASS, Status.POLICY, Status.POLICY)
        .filteredOn(Status.PASS::equals)
        .hasSize(10);
    assertThat(dns.questions()).containsExactly("TXT e._domainkey.example.org");
  }

  @Test
  void namesThatCannotBeAreNotAskedFor() {
    var dns = new CountingResolver(zone().build());
    for (var name : List.of("s=" + "x".repeat(64) + ";", "s=a b\\c;", "s=a..b;", "s=;")) {
      verifier(dns).verify(octets(signed().replace("s=r;", name)));
    }
    assertThat(dns.questions()).isEmpty();
  }

  @Test
  void aTestingKeySaysSo() {
    var dns = zone().txt("t._domainkey.example.org", record(RSA) + "; t=y").build();
    var message =
        DKIMSigner.builder("example.org", "t", RSA.getPrivate())
            .clock(CLOCK)
            .build()
            .sign(octets(MESSAGE));
    assertThat(verifier(dns).verify(message))
        .containsExactly(new DkimResult(Status.PASS, "example.org", "t", null, true));
  }

  @Test
  void aBodyMayPassInPiecesAndKeysMayComeBefore() {
    var message = octets(signed());
    var header = HeaderSection.of(message);
    int body = header.size() + 2;
    for (int piece : new int[] {1, 2, 3, 7, 1000}) {
      var verification = verifier(zone().build()).begin(header);
      verification.fetchKeys();
      for (int at = body; at < message.length; at += piece) {
        verification.write(ByteBuffer.wrap(message, at, Math.min(piece, message.length - at)));
      }
      assertThat(verification.results())
          .extracting(DkimResult::status)
          .containsExactly(Status.PASS);
    }
  }

  @Test
  void theFieldIsFoldedAndSignsEachFieldAsOftenAsItIsThere() {
    var field = signer("r").identity("@news.example.org").build().signatureHeader(octets(MESSAGE));
    for (var line : field.split("\r\n")) {
      assertThat(line.length()).isLessThanOrEqualTo(78);
    }
    assertThat(field)
        .startsWith("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org;")
        .contains("i=@news.example.org;")
        .contains("h=From:From:")
        .doesNotEndWith("\r\n");
    assertThat(field).doesNotContain("l=");
  }

  @Test
  void whatCannotSignIsRefusedAtOnce() {
    var key = RSA.getPrivate();
    assertThatThrownBy(() -> DKIMSigner.builder("no domain", "s", key))
        .isInstanceOf(IllegalArgumentException.class);
    for (var selector : List.of("", ".", "a..b", "a b", "../x", "a\r\n")) {
      assertThatThrownBy(() -> DKIMSigner.builder("example.org", selector, key))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> DKIMSigner.builder("example.org", "s", pair("EC", 256).getPrivate()))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> DKIMSigner.builder("example.org", "s", pair("RSA", 512).getPrivate()))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> signer("r").identity("@example.net"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> signer("r").headers(List.of("Subject\r\nX")))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void anythingIsVerifiedWithoutAnException() {
    var random = new Random(8463);
    var pieces =
        List.of(
            "DKIM-Signature:",
            " v=1;",
            " a=rsa-sha256;",
            " d=example.org;",
            " s=r;",
            " h=from;",
            " bh=AAAA;",
            " b=AAAA;",
            ";",
            "=",
            " ",
            "\r\n",
            "\r\n\r\n",
            "\0",
            "From: x\r\n",
            "x=1;",
            " l=1;",
            " t=1;",
            " i=@;",
            "\u00e4",
            "c=/;",
            "q=;");
    for (int i = 0; i < 20_000; i++) {
      var text = new StringBuilder("DKIM-Signature:");
      for (int j = random.nextInt(25); j > 0; j--) {
        text.append(pieces.get(random.nextInt(pieces.size())));
      }
      var results = verifier(zone().build()).verify(octets(text.toString()));
      assertThat(results).noneMatch(DkimResult::isValid);
    }
  }
}
