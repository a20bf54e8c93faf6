package org.unifiedmta.core.email;

import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Local parts that stand for a task and not for a person. */
final class Roles {
  private static final Set<String> BUSINESS = // RFC 2142 3
      Set.of("info", "marketing", "sales", "support");
  private static final Set<String> OPERATIONS = // RFC 2142 4
      Set.of("abuse", "noc", "security");
  private static final Set<String> SERVICES = // RFC 2142 5
      Set.of("postmaster", "hostmaster", "usenet", "news", "webmaster", "www", "uucp", "ftp");
  private static final String LIST_REQUEST = "-request"; // RFC 2142 6

  /** In no RFC but everywhere; {@code trouble} is mentioned in RFC 2142 1. */
  private static final Set<String> CUSTOMARY =
      Set.of(
          "admin",
          "administrator",
          "billing",
          "bounce",
          "bounces",
          "contact",
          "do-not-reply",
          "donotreply",
          "help",
          "helpdesk",
          "hr",
          "jobs",
          "mailer-daemon",
          "no-reply",
          "no_reply",
          "noreply",
          "office",
          "privacy",
          "root",
          "sysadmin",
          "team",
          "trouble");

  private static final Set<String> ALL =
      Stream.of(BUSINESS, OPERATIONS, SERVICES, CUSTOMARY)
          .flatMap(Set::stream)
          .collect(Collectors.toUnmodifiableSet());

  private Roles() {}

  /** Whether a local part, without its {@code +tag}, is a role's; RFC 2142 2: in any case. */
  static boolean isRole(String localPart) {
    int tag = localPart.indexOf('+');
    var name = (tag < 0 ? localPart : localPart.substring(0, tag)).toLowerCase(Locale.ROOT);
    return ALL.contains(name)
        || (name.endsWith(LIST_REQUEST) && name.length() > LIST_REQUEST.length());
  }
}
