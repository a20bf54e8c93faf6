package org.unifiedmta.smtp.codec;

import java.util.Locale;
import java.util.Optional;

/** An SMTP service extension, by the keyword that EHLO answers with (RFC 5321 2.2). */
public enum Extension {
  /** RFC 2920. */
  PIPELINING("PIPELINING"),
  /** RFC 1870. */
  SIZE("SIZE"),
  /** RFC 6152. */
  EIGHT_BIT_MIME("8BITMIME"),
  /** RFC 6531. */
  SMTPUTF8("SMTPUTF8"),
  /** RFC 2034. */
  ENHANCED_STATUS_CODES("ENHANCEDSTATUSCODES"),
  /** RFC 3207. */
  STARTTLS("STARTTLS"),
  /** RFC 4954. */
  AUTH("AUTH"),
  /** RFC 3030. */
  CHUNKING("CHUNKING"),
  /** RFC 3030. */
  BINARYMIME("BINARYMIME"),
  /** RFC 3461. */
  DSN("DSN"),
  /** RFC 8689. */
  REQUIRETLS("REQUIRETLS"),
  /** RFC 9422. */
  LIMITS("LIMITS"),
  /** RFC 4865. */
  FUTURERELEASE("FUTURERELEASE"),
  /** RFC 2852. */
  DELIVERBY("DELIVERBY"),
  /** RFC 6710. */
  MT_PRIORITY("MT-PRIORITY"),
  /** Postfix: a peer that is trusted tells who its client is. */
  XCLIENT("XCLIENT"),
  /** Postfix: the same, for the log alone. */
  XFORWARD("XFORWARD");

  private final String keyword;

  Extension(String keyword) {
    this.keyword = keyword;
  }

  /** The keyword on the wire. */
  public String keyword() {
    return keyword;
  }

  /** The extension of a keyword, in any case. */
  public static Optional<Extension> ofKeyword(String keyword) {
    var wanted = keyword.toUpperCase(Locale.ROOT);
    for (var extension : values()) {
      if (extension.keyword.equals(wanted)) {
        return Optional.of(extension);
      }
    }
    return Optional.empty();
  }
}
