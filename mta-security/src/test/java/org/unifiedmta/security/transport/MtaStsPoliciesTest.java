package org.unifiedmta.security.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.security.testing.CountingResolver;
import org.unifiedmta.security.testing.ManualTimer;
import org.unifiedmta.security.transport.MtaStsPolicies.Found;

@Timeout(60)
class MtaStsPoliciesTest {
  private static final Duration WEEK = Duration.ofDays(7);
  private static final String ENFORCE = policy("enforce", "mx.example.test", WEEK);
  private static final String TESTING = policy("testing", "mx.example.test", WEEK);
  private static final String NONE = "version: STSv1\nmode: none\nmax_age: 604800\n";

  /** The policy host of every domain. */
  private final class Host implements PolicySource {
    private final List<String> asked = new ArrayList<>();
    private Object answer = ENFORCE;

    @Override
    public synchronized byte[] fetch(String host) throws IOException {
      asked.add(host);
      if (answer instanceof IOException e) {
        throw e;
      }
      return answer instanceof byte[] octets
          ? octets
          : ((String) answer).getBytes(StandardCharsets.UTF_8);
    }

    synchronized void says(Object answer) {
      this.answer = answer;
    }

    synchronized int asked() {
      return asked.size();
    }
  }

  /** What was fetched, and how it ended. */
  private final class Fetches implements Metrics {
    private final BlockingQueue<String> results = new LinkedBlockingQueue<>();
    private Supplier<Number> kept = () -> -1;

    @Override
    public void count(String name, long n, String... tags) {
      results.add(tags[1]);
    }

    @Override
    public void time(String name, Duration duration, String... tags) {}

    @Override
    public void gauge(String name, Supplier<Number> value, String... tags) {
      kept = value;
    }
  }

  private final ManualTimer timer = new ManualTimer();
  private final Instant start = timer.now();
  private final AtomicReference<DnsResolver> zone = new AtomicReference<>();
  private final Host host = new Host();
  private final Fetches fetches = new Fetches();
  private StorageManager storage = StorageManager.inMemory();
  private MtaStsPolicies policies = start();

  private MtaStsPolicies start() {
    announce("1");
    return restart();
  }

  private MtaStsPolicies restart() {
    if (policies != null) {
      policies.close();
    }
    var dns =
        new CountingResolver(ZoneResolver.builder().build()) {
          @Override
          public Answer<String> txt(String name) {
            return zone.get().txt(name);
          }
        };
    policies = new MtaStsPolicies(dns, host, storage, timer, fetches);
    return policies;
  }

  @AfterEach
  void close() {
    policies.close();
    assertThat(timer.waiting()).isZero();
  }

  private void announce(String id) {
    zone.set(
        ZoneResolver.builder().txt("_mta-sts.example.test", "v=STSv1; id=" + id + ";").build());
  }

  private void announceNothing() {
    zone.set(ZoneResolver.builder().build());
  }

  private Found found() {
    return policies.of("example.test");
  }

  private Found.Policy inForce(String text, String id, Instant fetched) {
    var policy = MtaStsPolicy.parse(text);
    return new Found.Policy(policy, id, fetched.plus(policy.maxAge()));
  }

  private static String policy(String mode, String mx, Duration age) {
    return String.join(
        "\r\n", "version: STSv1", "mode: " + mode, "mx: " + mx, "max_age: " + age.toSeconds(), "");
  }

  @Test
  void aPolicyIsFetchedOnceForAllTheMail() {
    for (int i = 0; i < 10; i++) {
      assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
      timer.advance(Duration.ofHours(2));
    }
    assertThat(policies.of("EXAMPLE.test")).isEqualTo(inForce(ENFORCE, "1", start));
    assertThat(host.asked).containsExactly("mta-sts.example.test");
  }

