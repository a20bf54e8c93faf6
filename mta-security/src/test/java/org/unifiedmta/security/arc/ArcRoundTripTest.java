package org.unifiedmta.security.arc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.security.arc.ArcResult.Status;
import org.unifiedmta.security.dkim.DKIMVerifier.Policy;
import org.unifiedmta.security.testing.CountingResolver;

/** Chains that we seal, and what is done to them. */
class ArcRoundTripTest {
  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2026-03-01T12:00:00Z"), ZoneOffset.UTC);
  private static final KeyPair RSA = pair("RSA", 2048);
  private static final KeyPair SHORT = pair("RSA", 1024);
  private static final KeyPair ED25519 = pair("Ed25519", 0);
  private static final String MESSAGE =
      "Received: from a.test\r\nFrom: Ann <ann@example.org>\r\nTo: bob@example.net\r\n"
          + "Subject: a  b\r\n\tc\r\nDate: Sun, 1 Mar 2026 12:00:00 +0000\r\n\r\n"
          + "Hello \t world  \r\n\r\nbye\r\n\r\n";
  private static final String FOUND = "spf=pass smtp.mailfrom=example.org; dkim=none";
  private static final String CHAIN = text(thrice());

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

  private static ZoneResolver.Builder others(int left) {
    var zone = ZoneResolver.builder();
    if (left != 1) {
      zone.txt("s._domainkey.one.test", record(RSA));
    }
    if (left != 2) {
      zone.txt("s._domainkey.two.test", record(ED25519));
    }
    if (left != 3) {
      zone.txt("s._domainkey.three.test", record(SHORT));
    }
    return zone;
  }

  private static ZoneResolver.Builder zone() {
    return others(0);
  }

  private static ArcVerifier verifier(DnsResolver dns) {
    return new ArcVerifier(dns, CLOCK, Policy.rfc8301());
  }

  private static ArcResult verify(byte[] message) {
    return verifier(zone().build()).verify(message);
  }

  private static ArcResult verify(String message) {
    return verify(octets(message));
  }

  private static ArcSealer sealer(int hop) {
    return switch (hop) {
      case 1 -> sealer("one.test", RSA).build();
      case 2 -> sealer("two.test", ED25519).build();
      default -> sealer("three.test", SHORT).build();
    };
  }

  private static ArcSealer.Builder sealer(String domain, KeyPair keys) {
    return ArcSealer.builder(domain, "s", keys.getPrivate()).clock(CLOCK);
  }

  /** As a hop does that verified it. */
  private static byte[] seal(int hop, byte[] message) {
    return sealer(hop).seal(message, "mx" + hop + ".test", FOUND, verify(message));
  }

  private static byte[] thrice() {
    return seal(3, seal(2, seal(1, octets(MESSAGE))));
  }

  private static byte[] octets(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static String text(byte[] octets) {
    return new String(octets, StandardCharsets.ISO_8859_1);
  }

  private static List<String> arcFields(byte[] message) {
    return HeaderSection.of(message).fields().stream()
        .filter(field -> field.name().startsWith("ARC-"))
        .map(field -> field.name() + ":" + field.value() + "\r\n")
        .toList();
  }

  @Test
  void aMessageThatThreeHopsSealedHasAValidChainOfThree() {
    assertThat(verify(MESSAGE)).isEqualTo(ArcResult.none());
    assertThat(verify(CHAIN)).isEqualTo(new ArcResult(Status.PASS, 3, null));
    assertThat(arcFields(octets(CHAIN))).hasSize(9);
    assertThat(CHAIN).endsWith(MESSAGE);
    assertThat(arcFields(octets(CHAIN)).stream().flatMap(field -> Stream.of(field.split("\r\n"))))
        .allMatch(line -> line.length() < 998);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\r\n",
        "\r\n\r\n",
        "no line break at the end",
        " \t \r\n",
        "x \r\n\r\n y\r\n"
      })
  void everyBodyCanBeSealed(String body) {
    var message = MESSAGE.substring(0, MESSAGE.indexOf("\r\n\r\n") + 4) + body;
    assertThat(verify(seal(2, seal(1, octets(message)))))
        .isEqualTo(new ArcResult(Status.PASS, 2, null));
  }

  @Test
  void aMessageWithoutHeaderThatBeginsWithABlankCanBeSealed() {
    assertThat(verify(seal(1, octets(" x\r\nbody\r\n"))))
        .isEqualTo(new ArcResult(Status.PASS, 1, null));
  }

