package org.unifiedmta.security.transport;

import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import org.jspecify.annotations.Nullable;

/** The names of hosts that a certificate is for (RFC 7672 3.2.2, RFC 9525). */
final class CertificateNames {
  private static final int DNS_NAME = 2; // RFC 5280 4.2.1.6
  private static final int MOST = 1_000;

  private CertificateNames() {}

  static boolean isForOneOf(X509Certificate certificate, List<String> hosts) {
    var names = of(certificate);
    return hosts.stream().anyMatch(host -> names.stream().anyMatch(name -> matches(name, host)));
  }

  /** DNS-IDs; the common name only where there is none (RFC 7672 3.2.2). */
  private static List<String> of(X509Certificate certificate) {
    var names = new ArrayList<String>();
    for (var name : alternatives(certificate)) {
      if (names.size() < MOST
          && name.size() > 1
          && name.get(0) instanceof Integer type
          && type == DNS_NAME
          && name.get(1) instanceof String dns) {
        names.add(dns);
      }
    }
    if (names.isEmpty()) {
      var common = commonName(certificate.getSubjectX500Principal().getName());
      if (common != null) {
        names.add(common);
      }
    }
    return names;
  }

  private static Collection<List<?>> alternatives(X509Certificate certificate) {
    try {
      var names = certificate.getSubjectAlternativeNames();
      return names == null ? List.of() : names;
    } catch (CertificateParsingException e) {
      return List.of();
    }
  }

  private static @Nullable String commonName(String subject) {
    try {
      for (var part : new LdapName(subject).getRdns()) {
        if (part.getType().equalsIgnoreCase("CN")) {
          return String.valueOf(part.getValue());
        }
      }
    } catch (InvalidNameException e) {
      // a subject that nobody can read names no host
    }
    return null;
  }

  /** RFC 9525 6.3: a wildcard is the whole leftmost label, and stands for one. */
  static boolean matches(String name, String host) {
    var pattern = name.toLowerCase(Locale.ROOT);
    var wanted = host.toLowerCase(Locale.ROOT);
    if (!pattern.startsWith("*.")) {
      return pattern.equals(wanted) && pattern.indexOf('*') < 0;
    }
    int dot = wanted.indexOf('.');
    var parent = pattern.substring(1);
    return dot > 0
        && parent.indexOf('*') < 0
        && parent.indexOf('.', 1) > 0
        && wanted.substring(dot).equals(parent);
  }
}
