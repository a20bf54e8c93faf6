package org.unifiedmta.security.sasl;

import java.security.MessageDigest;

/** SCRAM keys, which prove a password in plain text as well. */
record ScramHash(CredentialStore.Scram keys) implements PasswordHash {

  @Override
  public boolean matches(char[] password) {
    var derived = ScramSha256.derive(new String(password), keys.salt(), keys.iterations());
    return MessageDigest.isEqual(keys.storedKey(), derived.storedKey());
  }
}
