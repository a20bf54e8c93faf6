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
}
