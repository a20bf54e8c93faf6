package org.unifiedmta.security.arc;

import java.util.List;
import org.unifiedmta.security.dkim.DKIMSigner.Canonicalization;
import org.unifiedmta.security.dkim.SignatureAlgorithm;
import org.unifiedmta.security.dkim.SignatureTags;
import org.unifiedmta.security.dkim.SignatureTags.SyntaxException;

/**
 * An ARC-Message-Signature field: one of DKIM without a version, whose i= is the instance (RFC 8617
 * 4.1.2).
 *
 * @param headers h= as written
 * @param limit l=, or negative
 * @param expires x= in seconds since 1970, or negative
 * @param unsigned the field's value with b= empty
 */
record ArcMessageSignature(
    SignatureAlgorithm algorithm,
    Canonicalization header,
    Canonicalization body,
    String keyName,
    List<String> headers,
    byte[] bodyHash,
    byte[] signature,
    long limit,
    long expires,
    String unsigned) {

  static ArcMessageSignature parse(SignatureTags tags) throws SyntaxException {
    long signed = tags.number("t");
    long expires = tags.number("x");
    if (expires >= 0 && signed >= 0 && expires <= signed) {
      throw new SyntaxException("x= is not after t=");
    }
    var headers = headers(tags);
    if (!signsNoField(headers)
        && headers.stream().noneMatch(name -> name.equalsIgnoreCase("From"))) {
      throw new SyntaxException("From is not signed"); // RFC 6376 5.4
    }
    // Not simple as in RFC 6376 3.5: verifiers and the public test suite take it for that.
    boolean relaxed = tags.get("c") == null;
    return new ArcMessageSignature(
        tags.algorithm(),
        relaxed ? Canonicalization.RELAXED : tags.header(),
        relaxed ? Canonicalization.RELAXED : tags.body(),
        tags.keyName(),
        headers,
        tags.base64("bh"),
        tags.base64("b"),
        tags.limit(),
        expires,
        tags.unsigned());
  }

  /** h=, in which a seal must not be (4.1.2): that is made later. */
  static List<String> headers(SignatureTags tags) throws SyntaxException {
    var headers = tags.headers();
    if (headers.stream().anyMatch(name -> name.equalsIgnoreCase("ARC-Seal"))) {
      throw new SyntaxException("ARC-Seal is signed");
    }
    return headers;
  }

  /**
   * Whether h= is there and empty. RFC 6376 3.5 does not allow that, but verifiers take it for a
   * signature of the body, and so does the public test suite.
   */
  private static boolean signsNoField(List<String> headers) {
    return headers.equals(List.of(""));
  }

  /** How many From fields it covers at most. */
  long coveredFroms() {
    return signsNoField(headers)
        ? Long.MAX_VALUE
        : headers.stream().filter(name -> name.equalsIgnoreCase("From")).count();
  }
}
