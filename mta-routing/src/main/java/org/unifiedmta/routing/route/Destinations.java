package org.unifiedmta.routing.route;

/** The names of destinations: where mail will really go, not whom it is for. */
public final class Destinations {
  /** Local delivery, to the mail handler. */
  public static final String LOCAL = "local";

  /** Failed rows, until their sender has been told. */
  public static final String REPORT = "report";

  private Destinations() {}

  /**
   * The destination of mail to the MX hosts of a domain; a domain by a reserved name gets a final
   * dot.
   */
  public static String mx(String domain) {
    return domain.equals(LOCAL) || domain.equals(REPORT) ? domain + "." : domain;
  }

  /** The destination of mail to one host. */
  public static String host(String host, int port) {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }

  /** What the name of a destination says. */
  public sealed interface Target {
    record Local() implements Target {}

    record Report() implements Target {}

    record Host(String host, int port) implements Target {}

    /** The MX hosts of a domain or address literal. */
    record Mx(String domain) implements Target {}
  }

  /** The name of a target. */
  public static String of(Target target) {
    return switch (target) {
      case Target.Local local -> LOCAL;
      case Target.Report report -> REPORT;
      case Target.Host(var host, var port) -> host(host, port);
      case Target.Mx(var domain) -> mx(domain);
    };
  }

  /**
   * Reads a name that this class wrote.
   *
   * @throws IllegalArgumentException if it did not
   */
  public static Target parse(String destination) {
    if (destination.equals(LOCAL)) {
      return new Target.Local();
    }
    if (destination.equals(REPORT)) {
      return new Target.Report();
    }
    int colon = destination.lastIndexOf(':');
    if (colon < 0 || destination.endsWith("]")) { // an address literal may have colons inside
      return new Target.Mx(
          destination.endsWith(".")
              ? destination.substring(0, destination.length() - 1)
              : destination);
    }
    var host = destination.substring(0, colon);
    return new Target.Host(
        host.startsWith("[") ? host.substring(1, host.length() - 1) : host,
        Integer.parseInt(destination.substring(colon + 1)));
  }
}
