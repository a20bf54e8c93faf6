package org.unifiedmta.security.sasl;

import java.util.Arrays;
import java.util.regex.Pattern;
import org.bouncycastle.crypto.generators.OpenBSDBCrypt;

/**
 * bcrypt as crypt(3) writes it: {@code $2b$cost$} with 22 characters of salt and 31 of hash. Like
 * the original, it looks at the first 72 octets of a password only.
 */
record BcryptHash(String text) implements PasswordHash {
  private static final Pattern SYNTAX = Pattern.compile("\\$2[aby]\\$(\\d\\d)\\$[./A-Za-z0-9]{53}");
  private static final int MINIMUM_COST = 4;
  private static final int MAXIMUM_COST = 20; // a minute and more

  static BcryptHash parse(String text) {
    var matcher = SYNTAX.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("malformed bcrypt hash");
    }
    int cost = Integer.parseInt(matcher.group(1));
    if (cost < MINIMUM_COST || cost > MAXIMUM_COST) {
      throw new IllegalArgumentException("cost of bcrypt not in 4 to 20: " + cost);
    }
    return new BcryptHash(text);
  }

  @Override
  public boolean matches(char[] password) {
    var octets = Utf8.octets(password);
    try {
      return OpenBSDBCrypt.checkPassword(text, octets);
    } finally {
      Arrays.fill(octets, (byte) 0);
    }
  }

  @Override
  public String toString() {
    return "bcrypt"; // never in a log
  }
}