  @Test
  void aDomainWithoutARecordIsNotAskedForAPolicy() {
    announceNothing();
    assertThat(found()).isEqualTo(new Found.None());
    zone.set(
        ZoneResolver.builder()
            .txt("_mta-sts.example.test", "v=STSv1; id=1")
            .txt("_mta-sts.example.test", "v=STSv1; id=2")
            .build());
    assertThat(found()).isEqualTo(new Found.None());
    assertThat(host.asked).isEmpty();
  }

  @Test
  void thePolicyOfADomainIsNotThatOfThoseBelow() {
    assertThat(found()).isInstanceOf(Found.Policy.class);
    assertThat(policies.of("sub.example.test")).isEqualTo(new Found.None());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[192.0.2.1]", "a..b", "a/b", "../x", "-", "a_b.test", "."})
  void whatIsNoDomainHasNoPolicy(String domain) {
    assertThat(policies.of(domain)).isEqualTo(new Found.None());
    assertThat(storage.list("")).isEmpty();
  }

  @Test
  void anInternationalDomainIsAskedForByItsALabels() {
    zone.set(ZoneResolver.builder().txt("_mta-sts.xn--bcher-kva.test", "v=STSv1; id=1").build());
    assertThat(policies.of("bücher.test")).isInstanceOf(Found.Policy.class);
    assertThat(host.asked).containsExactly("mta-sts.xn--bcher-kva.test");
  }

  @Test
  void anotherIdIsAnotherPolicy() {
    found();
    timer.advance(Duration.ofMinutes(1));
    host.says(TESTING);
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
    announce("2");
    assertThat(found()).isEqualTo(inForce(TESTING, "2", timer.now()));
    assertThat(found()).isEqualTo(inForce(TESTING, "2", timer.now()));
    assertThat(host.asked()).isEqualTo(2);
  }

  @Test
  void aPolicyIsNotSwitchedOffByWhoTakesItsRecordAndItsHostAway() {
    found();
    host.says(new IOException("down"));
    announceNothing();
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
    announce("1");
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
    announce("2");
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
    announceNothing();
    timer.advance(WEEK.minusSeconds(1));
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));

