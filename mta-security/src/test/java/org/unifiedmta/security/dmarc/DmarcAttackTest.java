package org.unifiedmta.security.dmarc;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.arc.ArcSealer;
import org.unifiedmta.security.dkim.DKIMSigner;
import org.unifiedmta.security.dkim.DKIMVerifier;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcResult.Action;
import org.unifiedmta.security.spf.SpfVerifier;

/** Whoever has evil.test, its keys and a host for it, and wants a message of legit.test to pass. */
class DmarcAttackTest {
  private static final InetAddress HOST = host();
  private static final KeyPair KEYS = keys();
  private static final String MESSAGE =
      "From: Ann <ann@legit.test>\r\nTo: bob@here.test\r\nSubject: pay\r\n\r\nplease\r\n";

  private final ZoneResolver.Builder zone =
      ZoneResolver.builder()
          .txt("legit.test", "v=spf1 -all")
          .txt("_dmarc.legit.test", "v=DMARC1; p=reject")
          .txt("evil.test", "v=spf1 ip4:192.0.2.66 -all")
          .txt("legit.test.evil.test", "v=spf1 ip4:192.0.2.66 -all")
          .txt("e._domainkey.evil.test", key(""))
          .txt("e._domainkey.legit.test.evil.test", key(""))
          .txt("e._domainkey.notlegit.test", key(""));

  private static InetAddress host() {
    var host = Literals.ip("192.0.2.66");
    if (host == null) {
      throw new AssertionError();
    }
    return host;
  }

  private static KeyPair keys() {
    try {
      return KeyPairGenerator.getInstance("RSA").generateKeyPair();
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private static String key(String more) {
    return "v=DKIM1; p=" + Base64.getEncoder().encodeToString(KEYS.getPublic().getEncoded()) + more;
  }

  private static String signed(String domain, String message) {
    var signer = DKIMSigner.builder(domain, "e", KEYS.getPrivate()).build();
    return new String(signer.sign(octets(message)), StandardCharsets.ISO_8859_1);
  }

  private static byte[] octets(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private DmarcResult verify(String reversePath, String message) {
    var dns = zone.build();
    var spf = new SpfVerifier(dns).check(reversePath, HOST, "legit.test");
    var dkim = new DKIMVerifier(dns).verify(octets(message));
    return new DmarcVerifier(dns).verify(Email.parse(octets(message)), spf, dkim);
  }

  @ParameterizedTest
  @CsvSource({
    "evil.test, a@evil.test",
    "legit.test.evil.test, a@legit.test.evil.test",
    "notlegit.test, a@legit.test@evil.test",
    "evil.test, ''",
    "evil.test, a@legit.test",
  })
  void whatIsProvedOfOtherDomainsProvesNothing(String signing, String reversePath) {
    var result = verify(reversePath, signed(signing, MESSAGE));
    assertThat(result.action()).isEqualTo(Action.REJECT);
    assertThat(result.dkimDomainAligned() || result.spfDomainAligned()).isFalse();
  }

  /** RFC 8601 7.1: what others have found is what they say. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "Authentication-Results: mx.here.test; dkim=pass header.d=legit.test; dmarc=pass\r\n",
        "Authentication-Results: mx.here.test; spf=pass smtp.mailfrom=legit.test\r\n",
        "ARC-Authentication-Results: i=1; mx.here.test; dmarc=pass header.from=legit.test\r\n",
        "Received-SPF: pass (legit.test) client-ip=192.0.2.66; envelope-from=a@legit.test\r\n",
        "X-DMARC-Result: pass\r\n",
        "Sender: eve@evil.test\r\n",
        "Resent-From: eve@evil.test\r\nResent-Sender: eve@evil.test\r\n",
        "Return-Path: <eve@evil.test>\r\n"
      })
  void whatAMessageSaysOfItselfProvesNothing(String fields) {
    var message = signed("evil.test", fields + MESSAGE);
    assertThat(verify("a@evil.test", message).action()).isEqualTo(Action.REJECT);
  }

  /** RFC 8617 7.2: a valid chain of somebody is no word of the author's domain. */
  @Test
  void aChainThatAnybodySealedProvesNothing() {
    var sealer = ArcSealer.builder("evil.test", "e", KEYS.getPrivate()).build();
    var results = "dkim=pass header.d=legit.test; dmarc=pass header.from=legit.test";
    var message = sealer.seal(octets(MESSAGE), "mx.evil.test", results, ArcResult.none());
    assertThat(verify("a@evil.test", new String(message, StandardCharsets.ISO_8859_1)).action())
        .isEqualTo(Action.REJECT);
  }

  /** A list that puts its own address in From: answers for it itself. */
  @Test
  void aListThatIsTheAuthorPassesAsItself() {
    var message = MESSAGE.replace("Ann <ann@legit.test>", "Ann via list <list@evil.test>");
    zone.txt("_dmarc.evil.test", "v=DMARC1; p=none");
    var result = verify("list@evil.test", signed("evil.test", message));
    assertThat(result.action()).isEqualTo(Action.PASS);
    assertThat(result.recordDomain()).isEqualTo("evil.test");
  }

  /** RFC 6376 8.15: a signature of the victim that is replayed under another author. */
  @ParameterizedTest
  @ValueSource(strings = {"From: eve@evil.test\r\n", "From: Ann <ann@legit.test>\r\n"})
  void anotherAuthorInFrontOfASignedMessageNeverPasses(String from) {
    zone.txt("e._domainkey.legit.test", key(""));
    var signed = signed("legit.test", MESSAGE);
    assertThat(verify("a@evil.test", signed).action()).isEqualTo(Action.PASS);
    assertThat(verify("a@evil.test", from + signed).action()).isEqualTo(Action.REJECT);
  }

  /** RFC 6376 3.6.1: what a key in testing signs is treated as if it were not signed. */
  @Test
  void aKeyInTestingProvesNothingYet() {
    zone.txt("e._domainkey.legit.test", key("; t=y"));
    var message = signed("legit.test", MESSAGE);
    assertThat(new DKIMVerifier(zone.build()).verify(octets(message)))
        .singleElement()
        .matches(DkimResult::isValid)
        .matches(DkimResult::testing);
    var result = verify("a@evil.test", message);
    assertThat(result.dkimDomainAligned()).isFalse();
    assertThat(result.action()).isEqualTo(Action.REJECT);
  }

  /** RFC 6376 8.13: who has a public suffix signs for it, and for nobody below it. */
  @ParameterizedTest
  @CsvSource({"co.uk, legit.co.uk", "evil.co.uk, legit.co.uk", "github.io, legit.github.io"})
  void aDomainAboveOrBesideTheOrganizationIsNotAligned(String signing, String author) {
    zone.txt("_dmarc." + author, "v=DMARC1; p=reject")
        .txt("e._domainkey." + signing, key(""))
        .txt(signing, "v=spf1 +all");
    var message = signed(signing, MESSAGE.replace("legit.test", author));
    assertThat(new DKIMVerifier(zone.build()).verify(octets(message)))
        .allMatch(DkimResult::isValid);
    var result = verify("a@" + signing, message);
    assertThat(result.action()).isEqualTo(Action.REJECT);
    assertThat(List.of(result.dkimDomainAligned(), result.spfDomainAligned())).containsOnly(false);
  }
}
