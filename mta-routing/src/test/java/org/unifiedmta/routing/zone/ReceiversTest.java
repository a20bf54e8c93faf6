package org.unifiedmta.routing.zone;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.routing.zone.ReplyRule.Effect;

class ReceiversTest {
  private static final Receivers STANDARD = Receivers.standard();

  @ParameterizedTest
  @CsvSource({
    "gmail-smtp-in.l.google.com, google",
    "alt1.aspmx.l.google.com, google",
    "google.com.evil.test, google.com.evil.test",
    "notgoogle.com, notgoogle.com",
    "mta5.am0.yahoodns.net, yahoo",
    "contoso-com.mail.protection.outlook.com, outlook",
    "hotmail-com.olc.protection.outlook.com, outlook-consumer",
    "mx.example.org, mx.example.org",
  })
  void domainsOfOneReceiverCountTogether(String host, String name) {
    assertThat(STANDARD.behind(List.of(host)).name()).isEqualTo(name);
  }

  @Test
  void ofHostsThatNobodyKnowsOneIsTheNameWhateverTheirOrder() {
    assertThat(STANDARD.behind(List.of("b.example", "a.example")).name()).isEqualTo("a.example");
    assertThat(STANDARD.behind(List.of("a.example", "b.example")).name()).isEqualTo("a.example");
  }

