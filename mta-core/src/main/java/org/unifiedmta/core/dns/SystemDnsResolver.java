package org.unifiedmta.core.dns;

import com.github.benmanes.caffeine.cache.AsyncCache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.github.benmanes.caffeine.cache.Weigher;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.time.Timer;
import org.xbill.DNS.Resolver;
import org.xbill.DNS.ReverseMap;
import org.xbill.DNS.Type;

/**
 * Asks the recursive servers of the system, or those it is given. Positive and negative answers are
 * kept for their TTL (RFC 2308), failures for a few seconds; equal questions share one flight.
 * Bounded: some 32 MB of answers, 500 questions to the servers at a time, 100 records of an answer
 * (of TXT, all).
 *
 * <p>Counts {@code dns.questions} (all) and {@code dns.asked} (those that went to a server, by type
 * and status), times {@code dns.time} of the latter, shows {@code dns.kept}.
 */
public final class SystemDnsResolver implements DnsResolver, AutoCloseable {
  /**
   * The keys of the root zone, KSK-2017 and KSK-2024, as <a
   * href="https://data.iana.org/root-anchors/root-anchors.xml">IANA publishes them</a>.
   */
  public static final String ROOT_TRUST_ANCHORS =
      """
      . IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
      . IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
      """;

  private static final long MAXIMUM_OCTETS = 32L * 1024 * 1024;
  private static final int OCTETS_OF_ANSWER = 400;
  private static final int OCTETS_OF_RECORD = 100;
  private static final int MAXIMUM_FLIGHTS = 500;

  /** An answer, and since when it is known. */
  private record Kept(Answer<Object> answer, Instant since) {

    /** Whether it may answer what is asked at this time: it came after that, or its TTL lasts. */
    boolean isFor(Instant asked) {
      return !since.isBefore(asked) || asked.isBefore(since.plus(answer.ttl()));
    }