  @Test
  void relaysMayFoldAndChangeTheCaseOfNames() {
    var relayed =
        CHAIN
            .replace("ARC-Seal:", "arc-seal:")
            .replace("Subject: a  b\r\n\tc", "SUBJECT:a b c")
            .replace("; cv=", ";\r\n\t cv=");
    assertThat(verify(relayed).status()).isEqualTo(Status.PASS);
  }

  @Test
  void theOrderOfTheSetsInTheMessageMakesNoDifference() {
    var fields = arcFields(octets(CHAIN));
    assertThat(verify(String.join("", fields.reversed()) + MESSAGE).status())
        .isEqualTo(Status.PASS);
  }

  @Test
  void aByteThatChangesInAnySetBreaksTheChain() {
    var message = octets(CHAIN);
    int end = message.length - MESSAGE.length();
    var random = new Random(8617);
    for (int i = 0; i < 300; i++) {
      int at = random.nextInt(end);
      // Some bits of the last digit of base64 mean nothing (RFC 4648 3.5).
      if (message[at] > ' ' && message[at + 1] != '=') {
        var changed = message.clone();
        changed[at] = (byte) (changed[at] == '7' ? '8' : '7');
        assertThat(verify(changed).status()).as("octet %d", at).isEqualTo(Status.FAIL);
      }
    }
  }

  @Test
  void eachFieldOfEachSetIsNeeded() {
    var fields = arcFields(octets(CHAIN));
    for (var field : fields) {
      assertThat(verify(CHAIN.replace(field, "")).status()).as(field).isEqualTo(Status.FAIL);
      assertThat(verify(field + CHAIN).status()).as(field).isEqualTo(Status.FAIL);
    }
  }

  @ParameterizedTest
  @CsvSource({"Hello,Hallo", "Subject: a,Subject: z", "ann@,eve@", "bye,bye now"})
  void aMessageThatChangesBehindTheLastSealIsNotWhatWasSealed(String from, String to) {
    assertThat(verify(CHAIN.replace(from, to)).status()).isEqualTo(Status.FAIL);
  }

  @Test
  void whatAHopChangesBeforeItSealsBreaksOnlyEarlierMessageSignatures() {
    var once = seal(1, octets(MESSAGE));
    var list = octets(text(once).replace("Subject: a", "Subject: [list] a") + "-- \r\nfooter\r\n");
    var again = sealer(2).seal(list, "mx2.test", FOUND, verify(once));
    assertThat(verify(again)).isEqualTo(new ArcResult(Status.PASS, 2, null));
  }

  @ParameterizedTest
  @ValueSource(strings = {"From: <eve@evil.test>", "Subject: another", "To: <eve@evil.test>"})
  void anotherFieldInFrontIsAnotherMessage(String field) {
    assertThat(verify(field + "\r\n" + CHAIN).status()).isEqualTo(Status.FAIL);
  }

