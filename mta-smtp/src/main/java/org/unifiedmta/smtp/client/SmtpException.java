package org.unifiedmta.smtp.client;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.core.reply.SmtpReply;

/** A session that came to nothing: how far it got, and what the server said. */
public class SmtpException extends MtaException {
  private static final long serialVersionUID = 1L;

  /** How far the session got. */
  public enum Phase {
    CONNECT,
    GREETING,
    EHLO,
    STARTTLS,
    AUTH,
    MAIL,
    RCPT,
    DATA,
    END_OF_DATA
  }

  private final Phase phase;
  private final transient @Nullable SmtpReply reply;

  public SmtpException(
      Phase phase, String message, @Nullable SmtpReply reply, @Nullable Throwable cause) {
    super(message, cause);
    this.phase = phase;
    this.reply = reply;
  }

  public Phase phase() {
    return phase;
  }

  /** What the server said; empty where it said nothing that is a reply. */
  public Optional<SmtpReply> reply() {
    return Optional.ofNullable(reply);
  }

  /** Whether the same may succeed later; true unless the server said 5yz. */
  public boolean isTransient() {
    return reply == null || !reply.isPermanent();
  }
}
