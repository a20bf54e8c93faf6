package org.unifiedmta.routing.route;

import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Recipient;

/**
 * Where one recipient's mail goes.
 *
 * @param route that decided, or null where the server's own rule did
 * @param zone name of the sending zone
 * @param destination where the mail really goes: a host and port, a domain, or local delivery
 */
public record RoutingDecision(
    Recipient recipient, @Nullable Route route, Action action, String zone, String destination) {

  public RoutingDecision withZone(String other) {
    return new RoutingDecision(recipient, route, action, other, destination);
  }

  public RoutingDecision withDestination(String other) {
    return new RoutingDecision(recipient, route, action, zone, other);
  }
}
