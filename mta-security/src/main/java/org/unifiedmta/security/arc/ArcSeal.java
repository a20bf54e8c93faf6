package org.unifiedmta.security.arc;

import java.util.Locale;
import org.unifiedmta.security.dkim.SignatureAlgorithm;
import org.unifiedmta.security.dkim.SignatureTags;
import org.unifiedmta.security.dkim.SignatureTags.SyntaxException;

/**
 * An ARC-Seal field (RFC 8617 4.1.3).
 *
 * @param validation cv=, of the chain as it was before this set
 * @param unsigned the field's value with b= empty
 */
record ArcSeal(
    Validation validation,
    SignatureAlgorithm algorithm,
    String keyName,
    byte[] signature,
    String unsigned) {

  /** cv= (4.4). */
  enum Validation {
    NONE,
    PASS,
    FAIL;

    String tagValue() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  static ArcSeal parse(SignatureTags tags) throws SyntaxException {
    if (tags.get("h") != null) {
      throw new SyntaxException("h= in a seal"); // 4.1.3
    }
    tags.number("t");
    return new ArcSeal(
        validation(tags), tags.algorithm(), tags.keyName(), tags.base64("b"), tags.unsigned());
  }

  static Validation validation(SignatureTags tags) throws SyntaxException {
    var text = tags.required("cv");
    for (var validation : Validation.values()) {
      if (text.equalsIgnoreCase(validation.name())) {
        return validation;
      }
    }
    throw new SyntaxException("cv= is none of none, pass and fail");
  }
}
