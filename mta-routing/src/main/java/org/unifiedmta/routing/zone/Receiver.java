package org.unifiedmta.routing.zone;

import java.util.List;

/**
 * Who takes mail for many domains, so that what they are sent counts together.
 *
 * @param name for people, and for {@link SendingZone.Builder#destination}
 * @param hosts names of MX hosts, or domains that these are in
 * @param policy what all of this process may send it
 * @param rules what its replies mean, the first that fits counts
 */
public record Receiver(
    String name, List<String> hosts, DestinationPolicy policy, List<ReplyRule> rules) {
  public Receiver {
    hosts = List.copyOf(hosts);
    rules = List.copyOf(rules);
  }

  boolean hasHost(String host) {
    return hosts.stream().anyMatch(name -> host.equals(name) || host.endsWith("." + name));
  }
}
