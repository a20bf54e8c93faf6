package org.unifiedmta.delivery.queue;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.security.SecurityResults;
import org.unifiedmta.smtp.server.SessionFacts;

/**
 * A message to be stored with its rows, as one record.
 *
 * @param id from {@link QueueStore#newId}
 * @param body of this store's own spool; the store takes it over
 * @param rows at least one
 * @param session null for mail submitted in process
 * @param settles report rows that this message, their report, finishes in the same record; or null
 * @param expires when it is to be given up, or null to leave that to the retry policy
 */
public record NewMessage(
    String id,
    Envelope envelope,
    SpooledMessage body,
    List<NewRow> rows,
    Instant queuedAt,
    @Nullable SessionFacts session,
    @Nullable SecurityResults security,
    @Nullable Lease settles,
    @Nullable Instant expires) {
  public NewMessage {
    rows = List.copyOf(rows);
    if (rows.isEmpty()) {
      throw new IllegalArgumentException("a message needs a recipient");
    }
  }

  /** One that the retry policy gives up. */
  public NewMessage(
      String id,
      Envelope envelope,
      SpooledMessage body,
      List<NewRow> rows,
      Instant queuedAt,
      @Nullable SessionFacts session,
      @Nullable SecurityResults security,
      @Nullable Lease settles) {
    this(id, envelope, body, rows, queuedAt, session, security, settles, null);
  }
}
