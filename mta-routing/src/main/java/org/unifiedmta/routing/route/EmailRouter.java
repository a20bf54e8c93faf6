package org.unifiedmta.routing.route;

import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.EnhancedStatus;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.routing.domain.DomainRegistry;

/**
 * Decides where each recipient's mail goes: by the first route that matches, the highest priority
 * first; without one to our own domains locally, for clients that may relay to the MX hosts, and
 * for nobody else anywhere.
 */
public final class EmailRouter {
  /** The sending zone of whatever no zone has claimed. */
  public static final String DEFAULT_ZONE = "default";

  private static final Action.Reject NO_RELAY =
      new Action.Reject(550, "5.7.1 Relaying denied"); // RFC 5321 3.6.2, RFC 3463 3.8

  private final List<Route> routes;
  private final DomainRegistry domains;

  private final boolean needsMessage;
  private final boolean signs;

  /** Without domains of our own. */
  public EmailRouter(List<Route> routes) {
    this(routes, new DomainRegistry(List.of()));
  }

  /**
   * @throws IllegalArgumentException if two routes share a name
   */
  public EmailRouter(List<Route> routes, DomainRegistry domains) {
    var names = new HashSet<String>();
    for (var route : routes) {
      if (!names.add(route.name())) {
        throw new IllegalArgumentException("two routes by the name " + route.name());
      }
    }
    this.routes =
        routes.stream().sorted(Comparator.comparingInt(Route::priority).reversed()).toList();
    this.needsMessage = routes.stream().anyMatch(route -> route.match().needsMessage());
    this.signs =
        routes.stream()
            .anyMatch(route -> route.action() instanceof Action.Process process && process.dkim());
    this.domains = domains;
  }

  /** The routes in the order in which they are tried. */
  public List<Route> routes() {
    return routes;
  }

  /** Whether any route looks at more than the envelope. */
  public boolean needsMessage() {
    return needsMessage;
  }

  /** Whether any route wants what it takes signed. */
  public boolean signs() {
    return signs;
  }

  /** The first route that matches the message for any of its recipients. */
  public Optional<Route> evaluateRoutes(EmailContext context) {
    return routes.stream().filter(route -> route.match().matches(context)).findFirst();
  }

  /** One decision for each recipient of the context, in its order. */
  public List<RoutingDecision> route(EmailContext context) {
    return context.recipients().stream()
        .map(address -> route(context.forRecipient(address), Recipient.of(address)))
        .toList();
  }

  /**
   * The decision for one recipient.
   *
   * @param context of this recipient alone
   */
  public RoutingDecision route(EmailContext context, Recipient recipient) {
    for (var route : routes) {
      if (route.match().matches(context) && mayUse(route, context)) {
        return decision(recipient, route, route.action());
      }
    }
    return decision(recipient, null, withoutRoute(context));
  }

  /**
   * What can be said at RCPT, by the envelope alone.
   *
   * @param context of this recipient alone
   */
  public Admission admit(EmailContext context) {
    for (var route : routes) {
      var outcome = route.match().matchesEnvelope(context);
      if (outcome == Match.Outcome.NO || !mayUse(route, context)) {
        continue;
      }
      if (outcome == Match.Outcome.YES) {
        return certain(route.action());
      }
      if (!(route.action() instanceof Action.Reject)) {
        return new Admission.Possible();
      }
    }
    return certain(withoutRoute(context));
  }

  private static Admission certain(Action action) {
    return action instanceof Action.Reject reject
        ? new Admission.Refused(reply(reject))
        : new Admission.Certain(action);
  }

  /** A route by itself never opens a relay: for a foreign recipient it must say whom it is for. */
  private boolean mayUse(Route route, EmailContext context) {
    return route.action() instanceof Action.Reject
        || context.mayRelay()
        || route.match().relays()
        || context.recipients().stream().allMatch(this::isOurs);
  }

  private Action withoutRoute(EmailContext context) {
    if (context.recipients().stream().allMatch(this::isOurs)) {
      return Action.deliver();
    }
    return context.mayRelay() ? Action.process() : NO_RELAY;
  }

  /** {@code <postmaster>} without a domain is ours, RFC 5321 4.5.1. */
  private boolean isOurs(EmailAddress address) {
    return address.domain().isEmpty() || domains.isDomainRegistered(address.domain());
  }

  private static RoutingDecision decision(
      Recipient recipient, @Nullable Route route, Action action) {
    var destination =
        switch (action) {
          case Action.Forward forward -> Destinations.host(forward.host(), forward.port());
          case Action.Deliver deliver -> Destinations.LOCAL;
          case Action.Process process -> Destinations.mx(recipient.address().domain());
          case Action.Reject reject -> "";
        };
    return new RoutingDecision(recipient, route, action, DEFAULT_ZONE, destination);
  }

  /** The reply of a rejection; its text may begin with an enhanced status of its own. */
  public static SmtpReply reply(Action.Reject reject) {
    int klass = reject.code() / 100;
    var space = reject.message().indexOf(' ');
    var word = space < 0 ? reject.message() : reject.message().substring(0, space);
    var given = EnhancedStatus.find(word).filter(status -> status.toString().equals(word));
    return given.isPresent() && given.get().klass() == klass
        ? new SmtpReply(
            reject.code(),
            given.get(),
            List.of(space < 0 ? "" : reject.message().substring(space + 1)))
        : new SmtpReply(reject.code(), new EnhancedStatus(klass, 7, 1), List.of(reject.message()));
  }
}
