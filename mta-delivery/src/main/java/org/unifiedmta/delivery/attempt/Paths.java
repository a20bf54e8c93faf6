package org.unifiedmta.delivery.attempt;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.routing.route.MxResolver;
import org.unifiedmta.routing.zone.IpPool.Source;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.smtp.client.Endpoint;

/** Ways to hosts: from which address of ours to which of theirs, as a zone wants it. */
final class Paths {
  private static final int MOST = 20;

  private final Sources sources;
  private final DnsResolver dns;
  private final String heloName;

  Paths(Sources sources, DnsResolver dns, String heloName) {
    this.sources = sources;
    this.dns = dns;
    this.heloName = heloName;
  }

  /** In the order in which they are to be tried; none if no address of ours may be used now. */
  List<Path> of(
      SendingZone zone, List<MxResolver.Host> hosts, int port, String message, String receiver) {
    var from4 = from(zone, false, message, receiver);
    var from6 = from(zone, true, message, receiver);
    var paths = new ArrayList<Path>();
    for (var host : hosts) {
      for (var address : ordered(host.addresses(), zone.family())) {
        var from = isV6(address) ? from6 : from4;
        if (from.isPresent() && paths.size() < MOST) {
          paths.add(from.get().to(new Endpoint(host.name(), address, port), host.secure()));
        }
      }
    }
    return paths;
  }

  /** Whether an address of ours may send to this receiver now. */
  boolean hasSource(SendingZone zone, String message, String receiver) {
    return from(zone, false, message, receiver).isPresent()
        || from(zone, true, message, receiver).isPresent();
  }

  private static boolean isV6(InetAddress address) {
    return address instanceof Inet6Address;
  }

  private static List<InetAddress> ordered(
      List<InetAddress> addresses, SendingZone.IpFamily family) {
    var v4 = addresses.stream().filter(address -> !isV6(address)).toList();
    var v6 = addresses.stream().filter(Paths::isV6).toList();
    return switch (family) {
      case BOTH -> addresses;
      case V4 -> v4;
      case V6 -> v6;
      case PREFER_V4 -> both(v4, v6);
      case PREFER_V6 -> both(v6, v4);
    };
  }

  private static List<InetAddress> both(List<InetAddress> first, List<InetAddress> second) {
    var all = new ArrayList<>(first);
    all.addAll(second);
    return all;
  }

  /** The beginning of a path. */
  private record From(@Nullable Source source, @Nullable String name) {
    Path to(Endpoint endpoint, boolean secure) {
      return new Path(endpoint, source, name, secure);
    }
  }

  private Optional<From> from(SendingZone zone, boolean v6, String message, String receiver) {
    var pool = zone.pool().orElse(null);
    if (pool == null) {
      return Optional.of(new From(null, null));
    }
    var candidates =
        pool.sources().stream().filter(source -> isV6(source.address()) == v6).toList();
    return sources
        .choose(candidates, message, receiver)
        .map(source -> new From(source, nameOf(source)));
  }

  /** RFC 5321 4.1.1.1: the name that the address has in the DNS. */
  private String nameOf(Source source) {
    var given = source.heloName();
    if (given != null) {
      return given;
    }
    for (var name : dns.ptr(source.address()).records()) {
      try {
        return Domains.toAscii(name);
      } catch (IllegalArgumentException e) {
        // no name to be known by
      }
    }
    return heloName;
  }
}
