package org.unifiedmta.security.reputation;

import java.net.InetAddress;
import java.util.List;
import java.util.Set;

/** Says what is known of an address. Blocks; thread-safe. */
public interface IPReputationChecker {

  /**
   * @param score 0 good to 100 bad
   * @param listedBy the zones that list the address
   */
  record Reputation(int score, List<String> listedBy, Set<Kind> kinds) {

    /** What kind of address it is. */
    public enum Kind {
      PROXY,
      TOR,
      VPN,
      DIALUP,
      SPAM_SOURCE
    }

    public Reputation {
      listedBy = List.copyOf(listedBy);
      kinds = Set.copyOf(kinds);
    }
  }

  Reputation check(InetAddress address);
}
