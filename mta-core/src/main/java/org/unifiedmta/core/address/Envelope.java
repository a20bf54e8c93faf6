package org.unifiedmta.core.address;

import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Who sends to whom, and how: what MAIL and RCPT say of a message (RFC 5321 2.3.1).
 *
 * @param mailFrom null for the null reverse path {@code <>}
 * @param envelopeId ENVID (RFC 3461 4.4), decoded, or null
 * @param priority MT-PRIORITY (RFC 6710), -9 to 9, 0 where not said
 * @param holdUntil FUTURERELEASE (RFC 4865), or null
 */
public record Envelope(
    @Nullable EmailAddress mailFrom,
    List<Recipient> recipients,
    @Nullable String envelopeId,
    Ret ret,
    Body body,
    boolean smtpUtf8,
    boolean requireTls,
    int priority,
    @Nullable Instant holdUntil,
    @Nullable DeliverBy deliverBy) {

  /** How much of the message a failure report returns (RFC 3461 4.3). */
  public enum Ret {
    UNSET,
    FULL,
    HEADERS
  }

  /** BODY= (RFC 6152, RFC 3030). */
  public enum Body {
    SEVEN_BIT,
    EIGHT_BIT_MIME,
    BINARY_MIME
  }

  /** BY= (RFC 2852). */
  public record DeliverBy(Instant by, boolean returnIfLate, boolean trace) {}

  public Envelope {
    recipients = List.copyOf(recipients);
  }

  /**
   * A plain envelope.
   *
   * @param mailFrom null or empty for {@code <>}
   * @throws IllegalArgumentException if a text is no address
   */
  public static Envelope of(@Nullable String mailFrom, String... recipients) {
    return of(
        mailFrom == null || mailFrom.isEmpty() ? null : EmailAddress.parse(mailFrom),
        Stream.of(recipients).map(Recipient::of).toList());
  }

  public static Envelope of(@Nullable EmailAddress mailFrom, List<Recipient> recipients) {
    return new Envelope(
        mailFrom, recipients, null, Ret.UNSET, Body.SEVEN_BIT, false, false, 0, null, null);
  }

  /** When the message may be sent on first: now, or the time until which it is held. */
  public Instant firstDue(Instant now) {
    return holdUntil != null && holdUntil.isAfter(now) ? holdUntil : now;
  }

  /** The same envelope for other recipients. */
  public Envelope withRecipients(List<Recipient> others) {
    return new Envelope(
        mailFrom,
        others,
        envelopeId,
        ret,
        body,
        smtpUtf8,
        requireTls,
        priority,
        holdUntil,
        deliverBy);
  }

  /** The same envelope with another body type. */
  public Envelope withBody(Body other) {
    return new Envelope(
        mailFrom,
        recipients,
        envelopeId,
        ret,
        other,
        smtpUtf8,
        requireTls,
        priority,
        holdUntil,
        deliverBy);
  }

  /** The same envelope, with or without the need for SMTPUTF8 (RFC 6531). */
  public Envelope withSmtpUtf8(boolean needed) {
    return new Envelope(
        mailFrom,
        recipients,
        envelopeId,
        ret,
        body,
        needed,
        requireTls,
        priority,
        holdUntil,
        deliverBy);
  }
}
