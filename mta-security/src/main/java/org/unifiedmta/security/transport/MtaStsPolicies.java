package org.unifiedmta.security.transport;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Weigher;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.security.transport.StoredPolicies.Stored;

/**
 * What domains want of those who send them mail (MTA-STS, RFC 8461). A policy that was fetched
 * stays in force until its age is over, whatever becomes of its record and its host meanwhile: who
 * can keep us from either must not be able to switch it off. It is kept through a restart.
 *
 * <p>A policy is fetched when none is in force or its record has another id, and again in the
 * background when it is used and a day old; after a failure not for five minutes. One flight per
 * domain, 500 at a time. Some 32 MB of 10,000 domains are kept in memory, 100,000 in the storage.
 *
 * <p>Counts {@code mtasts.fetched} by result, shows {@code mtasts.kept}.
 */
public final class MtaStsPolicies implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(MtaStsPolicies.class);
  private static final Duration RETRY = Duration.ofMinutes(5); // RFC 8461 3.3
  private static final Duration REFRESH = Duration.ofDays(1); // RFC 8461 3.3, 10.2
  private static final Duration FIRST_SWEEP = Duration.ofHours(1);
  private static final Duration SWEEP = Duration.ofDays(1);
  private static final int MAXIMUM_DOMAINS = 10_000;
  private static final int OCTETS_OF_DOMAIN = 3_200;
  private static final int OCTETS_OF_NONE = 300;
  private static final int OCTETS_OF_PATTERN = 60;
  private static final int MAXIMUM_STORED = 100_000;
  private static final int MAXIMUM_FLIGHTS = 500;
  private static final int MAXIMUM_REASON = 300;

  /** What is known of a domain's policy. */
  public sealed interface Found {

    /** It has none, or wants none to be applied. */
    record None() implements Found {}

    /**
     * It has one that cannot be had, so that mail goes out as if there were none (RFC 8461 3.3).
     *
     * @param resultType of a report to the domain: {@link #FETCH_ERROR}, {@link #INVALID} or {@link
     *     #UNTRUSTED}
     * @param reason for the report and the log
     */
    record Failed(String resultType, String reason) implements Found {
      /** RFC 8460 4.3.2.2. */
      public static final String FETCH_ERROR = "sts-policy-fetch-error";

      /** RFC 8460 4.3.2.2. */
      public static final String INVALID = "sts-policy-invalid";

      /** RFC 8460 4.3.2.2. */
      public static final String UNTRUSTED = "sts-webpki-invalid";
    }

    /**
     * One to be applied, of mode ENFORCE or TESTING.
     *
     * @param id of the record it was fetched for
     * @param until when it is in force, should neither the record nor the host answer any more
     */
    record Policy(MtaStsPolicy policy, String id, Instant until) implements Found {}
  }

  /** A fetch that failed. */
  private record Failure(Found.Failed found, Instant time) {

    /** Whether it is too early for another. */
    boolean isRecent(Instant now) {
      return now.isBefore(time.plus(RETRY));
    }
  }

  /** What is in memory of a domain: the policy that was fetched last, and what failed since. */
  private record Known(@Nullable Stored stored, @Nullable Failure failure) {

    /** By its own word: whether its age is not over. */
    boolean isInForce(Instant now) {
      return stored != null && now.isBefore(stored.until());
    }

    /** By the record's word; also one that was not to be kept is not fetched for every mail. */
    boolean isCurrent(String id, Instant now) {
      return stored != null
          && stored.id().equals(id)
          && (isInForce(now) || now.isBefore(stored.fetched().plus(RETRY)));
    }

    boolean isToBeFetched(String id, Instant now) {
      return !isCurrent(id, now) && mayBeFetched(now);
    }

    boolean isToBeRefreshed(Instant now) {
      return stored != null && !now.isBefore(stored.fetched().plus(REFRESH)) && mayBeFetched(now);
    }

    private boolean mayBeFetched(Instant now) {
      return failure == null || !failure.isRecent(now);
    }

    Found policy() {
      return stored == null || stored.policy().mode() == MtaStsPolicy.Mode.NONE
          ? new Found.None()
          : new Found.Policy(stored.policy(), stored.id(), stored.until());
    }

    int octets() {
      if (stored == null && failure == null) {
        return OCTETS_OF_NONE;
      }
      int octets = 0;
      if (stored != null) {
        for (var pattern : stored.policy().mx()) {
          octets += OCTETS_OF_PATTERN + pattern.length();
        }
      }
      return Math.max(octets, OCTETS_OF_DOMAIN);
    }
  }

  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("mta-sts-", 0).factory());
  private final Semaphore room = new Semaphore(MAXIMUM_FLIGHTS);
  private final ConcurrentMap<String, CompletableFuture<Known>> flights = new ConcurrentHashMap<>();
  private final Cache<String, Known> known;
  private final AtomicReference<Timer.@Nullable Handle> sweep = new AtomicReference<>();
  private final DnsResolver dns;
  private final PolicySource source;
  private final StoredPolicies storage;
  private final Timer timer;
  private final Metrics metrics;

  public MtaStsPolicies(DnsResolver dns, PolicySource source, StorageManager storage, Timer timer) {
    this(dns, source, storage, timer, Metrics.none());
  }

  /**
   * @param storage keeps policies under {@code mta-sts/DOMAIN}
   */
  public MtaStsPolicies(
      DnsResolver dns, PolicySource source, StorageManager storage, Timer timer, Metrics metrics) {
    this.dns = dns;
    this.source = source;
    this.storage = new StoredPolicies(storage, MAXIMUM_STORED);
    this.timer = timer;
    this.metrics = metrics;
    Weigher<String, Known> weigher = (domain, entry) -> entry.octets();
    known =
        Caffeine.newBuilder()
            .maximumWeight((long) MAXIMUM_DOMAINS * OCTETS_OF_DOMAIN)
            .weigher(weigher)
            .executor(Runnable::run)
            .build();
    metrics.gauge("mtasts.kept", known::estimatedSize);
    sweepIn(FIRST_SWEEP);
  }

  /**
   * The policy to be applied to mail for a domain, which is that of its recipients, or a smart host
   * (RFC 8461 3.4). Blocks.
   *
   * @throws UncheckedIOException if the storage cannot say whether there is one
   * @throws IllegalStateException if that was closed
   */
  public Found of(String domain) {
    String name;
    try {
      name = Domains.toAscii(domain);
    } catch (IllegalArgumentException e) {
      return new Found.None(); // an address literal, too
    }
    var record = MtaStsRecord.among(dns.txt("_mta-sts." + name).records());
    var entry = known(name);
    if (record.isEmpty()) {
      // 5.1, 10.2: that a record is gone, or kept from us, ends nothing.
      return entry.isInForce(timer.now()) ? entry.policy() : new Found.None();
    }
    var id = record.get().id();
    if (entry.isToBeFetched(id, timer.now())) {
      entry = arrived(flight(name, id));
      if (entry.isToBeFetched(id, timer.now())) {
        entry = arrived(flight(name, id)); // that was one for the id before
      }
    } else if (entry.isToBeRefreshed(timer.now())) {
      flight(name, id); // nobody waits for it
    }
    var now = timer.now();
    if (entry.isInForce(now) || entry.isCurrent(id, now)) {
      return entry.policy();
    }
    return entry.failure() != null ? entry.failure().found() : new Found.None();
  }

  private Known known(String domain) {
    var inMemory = known.getIfPresent(domain);
    if (inMemory != null) {
      return inMemory;
    }
    // Also that there is none: every message to the domain would look for the file again.
    var read = new Known(storage.get(domain), null);
    var meanwhile = known.asMap().putIfAbsent(domain, read);
    return meanwhile != null ? meanwhile : read;
  }

  /** The one to a domain's policy host; started if there is none. */
  private CompletableFuture<Known> flight(String domain, String id) {
    var ours = new CompletableFuture<Known>();
    var others = flights.putIfAbsent(domain, ours);
    if (others != null) {
      return others;
    }
    try {
      threads.execute(() -> fly(domain, id, ours));
    } catch (RejectedExecutionException e) {
      flights.remove(domain);
      ours.completeExceptionally(new IllegalStateException("closed", e));
    }
    return ours;
  }

  private static Known arrived(CompletableFuture<Known> flight) {
    try {
      return flight.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }

  private void fly(String domain, String id, CompletableFuture<Known> flight) {
    try {
      var entry = known(domain);
      var now = timer.now();
      if (entry.isToBeFetched(id, now) || entry.isToBeRefreshed(now)) { // still
        entry = fetch(domain, id, entry);
        known.put(domain, entry);
      }
      flights.remove(domain);
      flight.complete(entry);
    } catch (RuntimeException | Error e) {
      if (!threads.isShutdown()) {
        log.error("the MTA-STS policy of {} could not be seen to", domain, e); // nobody may wait
      }
      flights.remove(domain);
      flight.completeExceptionally(e);
    }
  }

  /** What is known then. */
  private Known fetch(String domain, String id, Known before) {
    var after = fetched(domain, id, before);
    var failure = after.failure();
    if (failure != null) {
      if (threads.isShutdown()) {
        throw new IllegalStateException("closed"); // which is no fault of the host
      }
      log(domain, failure.found(), before);
    } else if (after.stored() != null) {
      keep(domain, after.stored());
    }
    metrics.count(
        "mtasts.fetched", 1, "result", failure == null ? "ok" : failure.found().resultType());
    return after;
  }

  private Known fetched(String domain, String id, Known before) {
    byte[] octets;
    try {
      octets = fetched("mta-sts." + domain);
    } catch (UntrustedPolicyHostException e) {
      return failed(before, Found.Failed.UNTRUSTED, e.getMessage());
    } catch (IOException e) {
      return failed(before, Found.Failed.FETCH_ERROR, e.getMessage());
    }
    try {
      var policy = MtaStsPolicy.parse(text(octets));
      return new Known(new Stored(policy, id, timer.now()), null);
    } catch (CharacterCodingException e) {
      return failed(before, Found.Failed.INVALID, "not in UTF-8");
    } catch (IllegalArgumentException e) {
      return failed(before, Found.Failed.INVALID, e.getMessage());
    }
  }

  private byte[] fetched(String host) throws IOException {
    try {
      // As long as a flight may take; there are so many only if somebody makes them take long.
      if (!room.tryAcquire(1, TimeUnit.MINUTES)) {
        throw new IOException("too many policy hosts that do not answer");
      }
    } catch (InterruptedException e) {
      throw new IOException("closed", e);
    }
    try {
      return source.fetch(host);
    } finally {
      room.release();
    }
  }

  private static String text(byte[] octets) throws CharacterCodingException {
    return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(octets)).toString();
  }

  private Known failed(Known before, String resultType, @Nullable String message) {
    var reason = message == null ? "no reason given" : message;
    var found =
        new Found.Failed(
            resultType, reason.substring(0, Math.min(reason.length(), MAXIMUM_REASON)));
    return new Known(before.stored(), new Failure(found, timer.now()));
  }

  private void keep(String domain, Stored stored) {
    try {
      if (!storage.set(domain, stored)) {
        log.warn("no room to keep the MTA-STS policy of {} through a restart", domain);
      }
    } catch (UncheckedIOException e) {
      log.error("the MTA-STS policy of {} could not be kept through a restart", domain, e);
    }
  }

  /** 3.3: a refresh that fails is told, as somebody may be keeping us from it. */
  private void log(String domain, Found.Failed failed, Known before) {
    var text = "no new MTA-STS policy of {}: {} ({})";
    if (before.isInForce(timer.now()) && before.policy() instanceof Found.Policy) {
      log.warn(text, domain, failed.reason(), failed.resultType());
    } else {
      log.info(text, domain, failed.reason(), failed.resultType());
    }
  }

  private void sweepIn(Duration time) {
    sweep.set(timer.at(timer.now().plus(time), this::startSweep));
    if (threads.isShutdown()) {
      cancelSweep();
    }
  }

  private void startSweep() {
    try {
      threads.execute(this::sweep);
    } catch (RejectedExecutionException e) {
      // closed meanwhile
    }
  }

  private void sweep() {
    try {
      storage.sweep(timer.now());
    } catch (RuntimeException e) {
      log.error("MTA-STS policies that are over could not be deleted", e);
    }
    sweepIn(SWEEP);
  }

  private void cancelSweep() {
    var handle = sweep.getAndSet(null);
    if (handle != null) {
      handle.cancel();
    }
  }

  /** Ends what is being fetched. */
  @Override
  public void close() {
    threads.shutdownNow();
    cancelSweep();
  }
}
