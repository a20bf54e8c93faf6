package org.unifiedmta.routing.route;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
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
  private final RandomGenerator random;

  /**
   * @param allowPrivate whether MX hosts may be on loopback, link-local and private addresses
   * @param ourNames in lower case; a host by one of them, and those less preferred, are left out
   */
  public MxResolver(
      DnsResolver dns, boolean allowPrivate, Set<String> ourNames, RandomGenerator random) {
    this.dns = dns;
    this.allowPrivate = allowPrivate;
    this.ourNames = Set.copyOf(ourNames);
    this.random = random;
  }

  /** The hosts of a domain or address literal. */
  public Result resolve(String domain) {
    if (domain.startsWith("[")) {
      return literal(domain);
    }
    var answer = dns.mx(domain);
    return switch (answer.status()) {
      case OK -> exchangers(domain, answer.records(), answer.dnssec());
      case NODATA ->
          hosts(domain, List.of(domain), answer.dnssec()); // RFC 5321 5.1: the implicit MX
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
  private Result literal(String domain) {
    var ip = Literals.parse(domain.substring(1, domain.length() - 1));
    if (ip == null || (PrivateNetworks.contains(ip) && !allowPrivate)) {
      return failed(550, "5.1.2", "no address to send to: " + domain);
    }
    return new Result.Hosts(List.of(new Host(domain, List.of(ip), false)));
  }

  private Result exchangers(String domain, List<Mx> records, boolean secure) {
    if (records.stream().allMatch(mx -> mx.host().isEmpty())) {
      return failed(556, "5.1.10", domain + " takes no mail"); // RFC 7505 4.2
    }
    var shuffled = new ArrayList<>(records.stream().filter(mx -> !mx.host().isEmpty()).toList());
    Collections.shuffle(shuffled, random); // RFC 5321 5.1: equal ones in random order
    shuffled.sort(Comparator.comparingInt(Mx::preference));
    int ours =
        shuffled.stream()
            .filter(mx -> ourNames.contains(mx.host()))
            .mapToInt(Mx::preference)
            .min()
            .orElse(Integer.MAX_VALUE);
    // RFC 5321 5.1: those at our own preference and behind it would send it back.
    var others = shuffled.stream().filter(mx -> mx.preference() < ours).map(Mx::host).toList();
    return others.isEmpty()
        ? failed(554, "5.4.6", "mail for " + domain + " loops back to this host")
        : hosts(domain, others, secure);
  }

  private Result hosts(String domain, List<String> names, boolean secure) {
    var failures = new Failures();
    var hosts = new ArrayList<Host>();
    for (var name : names.stream().distinct().limit(MAXIMUM_HOSTS).toList()) {
      failures.secure = secure;
      var addresses =
          addresses(name, failures).stream()
              .filter(address -> allowPrivate || !failures.isPrivate(address))
              .toList();
      if (!addresses.isEmpty()) {
        hosts.add(new Host(name, addresses, failures.secure));
      }
    }
    return hosts.isEmpty() ? failures.result(domain) : new Result.Hosts(hosts);
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
      if (blocked != null) {
        return failed(550, "5.4.4", "the hosts of " + name + " have private addresses only");
      }
      return domainThere
          ? failed(550, "5.4.4", "the hosts of " + name + " have no address")
          : failed(550, "5.1.2", "no such host: " + name);
    }
  }

  private static Result failed(int code, String status, String text) {
    return new Result.Failed(SmtpReply.of(code, status, text));
  }
}
