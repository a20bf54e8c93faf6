package org.unifiedmta.delivery.testing;

import java.time.Duration;
import org.unifiedmta.routing.route.Glob;

/**
 * Something that goes wrong in a {@link MailFixture}, by the stage of the session, the recipient
 * and the count, never by chance. Those without a count last until {@link MailFixture#reset}.
 */
public sealed interface Fault {

  /** Where in a session: the command, or what stands for it. */
  enum Stage {
    /** The connection is made, and under implicit TLS the handshake done. */
    CONNECT,
    /** HELO too. */
    EHLO,
    STARTTLS,
    AUTH,
    MAIL,
    RCPT,
    DATA,
    /** The line with the dot: what fails here is not taken. */
    END_OF_DATA,
    QUIT
  }

  /** What is wrong with the certificate; all are presented in handshakes from now on. */
  enum BadTls {
    /** It was valid until yesterday. */
    EXPIRED,
    /** It is for another host. */
    WRONG_HOST,
    /** No client has reason to trust who signed it. */
    UNTRUSTED
  }

  /** A reply 4yz in place of success. */
  record TempFail(Stage stage, int times) implements Fault {
    public TempFail {
      positive(times);
    }
  }

  /** {@code 550 5.1.1} to RCPT. */
  record Reject(Glob recipients) implements Fault {}

  /** {@code 452 4.2.2} to RCPT. */
  record MailboxFull(Glob recipients) implements Fault {}

  /** {@code 451 4.7.1} to the first RCPT of each client address, sender and recipient. */
  record Greylist() implements Fault {}

  /** The command is held back for a while. */
  record Slow(Stage stage, Duration delay) implements Fault {
    public Slow {
      if (delay.isNegative()) {
        throw new IllegalArgumentException("a delay must not be negative: " + delay);
      }
    }
  }

  /** Few octets a second, in each direction. */
  record Throttle(int bytesPerSecond) implements Fault {
    public Throttle {
      positive(bytesPerSecond);
    }
  }

  /** The connection ends in place of a reply. */
  record Disconnect(Stage stage, int times) implements Fault {
    public Disconnect {
      positive(times);
    }
  }

  /** A certificate that a careful client does not take. */
  record Certificate(BadTls kind) implements Fault {}

  /** {@code 535 5.7.8} to every login. */
  record AuthFails() implements Fault {}

  /**
   * The next command of this stage, if it would succeed, gets a temporary refusal: {@code 421} to a
   * connection, which ends it, {@code 454} to STARTTLS and AUTH, else {@code 451}.
   */
  static Fault tempFail(Stage stage) {
    return tempFail(stage, 1);
  }

  /** As {@link #tempFail(Stage)}, for the next few commands. */
  static Fault tempFail(Stage stage, int times) {
    return new TempFail(stage, times);
  }

  /**
   * These recipients do not exist.
   *
   * @param recipients {@code *} any characters, {@code ?} one
   */
  static Fault reject(String recipients) {
    return new Reject(Glob.of(recipients));
  }

  /** These recipients have no room, which is temporary (RFC 3463 3.3). */
  static Fault mailboxFull(String recipients) {
    return new MailboxFull(Glob.of(recipients));
  }

  /** Everybody is to come back later, once (RFC 6647). */
  static Fault greylist() {
    return new Greylist();
  }

  /** Every command of this stage waits that long; at CONNECT, the greeting. */
  static Fault slow(Stage stage, Duration delay) {
    return new Slow(stage, delay);
  }

  /** Connections made from now on are slow, in both directions. */
  static Fault throttle(int bytesPerSecond) {
    return new Throttle(bytesPerSecond);
  }

  /** The next command of this stage gets no reply but the end of the connection. */
  static Fault disconnect(Stage stage) {
    return disconnect(stage, 1);
  }

  /** As {@link #disconnect(Stage)}, for the next few commands. */
  static Fault disconnect(Stage stage, int times) {
    return new Disconnect(stage, times);
  }

  static Fault badTls(BadTls kind) {
    return new Certificate(kind);
  }

  /** Nobody can log in, whatever the password. */
  static Fault authFails() {
    return new AuthFails();
  }

  private static void positive(int number) {
    if (number < 1) {
      throw new IllegalArgumentException("must be positive: " + number);
    }
  }
}
