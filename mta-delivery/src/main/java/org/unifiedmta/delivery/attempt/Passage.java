package org.unifiedmta.delivery.attempt;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.routing.zone.Receiver;

/** The right to one attempt, which bounds have given and which learn what it meets. */
public interface Passage {

  /**
   * Asked when it is known who the receiver is, before anybody connects.
   *
   * @return false if that is not to be done now
   */
  boolean to(Receiver receiver);

  /**
   * After {@link #to}: how many messages may go over one connection; empty for the server's own.
   */
  OptionalInt messagesPerConnection();

  /**
   * What the receiver said, or what says why nobody said anything.
   *
   * @return for how long nothing is to be sent to this receiver from the address that met it; empty
   *     for not at all
   */
  Optional<Duration> met(SmtpReply reply);

  /** Without bounds. */
  static Passage free() {
    return new Passage() {
      @Override
      public boolean to(Receiver receiver) {
        return true;
      }

      @Override
      public OptionalInt messagesPerConnection() {
        return OptionalInt.empty();
      }

      @Override
      public Optional<Duration> met(SmtpReply reply) {
        return Optional.empty();
      }
    };
  }
}
