package org.unifiedmta.security.dmarc;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.dns.SystemDnsResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcResult.Action;
import org.unifiedmta.security.dmarc.DmarcResult.Policy;
import org.unifiedmta.security.spf.SpfResult;

/**
 * Asks the domain in a message's From field what it wants done with mail that neither SPF nor DKIM
 * prove to be its own (RFC 9989). Takes anything a peer may send and anything the DNS may answer;
 * never throws for either. Blocks for DNS look-ups: at most eight for each domain there is.
 * Thread-safe.
 */
public final class DmarcVerifier {
  private final DnsResolver resolver;
  private final Function<Records, Discovery> discovery;

  /** Asks the system's DNS servers. */
  public DmarcVerifier() {
    this(SystemDnsResolver.shared());
  }

  public DmarcVerifier(DnsResolver resolver) {
    this(resolver, TreeWalk::new);
  }

  /**
   * As it was before RFC 9989: organizational domains are those of a list, and no record is looked
   * for between the author's domain and that one (RFC 7489 3.2, 6.6.3). The rest is as ever, {@code
   * pct} too.
   */
  public DmarcVerifier(DnsResolver resolver, PublicSuffixes suffixes) {
    this(resolver, records -> new SuffixLookup(records, suffixes));
  }

  private DmarcVerifier(DnsResolver resolver, Function<Records, Discovery> discovery) {
    this.resolver = resolver;
    this.discovery = discovery;
  }

  private Discovery discovery() {
    return discovery.apply(new Records(resolver));
  }

  /** As {@link #verify(HeaderSection, SpfResult, List)}. */
  public DmarcResult verify(Email email, SpfResult spf, List<DkimResult> dkim) {
    return verify(WireHeader.of(email), spf, dkim);
  }

  /**
   * Looks at the From field as it stands. A message passes only where every reader must see the
   * same one domain in it. Where there are several fields, addresses of several domains, or
   * something that is no list of mailboxes, each domain in it is asked, up to eight, and the
   * strictest answer counts, PASS being none (RFC 9989 11.5). Where there is one, but a name or a
   * comment shows an address elsewhere, that one is asked, and would-be PASS is NONE.
   */
  public DmarcResult verify(HeaderSection header, SpfResult spf, List<DkimResult> dkim) {
    return begin(header).result(spf, dkim);
  }

  /** Begins with a message of which it is not known yet what proves it. */
  public Verification begin(HeaderSection header) {
    return new Verification(Authors.of(header));
  }

  /** One message. Used by one thread at a time. */
  public final class Verification {
    private final Authors authors;
    private final List<Wish> wishes;

    private Verification(Authors authors) {
      this.authors = authors;
      var found = discovery();
      this.wishes = authors.domains().stream().map(domain -> new Wish(domain, found)).toList();
    }

    /** Asks for the policies, so that they are there when the rest is; blocks. */
    public void fetchPolicies() {
      wishes.forEach(Wish::fetch);
    }

    /** As {@link DmarcVerifier#verify(HeaderSection, SpfResult, List)}; blocks. */
    public DmarcResult result(SpfResult spf, List<DkimResult> dkim) {
      return wishes.stream()
          .map(wish -> new Evaluation(wish, spf, dkim).result())
          .map(result -> authors.isCertain() ? result : withoutPass(result))
          .max(Comparator.comparingInt(DmarcVerifier::strictness))
          .orElseGet(DmarcResult::none);
    }
  }

  private static DmarcResult withoutPass(DmarcResult result) {
    return result.action() != Action.PASS
        ? result
        : new DmarcResult(
            Action.NONE,
            result.policy(),
            result.spfDomainAligned(),
            result.dkimDomainAligned(),
            result.recordDomain(),
            result.record());
  }

  private static int strictness(DmarcResult result) {
    return switch (result.action()) {
      case PASS -> 0;
      case NONE -> result.policy() == Policy.ABSENT ? 1 : 2;
      case QUARANTINE -> 3;
      case TEMPERROR -> 4;
      case REJECT -> 5;
    };
  }

  /**
   * Asks a domain.
   *
   * @param headerFromDomain that of the author, U-labels or A-labels; what is no domain name gives
   *     {@link DmarcResult#none}
   */
  public DmarcResult verify(String headerFromDomain, SpfResult spf, List<DkimResult> dkim) {
    var author = DomainNames.normal(headerFromDomain);
    return author == null
        ? DmarcResult.none()
        : new Evaluation(new Wish(author, discovery()), spf, dkim).result();
  }

