package org.unifiedmta.security.sasl;

import java.util.HashMap;
import java.util.Map;

/** What a store has of its users, by prepared name. */
final class Users {
  private Users() {}

  /**
   * @throws IllegalArgumentException if a name is none by SASLprep, or two are the same
   */
  static Map<String, String> of(Map<String, String> byGivenName) {
    var users = new HashMap<String, String>();
    byGivenName.forEach((given, value) -> {
      var name = SaslPrep.name(given);
      if (name == null) {
        throw new IllegalArgumentException("no name of a user (RFC 4013): '" + given + "'");
      }
      if (users.put(name, value) != null) {
        throw new IllegalArgumentException("two users are the same (RFC 4013): " + given);
      }
    });
    return users;
  }
}
