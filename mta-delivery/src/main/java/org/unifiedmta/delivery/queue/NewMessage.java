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
 * @param idempotencyKey with which it is stored only once, or null; any text
 * @param retry its own retry policy, as text, at most {@value #LONGEST_RETRY} characters; or null
 *     for that of its zone
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
    @Nullable Instant expires,
    @Nullable String idempotencyKey,
    @Nullable String retry) {
  private static final int LONGEST_RETRY = 1000;

  public NewMessage {
    rows = List.copyOf(rows);
    if (rows.isEmpty()) {
      throw new IllegalArgumentException("a message needs a recipient");
    }
    if (retry != null && retry.length() > LONGEST_RETRY) {
      throw new IllegalArgumentException("the retry policy is too long");
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
    this(id, envelope, body, rows, queuedAt, session, security, settles, null, null, null);
  }

  /** The same, to be given up at a time. */
  public NewMessage withExpires(@Nullable Instant time) {
    return new NewMessage(
        id,
        envelope,
        body,
        rows,
        queuedAt,
        session,
        security,
        settles,
        time,
        idempotencyKey,
        retry);
  }

  /** The same, stored once only. */
  public NewMessage withIdempotencyKey(@Nullable String key) {
    return new NewMessage(
        id, envelope, body, rows, queuedAt, session, security, settles, expires, key, retry);
  }

  /** The same with a retry policy of its own. */
  public NewMessage withRetry(@Nullable String policy) {
    return new NewMessage(
        id,
        envelope,
        body,
        rows,
        queuedAt,
        session,
        security,
        settles,
        expires,
        idempotencyKey,
        policy);
  }
}