    timer.advance(Duration.ofSeconds(1));
    assertThat(found()).isEqualTo(new Found.None());
    announce("1");
    assertThat(found()).isEqualTo(new Found.Failed("sts-policy-fetch-error", "down"));
  }

  @ParameterizedTest
  @EnumSource(
      value = DnsResolver.Status.class,
      names = {"NODATA", "NXDOMAIN", "SERVFAIL", "TIMEOUT"})
  void aPolicyIsInForceWhateverTheDnsSays(DnsResolver.Status status) {
    var failing = ZoneResolver.builder().fail("_mta-sts.example.test", "TXT", status).build();
    zone.set(failing);
    assertThat(found()).isEqualTo(new Found.None());
    announce("1");
    found();
    zone.set(failing);
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
  }

  @Test
  void aPolicyIsInForceAfterARestart() {
    found();
    restart();
    host.says(new IOException("down"));
    announceNothing();
    timer.advance(Duration.ofDays(6));
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
    timer.advance(Duration.ofDays(1));
    assertThat(found()).isEqualTo(new Found.None());
  }

  @Test
  void afterARestartAPolicyIsNotFetchedAgain() {
    found();
    restart();
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
    assertThat(host.asked()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "version: STSv2\nmode: enforce\nmx: mx.example.test\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmx: *.\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmx: *.a.*.b\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmx: .\nmax_age: 1",
        "version: STSv1\nmx: mx.example.test\nmax_age: 1",
        "version: STSv1\nmode: none\nmax_age: 1000000000000",
        "version: STSv1\rmode: none\rmax_age: 1",
        "<html><title>Welcome</title></html>"
      })
  void anInvalidPolicyIsNoneAndLeavesTheOneBefore(String invalid) {
    host.says(invalid);
    assertThat(found())
        .isInstanceOfSatisfying(
            Found.Failed.class,
            failed -> assertThat(failed.resultType()).isEqualTo("sts-policy-invalid"));

    timer.advance(Duration.ofMinutes(5));
    host.says(ENFORCE);
    var fetched = timer.now();
    found();
    host.says(invalid);
    announce("2");
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", fetched));
    assertThat(host.asked()).isEqualTo(3);
  }

  @Test
  void whatIsNotUtf8IsInvalid() {
    host.says(
        "version: STSv1\nmode: none\nmax_age: 1\nx: \u00e4".getBytes(StandardCharsets.ISO_8859_1));
    assertThat(found()).isEqualTo(new Found.Failed("sts-policy-invalid", "not in UTF-8"));
  }

  @Test
  void aHostThatIsNotTrustedIsToldApart() {
    host.says(new UntrustedPolicyHostException("for another name"));
    assertThat(found()).isEqualTo(new Found.Failed("sts-webpki-invalid", "for another name"));
  }

  @Test
  void aReasonIsNoLongerThanALogBears() {
    host.says(new IOException("x".repeat(10_000)));
    assertThat(((Found.Failed) found()).reason()).hasSize(300);
  }

  @Test
  void aHostThatFailedIsLeftAloneForFiveMinutes() {
    host.says(new IOException("down"));
    for (int minute = 0; minute < 5; minute++) {
      assertThat(found()).isEqualTo(new Found.Failed("sts-policy-fetch-error", "down"));
      announce("again" + minute);
      timer.advance(Duration.ofMinutes(1));
    }
    assertThat(host.asked()).isEqualTo(1);
    host.says(ENFORCE);
    assertThat(found()).isEqualTo(inForce(ENFORCE, "again4", timer.now()));
    assertThat(host.asked()).isEqualTo(2);
  }

  @Test
  void aPolicyOfModeNoneEndsTheOneBeforeAlsoThroughARestart() {
    found();
    host.says(NONE);
    announce("2");
    assertThat(found()).isEqualTo(new Found.None());
    announceNothing();
    assertThat(found()).isEqualTo(new Found.None());
    restart();
    assertThat(found()).isEqualTo(new Found.None());
    announce("2");
    assertThat(found()).isEqualTo(new Found.None());
    assertThat(host.asked()).isEqualTo(2);
  }

  @Test
  void aPolicyThatIsNotToBeKeptIsInForceWhileItsRecordIsThere() {
    host.says(policy("enforce", "mx.example.test", Duration.ZERO));
    assertThat(found()).isInstanceOf(Found.Policy.class);
    assertThat(found()).isInstanceOf(Found.Policy.class);
    assertThat(host.asked()).isEqualTo(1);
    announceNothing();
    assertThat(found()).isEqualTo(new Found.None());
    announce("1");
    timer.advance(Duration.ofMinutes(5));
    assertThat(found()).isInstanceOf(Found.Policy.class);
    assertThat(host.asked()).isEqualTo(2);
  }

  @Test
  void aPolicyADayOldIsFetchedAgainWhileMailGoesOut() throws Exception {
    found();
    fetches.results.take();
    timer.advance(Duration.ofDays(1));
    var fetched = timer.now();
    assertThat(found()).isInstanceOf(Found.Policy.class);
    assertThat(fetches.results.take()).isEqualTo("ok");
    restart();
    announceNothing();
    timer.advance(WEEK.minusSeconds(1));
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", fetched));
  }

  @Test
  void aRefreshThatFailsChangesNothing() throws Exception {
    found();
    fetches.results.take();
    host.says("broken");
    timer.advance(Duration.ofDays(1));
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
    assertThat(fetches.results.take()).isEqualTo("sts-policy-invalid");
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
  }

  @Test
  void whoeverAsksMeanwhileWaitsForTheSameFetch() throws Exception {
    var asking = new CountDownLatch(50);
    var answering = new CountDownLatch(1);
    policies.close();
    policies =
        new MtaStsPolicies(
            zone.get(),
            name -> {
              var octets = host.fetch(name);
              try {
                assertThat(answering.await(30, TimeUnit.SECONDS)).isTrue();
              } catch (InterruptedException e) {
                throw new IOException(e);
              }
              return octets;
            },
            storage,
            timer);
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var answers = new ArrayList<Future<Found>>();
      for (int i = 0; i < 50; i++) {
        answers.add(
            threads.submit(() -> {
              asking.countDown();
              return found();
            }));
      }
      asking.await();
      answering.countDown();
      for (var answer : answers) {
        assertThat(answer.get()).isEqualTo(inForce(ENFORCE, "1", start));
      }
    }
    assertThat(host.asked()).isEqualTo(1);
  }

  @Test
  void manyDomainsDoNotFillTheMemory() {
    int domains = 11_000;
    var builder = ZoneResolver.builder();
    for (int i = 0; i < domains; i++) {
      builder.txt("_mta-sts.d" + i + ".test", "v=STSv1; id=1");
    }
    zone.set(builder.build());
    host.says(new IOException("down"));
    for (int i = 0; i < domains; i++) {
      policies.of("d" + i + ".test");
    }
    assertThat(fetches.kept.get().intValue()).isBetween(9_000, 10_000);
    assertThat(storage.list("")).isEmpty();
  }

  @Test
  void thereIsABoundToWhatIsStoredAndWhatIsThereStays() {
    var stored = new StoredPolicies(storage, 2);
    var long1 = new StoredPolicies.Stored(MtaStsPolicy.parse(ENFORCE), "1", start);
    var short1 =
        new StoredPolicies.Stored(
            MtaStsPolicy.parse(policy("enforce", "a.test", Duration.ofHours(1))), "1", start);
    assertThat(stored.set("a.test", short1)).isTrue();
    assertThat(stored.set("b.test", long1)).isTrue();
    assertThat(stored.set("c.test", long1)).isFalse();
    assertThat(stored.set("b.test", long1)).isTrue();
    assertThat(stored.get("c.test")).isNull();

    stored.sweep(start.plus(Duration.ofHours(1)));
    assertThat(storage.list("")).containsExactly("mta-sts/b.test");
    assertThat(stored.set("c.test", long1)).isTrue();
    assertThat(stored.get("c.test")).isEqualTo(long1);
    assertThat(new StoredPolicies(storage, 2).set("d.test", long1)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\n\n",
        "id: 1\nfetched: never\nversion: STSv1\nmode: none\nmax_age: 1",
        "id: 1\nfetched: 2026-01-01T00:00:00Z\nversion: STSv1",
        "version: STSv1\nmode: none\nmax_age: 1"
      })
  void whatWasStoredAndCannotBeReadIsFetchedAgain(String broken) {
    storage.set("mta-sts/example.test", broken.getBytes(StandardCharsets.UTF_8));
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
    restart();
    announceNothing();
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
  }

  @Test
  void aStorageThatCannotWriteDoesNotSwitchAPolicyOff() {
    storage = new Broken(false);
    restart();
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
    announceNothing();
    assertThat(found()).isEqualTo(inForce(ENFORCE, "1", start));
  }

  @Test
  void aStorageThatCannotSayWhetherThereIsAPolicyStopsTheMail() {
    storage = new Broken(true);
    restart();
    assertThatThrownBy(this::found).isInstanceOf(UncheckedIOException.class);
    announceNothing();
    assertThatThrownBy(this::found).isInstanceOf(UncheckedIOException.class);
  }

  @Test
  void nothingIsFetchedOnceItIsClosed() {
    policies.close();
    assertThatThrownBy(this::found).isInstanceOf(IllegalStateException.class);
    assertThat(host.asked).isEmpty();
  }

  private record Broken(boolean reading) implements StorageManager {
    @Override
    public Optional<byte[]> get(String key) {
      if (reading) {
        throw broken();
      }
      return Optional.empty();
    }

    @Override
    public void set(String key, byte[] value) {
      throw broken();
    }

    @Override
    public boolean delete(String key) {
      throw broken();
    }

    @Override
    public List<String> list(String prefix) {
      throw broken();
    }

    private static UncheckedIOException broken() {
      return new UncheckedIOException(new IOException("disk"));
    }
  }
}