  static Stream<Arguments> structures() {
    return Stream.of(
        Arguments.of("a gap", edit("i=2", "i=4")),
        Arguments.of("no first set", without(1)),
        Arguments.of("no set in the middle", without(2)),
        Arguments.of("a set twice", (UnaryOperator<String>) chain -> set(chain, 2) + chain),
        Arguments.of("i=0", edit("i=1;", "i=0;")),
        Arguments.of("i=01", edit("i=1;", "i=01;")),
        Arguments.of("i=+1", edit("i=1;", "i=+1;")),
        Arguments.of("i=51", edit("i=3;", "i=51;")),
        Arguments.of("i=99999999999", edit("i=3;", "i=99999999999;")),
        Arguments.of("i=1.0", edit("i=1;", "i=1.0;")),
        Arguments.of("i= empty", edit("i=1;", "i=;")),
        Arguments.of("no i=", edit("i=1; s=", "s=")),
        Arguments.of("i= twice", edit("i=1; s=", "i=1; i=1; s=")),
        Arguments.of("no results", edit("ARC-Authentication-Results: i=2", "X: i=2")),
        Arguments.of("results of nothing", edit("Results: i=2; mx2.test;", "Results: i=2 mx2")),
        // 5.2 step 3 C
        Arguments.of("the first seal says cv=pass", edit("cv=none", "cv=pass")),
        Arguments.of("the first seal says cv=fail", edit("cv=none", "cv=fail")),
        Arguments.of("a later seal says cv=none", edit("cv=pass", "cv=none")),
        Arguments.of("cv=fail in the middle", edit("cv=pass; d=two.test", "cv=fail; d=two.test")),
        Arguments.of("cv=fail at the end", edit("cv=pass; d=three.test", "cv=fail; d=three.test")),
        Arguments.of("cv= of no meaning", edit("cv=none", "cv=maybe")),
        Arguments.of("no cv=", edit("cv=none; ", "")),
        // 4.1.2, 4.1.3
        Arguments.of("h= in a seal", edit("cv=none; ", "cv=none; h=from; ")),
        Arguments.of("h= empty in a seal", edit("cv=none; ", "cv=none; h=; ")),
        Arguments.of("a message signature over a seal", edit("h=From:", "h=From:ARC-Seal:")),
        Arguments.of("the same in other letters", edit("h=From:", "h=From:arc-seal :")),
        Arguments.of(
            "a message signature without From",
            (UnaryOperator<String>) chain -> chain.replaceAll("h=From:From:", "h=")),
        Arguments.of("no h=", (UnaryOperator<String>) chain -> chain.replaceAll("h=From:", "x=")),
        Arguments.of("an unknown algorithm", edit("a=rsa-sha256", "a=rsa-sha512")),
        Arguments.of("an old hash", edit("a=rsa-sha256", "a=rsa-sha1")),
        Arguments.of("a domain that is none", edit("d=one.test", "d=one..test")),
        Arguments.of("a domain with a blank", edit("d=one.test", "d=one. test")),
        Arguments.of("a top-level domain", edit("d=one.test", "d=test")),
        Arguments.of("an address for a domain", edit("d=one.test", "d=[192.0.2.1]")),
        Arguments.of("a selector with a blank", edit("s=s;", "s=s s;")),
        Arguments.of("a selector of asterisks", edit("s=s;", "s=*;")),
        Arguments.of("a selector that is too long", edit("s=s;", "s=" + "s".repeat(64) + ";")),
        Arguments.of(
            "a name that is too long",
            edit("s=s; ", "s=" + (("s".repeat(60) + ".").repeat(4) + "s; "))),
        Arguments.of("no date", edit("t=1772366400", "t=yesterday")),
        Arguments.of("no base64", edit("b=", "b=*")));
  }

  private static UnaryOperator<String> edit(String from, String to) {
    return chain -> chain.replace(from, to);
  }

  private static UnaryOperator<String> without(int instance) {
    return chain -> chain.replace(set(chain, instance), "");
  }

