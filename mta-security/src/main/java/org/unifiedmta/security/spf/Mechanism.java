package org.unifiedmta.security.spf;

import org.jspecify.annotations.Nullable;

/** What a client's address is compared with (RFC 7208 5). A domain of null is the one checked. */
sealed interface Mechanism {

  /** Everybody (5.1). */
  record All() implements Mechanism {}

  /** Who passes there (5.2). */
  record Include(MacroString domain) implements Mechanism {}

  /** The addresses of a name (5.3). */
  record A(@Nullable MacroString domain, Prefixes prefixes) implements Mechanism {}

  /** The addresses of its mail servers (5.4). */
  record Mx(@Nullable MacroString domain, Prefixes prefixes) implements Mechanism {}

  /** Who is named so, both ways (5.5). */
  record Ptr(@Nullable MacroString domain) implements Mechanism {}

  /** {@code ip4} and {@code ip6} (5.6). */
  record Ip(Network network) implements Mechanism {}

  /** Whoever makes this a name that is there (5.7). */
  record Exists(MacroString domain) implements Mechanism {}

  /** {@code dual-cidr-length}: the bits that count. */
  record Prefixes(int ipv4, int ipv6) {
    static final Prefixes WHOLE = new Prefixes(32, 128);
  }

  /** Whether that is the whole Internet, or the half of it with short or with long addresses. */
  default boolean isEverybody() {
    return switch (this) {
      case All all -> true;
      case Ip ip -> ip.network().bits() == 0;
      case A a -> a.prefixes().ipv4() == 0 || a.prefixes().ipv6() == 0;
      case Mx mx -> mx.prefixes().ipv4() == 0 || mx.prefixes().ipv6() == 0;
      case Include include -> false;
      case Ptr ptr -> false;
      case Exists exists -> false;
    };
  }
}
