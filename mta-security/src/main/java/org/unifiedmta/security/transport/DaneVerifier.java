package org.unifiedmta.security.transport;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.dns.DnsResolver.Tlsa;

/**
 * Checks a mail host's certificate against the TLSA records of its zone (RFC 7671, RFC 7672 3).
 * Whether the records were validated is not asked here.
 */
public final class DaneVerifier {
  private static final int TRUST_ANCHOR = 2;
  private static final int END_ENTITY = 3;
  private static final int LONGEST_CHAIN = 10;

  private final InstantSource clock;

  public DaneVerifier(InstantSource clock) {
    this.clock = clock;
  }

  /**
   * Those that mail hosts can be checked with: RFC 7672 3.1.3 leaves out what speaks of public
   * authorities.
   */
  public static List<Tlsa> usable(List<Tlsa> records) {
    return records.stream().filter(DaneVerifier::isUsable).toList();
  }

  private static boolean isUsable(Tlsa record) {
    boolean known =
        (record.usage() == TRUST_ANCHOR || record.usage() == END_ENTITY)
            && (record.selector() == 0 || record.selector() == 1);
    return known
        && switch (record.matchingType()) {
          case 0 -> record.data().length > 0;
          case 1 -> record.data().length == 32;
          case 2 -> record.data().length == 64;
          default -> false;
        };
  }

  /**
   * Checks a chain as the server sent it, its own certificate first.
   *
   * @throws CertificateException says why none of the records matches
   */
  public void verify(List<X509Certificate> chain, TlsPolicy.Dane policy)
      throws CertificateException {
    if (chain.isEmpty() || chain.size() > LONGEST_CHAIN) {
      throw new CertificateException("a chain of " + chain.size() + " certificates");
    }
    var why = "no certificate matches a TLSA record";
    for (var record : policy.records()) {
      if (record.usage() == END_ENTITY) {
        // RFC 7672 3.1.1: neither names nor dates count, the record says it all.
        if (matches(record, chain.getFirst())) {
          return;
        }
      } else if (record.usage() == TRUST_ANCHOR) {
        var problem = anchored(record, chain, policy.names());
        if (problem == null) {
          return;
        }
        why = problem;
      }
    }
    throw new CertificateException(why);
  }

  /** RFC 7672 3.1.2: null if the chain leads to the certificate that the record names. */
  private @Nullable String anchored(Tlsa record, List<X509Certificate> chain, List<String> names) {
    var why = "no certificate matches a TLSA record";
    for (int i = 0; i < chain.size(); i++) {
      if (!matches(record, chain.get(i))) {
        continue;
      }
      if (!CertificateNames.isForOneOf(chain.getFirst(), names)) {
        return "the certificate is for none of " + names;
      }
      try {
        validate(chain, i);
        return null;
      } catch (GeneralSecurityException e) {
        why = "no chain to the certificate of a TLSA record: " + e.getMessage();
      }
    }
    return why;
  }

  private void validate(List<X509Certificate> chain, int anchor) throws GeneralSecurityException {
    if (anchor == 0) {
      chain.getFirst().checkValidity(Date.from(clock.instant()));
      return;
    }
    var parameters = new PKIXParameters(Set.of(new TrustAnchor(chain.get(anchor), null)));
    parameters.setRevocationEnabled(false);
    parameters.setDate(Date.from(clock.instant()));
    var path = CertificateFactory.getInstance("X.509").generateCertPath(chain.subList(0, anchor));
    var unused = CertPathValidator.getInstance("PKIX").validate(path, parameters);
  }

  /** RFC 6698 2.1.2 and 2.1.3. */
  private static boolean matches(Tlsa record, X509Certificate certificate) {
    try {
      var octets =
          record.selector() == 0
              ? certificate.getEncoded()
              : certificate.getPublicKey().getEncoded();
      var compared =
          switch (record.matchingType()) {
            case 1 -> MessageDigest.getInstance("SHA-256").digest(octets);
            case 2 -> MessageDigest.getInstance("SHA-512").digest(octets);
            default -> octets;
          };
      return Arrays.equals(compared, record.data());
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /** What makes connections that are checked so. */
  public SSLContext context(TlsPolicy.Dane policy) {
    return new ServerTrust() {
      @Override
      protected void check(X509Certificate[] chain) throws CertificateException {
        verify(List.of(chain), policy);
      }
    }.context();
  }
}
