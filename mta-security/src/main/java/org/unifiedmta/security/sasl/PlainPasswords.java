package org.unifiedmta.security.sasl;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Passwords in plain text. An empty one is none. */
final class PlainPasswords implements CredentialStore {
  private final Map<String, String> passwords;
  private final Decoys decoys = new Decoys(List.of());
  private final Map<String, Scram> keys = new ConcurrentHashMap<>();
  private final Queue<Map.Entry<String, String>> withoutKeys;

  PlainPasswords(Map<String, String> passwords) {
    var users = Users.of(passwords);
    users.values().removeIf(String::isEmpty);
    this.passwords = Map.copyOf(users);
    this.withoutKeys = new ConcurrentLinkedQueue<>(this.passwords.entrySet());
  }

  @Override
  public boolean verifyPassword(String user, char[] password) {
    var known = passwords.get(user);
    // An unknown user costs the same comparison.
    var wanted = SaslPrep.password(known == null ? "" : known).getBytes(UTF_8);
    var given = SaslPrep.password(new String(password)).getBytes(UTF_8);
    return MessageDigest.isEqual(wanted, given) & known != null;
  }

  /**
   * Making keys takes milliseconds, which would tell a user's first login from a name that nobody
   * has. So whoever asks has one user's keys made, as long as there are some to make.
   */
  @Override
  public Optional<Scram> scram(String user) {
    var password = passwords.get(user);
    if (password != null && !keys.containsKey(user)) {
      makeKeys(user, password);
    } else {
      makeKeysOfAnother();
    }
    return Optional.ofNullable(keys.get(user));
  }

  private void makeKeysOfAnother() {
    var other = withoutKeys.poll();
    while (other != null && keys.containsKey(other.getKey())) {
      other = withoutKeys.poll();
    }
    if (other != null) {
      makeKeys(other.getKey(), other.getValue());
    }
  }

  private void makeKeys(String user, String password) {
    var shape = decoys.scram(user);
    keys.put(user, ScramSha256.derive(password, shape.salt(), shape.iterations()));
  }

  @Override
  public Scram decoy(String user) {
    return decoys.scram(user);
  }

  @Override
  public Optional<String> certificateUser(X509Certificate certificate) {
    return Users.named(certificate, passwords.keySet());
  }
}
