package org.unifiedmta.security.transport;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.dns.DnsResolver.Tlsa;

/**
 * Finds what TLS a domain wants its mail hosts to be held to: by DANE (RFC 7672), where there is
 * none by MTA-STS (RFC 8461), else by nobody. Blocks.
 */
public final class TlsPolicyResolver {

  /** Who wants it. */
  public enum Origin {
    TLSA("tlsa"),
    STS("sts"),
    NONE("no-policy-found");

    private final String keyword;

    Origin(String keyword) {
      this.keyword = keyword;
    }

    /** As reports name it (RFC 8460 4.4). */
    public String keyword() {
      return keyword;
    }
  }

  /** What is demanded of one host. */
  public sealed interface Demand {
    Origin origin();

    /** It gets mail under this policy. */
    record Use(TlsPolicy policy, Origin origin) implements Demand {}

    /** It gets no mail now. */
    record Avoid(Origin origin, TlsFailure failure, String reason) implements Demand {}
  }

  private final DnsResolver dns;
  private final @Nullable MtaStsPolicies sts;

  /**
   * @param sts null to ask for none
   */
  public TlsPolicyResolver(DnsResolver dns, @Nullable MtaStsPolicies sts) {
    this.dns = dns;
    this.sts = sts;
  }

  /** For the hosts that the MX records of a domain name. */
  public HostPolicies ofDomain(String domain) {
    return new HostPolicies(domain, true);
  }

  /** For a host that is named by whoever runs this server. */
  public HostPolicies ofHost(String host) {
    return new HostPolicies(host, false);
  }

  /** What one domain wants of its hosts, asked once for all of them. For one thread. */
  public final class HostPolicies {
    private final String domain;
    private final boolean byMx;
    private MtaStsPolicies.@Nullable Found found;

    private HostPolicies(String domain, boolean byMx) {
      this.domain = domain;
      this.byMx = byMx;
    }

    /** Whose mail it is. */
    public String domain() {
      return domain;
    }

    /** Whether MX records led to the hosts. */
    public boolean isByMx() {
      return byMx;
    }

    /**
     * What is demanded of one of them.
     *
     * @param secure whether DNSSEC vouches for all that led to it: MX records and addresses
     */
    public Demand of(String host, boolean secure, int port) {
      var dane = secure ? dane(host, port) : null;
      if (dane != null) {
        return dane; // RFC 8461 2: MTA-STS never overrides it
      }
      if (!(sts() instanceof MtaStsPolicies.Found.Policy(var policy, var id, var until))) {
        return new Demand.Use(new TlsPolicy.Opportunistic(), Origin.NONE);
      }
      boolean named = policy.matches(host.toLowerCase(Locale.ROOT));
      return switch (policy.mode()) {
        case NONE -> new Demand.Use(new TlsPolicy.Opportunistic(), Origin.NONE);
        case TESTING ->
            new Demand.Use(
                named ? new TlsPolicy.Testing() : new TlsPolicy.Opportunistic(), Origin.STS);
        case ENFORCE ->
            named
                ? new Demand.Use(new TlsPolicy.Verified(), Origin.STS)
                : new Demand.Avoid(
                    Origin.STS,
                    TlsFailure.VALIDATION_FAILURE,
                    host + " is none of the hosts that " + domain + " names by MTA-STS");
      };
    }

    /** Whether a policy of MTA-STS, if there is one, names a host. */
    public boolean named(String host) {
      return !(sts() instanceof MtaStsPolicies.Found.Policy found)
          || found.policy().matches(host.toLowerCase(Locale.ROOT));
    }

    /** What is wrong with the policy that the domain says it has; null for nothing. */
    public @Nullable TlsFailure problem() {
      return sts() instanceof MtaStsPolicies.Found.Failed failed
          ? TlsFailure.ofKeyword(failed.resultType())
          : null;
    }

    /** The lines of the policy, as reports show them; none for none, or one of DANE. */
    public List<String> lines() {
      return sts() instanceof MtaStsPolicies.Found.Policy found
          ? found.policy().text().lines().toList()
          : List.of();
    }

    private MtaStsPolicies.Found sts() {
      var known = found;
      if (known == null) {
        boolean hasNone = !byMx || domain.startsWith("[");
        known = sts == null || hasNone ? new MtaStsPolicies.Found.None() : sts.of(domain);
        found = known;
      }
      return known;
    }

    /** RFC 7672 2.2: null where DANE does not apply. */
    private @Nullable Demand dane(String host, int port) {
      for (var base : bases(host)) {
        var answer = dns.tlsa("_" + port + "._tcp." + base);
        if (answer.status().isTemporary()) {
          // RFC 7672 2.1.2: who could hide an answer could hide TLS, too.
          return new Demand.Avoid(
              Origin.TLSA, TlsFailure.DNSSEC_INVALID, "no answer for the TLSA records of " + base);
        }
        if (answer.status() == Status.OK && answer.dnssec()) {
          return new Demand.Use(policy(answer.records(), base, host), Origin.TLSA);
        }
      }
      return null;
    }

    private TlsPolicy policy(List<Tlsa> records, String base, String host) {
      var usable = DaneVerifier.usable(records);
      if (usable.isEmpty()) {
        return new TlsPolicy.Encrypted(); // RFC 7672 2.2
      }
      var names = new LinkedHashSet<>(List.of(base, host, domain)); // RFC 7672 3.2.2
      return new TlsPolicy.Dane(usable, List.copyOf(names));
    }

    /** RFC 7672 2.2.2: the name that an alias leads to comes first, if DNSSEC vouches for it. */
    private List<String> bases(String host) {
      var bases = new ArrayList<String>(2);
      var alias = dns.cname(host);
      if (alias.status() == Status.OK && alias.dnssec()) {
        bases.add(alias.records().getFirst());
      }
      bases.add(host);
      return bases;
    }
  }
}
