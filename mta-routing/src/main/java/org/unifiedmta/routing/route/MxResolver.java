package org.unifiedmta.routing.route;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.address.PrivateNetworks;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.DnsResolver.Mx;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.reply.SmtpReply;

/** Finds the hosts that take a domain's mail (RFC 5321 5.1), failures told apart. Blocks. */
public final class MxResolver {
  private static final int MAXIMUM_HOSTS = 10;
  private static final int MAXIMUM_ADDRESSES = 4; // of one host

  /**
   * One host to try.
   *
   * @param addresses at least one, in the order in which they are to be tried
   * @param secure whether DNSSEC vouches for the addresses, and the MX records that named the host
   */
  public record Host(String name, List<InetAddress> addresses, boolean secure) {
    public Host {
      addresses = List.copyOf(addresses);
    }
  }

  /** What was found. */
  public sealed interface Result {
    /** In the order in which they are to be tried; at least one. */
    record Hosts(List<Host> hosts) implements Result {
      public Hosts {
        hosts = List.copyOf(hosts);
      }
    }

    /** Nobody takes this domain's mail, or nobody can say now: as the reply's code tells. */
    record Failed(SmtpReply reply) implements Result {}
  }

  private static final List<InetAddress> LOOPBACK =
      Stream.of("127.0.0.1", "::1").map(Literals::ip).filter(Objects::nonNull).toList();

  private final DnsResolver dns;
  private final boolean allowPrivate;
  private final Set<String> ourNames;
  private final Predicate<InetSocketAddress> ours;
  private final RandomGenerator random;

  /**
   * @param allowPrivate whether MX hosts may be on loopback, link-local and private addresses
   * @param ourNames in lower case; a host by one of them, and those that are not preferred to it,
   *     are left out
   * @param ours whether we are there; such a host is left out, too
   */
  public MxResolver(
      DnsResolver dns,
      boolean allowPrivate,
      Set<String> ourNames,
      Predicate<InetSocketAddress> ours,
      RandomGenerator random) {
    this.dns = dns;
    this.allowPrivate = allowPrivate;
    this.ourNames = Set.copyOf(ourNames);
    this.ours = ours;
    this.random = random;
  }

  /**
   * The hosts of a domain or address literal.
   *
   * @param port that they will be dialled at
   */
  public Result resolve(String domain, int port) {
    if (domain.startsWith("[")) {
      return literal(domain, port);
    }
    var answer = dns.mx(domain);
    return switch (answer.status()) {
      case OK -> exchangers(domain, port, answer.records(), answer.dnssec());
      case NODATA -> // RFC 5321 5.1: the implicit MX
          hosts(domain, port, List.of(new Mx(0, domain)), answer.dnssec());
      case NXDOMAIN -> failed(550, "5.1.2", "no such domain: " + domain);
      case SERVFAIL, TIMEOUT -> failed(451, "4.4.3", "no answer from the DNS for " + domain);
    };
  }

  /** The addresses of a host by name or as an IP address, as a route or smart host gives it. */
  public Result address(String host) {
    var ip = Literals.ip(host);
    if (ip != null) {
      return new Result.Hosts(List.of(new Host(host, List.of(ip), false)));
    }
    if (host.equalsIgnoreCase("localhost")) {
      return new Result.Hosts(
          List.of(new Host(host, LOOPBACK, false))); // RFC 6761 6.3: never asked for
    }
    var failures = new Failures();
    var found = addresses(host, failures);
    return found.isEmpty()
        ? failures.result(host)
        : new Result.Hosts(List.of(new Host(host, found, failures.secure)));
  }

  /** RFC 5321 4.1.3. */
  private Result literal(String domain, int port) {
    var ip = Literals.parse(domain.substring(1, domain.length() - 1));
    if (ip == null || (PrivateNetworks.contains(ip) && !allowPrivate)) {
      return failed(550, "5.1.2", "no address to send to: " + domain);
    }
    if (ours.test(new InetSocketAddress(ip, port))) {
      return loop(domain);
    }
    return new Result.Hosts(List.of(new Host(domain, List.of(ip), false)));
  }

