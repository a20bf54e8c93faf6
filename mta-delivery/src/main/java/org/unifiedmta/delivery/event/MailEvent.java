package org.unifiedmta.delivery.event;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.event.MtaEvent;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.security.SecurityResults;
import org.unifiedmta.security.dkim.DkimKeyStore;
import org.unifiedmta.smtp.server.SessionFacts;

/**
 * What happened to a message, or to the server. Those of one message come in order: received,
 * accepted, routed, then its attempts.
 */
public sealed interface MailEvent extends MtaEvent {

  /** The message; empty for what happened to the server. */
  String queueId();

  Instant at();

  /** A message came in by SMTP and is on stable storage. */
  record EmailReceived(
      String queueId, Instant at, Envelope envelope, SessionFacts session, SecurityResults security)
      implements MailEvent {}

  /**
   * A message was taken that its author's domain wants kept apart (DMARC); {@code X-Quarantine}
   * says so in the message, too.
   *
   * @param domain whose policy that is
   */
  record Quarantined(String queueId, Instant at, Envelope envelope, String domain)
      implements MailEvent {}

  /**
   * A message is in the queue, wherever it came from.
   *
   * @param size in octets
   */
  record Accepted(String queueId, Instant at, Envelope envelope, long size) implements MailEvent {}

  /**
   * It is decided where one recipient's mail goes.
   *
   * @param route the name of the route, or null where the server's own rule decided
   */
  record Routed(
      String queueId,
      Instant at,
      EmailAddress recipient,
      @Nullable String route,
      String zone,
      String destination)
      implements MailEvent {}

  /**
   * An attempt for one recipient ended.
   *
   * @param attempt its number, from 1
   * @param session with the last host spoken to, or null where it did not come to that
   */
  record AttemptFinished(
      String queueId,
      Instant at,
      EmailAddress recipient,
      int attempt,
      @Nullable HostSession session,
      SmtpReply reply)
      implements MailEvent {

    /** The last host spoken to, or null. */
    public @Nullable String host() {
      return session == null ? null : session.host();
    }

    /** Whether that was under TLS. */
    public boolean tls() {
      return session != null && session.tls() != null;
    }
  }

  /** The next host, or the mail handler, has taken responsibility for one recipient. */
  record Delivered(String queueId, Instant at, EmailAddress recipient, SmtpReply reply)
      implements MailEvent {}

  /**
   * One recipient will be tried again.
   *
   * @param next when
   */
  record Deferred(String queueId, Instant at, EmailAddress recipient, SmtpReply reply, Instant next)
      implements MailEvent {}

  /** One recipient has failed for good; the sender is told, unless nobody wants to hear of it. */
  record Bounced(String queueId, Instant at, EmailAddress recipient, SmtpReply reply)
      implements MailEvent {}

  /**
   * A crash ended an attempt that had begun to hand the message over; it is tried again, with the
   * same Message-ID, and may come to the recipient twice. Told at the start, once for each crash.
   */
  record PossibleDuplicate(String queueId, Instant at, EmailAddress recipient)
      implements MailEvent {}

  /**
   * A DKIM key has come to another state. When that is PUBLISHED or REVOKED, somebody has to change
   * the DNS; {@link KeyNotPublished} says to what.
   */
  record KeyRotated(Instant at, String domain, String selector, DkimKeyStore.Entry.State state)
      implements MailEvent {
    @Override
    public String queueId() {
      return "";
    }
  }

  /**
   * The DNS has not what it should have of a DKIM key that signs, waits to sign or is revoked. Told
   * when that is found, at the start or an hour later, and then once a day.
   *
   * @param name of the TXT record
   * @param record its text
   */
  record KeyNotPublished(Instant at, String domain, String selector, String name, String record)
      implements MailEvent {
    @Override
    public String queueId() {
      return "";
    }
  }

  /** The server runs. */
  record Started(Instant at) implements MailEvent {
    @Override
    public String queueId() {
      return "";
    }
  }

  /** The server has stopped. */
  record Stopped(Instant at) implements MailEvent {
    @Override
    public String queueId() {
      return "";
    }
  }
}
