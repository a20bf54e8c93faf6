package org.unifiedmta.routing.route;

/**
 * One rule: the mail it matches gets its action.
 *
 * @param name for events and explanations, unique among a router's routes
 * @param priority the highest is tried first; equal ones in the order in which they were given
 */
public record Route(String name, int priority, Match match, Action action) {
  public Route {
    if (name.isBlank()) {
      throw new IllegalArgumentException("a route needs a name");
    }
  }

  public static Route of(String name, int priority, Match match, Action action) {
    return new Route(name, priority, match, action);
  }
}