  private Result exchangers(String domain, int port, List<Mx> records, boolean secure) {
    if (records.stream().allMatch(mx -> mx.host().isEmpty())) {
      return failed(556, "5.1.10", domain + " takes no mail"); // RFC 7505 4.2
    }
    var shuffled = new ArrayList<>(records.stream().filter(mx -> !mx.host().isEmpty()).toList());
    Collections.shuffle(shuffled, random); // RFC 5321 5.1: equal ones in random order
    shuffled.sort(Comparator.comparingInt(Mx::preference));
    int ourPreference =
        shuffled.stream()
            .filter(mx -> ourNames.contains(mx.host()))
            .mapToInt(Mx::preference)
            .min()
            .orElse(Integer.MAX_VALUE);
    // RFC 5321 5.1: those at our own preference and behind it would send it back.
    var others = shuffled.stream().filter(mx -> mx.preference() < ourPreference).toList();
    return others.isEmpty() ? loop(domain) : hosts(domain, port, others, secure);
  }

  /** A host, and how much it is preferred. */
  private record Candidate(Host host, int preference) {}

  private Result hosts(String domain, int port, List<Mx> exchangers, boolean secure) {
    var failures = new Failures();
    var candidates = new ArrayList<Candidate>();
    var names = new HashSet<String>();
    for (var mx : exchangers) {
      if (names.size() == MAXIMUM_HOSTS || !names.add(mx.host())) {
        continue;
      }
      failures.secure = secure;
      var addresses =
          addresses(mx.host(), failures).stream()
              .filter(address -> allowPrivate || !failures.isPrivate(address))
              .toList();
      if (addresses.stream().anyMatch(address -> ours.test(new InetSocketAddress(address, port)))) {
        // RFC 5321 5.1: a match of "any of the names or addresses by which it might be known".
        failures.loop = true;
        candidates.removeIf(candidate -> candidate.preference >= mx.preference());
        break;
      }
      if (!addresses.isEmpty()) {
        candidates.add(
            new Candidate(new Host(mx.host(), addresses, failures.secure), mx.preference()));
      }
    }
    return candidates.isEmpty()
        ? failures.result(domain)
        : new Result.Hosts(candidates.stream().map(Candidate::host).toList());
  }

  private List<InetAddress> addresses(String host, Failures failures) {
    var addresses = new ArrayList<InetAddress>();
    for (var answer : List.of(dns.a(host), dns.aaaa(host))) {
      failures.temporary |= answer.status().isTemporary();
      failures.domainThere |= answer.status() != Status.NXDOMAIN;
      // RFC 7672 2.2.2: what comes without DNSSEC may be anybody's.
      failures.secure &= answer.records().isEmpty() || answer.dnssec();
      answer.records().stream().limit(MAXIMUM_ADDRESSES).forEach(addresses::add);
    }
    return addresses;
  }

  /** Why no host is left. */
  private static final class Failures {
    private boolean temporary;
    private boolean domainThere;
    private boolean secure = true; // the host that is looked at
    private boolean loop;
    private @Nullable InetAddress blocked;

    boolean isPrivate(InetAddress address) {
      if (!PrivateNetworks.contains(address)) {
        return false;
      }
      blocked = address;
      return true;
    }

    Result result(String name) {
      if (temporary) {
        return failed(451, "4.4.3", "no answer from the DNS for the hosts of " + name);
      }
      if (loop) {
        return loop(name);
      }
      if (blocked != null) {
        return failed(550, "5.4.4", "the hosts of " + name + " have private addresses only");
      }
      return domainThere
          ? failed(550, "5.4.4", "the hosts of " + name + " have no address")
          : failed(550, "5.1.2", "no such host: " + name);
    }
  }

  private static Result loop(String domain) {
    return failed(554, "5.4.6", "mail for " + domain + " loops back to this host");
  }

  private static Result failed(int code, String status, String text) {
    return new Result.Failed(SmtpReply.of(code, status, text));
  }
}