    int octets() {
      int octets = OCTETS_OF_ANSWER;
      for (var value : answer.records()) {
        octets += OCTETS_OF_RECORD + (value instanceof String text ? text.length() : 0);
      }
      return octets;
    }
  }

  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("mta-dns-", 0).factory());
  private final Semaphore flights = new Semaphore(MAXIMUM_FLIGHTS);
  private final Timer timer;
  private final Duration timeout;
  private final Metrics metrics;
  private final RecursiveServers servers;
  private final AuthoritativeServers authoritative;
  private final AsyncCache<Question, Kept> answers;

  /** The system's servers. */
  public SystemDnsResolver() {
    this(builder());
  }

  /** As the builder's, the rest by default. */
  public SystemDnsResolver(List<InetSocketAddress> servers, Duration timeout, Timer timer) {
    this(builder().servers(servers).timeout(timeout).timer(timer));
  }

  private SystemDnsResolver(Builder builder) {
    timer = builder.timer;
    timeout = builder.timeout;
    metrics = builder.metrics;
    servers =
        new RecursiveServers(
            builder.resolver == null
                ? RecursiveServers.at(builder.servers)
                : List.of(builder.resolver),
            timeout,
            builder.trustAnchors,
            builder.trusted,
            timer,
            threads);
    authoritative = new AuthoritativeServers(this, servers, threads, builder.authoritativePort);
    var start = timer.now();
    Weigher<Question, Kept> weigher = (question, kept) -> kept.octets();
    answers =
        Caffeine.newBuilder()
            .maximumWeight(MAXIMUM_OCTETS)
            .weigher(weigher)
            .executor(Runnable::run)
            .ticker(() -> Duration.between(start, timer.now()).toNanos())
            .expireAfter(Expiry.creating((Question question, Kept kept) -> kept.answer().ttl()))
            .buildAsync();
    metrics.gauge("dns.kept", answers.synchronous()::estimatedSize);
  }

  /** Starts with the defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /** What is asked, and how. */
  public static final class Builder {
    private List<InetSocketAddress> servers = List.of();
    private Duration timeout = Duration.ofSeconds(5);
    private Timer timer = Timer.system();
    private Metrics metrics = Metrics.none();
    private @Nullable String trustAnchors;
    private boolean trusted;
    private @Nullable Resolver resolver;
    private int authoritativePort = 53;

    private Builder() {}

    /** The servers, asked in this order; none for the system's, the default. */
    public Builder servers(List<InetSocketAddress> servers) {
      this.servers = List.copyOf(servers);
      return this;
    }

    /** Of one question to one server, 5 s by default; each is asked twice. */
    public Builder timeout(Duration timeout) {
      this.timeout = timeout;
      return this;
    }

    /** By default the system's. */
    public Builder timer(Timer timer) {
      this.timer = timer;
      return this;
    }

    /** By default none. */
    public Builder metrics(Metrics metrics) {
      this.metrics = metrics;
      return this;
    }

    /**
     * Validates answers here (RFC 4035 5), and believes no server that it has done so: {@code
     * dnssec} is what the signatures say. What they say is false is SERVFAIL. Off by default.
     *
     * @param trustAnchors DS or DNSKEY records in the master format, such as {@link
     *     #ROOT_TRUST_ANCHORS}
     */
    public Builder validating(String trustAnchors) {
      this.trustAnchors = trustAnchors;
      return this;
    }

    /**
     * Believes servers that are not on this machine when they say that they have validated: nobody
     * else can be on the way there. Off by default.
     */
    public Builder trusted() {
      trusted = true;
      return this;
    }

    /** Whom to ask in place of servers, in our tests. */
    Builder resolver(Resolver resolver) {
      this.resolver = resolver;
      return this;
    }

    /** Where the servers of zones are, 53 everywhere but in our tests. */
    Builder authoritativePort(int port) {
      authoritativePort = port;
      return this;
    }

    /**
     * Makes it; it must be closed.
     *
     * @throws IllegalArgumentException if the trust anchors are none
     */
    public SystemDnsResolver build() {
      return new SystemDnsResolver(this);
    }
  }

  private static final class Shared {
    private static final SystemDnsResolver INSTANCE = new SystemDnsResolver();
  }

  /** The one that verifiers without arguments share; it is never closed. */
  public static SystemDnsResolver shared() {
    return Shared.INSTANCE;
  }

  @Override
  public Answer<Mx> mx(String name) {
    return ask(name, Type.MX, Mx.class);
  }

  @Override
  public Answer<String> txt(String name) {
    return ask(name, Type.TXT, String.class);
  }

  /**
   * Of at most eight servers, within 20 s; their answers are neither kept nor validated. Aliases
   * are followed into the zones that they lead to.
   */
  @Override
  public List<Answer<String>> authoritativeTxt(String name) {
    var question = Question.of(name, Type.TXT);
    if (question == null) {
      return List.of(Answer.none(Status.NXDOMAIN));
    }
    if (threads.isShutdown()) {
      return List.of(Answer.none(Status.SERVFAIL));
    }
    try {
      return authoritative.txt(question.name());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return List.of(Answer.none(Status.SERVFAIL));
    }
  }

  @Override
  public Answer<InetAddress> a(String name) {
    return ask(name, Type.A, InetAddress.class);
  }

  @Override
  public Answer<InetAddress> aaaa(String name) {
    return ask(name, Type.AAAA, InetAddress.class);
  }

  @Override
  public Answer<String> ptr(InetAddress address) {
    return ask(reverseName(address), Type.PTR, String.class);
  }

  @Override
  public Answer<String> cname(String name) {
    return ask(name, Type.CNAME, String.class);
  }

  @Override
  public Answer<Tlsa> tlsa(String name) {
    return ask(name, Type.TLSA, Tlsa.class);
  }

  /** The name under in-addr.arpa or ip6.arpa (RFC 1035 3.5, RFC 3596 2.5). */
  static String reverseName(InetAddress address) {
    return ReverseMap.fromAddress(address).toString(true);
  }

  private <T> Answer<T> ask(String name, int type, Class<T> records) {
    var question = Question.of(name, type);
    if (question == null) {
      return Answer.none(Status.NXDOMAIN); // no such name can exist
    }
    if (threads.isShutdown() || Thread.currentThread().isInterrupted()) {
      return Answer.none(Status.SERVFAIL); // the latter: nobody waits for it any more
    }
    metrics.count("dns.questions", 1);
    Answer<Object> answer;
    try {
      answer = answer(question);
    } catch (CompletionException | RejectedExecutionException e) {
      return Answer.none(Status.SERVFAIL); // the latter when closed meanwhile
    }
    return new Answer<>(
        answer.status(),
        answer.records().stream().map(records::cast).toList(),
        answer.ttl(),
        answer.dnssec());
  }

  private Answer<Object> answer(Question question) {
    var now = timer.now();
    while (true) {
      var flight = answers.get(question, this::start);
      var kept = flight.join();
      if (kept.isFor(now)) {
        return kept.answer();
      }
      answers.asMap().remove(question, flight); // the cache notes its time only some time later
    }
  }

  private CompletableFuture<Kept> start(Question question, Executor housekeeping) {
    return CompletableFuture.supplyAsync(() -> new Kept(fly(question), timer.now()), threads);
  }

  /** One question to the servers, on its virtual thread, when there is room for it. */
  private Answer<Object> fly(Question question) {
    var start = timer.now();
    Answer<Object> answer;
    try {
      if (!flights.tryAcquire(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
        return RecursiveServers.failed(Status.TIMEOUT); // so many that are not answered
      }
      try {
        answer = servers.ask(question);
      } finally {
        flights.release();
      }
    } catch (InterruptedException e) {
      answer = RecursiveServers.failed(Status.SERVFAIL); // closed meanwhile
    }
    var status = answer.status().name().toLowerCase(Locale.ROOT);
    metrics.count("dns.asked", 1, "type", Type.string(question.type()), "status", status);
    metrics.time("dns.time", Duration.between(start, timer.now()), "status", status);
    return answer;
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
