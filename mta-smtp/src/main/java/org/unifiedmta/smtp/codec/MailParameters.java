package org.unifiedmta.smtp.codec;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;

/**
 * What stands behind the reverse path of MAIL.
 *
 * @param size SIZE= in octets (RFC 1870), {@code Long.MAX_VALUE} for what is larger, or -1
 * @param body BODY= (RFC 6152, RFC 3030)
 * @param envelopeId ENVID= (RFC 3461 4.4), decoded, or null
 * @param ret RET= (RFC 3461 4.3)
 * @param requireTls REQUIRETLS (RFC 8689)
 * @param priority MT-PRIORITY= (RFC 6710), 0 where not said
 * @param hold HOLDFOR= or HOLDUNTIL= (RFC 4865), or null
 * @param by BY= (RFC 2852), or null
 */
public record MailParameters(
    long size,
    Envelope.Body body,
    boolean smtpUtf8,
    @Nullable String envelopeId,
    Envelope.Ret ret,
    boolean requireTls,
    int priority,
    @Nullable Hold hold,
    @Nullable By by) {

  /** Nothing said. */
  public static final MailParameters NONE =
      new MailParameters(
          -1, Envelope.Body.SEVEN_BIT, false, null, Envelope.Ret.UNSET, false, 0, null, null);

  /** How long a message is to wait before it is sent on. */
  public sealed interface Hold {
    /** From now. */
    record For(long seconds) implements Hold {}

    /** A time. */
    record Until(Instant time) implements Hold {}
  }

  /**
   * By when a message is to be delivered.
   *
   * @param seconds from now; may be negative with {@code returnIfLate} false
   * @param returnIfLate R: it comes back; else N: its sender is told
   * @param trace T: each host tells its sender
   */
  public record By(long seconds, boolean returnIfLate, boolean trace) {}
}