  private static String set(String chain, int instance) {
    int from = 3 * (3 - instance);
    return String.join("", arcFields(octets(chain)).subList(from, from + 3));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("structures")
  void aChainThatIsWrittenWrongFailsAndNobodyIsAsked(String what, UnaryOperator<String> change) {
    var dns = new CountingResolver(zone().build());
    var changed = change.apply(CHAIN);
    assertThat(changed).isNotEqualTo(CHAIN);
    var result = verifier(dns).verify(octets(changed));
    assertThat(result.status()).isEqualTo(Status.FAIL);
    assertThat(result.reason()).isNotBlank();
    assertThat(dns.questions()).as("%s", result).isEmpty();
  }

  @Test
  void instancesMayHaveBlanksAndCommentsWhereTheGrammarHasThem() {
    var plain = seal(1, octets(MESSAGE));
    var field = arcFields(plain).getLast();
    for (var instance : List.of("i = 1 ;", "(a;(b\\))) i=1 (c);", "\r\n i\r\n =\r\n 1;")) {
      // Another text, so the seal is not valid: but it is a set.
      var result = verify(text(plain).replace(field, field.replace("i=1;", instance)));
      assertThat(result.reason()).as(instance).contains("ARC-Seal i=1: the header is not");
    }
    for (var instance : List.of("(i=1; ", "I=1;", "i=1(;", "ii=1;", "=1;", "(", "i=1;(")) {
      var result = verify(text(plain).replace(field, field.replace("i=1;", instance)));
      assertThat(result.reason()).as(instance).contains("no instance in ARC-Auth");
    }
  }

  @Test
  void fiftySetsAreAChainAndOfMoreNobodyIsAsked() {
    var message = octets(MESSAGE);
    var sealer = sealer("one.test", SHORT).headers(List.of("From")).build();
    for (int i = 1; i <= 50; i++) {
      var soFar = i == 1 ? ArcResult.none() : new ArcResult(Status.PASS, i - 1, null);
      message = sealer.seal(message, "mx.test", "none", soFar);
    }
    var zone = ZoneResolver.builder().txt("s._domainkey.one.test", record(SHORT)).build();
    var dns = new CountingResolver(zone);
    assertThat(verifier(dns).verify(message)).isEqualTo(new ArcResult(Status.PASS, 50, null));
    assertThat(dns.questions()).containsExactly("TXT s._domainkey.one.test");
    assertThat(sealer.seal(message, "mx.test", "none", new ArcResult(Status.PASS, 50, null)))
        .isEqualTo(message);
    var more = String.join("", arcFields(message).subList(0, 3)) + text(message);
    var nobody = new CountingResolver(zone);
    var result = verifier(nobody).verify(octets(more));
    assertThat(result.status()).isEqualTo(Status.FAIL);
    assertThat(result.reason()).isEqualTo("more than 50 sets");
    assertThat(nobody.questions()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"1,one.test", "2,two.test", "3,three.test"})
  void aKeyThatTheDnsDoesNotSayNowIsATemperrorAndOneThatIsGoneIsAFailure(int hop, String domain) {
    var name = "s._domainkey." + domain;
    for (var status : List.of(DnsResolver.Status.SERVFAIL, DnsResolver.Status.TIMEOUT)) {
      var result = verifier(others(hop).fail(name, "TXT", status).build()).verify(octets(CHAIN));
      assertThat(result.status()).isEqualTo(Status.TEMPERROR);
      assertThat(result.instance()).isEqualTo(3);
    }
    assertThat(verifier(others(hop).build()).verify(octets(CHAIN)).status()).isEqualTo(Status.FAIL);
    for (var record :
        List.of("v=DKIM1; p=", record(pair("RSA", 1024)), "v=spf1 -all", "k=x; p=eA")) {
      assertThat(verifier(others(hop).txt(name, record).build()).verify(octets(CHAIN)).status())
          .as(record)
          .isEqualTo(Status.FAIL);
    }
  }

  @Test
  void keysAreAskedForOnceAndFromTheNewestOn() {
    var dns = new CountingResolver(zone().build());
    assertThat(verifier(dns).verify(octets(CHAIN)).status()).isEqualTo(Status.PASS);
    assertThat(dns.questions())
        .containsExactly(
            "TXT s._domainkey.three.test",
            "TXT s._domainkey.two.test",
            "TXT s._domainkey.one.test");
  }

  @Test
  void afterTheFirstSealThatFailsNobodyIsAsked() {
    var dns = new CountingResolver(others(2).txt("s._domainkey.two.test", record(RSA)).build());
    assertThat(verifier(dns).verify(octets(CHAIN)).reason())
        .isEqualTo("ARC-Seal i=2: the key is of another type");
    assertThat(dns.questions()).hasSize(2);
    var another = new CountingResolver(zone().build());
    verifier(another).verify(octets(CHAIN.replace("bye", "bye now")));
    assertThat(another.questions()).isEmpty();
  }

  @Test
  void shortKeysProveWhatThePolicySays() {
    var strict = new ArcVerifier(zone().build(), CLOCK, new Policy(false, 2048, 10));
    assertThat(strict.verify(octets(CHAIN)).reason())
        .isEqualTo("ARC-Message-Signature i=3: the key is too short");
    var twice = seal(2, seal(1, octets(MESSAGE)));
    assertThat(strict.verify(twice).status()).isEqualTo(Status.PASS);
  }

  @Test
  void theStreamingFormFindsTheSame() {
    var message = octets(CHAIN);
    var header = HeaderSection.of(message);
    var verification = verifier(zone().build()).begin(header);
    assertThat(verification.needsBody()).isTrue();
    verification.fetchKeys();
    for (int i = header.size() + 2; i < message.length; i++) {
      verification.write(ByteBuffer.wrap(message, i, 1));
    }
    assertThat(verification.result()).isEqualTo(new ArcResult(Status.PASS, 3, null));
    assertThat(verifier(zone().build()).begin(header).late("late"))
        .isEqualTo(new ArcResult(Status.TEMPERROR, 3, "late"));
    var none = verifier(zone().build()).begin(HeaderSection.of(octets(MESSAGE)));
    assertThat(none.needsBody()).isFalse();
    assertThat(none.late("late")).isEqualTo(ArcResult.none());
  }

  // RFC 8617 5.1.2
  @Test
  void aBrokenChainIsSealedOnceWithCvFailOverTheNewSetAlone() {
    var broken = octets(text(seal(1, octets(MESSAGE))).replace("Hello", "Hallo"));
    var result = verify(broken);
    assertThat(result.status()).isEqualTo(Status.FAIL);
    var sealed = sealer(2).seal(broken, "mx2.test", "arc=fail", result);
    assertThat(arcFields(sealed).getFirst()).contains("i=2").contains("cv=fail");
    assertThat(verify(sealed).reason()).isEqualTo("the chain was broken before (cv=fail)");
    assertThat(sealer(3).seal(sealed, "mx3.test", "arc=fail", verify(sealed))).isEqualTo(sealed);
    assertThat(sealer(3).seal(sealed, "mx3.test", "arc=none", ArcResult.none())).isEqualTo(sealed);
    // The same set over another broken chain has the same seal, since it covers nothing else.
    var another = octets(text(broken).replace("cv=none", "cv=pass"));
    var sealedToo = sealer(2).seal(another, "mx2.test", "arc=fail", verify(another));
    assertThat(arcFields(sealedToo).subList(0, 3)).isEqualTo(arcFields(sealed).subList(0, 3));
  }

  @Test
  void aChainIsNeverSealedAsMoreThanItIs() {
    var once = seal(1, octets(MESSAGE));
    assertThat(
            sealer(2).seal(once, "mx2.test", "none", new ArcResult(Status.TEMPERROR, 1, "later")))
        .isEqualTo(once);
    assertThatThrownBy(() -> sealer(2).seal(once, "mx2.test", "none", ArcResult.none()))
        .isInstanceOf(IllegalArgumentException.class);
    var gap = octets(text(once).replace("i=1", "i=2"));
    var sealed = sealer(2).seal(gap, "mx2.test", "none", new ArcResult(Status.PASS, 2, null));
    assertThat(arcFields(sealed).getFirst()).contains("i=3").contains("cv=fail");
  }

  @Test
  void resultsStayWithinTheirField() {
    var hostile = "spf=pass (\r\nFrom: <eve@evil.test>\r\n\r\n\0\u0007grüß)  \r\n  ; dkim=none";
    var sealed = sealer(1).seal(octets(MESSAGE), "mx1.test", hostile, ArcResult.none());
    assertThat(HeaderSection.of(sealed).fields())
        .hasSize(3 + HeaderSection.of(octets(MESSAGE)).fields().size());
    assertThat(verify(sealed).status()).isEqualTo(Status.PASS);
    var empty = sealer(1).seal(octets(MESSAGE), "mx1.test", " ", ArcResult.none());
    assertThat(text(empty)).contains("ARC-Authentication-Results: i=1; mx1.test; none\r\n");
    assertThatThrownBy(
            () -> sealer(1).seal(octets(MESSAGE), "mx; dmarc=pass", "none", ArcResult.none()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ARC-Seal",
        "arc-message-signature",
        "ARC-Authentication-Results",
        "Authentication-Results",
        "a:b",
        ""
      })
  void someFieldsMustNotBeSigned(String name) {
    var builder = sealer("one.test", RSA);
    assertThatThrownBy(() -> builder.headers(List.of("From", name)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void fieldsThatAreToBeSignedAreSignedEachTimeTheyAreThere() {
    var message = octets("To: <carol@example.com>\r\n" + MESSAGE);
    var sealer = sealer("one.test", RSA).headers(List.of("to", "X-None", "subject")).build();
    var sealed = sealer.seal(message, "mx1.test", "none", ArcResult.none());
    assertThat(text(sealed).replace("\r\n ", " ")).contains("h=From:to:to:X-None:subject;");
    assertThat(verify(sealed).status()).isEqualTo(Status.PASS);
    assertThat(verify(text(sealed).replace("carol", "chris")).status()).isEqualTo(Status.FAIL);
  }

  @Test
  void nothingThatAPeerWritesIsMoreThanAFailure() {
    var random = new Random(1);
    var message = octets(CHAIN);
    int end = message.length - MESSAGE.length();
    for (int i = 0; i < 3_000; i++) {
      var changed = message.clone();
      for (int n = 1 + random.nextInt(4); n > 0; n--) {
        changed[random.nextInt(end)] = (byte) random.nextInt(256);
      }
      var from = random.nextInt(end);
      var cut = Arrays.copyOfRange(changed, random.nextBoolean() ? 0 : from, changed.length);
      var result = verify(cut);
      assertThat(result.instance()).isBetween(0, 50);
      if (result.status() != Status.NONE) {
        var sealed = sealer(1).seal(cut, "mx1.test", FOUND, result);
        assertThat(verify(sealed).status()).isNotEqualTo(Status.NONE);
      }
    }
  }
}
