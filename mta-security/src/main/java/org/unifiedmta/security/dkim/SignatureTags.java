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

/** The tags of a signature's field, as those of DKIM and of ARC have them (RFC 6376 3.5). */
public final class SignatureTags {
  private static final int MAXIMUM_HEADERS = 1_000;
  private static final int MAXIMUM_SHOWN = 40; // of what a peer wrote
  private static final int MAXIMUM_NAME = 253; // RFC 1035 2.3.4, as text
  private static final int MAXIMUM_LABEL = 63;
  private static final int MAXIMUM_DIGITS = 76; // of l=, 3.5

  /** Why a field is no signature that can be verified. */
  public static final class SyntaxException extends Exception {
    private static final long serialVersionUID = 1L;

    public SyntaxException(String what) {
      super(what);
    }
  }

  private final String value;
  private final TagList tags;

  private SignatureTags(String value, TagList tags) {
    this.value = value;
    this.tags = tags;
  }

  /**
   * Reads the value of a field.
   *
   * @throws SyntaxException if it is no list of tags
   */
  public static SignatureTags parse(String value) throws SyntaxException {
    return new SignatureTags(
        value, TagList.parse(value).orElseThrow(() -> new SyntaxException("no list of tags")));
  }

  /** The value of a tag without blanks around it; null for none. */
  public @Nullable String get(String tag) {
    return tags.get(tag);
  }

  /** The value of the field with b= empty: what is signed of it. */
  public String unsigned() {
    return TagList.without(value, "b");
  }

  /** The value of a tag that must be there, and not be empty. */
  public String required(String tag) throws SyntaxException {
    var text = tags.get(tag);
    if (text == null || text.isEmpty()) {
      throw new SyntaxException("no " + tag + "=");
    }
    return text;
  }

  private String requiredCompact(String tag) throws SyntaxException {
    required(tag);
    var text = tags.compact(tag);
    return text == null ? "" : text;
  }

  /** a=. */
  public SignatureAlgorithm algorithm() throws SyntaxException {
    var name = required("a").toLowerCase(Locale.ROOT);
    for (var algorithm : SignatureAlgorithm.values()) {
      if (name.equals(algorithm.tagValue())) {
        return algorithm;
      }
    }
    throw new SyntaxException("algorithm " + shown(name));
  }

  /** As it can stand in a reason. */
  static String shown(String name) {
    var cut = name.length() > MAXIMUM_SHOWN ? name.substring(0, MAXIMUM_SHOWN) : name;
    return cut.replaceAll("[^ -~]", "?");
  }

  /** The first word of c=. */
  public Canonicalization header() throws SyntaxException {
    var both = canonicalizations();
    int slash = both.indexOf('/');
    return canonicalization(slash < 0 ? both : both.substring(0, slash));
  }

  /** The second word of c=. */
  public Canonicalization body() throws SyntaxException {
    var both = canonicalizations();
    int slash = both.indexOf('/');
    return slash < 0 ? Canonicalization.SIMPLE : canonicalization(both.substring(slash + 1));
  }

  private String canonicalizations() {
    return tags.get("c", "simple/simple").toLowerCase(Locale.ROOT);
  }

  private static Canonicalization canonicalization(String name) throws SyntaxException {
    return switch (name.strip()) {
      case "simple" -> Canonicalization.SIMPLE;
      case "relaxed" -> Canonicalization.RELAXED;
      default -> throw new SyntaxException("canonicalization " + shown(name));
    };
  }

  /** d= in A-labels and lower case; U-labels came as octets (RFC 8616). */
  public String domain() throws SyntaxException {
    var written = required("d");
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

  static String utf8(String latin1) {
    return new String(latin1.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
  }

  /** s=, the same; with underscores too, which some have. */
  public String selector() throws SyntaxException {
    var selector = utf8(required("s")).toLowerCase(Locale.ROOT);
    if (selector.chars().anyMatch(c -> c > 127)) {
      try {
        return Domains.toAscii(selector);
      } catch (IllegalArgumentException e) {
        throw new SyntaxException("s= is no selector");
      }
    }
    int label = 0;
    for (int i = 0; i <= selector.length(); i++) {
      char c = i == selector.length() ? '.' : selector.charAt(i);
      boolean good =
          c == '.'
              ? label >= 1 && label <= MAXIMUM_LABEL
              : (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
      if (!good) {
        throw new SyntaxException("s= is no selector");
      }
      label = c == '.' ? 0 : label + 1;
    }
    return selector;
  }

  /** Where the public key is (RFC 6376 3.6.2.1); a name that can be asked for. */
  public String keyName() throws SyntaxException {
    var name = SignatureKey.name(selector(), domain());
    if (name.length() > MAXIMUM_NAME) {
      throw new SyntaxException("s= and d= are no name in the DNS");
    }
    return name;
  }

  /** The names in a list, h=; an empty one may be there, and names no field. */
  public List<String> headers() throws SyntaxException {
    var text = tags.compact("h");
    if (text == null) {
      throw new SyntaxException("no h=");
    }
    var names = new ArrayList<String>();
    for (var name : text.split(":", -1)) {
      if (names.size() == MAXIMUM_HEADERS) {
        throw new SyntaxException("h= is no list of names");
      }
      names.add(name);
    }
    return List.copyOf(names);
  }

  /** The octets of a tag that must be there. */
  public byte[] base64(String tag) throws SyntaxException {
    try {
      return Base64.getDecoder().decode(requiredCompact(tag));
    } catch (IllegalArgumentException e) {
      throw new SyntaxException(tag + "= is no base64");
    }
  }

  /** l=, {@code 1*76DIGIT}; negative where it is not there. */
  public long limit() throws SyntaxException {
    var text = tags.get("l");
    if (text != null && text.length() > MAXIMUM_DIGITS) {
      throw new SyntaxException("l= is no number");
    }
    return number("l");
  }

  /** Of any size, what is too large as the largest; negative where the tag is not there. */
  public long number(String tag) throws SyntaxException {
    var text = tags.get(tag);
    if (text == null) {
      return -1;
    }
    boolean digits = !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
    if (!digits) {
      throw new SyntaxException(tag + "= is no number");
    }
    int zeros = 0;
    while (zeros < text.length() - 1 && text.charAt(zeros) == '0') {
      zeros++;
    }
    return text.length() - zeros > 18 ? Long.MAX_VALUE : Long.parseLong(text.substring(zeros));
  }
}
