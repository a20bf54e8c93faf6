package org.unifiedmta.delivery.attempt;

import java.net.InetAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.event.HostSession;

/**
 * What one recipient met in one attempt: positive, to be tried again, or refused, as the reply's
 * code says.
 *
 * @param session with the last host spoken to, or null
 * @param reports whether the host does what was asked of it in NOTIFY (RFC 3461)
 * @param reached whether somebody answered for this message or against it; where not, the next
 *     message would have met the same
 */
public record Outcome(
    SmtpReply reply, @Nullable HostSession session, boolean reports, boolean reached) {
  private static final int KEPT = 1_000; // characters of a reply, which may have 64 KB

  public Outcome {
    if (reply.text().length() > KEPT) {
      reply =
          new SmtpReply(
              reply.code(), reply.status(), List.of(reply.text().substring(0, KEPT) + "…"));
    }
  }

  static Outcome of(SmtpReply reply) {
    return new Outcome(reply, null, false, true);
  }

  /** No host could be asked, or none was. */
  public static Outcome notReached(SmtpReply reply) {
    return new Outcome(reply, null, false, false);
  }

  /** The last host spoken to, or null. */
  public @Nullable String host() {
    return session == null ? null : session.host();
  }

  /** The address of ours that it was spoken to from, or null where the system chose. */
  @Nullable InetAddress source() {
    return session == null ? null : session.source();
  }

  /** The same for a recipient that is not to be given up for it. */
  Outcome tryAgain() {
    var again =
        reply.isPermanent()
            ? SmtpReply.of(451, "4.7.1", "from another address next time: " + reply)
            : reply;
    return new Outcome(again, session, reports, reached);
  }

  /** Neither host nor handler understood or answered: temporary, whatever it was. */
  public boolean isTransient() {
    return !reply.isPermanent() && !isDelivered();
  }

  public boolean isDelivered() {
    return reply.code() / 100 == 2;
  }
}
