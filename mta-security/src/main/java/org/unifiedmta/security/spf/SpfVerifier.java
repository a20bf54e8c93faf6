package org.unifiedmta.security.spf;

import java.net.InetAddress;
import java.time.Clock;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.SystemDnsResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.security.spf.SpfResult.Result;

/**
 * Asks a sender's domain whether this client may send for it (RFC 7208). Takes anything a peer may
 * send and anything the DNS may answer; never throws for either. Blocks for DNS look-ups: at most
 * 10 terms with them, 2 of which find nothing, 10 MX or PTR names each, and 20 s, after which no
 * other is begun. Thread-safe.
 */
public final class SpfVerifier {
  private static final String UNKNOWN = "unknown"; // RFC 7208 7.3, macro r

  private final DnsResolver resolver;
  private final Clock clock;
  private final String receivingHost;

  /** Asks the system's DNS servers. */
  public SpfVerifier() {
    this(SystemDnsResolver.shared());
  }

  public SpfVerifier(DnsResolver resolver) {
    this(resolver, Clock.systemUTC(), UNKNOWN);
  }

  /**
   * @param receivingHost our own name, which explanations of refusing domains may mention
   */
  public SpfVerifier(DnsResolver resolver, Clock clock, String receivingHost) {
    this.resolver = resolver;
    this.clock = clock;
    this.receivingHost = receivingHost;
  }

  /** Checks the domain of a reverse path; for the null one see {@link #check}. */
  public SpfResult verify(EmailAddress mailFrom, InetAddress ip, String helo) {
    return check(Sender.of(mailFrom.localPart(), mailFrom.domain(), helo), ip);
  }

  /** Checks the envelope's sender of a message, which may be the null one; never its From field. */
  public SpfResult verify(Email email, InetAddress ip, String helo) {
    return email
        .envelopeFrom()
        .map(mailFrom -> verify(mailFrom, ip, helo))
        .orElseGet(() -> check("", ip, helo));
  }

  /**
   * Checks whatever a peer gave as its reverse path.
   *
   * @param rawMailFrom without angle brackets; the domain is what follows its last {@code @}, or
   *     all of it where there is none. Empty for the null sender: then the domain is that of HELO
   *     (RFC 7208 2.4)
   * @param ip the client's; an IPv4-mapped one counts as that IPv4 address
   * @param helo what the client called itself
   * @return NONE with an empty domain where there is no domain name to ask about
   */
  public SpfResult check(String rawMailFrom, InetAddress ip, String helo) {
    return check(Sender.of(rawMailFrom, helo), ip);
  }

  private SpfResult check(Sender sender, InetAddress ip) {
    if (sender.domain().isEmpty()) {
      return new SpfResult(Result.NONE, "", ip, null, "no domain name to ask about");
    }
    return new SpfCheck(resolver, clock, receivingHost, sender, ip).result(sender.domain());
  }
}