  /** What the owner of one domain wants done. */
  private final class Wish {
    final String author;
    final Discovery discovery;
    private boolean known;
    private boolean unanswered;
    private Discovery.@Nullable Published published; // null for nothing that can be used
    private Policy policy = Policy.ABSENT;

    Wish(String author, Discovery discovery) {
      this.author = author;
      this.discovery = discovery;
    }

    void fetch() {
      if (known) {
        return;
      }
      known = true;
      try {
        var found = discovery.policy(author);
        if (found != null && found.record().isUsable()) {
          policy = policy(found);
          published = found;
        }
      } catch (PolicyUnavailableException e) {
        unanswered = true;
      }
    }

    /** 4.10.1: of one that was found above the author's domain, what it says of those below. */
    private Policy policy(Discovery.Published found) throws PolicyUnavailableException {
      var record = found.record();
      if (found.domain().equals(author)) {
        return record.policy();
      }
      var below = record.subdomainPolicy().orElse(record.policy());
      var nonexistent = record.nonexistentPolicy().orElse(below);
      return nonexistent == below || exists() ? below : nonexistent;
    }

    /** Whether the author's domain is there in the sense of RFC 8020. */
    private boolean exists() throws PolicyUnavailableException {
      var status = resolver.a(author).status();
      if (status.isTemporary()) {
        throw new PolicyUnavailableException(author);
      }
      return status != Status.NXDOMAIN;
    }
  }

  private static final class Evaluation {
    private final Wish wish;
    private final SpfResult spf;
    private final List<DkimResult> dkim;
    private boolean unanswered;

    Evaluation(Wish wish, SpfResult spf, List<DkimResult> dkim) {
      this.wish = wish;
      this.spf = spf;
      this.dkim = dkim;
    }

    DmarcResult result() {
      wish.fetch();
      if (wish.unanswered) {
        return new DmarcResult(Action.TEMPERROR, Policy.ABSENT, false, false, null);
      }
      var published = wish.published;
      if (published == null) {
        return DmarcResult.none();
      }
      var record = published.record();
      boolean spfAligned =
          spf.result() == SpfResult.Result.PASS && isAligned(spf.domain(), record.isSpfStrict());
      boolean dkimAligned = isSigned(record, DkimResult.Status.PASS);
      var action = spfAligned || dkimAligned ? Action.PASS : action(record, wish.policy);
      return new DmarcResult(
          action, wish.policy, spfAligned, dkimAligned, published.domain(), record);
    }

    /** RFC 6376 3.6.1: what a key in testing signs is treated as if it were not signed. */
    private boolean isSigned(DmarcRecord record, DkimResult.Status status) {
      boolean signed = false;
      var asked = new ArrayList<String>();
      for (var signature : dkim) {
        var domain = signature.domain();
        boolean counts = signature.status() == status && !signature.testing();
        if (counts && domain != null && !asked.contains(domain)) {
          asked.add(domain);
          signed |= isAligned(domain, record.isDkimStrict());
        }
      }
      return signed;
    }

    /** 4.4: the same domain, or, unless strict, the same organizational domain. */
    private boolean isAligned(String identifier, boolean strict) {
      var domain = DomainNames.normal(identifier);
      if (domain == null || domain.equals(wish.author) || strict) {
        return domain != null && domain.equals(wish.author);
      }
      try {
        var organizational = wish.discovery.organizationalDomain(wish.author);
        return DomainNames.isOrIsBelow(domain, organizational)
            && wish.discovery.organizationalDomain(domain).equals(organizational);
      } catch (PolicyUnavailableException e) {
        unanswered = true;
        return false;
      }
    }

    /** What is to be done with mail that nothing proves. */
    private Action action(DmarcRecord record, Policy policy) {
      var action =
          switch (policy) {
            case REJECT -> record.isTesting() ? Action.QUARANTINE : Action.REJECT; // 4.7, t
            case QUARANTINE -> record.isTesting() ? Action.NONE : Action.QUARANTINE;
            case NONE, ABSENT -> Action.NONE;
          };
      // What may have passed, had the DNS answered, has not failed (5.3.6).
      boolean undecided =
          action != Action.NONE
              && ((spf.result() == SpfResult.Result.TEMPERROR
                      && isAligned(spf.domain(), record.isSpfStrict()))
                  || isSigned(record, DkimResult.Status.TEMPERROR));
      return unanswered || undecided ? Action.TEMPERROR : action;
    }
  }
}
