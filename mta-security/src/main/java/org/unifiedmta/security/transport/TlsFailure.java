package org.unifiedmta.security.transport;

import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Why TLS as a domain wants it could not be had (RFC 8460 4.3). */
public enum TlsFailure {
  STARTTLS_NOT_SUPPORTED,
  CERTIFICATE_HOST_MISMATCH,
  CERTIFICATE_EXPIRED,
  CERTIFICATE_NOT_TRUSTED,
  VALIDATION_FAILURE,
  TLSA_INVALID,
  DNSSEC_INVALID,
  DANE_REQUIRED,
  STS_POLICY_FETCH_ERROR,
  STS_POLICY_INVALID,
  STS_WEBPKI_INVALID;

  private static final int DEEPEST = 20;

  /** As reports write it. */
  public String keyword() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  static TlsFailure ofKeyword(String keyword) {
    for (var failure : values()) {
      if (failure.keyword().equals(keyword)) {
        return failure;
      }
    }
    throw new IllegalArgumentException("no result type of RFC 8460: " + keyword);
  }

  /**
   * What a handshake failed for.
   *
   * @param cause null where it did not come to one
   */
  public static TlsFailure of(TlsPolicy policy, @Nullable Throwable cause) {
    if (cause == null) {
      return STARTTLS_NOT_SUPPORTED;
    }
    var found = VALIDATION_FAILURE;
    int depth = 0;
    for (Throwable e = cause; e != null && depth < DEEPEST; e = e.getCause(), depth++) {
      if (e instanceof CertificateExpiredException
          || e instanceof CertificateNotYetValidException) {
        return CERTIFICATE_EXPIRED;
      }
      if (e instanceof CertPathValidatorException
          || e.getClass().getSimpleName().equals("ValidatorException")) { // of the JDK, not public
        found = CERTIFICATE_NOT_TRUSTED;
      } else if (e instanceof CertificateException && found == VALIDATION_FAILURE) {
        found = policy instanceof TlsPolicy.Dane ? VALIDATION_FAILURE : CERTIFICATE_HOST_MISMATCH;
      }
    }
    return found;
  }
}
