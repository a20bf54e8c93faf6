package org.unifiedmta.delivery.queue;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.security.SecurityResults;
import org.unifiedmta.smtp.server.SessionFacts;

/**
 * A message in the store.
 *
 * @param envelope with all its recipients, those finished too
 * @param size of the message as it will be sent, in octets
 * @param expires when it is to be given up, or null where that is left to the retry policy
 * @param retry its own retry policy, as text, or null for that of its zone
 * @param rows those not yet finished, ascending by number
 */
public record QueuedMessage(
    String id,
    Envelope envelope,
    long size,
    Instant queuedAt,
    @Nullable SessionFacts session,
    @Nullable SecurityResults security,
    @Nullable Instant expires,
    @Nullable String retry,
    List<QueuedRow> rows) {
  public QueuedMessage {
    rows = List.copyOf(rows);
  }
}
