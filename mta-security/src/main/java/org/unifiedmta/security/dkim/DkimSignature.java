package org.unifiedmta.security.dkim;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.security.dkim.DKIMSigner.Canonicalization;
import org.unifiedmta.security.dkim.SignatureTags.SyntaxException;

/**
 * A DKIM-Signature field (RFC 6376 3.5).
 *
 * @param domain d= in A-labels and lower case
 * @param selector s=, the same
 * @param headers h= as written
 * @param limit l=, or negative
 * @param identityDomain of i=, or of d= where there is none
 * @param signed t= in seconds since 1970, or negative
 * @param expires x=, the same
 * @param unsigned the field's value with b= empty
 */
@SuppressWarnings("ArrayRecordComponent") // handed out without a copy
public record DkimSignature(
    SignatureAlgorithm algorithm,
    Canonicalization header,
    Canonicalization body,
    String domain,
    String selector,
    List<String> headers,
    byte[] bodyHash,
    byte[] signature,
    long limit,
    String identityDomain,
    long signed,
    long expires,
    String unsigned) {

  /** Reads the value of a field; empty if it is none. */
  public static Optional<DkimSignature> read(String value) {
    try {
      return Optional.of(parse(value));
    } catch (SyntaxException e) {
      return Optional.empty();
    }
  }

  /**
   * Reads the value of a field.
   *
   * @throws SyntaxException if it is none (6.1.1)
   */
  static DkimSignature parse(String value) throws SyntaxException {
    var tags = SignatureTags.parse(value);
    if (!"1".equals(tags.get("v"))) {
      throw new SyntaxException("no v=1");
    }
    var domain = tags.domain();
    long signed = tags.number("t");
    long expires = tags.number("x");
    if (expires >= 0 && signed >= 0 && expires <= signed) {
      throw new SyntaxException("x= is not after t=");
    }
    tags.required("h");
    var headers = tags.headers();
    if (headers.contains("")) {
      throw new SyntaxException("h= is no list of names");
    }
    if (headers.stream().noneMatch(name -> name.equalsIgnoreCase("From"))) {
      throw new SyntaxException("From is not signed"); // 5.4
    }
    checkQuery(tags);
    tags.keyName();
    return new DkimSignature(
        tags.algorithm(),
        tags.header(),
        tags.body(),
        domain,
        tags.selector(),
        headers,
        tags.base64("bh"),
        tags.base64("b"),
        tags.limit(),
        identityDomain(tags.get("i"), domain),
        signed,
        expires,
        tags.unsigned());
  }

  private static void checkQuery(SignatureTags tags) throws SyntaxException {
    var methods = tags.get("q");
    if (methods != null
        && Arrays.stream(methods.toLowerCase(Locale.ROOT).split(":", -1))
            .noneMatch(method -> method.strip().equals("dns/txt"))) {
      throw new SyntaxException("no way to ask for the key but " + SignatureTags.shown(methods));
    }
  }

  private static String identityDomain(@Nullable String identity, String domain)
      throws SyntaxException {
    if (identity == null) {
      return domain;
    }
    int at = identity.lastIndexOf('@');
    if (at < 0) {
      throw new SyntaxException("i= has no domain");
    }
    String of;
    try {
      of = Domains.toAscii(SignatureTags.utf8(identity.substring(at + 1).strip()));
    } catch (IllegalArgumentException e) {
      throw new SyntaxException("i= is no identity");
    }
    if (!of.equals(domain) && !of.endsWith("." + domain)) {
      throw new SyntaxException("i= is not in d=");
    }
    return of;
  }
}
