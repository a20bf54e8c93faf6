package org.unifiedmta.security.sasl;

import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

/** Hashes of passwords. */
final class HashedPasswords implements CredentialStore {
  private final Map<String, PasswordHash> hashes;
  private final List<PasswordHash> all;
  private final Decoys decoys;
  private final Predicate<BooleanSupplier> threads;

  HashedPasswords(Map<String, String> texts) {
    this(texts, new HashingThreads()::ask);
  }

  /**
   * @param threads answers what takes long
   */
  HashedPasswords(Map<String, String> texts, Predicate<BooleanSupplier> threads) {
    var parsed = new HashMap<String, PasswordHash>();
    Users.of(texts).forEach((user, text) -> parsed.put(user, parse(user, text)));
    this.hashes = Map.copyOf(parsed);
    this.all = List.copyOf(parsed.values());
    this.decoys =
        new Decoys(
            all.stream()
                .filter(ScramHash.class::isInstance)
                .map(hash -> ((ScramHash) hash).keys())
                .toList());
    this.threads = threads;
  }

  private static PasswordHash parse(String user, String text) {
    try {
      return PasswordHash.parse(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("user " + user + ": " + e.getMessage());
    }
  }

  @Override
  public boolean verifyPassword(String user, char[] password) {
    if (all.isEmpty()) {
      return false;
    }
    var known = hashes.get(user);
    // An unknown user costs what one of the known ones does.
    var hash = known == null ? decoys.choose(user, all) : known;
    return threads.test(() -> hash.matches(password)) && known != null;
  }

  @Override
  public Optional<Scram> scram(String user) {
    return hashes.get(user) instanceof ScramHash(var keys) ? Optional.of(keys) : Optional.empty();
  }

  @Override
  public Scram decoy(String user) {
    return decoys.scram(user);
  }

  @Override
  public Optional<String> certificateUser(X509Certificate certificate) {
    return Users.named(certificate, hashes.keySet());
  }
}
