package org.unifiedmta.routing.zone;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.routing.route.Network;

/**
 * Which mail a zone takes for itself, each by its own; see {@link ZoneSelector} for their order.
 *
 * @param routingHeaders header fields by name, with the whole value that they must have; both
 *     without regard to case
 * @param senderDomains of From:, or else of the reverse path
 * @param recipientDomains of the envelope
 * @param originAddresses clients, by address or network such as {@code 192.0.2.0/24}
 */
public record Claims(
    Map<String, String> routingHeaders,
    Set<String> senderDomains,
    Set<String> recipientDomains,
    List<String> originAddresses) {

  /**
   * @throws IllegalArgumentException if a domain or network is none
   */
  public Claims {
    routingHeaders = lowerCase(routingHeaders);
    senderDomains = ascii(senderDomains);
    recipientDomains = ascii(recipientDomains);
    originAddresses = List.copyOf(originAddresses);
    originAddresses.forEach(Network::parse);
  }

  /** No mail but what names the zone, or falls to it for want of another. */
  public static Claims none() {
    return new Claims(Map.of(), Set.of(), Set.of(), List.of());
  }

  /** The same, and mail with this header field. */
  public Claims withRoutingHeader(String name, String value) {
    var headers = new HashMap<>(routingHeaders);
    headers.put(name, value);
    return new Claims(headers, senderDomains, recipientDomains, originAddresses);
  }

  /** The same, and mail from these domains. */
  public Claims withSenderDomains(String... domains) {
    var all = new HashSet<>(senderDomains);
    all.addAll(List.of(domains));
    return new Claims(routingHeaders, all, recipientDomains, originAddresses);
  }

  /** The same, and mail to these domains. */
  public Claims withRecipientDomains(String... domains) {
    var all = new HashSet<>(recipientDomains);
    all.addAll(List.of(domains));
    return new Claims(routingHeaders, senderDomains, all, originAddresses);
  }

  /** The same, and mail of these clients. */
  public Claims withOriginAddresses(String... networks) {
    var all = new ArrayList<>(originAddresses);
    all.addAll(List.of(networks));
    return new Claims(routingHeaders, senderDomains, recipientDomains, all);
  }

  private static Map<String, String> lowerCase(Map<String, String> headers) {
    var lower = new HashMap<String, String>();
    headers.forEach((name, value) ->
        lower.put(name.toLowerCase(Locale.ROOT), value.strip().toLowerCase(Locale.ROOT)));
    return Map.copyOf(lower);
  }

  private static Set<String> ascii(Set<String> domains) {
    var ascii = new HashSet<String>();
    domains.forEach(domain -> ascii.add(Domains.toAscii(domain)));
    return Set.copyOf(ascii);
  }
}
