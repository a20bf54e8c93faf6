package org.unifiedmta.delivery.queue;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;

/**
 * Where a message stands, and why.
 *
 * @param sender null for the null sender
 * @param expires when it is to be given up, or null where that is left to the retry policy
 * @param recipients those not yet finished
 */
public record Explanation(
    String id,
    @Nullable EmailAddress sender,
    Instant queuedAt,
    @Nullable Instant expires,
    List<ForRecipient> recipients) {
  public Explanation {
    recipients = List.copyOf(recipients);
  }

  /**
   * Where one recipient stands.
   *
   * @param row the recipient's number in the message
   * @param route name of the route that decided, or null for none
   * @param priority -9 to 9
   * @param reason why it is not delivered yet, for people
   * @param nextAttempt when it may be tried next, or null where nobody knows
   * @param attempts finished so far
   * @param history the attempts so far; of very many, or with long replies, the first and the last
   *     ones
   * @param possibleDuplicate whether a crash ended an attempt that had begun to hand the content
   *     over
   */
  public record ForRecipient(
      int row,
      EmailAddress address,
      @Nullable String route,
      String zone,
      String destination,
      DeliveryStatus status,
      int priority,
      String reason,
      @Nullable Instant nextAttempt,
      int attempts,
      List<Attempt> history,
      boolean possibleDuplicate) {
    public ForRecipient {
      history = List.copyOf(history);
    }
  }

  static Explanation of(
      QueuedMessage message, Instant now, BiFunction<String, String, Optional<String>> rest) {
    return new Explanation(
        message.id(),
        message.envelope().mailFrom(),
        message.queuedAt(),
        message.expires(),
        message.rows().stream().map(row -> of(row, now, rest)).toList());
  }

  private static ForRecipient of(
      QueuedRow row, Instant now, BiFunction<String, String, Optional<String>> rest) {
    boolean waits =
        row.status() == DeliveryStatus.PENDING || row.status() == DeliveryStatus.DEFERRED;
    return new ForRecipient(
        row.number(),
        row.recipient().address(),
        row.route(),
        row.zone(),
        row.destination(),
        row.status(),
        row.priority(),
        reason(row, now, rest.apply(row.zone(), row.destination())),
        waits ? row.due() : null,
        row.attempts(),
        row.history().attempts(),
        row.possibleDuplicate());
  }

  private static String reason(QueuedRow row, Instant now, Optional<String> rest) {
    return switch (row.status()) {
      case PROCESSING -> "an attempt is under way";
      case HELD -> "on hold until somebody releases it";
      case FAILED -> "has failed; the report to its sender is due";
      case PENDING, DEFERRED, DELIVERED, CANCELLED ->
          row.due().isAfter(now)
              ? "not tried before " + row.due()
              : rest.orElse("due; waits for its turn");
    };
  }
}
