package org.unifiedmta.routing.zone;

import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Destinations;
import org.unifiedmta.routing.route.EmailContext;
import org.unifiedmta.routing.route.EmailRouter;
import org.unifiedmta.routing.route.RoutingDecision;

/** Routes and zones that hold together: where a recipient's mail goes, and how it leaves. */
public record Routing(EmailRouter router, ZoneSelector zones) {

  /**
   * The decision for one recipient.
   *
   * @param context of this recipient alone
   */
  public RoutingDecision route(EmailContext context, Recipient recipient) {
    var decision = router.route(context, recipient);
    return switch (decision.action()) {
      case Action.Deliver deliver -> decision;
      case Action.Reject reject -> decision;
      case Action.Forward forward ->
          decision.withZone(zones.select(context, recipient.address()).name());
      case Action.Process process -> in(zones.select(context, recipient.address()), decision);
    };
  }

  /** To the recipient's MX hosts, or the zone's smart host in their place. */
  private static RoutingDecision in(SendingZone zone, RoutingDecision decision) {
    return zone.smartHost()
        .map(host -> decision.withDestination(Destinations.host(host.host(), host.port())))
        .orElse(decision)
        .withZone(zone.name());
  }

  /**
   * The same in the zone of this name, as somebody has told; as it is where there is none, and for
   * local delivery.
   */
  public RoutingDecision in(String zone, RoutingDecision decision) {
    return zones.find(zone).map(found -> told(found, decision)).orElse(decision);
  }

  private static RoutingDecision told(SendingZone zone, RoutingDecision decision) {
    return switch (decision.action()) {
      case Action.Deliver deliver -> decision;
      case Action.Reject reject -> decision;
      case Action.Forward forward -> decision.withZone(zone.name());
      case Action.Process process -> {
        var domain = decision.recipient().address().domain();
        yield in(zone, decision.withDestination(Destinations.mx(domain)));
      }
    };
  }
}
