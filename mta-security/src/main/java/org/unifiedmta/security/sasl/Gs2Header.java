package org.unifiedmta.security.sasl;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What comes first in the messages of SCRAM and OAUTHBEARER (RFC 5801 4).
 *
 * <pre>
 * gs2-header    = gs2-cbind-flag "," [ "a=" saslname ] ","
 * gs2-cbind-flag = ("p=" cb-name) / "n" / "y"
 * cb-name       = 1*(ALPHA / DIGIT / "." / "-")
 * saslname      = 1*(value-safe-char / "=2C" / "=3D")
 * </pre>
 *
 * @param binding whether and how the client binds to the channel: {@code n} it can't, {@code y} it
 *     could but thinks that we can't, or {@code p=} with the name of the binding
 * @param authorizationIdentity prepared, or null where none was given
 * @param text all of it, as it came
 */
record Gs2Header(String binding, @Nullable String authorizationIdentity, String text) {
  private static final int MAXIMUM_NAME = 1_024; // characters, with their escapes
  private static final Pattern BINDING = Pattern.compile("[ny]|p=[A-Za-z0-9.-]{1,64}");

  /** The header in front of a message, or null if there is none. */
  static @Nullable Gs2Header of(String message) {
    int first = message.indexOf(',');
    int second = message.indexOf(',', first + 1);
    if (first < 0 || second < 0) {
      return null;
    }
    var binding = message.substring(0, first);
    if (!BINDING.matcher(binding).matches()) {
      return null;
    }
    var text = message.substring(0, second + 1);
    if (second == first + 1) {
      return new Gs2Header(binding, null, text);
    }
    var given = message.substring(first + 1, second);
    var identity = given.startsWith("a=") ? name(given.substring(2)) : null;
    return identity == null ? null : new Gs2Header(binding, identity, text);
  }

  /** A saslname without its escapes and prepared, or null if it is none. */
  static @Nullable String name(String escaped) {
    if (escaped.length() > MAXIMUM_NAME) {
      return null;
    }
    var name = new StringBuilder(escaped.length());
    for (int i = 0; i < escaped.length(); i++) {
      char c = escaped.charAt(i);
      if (c == ',') {
        return null;
      }
      if (c != '=') {
        name.append(c);
      } else if (escaped.startsWith("=2C", i)) {
        name.append(',');
        i += 2;
      } else if (escaped.startsWith("=3D", i)) {
        name.append('=');
        i += 2;
      } else {
        return null; // RFC 5802 5.1
      }
    }
    return SaslPrep.name(name.toString());
  }
}
