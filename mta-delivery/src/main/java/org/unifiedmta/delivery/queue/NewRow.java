package org.unifiedmta.delivery.queue;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Destinations;
import org.unifiedmta.routing.route.RoutingDecision;

/**
 * One recipient of a message to be stored; its number is its place in the list.
 *
 * @param destination where the mail really goes, as {@link Destinations} writes it
 * @param route name of the route that decided, or null for none
 * @param due when it may be tried first
 * @param priority -9 to 9, as RFC 6710 has it: what is due for the same destination goes by it
 */
public record NewRow(
    Recipient recipient,
    String zone,
    String destination,
    @Nullable String route,
    Instant due,
    int priority) {
  private static final int HIGHEST = 9;

  /** What RFC 6710 has for "urgent" of RFC 2156; -4 for "non-urgent". */
  private static final int URGENT = 4;

  public NewRow {
    if (Math.abs(priority) > HIGHEST) {
      throw new IllegalArgumentException("no priority from -9 to 9: " + priority);
    }
  }

  /** One of no special priority. */
  public NewRow(
      Recipient recipient, String zone, String destination, @Nullable String route, Instant due) {
    this(recipient, zone, destination, route, due, 0);
  }

  /** The same by another zone. */
  public NewRow withZone(String other) {
    return new NewRow(recipient, other, destination, route, due, priority);
  }

  /** The same at another priority. */
  public NewRow withPriority(int other) {
    return new NewRow(recipient, zone, destination, route, due, other);
  }

  /** The row of a decision, at the priority that it says. */
  public static NewRow of(RoutingDecision decision, Instant due) {
    var route = decision.route();
    return new NewRow(
        decision.recipient(),
        decision.zone(),
        decision.destination(),
        route == null ? null : route.name(),
        due,
        priority(decision.action()));
  }

  /**
   * The same for a message that has a priority too: both count.
   *
   * @param asked -9 to 9
   */
  public static NewRow of(RoutingDecision decision, int asked, Instant due) {
    var row = of(decision, due);
    return row.withPriority(Math.clamp(asked + row.priority, -HIGHEST, HIGHEST));
  }

  private static int priority(Action action) {
    if (!(action instanceof Action.Process process)) {
      return 0;
    }
    return switch (process.queue()) {
      case PRIORITY -> URGENT;
      case NORMAL -> 0;
      case BULK -> -URGENT;
    };
  }
}
