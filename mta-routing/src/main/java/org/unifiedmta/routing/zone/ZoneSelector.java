package org.unifiedmta.routing.zone;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.email.Headers;
import org.unifiedmta.routing.route.EmailContext;
import org.unifiedmta.routing.route.EmailRouter;
import org.unifiedmta.routing.route.Network;

/**
 * Decides from which zone a recipient's mail leaves. The first of these that a zone claims, and
 * among zones the first in their order:
 *
 * <ol>
 *   <li>the name in {@code X-Sending-Zone}, of a client that may relay;
 *   <li>a header field;
 *   <li>the domain of From:, or where that has none, of the reverse path;
 *   <li>the recipient's domain;
 *   <li>the client's address;
 * </ol>
 *
 * and else the default zone. Thread-safe.
 */
public final class ZoneSelector {
  /** The zone of what no other claims; there where nobody has made it, too. */
  public static final String DEFAULT = EmailRouter.DEFAULT_ZONE;

  /** The header field that names a zone; it is taken out before the message is sent. */
  public static final String HEADER = "X-Sending-Zone";

  private final Map<String, SendingZone> zones;
  private final SendingZone defaultZone;
  private final boolean anybodyMayName;
  private final Map<String, String> byHeader;
  private final Map<String, String> bySender;
  private final Map<String, String> byRecipient;
  private final Map<Network, String> byOrigin = new LinkedHashMap<>();

  /**
   * @param zones in the order in which they claim mail
   * @param anybodyMayName whether {@link #HEADER} counts whoever the client is
   * @throws IllegalArgumentException if two have the same name
   */
  public ZoneSelector(List<SendingZone> zones, boolean anybodyMayName) {
    this.anybodyMayName = anybodyMayName;
    var byName = new LinkedHashMap<String, SendingZone>();
    for (var zone : zones) {
      if (byName.put(zone.name(), zone) != null) {
        throw new IllegalArgumentException("two zones by the name " + zone.name());
      }
      for (var network : zone.claims().originAddresses()) {
        byOrigin.putIfAbsent(Network.parse(network), zone.name());
      }
    }
    this.defaultZone = byName.computeIfAbsent(DEFAULT, name -> SendingZone.builder(name).build());
    this.zones = byName;
    this.byHeader = claimed(zones, zone -> pairs(zone.claims().routingHeaders()));
    this.bySender = claimed(zones, zone -> zone.claims().senderDomains().stream());
    this.byRecipient = claimed(zones, zone -> zone.claims().recipientDomains().stream());
  }

  /** Only the default zone. */
  public static ZoneSelector none() {
    return new ZoneSelector(List.of(), false);
  }

  private static Map<String, String> claimed(
      List<SendingZone> zones, Function<SendingZone, Stream<String>> what) {
    var claimed = new HashMap<String, String>();
    for (var zone : zones) {
      what.apply(zone).forEach(each -> claimed.putIfAbsent(each, zone.name()));
    }
    return Map.copyOf(claimed);
  }

  private static Stream<String> pairs(Map<String, String> headers) {
    return headers.entrySet().stream().map(header -> pair(header.getKey(), header.getValue()));
  }

  private static String pair(String name, String value) {
    return name + ":" + value; // no name has a colon
  }

  static String key(String name) {
    return name.strip().toLowerCase(Locale.ROOT);
  }

  /** All, the default one among them. */
  public List<SendingZone> zones() {
    return List.copyOf(zones.values());
  }

  /** The zone of this name; the default one where there is none any more. */
  public SendingZone zone(String name) {
    return zones.getOrDefault(key(name), defaultZone);
  }

  /** The zone of this name, or empty. */
  public Optional<SendingZone> find(String name) {
    return Optional.ofNullable(zones.get(key(name)));
  }

  /**
   * The zone for one recipient.
   *
   * @param context of the message, with its header fields
   */
  public SendingZone select(EmailContext context, EmailAddress recipient) {
    var name = named(context);
    name = name != null || byHeader.isEmpty() ? name : header(context.headers());
    name = name != null || bySender.isEmpty() ? name : sender(context);
    name = name != null ? name : byRecipient.get(recipient.domain());
    return zone(name != null ? name : origin(context));
  }

  private @Nullable String named(EmailContext context) {
    if (!anybodyMayName && !context.mayRelay()) {
      return null;
    }
    return context
        .headers()
        .first(HEADER)
        .map(ZoneSelector::key)
        .filter(zones::containsKey)
        .orElse(null);
  }

  private @Nullable String header(Headers headers) {
    var pairs =
        headers.fields().stream()
            .map(field -> pair(key(field.name()), key(field.value())))
            .collect(Collectors.toSet());
    return first(byHeader, pairs);
  }

  /** Of all zones that claim one of these, the first. */
  private @Nullable String first(Map<String, String> claims, Set<String> wanted) {
    var claiming =
        wanted.stream().map(claims::get).filter(Objects::nonNull).collect(Collectors.toSet());
    return claiming.isEmpty()
        ? null
        : zones.keySet().stream().filter(claiming::contains).findFirst().orElse(null);
  }

  private @Nullable String sender(EmailContext context) {
    var from = context.headers().addresses("From").mailboxes();
    var addresses = from.stream().map(Mailbox::address).toList();
    if (addresses.isEmpty() && context.sender() != null) {
      addresses = List.of(context.sender());
    }
    return first(
        bySender, addresses.stream().map(EmailAddress::domain).collect(Collectors.toSet()));
  }

  private String origin(EmailContext context) {
    for (var claim : byOrigin.entrySet()) {
      if (claim.getKey().contains(context.clientIp())) {
        return claim.getValue();
      }
    }
    return DEFAULT;
  }
}
