package org.unifiedmta.delivery.queue;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.routing.route.Destinations;
import org.unifiedmta.routing.route.RoutingDecision;

/**
 * One recipient of a message to be stored; its number is its place in the list.
 *
 * @param destination where the mail really goes, as {@link Destinations} writes it
 * @param route name of the route that decided, or null for none
 * @param due when it may be tried first
 */
public record NewRow(
    Recipient recipient, String zone, String destination, @Nullable String route, Instant due) {

  /** The same by another zone. */
  public NewRow withZone(String other) {
    return new NewRow(recipient, other, destination, route, due);
  }

  /** The row of a decision. */
  public static NewRow of(RoutingDecision decision, Instant due) {
    var route = decision.route();
    return new NewRow(
        decision.recipient(),
        decision.zone(),
        decision.destination(),
        route == null ? null : route.name(),
        due);
  }
}
