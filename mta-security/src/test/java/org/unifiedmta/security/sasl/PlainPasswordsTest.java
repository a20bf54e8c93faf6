package org.unifiedmta.security.sasl;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PlainPasswordsTest {

  @Test
  void scramKeysAreMadeOnceForEachUser() {
    var store = CredentialStore.ofUsers(Map.of("ann", "secret", "bob", "secret"));
    var keys = store.scram("ann").orElseThrow();
    assertThat(store.scram("ann").orElseThrow()).isSameAs(keys);
    assertThat(keys.iterations()).isGreaterThanOrEqualTo(4_096);
    assertThat(store.scram("bob").orElseThrow().salt()).isNotEqualTo(keys.salt());
    assertThat(store.scram("carl")).isEmpty();
  }

  @Test
  void manyWhoAskAtOnceGetTheSameKeys() {
    var store = CredentialStore.ofUsers(Map.of("ann", "secret", "bob", "other"));
    var texts =
        IntStream.range(0, 64)
            .parallel()
            .mapToObj(i -> store.scram(i % 2 == 0 ? "ann" : "bob").orElseThrow().text())
            .distinct()
            .toList();
    assertThat(texts).hasSize(2);
  }

  @Test
  void anEmptyPasswordLetsNobodyIn() {
    var store = CredentialStore.ofUsers(Map.of("ann", ""));
    assertThat(store.verifyPassword("ann", new char[0])).isFalse();
    assertThat(store.scram("ann")).isEmpty();
  }

  @Test
  void passwordsAreTheSameHoweverTheyAreTyped() {
    var store = CredentialStore.ofUsers(Map.of("ann", "gehei\u0308m", "bob", "bell\u0007"));
    assertThat(store.verifyPassword("ann", "gehe\u00efm".toCharArray())).isTrue();
    assertThat(store.verifyPassword("bob", "bell\u0007".toCharArray())).isTrue();
    assertThat(store.verifyPassword("bob", "bell".toCharArray())).isFalse();
  }
}
