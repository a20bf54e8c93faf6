package org.unifiedmta.delivery.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.routing.zone.DestinationPolicy;
import org.unifiedmta.routing.zone.Rate;
import org.unifiedmta.routing.zone.Receivers;

class GateTest {
  private static final SmtpReply SLOW = SmtpReply.of(450, "4.2.1", "please SLOW down");
  private static final SmtpReply STOP = SmtpReply.of(450, "4.2.1", "stop for a while");

  private final ManualTimer timer = new ManualTimer(Instant.parse("2026-01-05T10:00:00Z"));

  private Gate gate(String rules) {
    var receiver =
        Receivers.parse("receiver r\nhosts r.test\n" + rules).behind(List.of("mx.r.test"));
    var gate = new Gate(receiver.name(), false, timer);
    gate.set(receiver.policy(), receiver.rules());
    return gate;
  }

  @Test
  void noMoreThanItTakesAtATime() {
    var gate = gate("connections 2");
    gate.enter();
    assertThat(gate.isFull()).isFalse();
    gate.enter();
    assertThat(gate.isFull()).isTrue();
    gate.leave();
    assertThat(gate.isFull()).isFalse();
  }

  @Test
  void messagesAndRecipientsAreCountedEachForItself() {
    var gate = gate("messages 60/min\nrecipients 10/min");
    gate.count(10);
    assertThat(gate.pause()).isEqualTo(Duration.ofSeconds(6));
    timer.advance(Duration.ofSeconds(6));
    assertThat(gate.pause()).isZero();
  }

  @Test
  void aRuleThatSuspendsHoldsForItsTime() {
    var gate = gate("on \"*stop*\" suspend for 1h");
    assertThat(gate.met(SLOW)).isNull();
    assertThat(gate.pause()).isZero();
    assertThat(gate.met(STOP)).isNull();
    assertThat(gate.pause()).isEqualTo(Duration.ofHours(1));
    assertThat(gate.whyNot()).get().asString().contains("stop for a while");
    timer.advance(Duration.ofHours(1));
    assertThat(gate.pause()).isZero();
    assertThat(gate.whyNot()).isEmpty();
  }

  @Test
  void aRuleThatSlowsDownHoldsForItsTime() {
    var gate = gate("on \"*slow*\" slow 1/min for 30m");
    gate.met(SLOW);
    assertThat(gate.pause()).isZero();
    gate.count(1);
    assertThat(gate.pause()).isEqualTo(Duration.ofMinutes(1));
    timer.advance(Duration.ofMinutes(30));
    gate.count(1);
    assertThat(gate.pause()).isZero();
  }

  @Test
  void rulesMakeItNarrowerAndConnectionsShorterForATime() {
    var gate =
        gate(
            "connections 5\nmessages-per-connection 50\n"
                + "on \"*slow*\" connections 1 for 1h\n"
                + "on \"*stop*\" messages-per-connection 2 for 1h");
    gate.met(SLOW);
    gate.met(STOP);
    gate.enter();
    assertThat(gate.isFull()).isTrue();
    assertThat(gate.messagesPerConnection()).hasValue(2);
    timer.advance(Duration.ofHours(1));
    assertThat(gate.isFull()).isFalse();
    assertThat(gate.messagesPerConnection()).hasValue(50);
  }

  @Test
  void anAddressIsToRest() {
    var gate = gate("on \"*stop*\" rest-source for 4h");
    assertThat(gate.met(STOP)).isEqualTo(Duration.ofHours(4));
    assertThat(gate.pause()).isZero();
  }

  @Test
  void aRuleMayWaitUntilItWasMetOften() {
    var gate = gate("on \"*stop*\" suspend for 1h after 3/hour");
    gate.met(STOP);
    gate.met(STOP);
    assertThat(gate.pause()).isZero();
    gate.met(STOP);
    assertThat(gate.pause()).isEqualTo(Duration.ofHours(1));
  }

  @Test
  void aRuleThatIsMetSeldomDoesNothing() {
    var gate = gate("on \"*stop*\" suspend for 1h after 3/hour");
    for (int i = 0; i < 10; i++) {
      gate.met(STOP);
      timer.advance(Duration.ofHours(1));
    }
    assertThat(gate.pause()).isZero();
  }

  @Test
  void boundsThatChangeHoldAtOnceAndThoseThatDoNotGoOn() {
    var gate = gate("messages 1/hour");
    gate.count(1);
    gate.set(DestinationPolicy.builder().messages(Rate.parse("1/hour")).build(), List.of());
    assertThat(gate.pause()).isEqualTo(Duration.ofHours(1));
    gate.set(DestinationPolicy.builder().messages(Rate.parse("60/hour")).build(), List.of());
    assertThat(gate.pause()).isZero();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "421 4.3.2 closing | true",
        "421 too many connections | true",
        "450 4.7.1 you send too much | true",
        "451 4.4.1 connection refused | true",
        "450 4.7.1 Greylisted, come again | false",
        "451 4.7.1 Graylisting in action | false",
        "450 4.2.2 mailbox full | false",
        "550 5.7.1 no | false",
      })
  void whatSaysThatThereIsTooMuch(String reply, boolean complaint) {
    assertThat(Gate.isComplaint(SmtpReply.parse(reply + "\r\n"))).isEqualTo(complaint);
  }
}
