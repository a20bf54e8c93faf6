package org.unifiedmta.security.sasl;

import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;

/** What a store has of its users, by prepared name. */
final class Users {
  private static final Integer RFC822_NAME = 1; // RFC 5280 4.2.1.6, GeneralName

  private Users() {}

  /**
   * @throws IllegalArgumentException if a name is none by SASLprep, or two are the same
   */
  static Map<String, String> of(Map<String, String> byGivenName) {
    var users = new HashMap<String, String>();
    byGivenName.forEach((given, value) -> {
      var name = SaslPrep.name(given);
      if (name == null) {
        throw new IllegalArgumentException("no name of a user (RFC 4013): '" + given + "'");
      }
      if (users.put(name, value) != null) {
        throw new IllegalArgumentException("two users are the same (RFC 4013): " + given);
      }
    });
    return users;
  }

  /** The first name in a certificate that one of these users has. */
  static Optional<String> named(X509Certificate certificate, Set<String> users) {
    return Stream.concat(addresses(certificate), commonNames(certificate))
        .map(SaslPrep::name)
        .filter(name -> name != null && users.contains(name))
        .findFirst();
  }

  private static Stream<String> addresses(X509Certificate certificate) {
    try {
      var names = certificate.getSubjectAlternativeNames();
      return names == null
          ? Stream.empty()
          : names.stream()
              .filter(name -> name.get(0).equals(RFC822_NAME) && name.get(1) instanceof String)
              .map(name -> (String) name.get(1));
    } catch (CertificateParsingException e) {
      return Stream.empty();
    }
  }

  private static Stream<String> commonNames(X509Certificate certificate) {
    try {
      return new LdapName(certificate.getSubjectX500Principal().getName())
          .getRdns().stream()
              .filter(rdn -> rdn.getType().equalsIgnoreCase("CN"))
              .map(Rdn::getValue)
              .filter(String.class::isInstance)
              .map(String.class::cast);
    } catch (InvalidNameException e) {
      return Stream.empty();
    }
  }
}