  /** Replies as these receivers give them. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "aspmx.l.google.com | 421-4.7.28 [192.0.2.1      15] Our system has detected an unusual rate of unsolicited mail originating from your IP address. | Slow",
        "aspmx.l.google.com | 450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered. | Slow",
        "aspmx.l.google.com | 421 4.7.0 [192.0.2.1 15] Our system has detected that this message is suspicious due to the very low reputation of the sending IP address. | RestSource",
        "aspmx.l.google.com | 550 5.7.1 [192.0.2.1] Our system has detected that this message is likely unsolicited mail. | RestSource",
        "mta6.am0.yahoodns.net | 421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1 | Suspend",
        "mta6.am0.yahoodns.net | 421 4.7.0 [TSS05] Messages from 192.0.2.1 temporarily deferred | Suspend",
        "mta6.am0.yahoodns.net | 421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed. | Slow",
        "mta6.am0.yahoodns.net | 553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list | RestSource",
        "mta6.am0.yahoodns.net | 421 Max message per connection reached, closing transmission channel | MessagesPerConnection",
        "x.olc.protection.outlook.com | 550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140). | RestSource",
        "x.olc.protection.outlook.com | 421 4.7.0 RP-001 The mail server IP connecting to Outlook.com server has exceeded the rate limit allowed. | RestSource",
        "x.mail.protection.outlook.com | 451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS77712) | Slow",
        "x.mail.protection.outlook.com | 550 5.7.606 Access denied, banned sending IP [192.0.2.1] | RestSource",
        "mx01.mail.icloud.com | 451 4.7.1 [HCM1] Your mail from 192.0.2.1 was deferred | Suspend",
        "mx01.mail.icloud.com | 450 4.3.2 [BS02] Temporary server error. | Suspend",
        "mx00.gmx.net | 421 gmx.net (mxgmx117) Nemesis ESMTP Service not available. Too many connections | Connections",
        "mx00.gmx.net | 554 Transaction failed. Reject due to policy restrictions. | RestSource",
        "mx00.t-online.de | 554 IP=192.0.2.1 - A problem occurred. Your IP has a bad reputation. (BL) | RestSource",
        "smtp-in.orange.fr | 421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. OFR_104 [104] | Connections",
        "mx1.comcast.net | 421 4.1.0 192.0.2.1 Throttled - try again later. RL000001 | Slow",
        "mx1.comcast.net | 554 resimta BL000001 Blocked for spam. | RestSource",
        "eu-smtp-inbound-1.mimecast.com | 451 Internal resource temporarily unavailable | Suspend",
        "mxa-001.pphosted.com | 554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1 | RestSource",
        "d1.ess.barracudanetworks.com | 554 Service unavailable; Client host [192.0.2.1] blocked using Barracuda Reputation | RestSource",
        "mx1.qq.com | 550 Ip frequency limited [abc IP: 192.0.2.1] | RestSource",
        "mx1.qq.com | 550 Connection frequency limited | Connections",
        "163mx00.mxmail.netease.com | 421 Too many connections | Connections",
        "163mx00.mxmail.netease.com | 550 RP:ORQ | Suspend",
        "mx.yandex.ru | 421 4.7.0 Too many concurrent SMTP connections from this IP address | Connections",
        "mx.example.org | 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org | RestSource",
        "mx.example.org | 421 4.7.0 mx.example.org Error: too many connections from 192.0.2.1 | Connections",
        "mx.example.org | 550 5.1.1 no such user | ",
        "mx.yandex.ru | 250 2.0.0 Ok: queued | ",
      })
  void whatTheyReplyMeansSomething(String host, String reply, String effect) {
    var parsed = SmtpReply.parse(reply + "\r\n");
    var found =
        STANDARD.behind(List.of(host)).rules().stream()
            .filter(rule -> rule.matches(parsed))
            .findFirst()
            .map(rule -> rule.effect().getClass().getSimpleName());
    assertThat(found).isEqualTo(Optional.ofNullable(effect));
  }

  @Test
  void thereAreTenByNameAtLeastEachWithBoundsAndRules() {
    var hosts =
        List.of(
            "google.com",
            "yahoodns.net",
            "olc.protection.outlook.com",
            "icloud.com",
            "gmx.net",
            "t-online.de",
            "orange.fr",
            "comcast.net",
            "mimecast.com",
            "pphosted.com",
            "qq.com");
    for (var host : hosts) {
      var receiver = STANDARD.behind(List.of("mx." + host));
      assertThat(receiver.name()).doesNotContain(".");
      assertThat(receiver.policy().connections()).isPresent();
      assertThat(receiver.rules()).isNotEmpty();
    }
  }

  @Test
  void aRuleSaysWhatHappensForHowLongAndAfterHowMany() {
    var receivers =
        Receivers.parse(
            """
            receiver big   # with a comment
            hosts mx.big.test
            connections 7
            messages 100/hour
            recipients 5/s
            on "*slow*" slow 10/min for 30m after 2/hour
            receiver *
            on "*all*" suspend for 1h
            """);
    var big = receivers.behind(List.of("a.mx.big.test"));
    assertThat(big.policy().connections()).hasValue(7);
    assertThat(big.policy().messages()).containsExactly(Rate.parse("100/hour"));
    assertThat(big.policy().recipients()).containsExactly(new Rate(5, Duration.ofSeconds(1)));
    assertThat(big.rules()).hasSize(2);
    assertThat(big.rules().getFirst().effect()).isEqualTo(new Effect.Slow(Rate.parse("10/min")));
    assertThat(big.rules().getFirst().lasts()).isEqualTo(Duration.ofMinutes(30));
    assertThat(big.rules().getFirst().after()).contains(Rate.parse("2/hour"));
    assertThat(big.rules().getLast().matches(SmtpReply.of(450, "4.0.0", "not ALL now"))).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "connections 5",
        "receiver x\nconnections five",
        "receiver x\nconnections 0",
        "receiver x\nconnections",
        "receiver x\nhosts a_b!",
        "receiver x\non \"*a\" suspend",
        "receiver x\non \"*a\" suspend for ever",
        "receiver x\non \"*a suspend for 1h",
        "receiver x\non \"*a\" slow for 1h",
        "receiver x\nmessages 5/fortnight",
        "receiver x\nspeed 5",
      })
  void whatIsWrongIsNamedByItsLine(String text) {
    assertThatThrownBy(() -> Receivers.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("line ");
  }

  @Test
  void oneOfTheirOwnTakesThePlaceOfOneByTheSameName() {
    var own = Receivers.parse("receiver google\nhosts google.com\nconnections 99");
    var both = STANDARD.with(own);
    assertThat(both.behind(List.of("aspmx.l.google.com")).policy().connections()).hasValue(99);
    assertThat(both.behind(List.of("mx.else.test")).policy().connections()).hasValue(20);
    var all = STANDARD.with(Receivers.parse("receiver *\nconnections 7"));
    assertThat(all.behind(List.of("mx.else.test")).policy().connections()).hasValue(7);
  }
}
