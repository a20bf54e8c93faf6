package org.unifiedmta.core.dns;

import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Name;
import org.xbill.DNS.TextParseException;

/** What is asked: a name in lower case, and a type of dnsjava. */
record Question(Name name, int type) {

  /**
   * Null for a name that cannot be. Whatever stands between the dots of one that can is taken as it
   * stands: names are often made of what peers say, who may know how names are escaped.
   */
  static @Nullable Question of(String name, int type) {
    var escaped = new StringBuilder(name.length() + 8);
    var lower = name.toLowerCase(Locale.ROOT);
    for (int i = 0; i < lower.length(); i++) {
      char c = lower.charAt(i);
      boolean plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
      if (c > 126 || c < ' ' || lower.length() > 254) {
        return null;
      }
      if (plain || c == '.') {
        escaped.append(c);
      } else {
        escaped.append('\\').append((char) ('0' + c / 100));
        escaped.append((char) ('0' + c / 10 % 10)).append((char) ('0' + c % 10));
      }
    }
    try {
      return new Question(Name.fromString(escaped.toString(), Name.root), type);
    } catch (TextParseException e) {
      return null;
    }
  }
}
