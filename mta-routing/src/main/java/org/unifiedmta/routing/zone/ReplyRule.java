package org.unifiedmta.routing.zone;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.routing.route.Glob;

/**
 * What a receiver's reply means for what it is sent next.
 *
 * @param text pattern of the reply, code and enhanced status in front, with {@code *} and {@code
 *     ?}, without regard to case
 * @param after how often it must be met for this to happen; empty for once
 * @param lasts how long
 */
public record ReplyRule(Glob text, Optional<Rate> after, Effect effect, Duration lasts) {

  /** What happens. */
  public sealed interface Effect {
    /** Nothing is sent. */
    record Suspend() implements Effect {}

    /** No more messages than this are sent. */
    record Slow(Rate rate) implements Effect {}

    /** No more connections than this are made. */
    record Connections(int most) implements Effect {}

    /** No more messages than this are sent over one connection. */
    record MessagesPerConnection(int most) implements Effect {}

    /** Nothing is sent from the address that met it; other addresses of the pool go on. */
    record RestSource() implements Effect {}
  }

  private static final int LONGEST = 2_000;

  /** Whether a reply is of this kind; of a long one, its first 2,000 characters count. */
  public boolean matches(SmtpReply reply) {
    var whole = reply.toString();
    var start = whole.substring(0, Math.min(whole.length(), LONGEST));
    return text.matches(start.toLowerCase(Locale.ROOT));
  }
}
