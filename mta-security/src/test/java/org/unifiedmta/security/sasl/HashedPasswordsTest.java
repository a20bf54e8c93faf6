package org.unifiedmta.security.sasl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Base64;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.security.sasl.CredentialStore.Scram;

class HashedPasswordsTest {

  /**
   * The vectors of crypt_blowfish and jBCrypt, of the reference implementation of Argon2, of GNU
   * SASL and Dovecot.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "U*U | $2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "U*U* | $2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
        "U*U*U | $2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a",
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
            + " | $2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
        "a | $2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe",
        "abc | $2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
        "abcdefghijklmnopqrstuvwxyz | $2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC",
        "password | $argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
            + "$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
        "password | $argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ"
            + "$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E",
        "password | $argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
            + "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "password | $argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ"
            + "$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "password | $argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ"
            + "$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        "differentpassword | $argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
            + "$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94",
        "pencil | SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
            + "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
            + ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "test | {SCRAM-SHA-256}4096,LfNGSFqiFykEZ1xDAYlnKQ=="
            + ",HACNf9CII7cMz3XjRy/Oh3Ae2LHApoDyNw74d3YtFws="
            + ",AQH0j7Hf8J12g8eNBadvzlNB2am3PxgNwFCFd3RxEaw="
      })
  void aHashOfOtherSoftwareIsTheirPasswords(String password, String hash) {
    var store = CredentialStore.ofHashes(Map.of("ann", hash));
    assertThat(store.verifyPassword("ann", password.toCharArray())).isTrue();
    assertThat(store.verifyPassword("ann", ("x" + password).toCharArray())).isFalse();
    assertThat(store.verifyPassword("bob", password.toCharArray())).isFalse();
  }

  @Test
  void bcryptLooksAtTheFirst72OctetsOnly() {
    var store =
        CredentialStore.ofHashes(
            Map.of("ann", "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"));
    var long72 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    assertThat(store.verifyPassword("ann", (long72 + "chars after 72 are ignored").toCharArray()))
        .isTrue();
    assertThat(store.verifyPassword("ann", long72.substring(1).toCharArray())).isFalse();
  }

  @Test
  void whatWeHashIsReadBack() {
    var password = "gehe\u00efm".toCharArray();
    var argon2 = CredentialStore.hash(password);
    assertThat(argon2).startsWith("$argon2id$v=19$m=19456,t=2,p=1$");
    assertThat(CredentialStore.hash(password)).isNotEqualTo(argon2);
    var scram = Scram.of(password).text();
    assertThat(scram).startsWith("SCRAM-SHA-256$100000:");
    assertThat(Scram.of(password).text()).isNotEqualTo(scram);
    var store = CredentialStore.ofHashes(Map.of("ann", argon2, "bob", scram));
    for (var user : new String[] {"ann", "bob"}) {
      assertThat(store.verifyPassword(user, password)).isTrue();
      assertThat(store.verifyPassword(user, "geheim".toCharArray())).isFalse();
    }
    assertThat(store.verifyPassword("bob", "gehei\u0308m".toCharArray())).isTrue();
    assertThat(new String(password)).isEqualTo("gehe\u00efm");
  }

  @Test
  void onlyScramKeysServeScram() {
    var keys = Scram.of("secret".toCharArray());
    var store =
        CredentialStore.ofHashes(
            Map.of(
                "ann",
                keys.text(),
                "bob",
                "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
    var found = store.scram("ann").orElseThrow();
    assertThat(found.text()).isEqualTo(keys.text());
    assertThat(store.scram("bob")).isEmpty();
    assertThat(store.scram("carl")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "hunter2!!",
        "{PLAIN}hunter2!!",
        "$1$hunter2!!",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$21$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe=",
        "$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=262145,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=99999999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi",
        "$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=21,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=0$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=33$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=1$c29t$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ=$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4=",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQAA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "SCRAM-SHA-256$4095:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
            + ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$1000001:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
            + ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$4096:W22Z$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
            + ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo"
            + ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
            + ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-1$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkA=:wfPLwcE6nTWhTAmQ7tk=",
        "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
      })
  void aHashThatCannotBeUsedIsRefusedByTheNameOfItsUser(String hash) {
    assertThatThrownBy(() -> CredentialStore.ofHashes(Map.of("ann", hash)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("user ann: ")
        .hasNoCause()
        .message()
        .doesNotContain("hunter2", "nf65", "c29t", "W22Z", "CCCC");
  }

  @Test
  void namesAreOneHoweverTheyAreTyped() {
    var hash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    var store = CredentialStore.ofHashes(Map.of("do\u0308rte", hash));
    assertThat(store.verifyPassword("d\u00f6rte", "U*U".toCharArray())).isTrue();
    assertThatThrownBy(
            () -> CredentialStore.ofHashes(Map.of("do\u0308rte", hash, "d\u00f6rte", hash)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("two users");
    assertThatThrownBy(() -> CredentialStore.ofUsers(Map.of("a\u0007", "x")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no name");
  }

  @Test
  void whatANobodyGetsLooksLikeWhatUsersHave() {
    var salt = new byte[12];
    var keys = ScramSha256.derive("secret", salt, 5_000);
    var store =
        CredentialStore.ofHashes(
            Map.of("ann", keys.text(), "bob", CredentialStore.hash("x".toCharArray())));
    var decoy = store.decoy("nobody");
    assertThat(decoy.iterations()).isEqualTo(5_000);
    assertThat(decoy.salt()).hasSize(12).isEqualTo(store.decoy("nobody").salt());
    assertThat(decoy.storedKey()).hasSize(32).isNotEqualTo(decoy.serverKey());
    assertThat(store.decoy("nobodys").salt()).isNotEqualTo(decoy.salt());
    assertThat(CredentialStore.ofHashes(Map.of("ann", keys.text())).decoy("nobody").salt())
        .as("each store has a secret of its own")
        .isNotEqualTo(decoy.salt());
  }

  @Test
  void anUnknownUsersPasswordIsHashedToo() {
    var asked = new AtomicInteger();
    var store =
        new HashedPasswords(
            Map.of("ann", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            question -> {
              asked.incrementAndGet();
              return question.getAsBoolean();
            });
    assertThat(store.verifyPassword("nobody", "U*U".toCharArray())).isFalse();
    assertThat(asked).hasValue(1);
    assertThat(store.verifyPassword("ann", "U*U".toCharArray())).isTrue();
    assertThat(asked).hasValue(2);
  }

  @Test
  void nobodyIsInAnEmptyStore() {
    var store = CredentialStore.ofHashes(Map.of());
    assertThat(store.verifyPassword("ann", "x".toCharArray())).isFalse();
    assertThat(store.scram("ann")).isEmpty();
    assertThat(Base64.getEncoder().encodeToString(store.decoy("ann").salt())).hasSize(24);
  }
}
