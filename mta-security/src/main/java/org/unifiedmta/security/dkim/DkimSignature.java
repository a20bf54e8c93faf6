package org.unifiedmta.security.dkim;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.security.dkim.DKIMSigner.Canonicalization;
import org.unifiedmta.security.tag.TagList;

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
record DkimSignature(
    Algorithm algorithm,
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

  /** a=. */
  enum Algorithm {
    RSA_SHA1("rsa", "SHA-1"),
    RSA_SHA256("rsa", "SHA-256"),
    ED25519_SHA256("ed25519", "SHA-256");

    final String keyType;
    final String hash;

    Algorithm(String keyType, String hash) {
      this.keyType = keyType;
      this.hash = hash;
    }

    String hashName() {
      return hash.replace("-", "").toLowerCase(Locale.ROOT);
    }
  }

  /** Why a field is no signature that can be verified. */
  static final class SyntaxException extends Exception {
    private static final long serialVersionUID = 1L;

    SyntaxException(String what) {
      super(what);
    }
  }

  /**
   * Reads the value of a field.
   *
   * @throws SyntaxException if it is none (6.1.1)
   */
  static DkimSignature parse(String value) throws SyntaxException {
    var tags = TagList.parse(value).orElseThrow(() -> new SyntaxException("no list of tags"));
    if (!"1".equals(tags.get("v"))) {
      throw new SyntaxException("no v=1");
    }
    var canonicalizations = tags.get("c", "simple/simple").toLowerCase(Locale.ROOT);
    int slash = canonicalizations.indexOf('/');
    var header = slash < 0 ? canonicalizations : canonicalizations.substring(0, slash);
    var body = slash < 0 ? "simple" : canonicalizations.substring(slash + 1);
    var domain = domain(required(tags, "d"));
    long signed = number(tags, "t");
    long expires = number(tags, "x");
    if (expires >= 0 && signed >= 0 && expires <= signed) {
      throw new SyntaxException("x= is not after t=");
    }
    var headers = headers(required(tags, "h"));
    if (headers.stream().noneMatch(name -> name.equalsIgnoreCase("From"))) {
      throw new SyntaxException("From is not signed"); // 5.4
    }
    return new DkimSignature(
        algorithm(required(tags, "a")),
        canonicalization(header),
        canonicalization(body),
        domain,
        selector(required(tags, "s")),
        headers,
        base64(tags, "bh"),
        base64(tags, "b"),
        number(tags, "l"),
        identityDomain(tags.get("i"), domain),
        signed,
        expires,
        queryable(tags, TagList.without(value, "b")));
  }

  private static String required(TagList tags, String tag) throws SyntaxException {
    var value = tags.compact(tag);
    if (value == null || value.isEmpty()) {
      throw new SyntaxException("no " + tag + "=");
    }
    return value;
  }

  private static Algorithm algorithm(String name) throws SyntaxException {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "rsa-sha1" -> Algorithm.RSA_SHA1;
      case "rsa-sha256" -> Algorithm.RSA_SHA256;
      case "ed25519-sha256" -> Algorithm.ED25519_SHA256;
      default -> throw new SyntaxException("algorithm " + name);
    };
  }

  private static Canonicalization canonicalization(String name) throws SyntaxException {
    return switch (name.strip()) {
      case "simple" -> Canonicalization.SIMPLE;
      case "relaxed" -> Canonicalization.RELAXED;
      default -> throw new SyntaxException("canonicalization " + name);
    };
  }

  private static String queryable(TagList tags, String unsigned) throws SyntaxException {
    var methods = tags.compact("q");
    if (methods != null
        && List.of(methods.toLowerCase(Locale.ROOT).split(":", -1)).stream()
            .noneMatch(method -> method.equals("dns/txt"))) {
      throw new SyntaxException("no way to ask for the key but " + methods);
    }
    return unsigned;
  }

  /** RFC 8616: U-labels too, which came as octets. */
  private static String domain(String written) throws SyntaxException {
    try {
      var domain = Domains.toAscii(utf8(written));
      if (domain.indexOf('.') < 0) {
        throw new SyntaxException("d= is no domain that anybody can have");
      }
      return domain;
    } catch (IllegalArgumentException e) {
      throw new SyntaxException("d= is no domain");
    }
  }

  private static String utf8(String latin1) {
    return new String(latin1.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
  }

  private static String selector(String written) throws SyntaxException {
    var selector = utf8(written).toLowerCase(Locale.ROOT);
    if (selector.length() > 200) {
      throw new SyntaxException("s= is too long");
    }
    for (var label : selector.split("\\.", -1)) {
      if (label.isEmpty() || label.length() > 63) {
        throw new SyntaxException("s= is no selector");
      }
    }
    for (int i = 0; i < selector.length(); i++) {
      char c = selector.charAt(i);
      if (c <= ' ' || c == 127 || c == '\\') {
        throw new SyntaxException("s= is no selector");
      }
    }
    try {
      return Domains.toAscii(selector);
    } catch (IllegalArgumentException e) {
      return selector; // some have underscores
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
      of = Domains.toAscii(utf8(identity.substring(at + 1).strip()));
    } catch (IllegalArgumentException e) {
      throw new SyntaxException("i= is no identity");
    }
    if (!of.equals(domain) && !of.endsWith("." + domain)) {
      throw new SyntaxException("i= is not in d=");
    }
    return of;
  }

  private static List<String> headers(String text) throws SyntaxException {
    var names = new ArrayList<String>();
    for (var name : text.split(":", -1)) {
      if (name.isEmpty() || names.size() == 1_000) {
        throw new SyntaxException("h= is no list of names");
      }
      names.add(name);
    }
    return List.copyOf(names);
  }

  private static byte[] base64(TagList tags, String tag) throws SyntaxException {
    try {
      return Base64.getDecoder().decode(required(tags, tag));
    } catch (IllegalArgumentException e) {
      throw new SyntaxException(tag + "= is no base64");
    }
  }

  /** At most 18 digits; negative where the tag is not there. */
  private static long number(TagList tags, String tag) throws SyntaxException {
    var text = tags.get(tag);
    if (text == null) {
      return -1;
    }
    boolean digits = !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
    if (!digits) {
      throw new SyntaxException(tag + "= is no number");
    }
    var significant = text.replaceFirst("^0+(?=.)", "");
    return significant.length() > 18 ? Long.MAX_VALUE : Long.parseLong(significant);
  }
}
