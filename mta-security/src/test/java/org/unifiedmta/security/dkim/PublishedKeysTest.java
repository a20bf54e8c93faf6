package org.unifiedmta.security.dkim;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.DnsResolver.Answer;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.security.dkim.DKIMCreator.KeyType;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry.State;
import org.unifiedmta.security.dkim.PublishedKeys.Seen;

class PublishedKeysTest {
  private static final String NAME = "s._domainkey.example.org";

  private static Entry key(KeyType type) {
    var store = DkimKeyStore.in(StorageManager.inMemory());
    new DKIMCreator(store, Clock.systemUTC())
        .handleDKIMKeysForDomain("example.org", "s", type, 1024);
    return store.entries("example.org").getFirst();
  }

  /** What several servers say, each a status or a text, {@code KEY} for the right one. */
  private static Seen seen(Entry key, String... servers) {
    var answers = new ArrayList<Answer<String>>();
    for (var said : servers) {
      var known = List.of(Status.values()).stream().filter(it -> it.name().equals(said)).findAny();
      var text = said.replace("KEY", PublicKeys.record(key));
      answers.add(
          known
              .<Answer<String>>map(Answer::none)
              .orElseGet(
                  () -> new Answer<>(Status.OK, List.of(text.split("\\|")), Duration.ZERO, false)));
    }
    var dns =
        (DnsResolver)
            Proxy.newProxyInstance(
                DnsResolver.class.getClassLoader(),
                new Class<?>[] {DnsResolver.class},
                (proxy, method, arguments) -> {
                  assertThat(method.getName()).isEqualTo("authoritativeTxt");
                  assertThat(arguments).containsExactly(NAME);
                  return answers;
                });
    return PublishedKeys.in(dns).look(key);
  }

  @ParameterizedTest
  @EnumSource
  void whatIsPublishedAsToldIsSeen(KeyType type) {
    assertThat(seen(key(type), "KEY", "KEY")).isEqualTo(Seen.YES);
  }

  @ParameterizedTest
  @CsvSource({
    "KEY,         KEY,      YES",
    "KEY,         TIMEOUT,  YES",
    "KEY,         NXDOMAIN, NO",
    "KEY,         NODATA,   NO",
    "SERVFAIL,    TIMEOUT,  UNKNOWN",
    "NXDOMAIN,    TIMEOUT,  NO",
    "KEY; n=note,  KEY,      YES",
    "KEY|KEY,     KEY,      NO",
    "v=DKIM1; p=, KEY,      NO",
    "v=spf1 -all, KEY,      NO"
  })
  void allServersThatAnswerMustHaveTheOneRecord(String first, String second, Seen seen) {
    assertThat(seen(key(KeyType.ED25519), first, second)).isEqualTo(seen);
  }

  @Test
  void anotherKeyOrTypeIsNotThisOne() {
    var key = key(KeyType.ED25519);
    assertThat(seen(key, PublicKeys.record(key(KeyType.ED25519)))).isEqualTo(Seen.NO);
    assertThat(seen(key, PublicKeys.record(key).replace("k=ed25519; ", ""))).isEqualTo(Seen.NO);
    assertThat(seen(key, PublicKeys.record(key).replace("v=DKIM1; ", ""))).isEqualTo(Seen.YES);
  }

  @Test
  void aRevokedKeyIsAsItShouldBeWhenItIsGone() {
    var key = key(KeyType.ED25519);
    var revoked = key.withState(State.REVOKED);
    assertThat(seen(revoked, "KEY", "NXDOMAIN", "NODATA")).isEqualTo(Seen.YES); // p= is empty
    assertThat(seen(revoked, "NXDOMAIN", PublicKeys.record(key))).isEqualTo(Seen.NO);
    assertThat(seen(revoked, "TIMEOUT")).isEqualTo(Seen.UNKNOWN);
  }

  @Test
  void aResolverWithoutServersOfItsOwnIsAskedItself() {
    var key = key(KeyType.ED25519);
    var dns = ZoneResolver.builder().txt(NAME, PublicKeys.record(key)).build();
    assertThat(PublishedKeys.in(dns).look(key)).isEqualTo(Seen.YES);
  }
}
