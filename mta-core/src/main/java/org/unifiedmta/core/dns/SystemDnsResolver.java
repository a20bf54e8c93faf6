package org.unifiedmta.core.dns;

import com.github.benmanes.caffeine.cache.AsyncCache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.time.Timer;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.ExtendedResolver;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Resolver;
import org.xbill.DNS.ReverseMap;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.SimpleResolver;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;

/**
 * Asks the recursive servers of the system, or those it is given. Positive and negative answers are
 * kept for their TTL (RFC 2308), failures for a few seconds; equal questions share one flight.
 */
public final class SystemDnsResolver implements DnsResolver, AutoCloseable {
  private static final int MAXIMUM_ALIASES = 8;
  private static final int CACHE_ENTRIES = 50_000;
  private static final int TRIES = 2;
  private static final int EDNS_PAYLOAD = 1232;
  private static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration FAILURE_TTL = Duration.ofSeconds(5);
  private static final Duration MAXIMUM_TTL = Duration.ofDays(1);
  private static final Duration MAXIMUM_NEGATIVE_TTL = Duration.ofHours(3); // RFC 2308 5

  private record Question(Name name, int type) {}

  /** An answer, and since when it is known. */
  private record Kept(Answer<Object> answer, Instant since) {

    /** Whether it may answer what is asked at this time: it came after that, or its TTL lasts. */
    boolean isFor(Instant asked) {
      return !since.isBefore(asked) || asked.isBefore(since.plus(answer.ttl()));
    }
  }

  private final Resolver resolver;
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("mta-dns-", 0).factory());
  private final Timer timer;
  private final AsyncCache<Question, Kept> answers;

  /** The system's servers. */
  public SystemDnsResolver() {
    this(List.of(), DEFAULT_TIMEOUT, Timer.system());
  }

  /**
   * @param servers empty for the system's
   * @param timeout of one question to one server; each is asked twice
   */
  public SystemDnsResolver(List<InetSocketAddress> servers, Duration timeout, Timer timer) {
    var all =
        servers.isEmpty()
            ? new ExtendedResolver()
            : new ExtendedResolver(
                servers.stream().map(SimpleResolver::new).toArray(Resolver[]::new));
    for (var server : all.getResolvers()) {
      server.setTimeout(timeout); // that of all is only looked at between two servers
    }
    all.setRetries(TRIES);
    all.setTimeout(timeout.multipliedBy((long) TRIES * all.getResolvers().length));
    this.timer = timer;
    resolver = all;
    resolver.setEDNS(0, EDNS_PAYLOAD, 0, List.of());
    var start = timer.now();
    answers =
        Caffeine.newBuilder()
            .maximumSize(CACHE_ENTRIES)
            .executor(Runnable::run)
            .ticker(() -> Duration.between(start, timer.now()).toNanos())
            .expireAfter(Expiry.creating((Question question, Kept kept) -> kept.answer().ttl()))
            .buildAsync();
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
    Name wire;
    try {
      wire = Name.fromString(name.toLowerCase(Locale.ROOT), Name.root);
    } catch (TextParseException e) {
      return Answer.none(Status.NXDOMAIN); // no such name can exist
    }
    if (threads.isShutdown()) {
      return Answer.none(Status.SERVFAIL);
    }
    Answer<Object> answer;
    try {
      answer = answer(new Question(wire, type));
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
    return CompletableFuture.supplyAsync(() -> new Kept(look(question), timer.now()), threads);
  }

  /** One question to the servers, aliases followed. Runs on a virtual thread. */
  private Answer<Object> look(Question question) {
    var at = question.name();
    boolean secure = true;
    var ttl = MAXIMUM_TTL;
    for (int questions = 0; questions <= MAXIMUM_ALIASES; questions++) {
      Message response;
      try {
        response = send(at, question.type());
      } catch (CompletionException e) {
        return failed(isTimeout(e.getCause()) ? Status.TIMEOUT : Status.SERVFAIL);
      }
      int rcode = response.getRcode();
      if (rcode != Rcode.NOERROR && rcode != Rcode.NXDOMAIN) {
        return failed(Status.SERVFAIL);
      }
      secure &= response.getHeader().getFlag(Flags.AD);
      var before = at;
      for (int aliases = 0; ; aliases++) {
        var records = records(response, at, question.type());
        if (!records.isEmpty()) {
          ttl = least(ttl, ttl(records));
          var values = new ArrayList<Object>();
          for (var record : records) {
            var value = WireRecord.read(record);
            if (value != null) {
              values.add(value.value());
            }
          }
          return new Answer<>(Status.OK, values, ttl, secure);
        }
        var alias = records(response, at, Type.CNAME);
        if (alias.isEmpty()) {
          break;
        }
        if (aliases == MAXIMUM_ALIASES) {
          return failed(Status.SERVFAIL); // a loop within one answer
        }
        ttl = least(ttl, ttl(alias));
        at = ((CNAMERecord) alias.get(0)).getTarget();
      }
      if (at.equals(before) || rcode == Rcode.NXDOMAIN) {
        return new Answer<>(
            rcode == Rcode.NXDOMAIN ? Status.NXDOMAIN : Status.NODATA,
            List.of(),
            least(ttl, negativeTtl(response)),
            secure);
      }
    }
    return failed(Status.SERVFAIL); // a loop of aliases
  }

  private Message send(Name name, int type) {
    var query = Message.newQuery(Record.newRecord(name, type, DClass.IN));
    query.getHeader().setFlag(Flags.AD); // RFC 6840 5.7: tell whether you validated
    return resolver.sendAsync(query, threads).toCompletableFuture().join();
  }

  private static List<Record> records(Message response, Name name, int type) {
    return response.getSection(Section.ANSWER).stream()
        .filter(record -> record.getType() == type && record.getName().equals(name))
        .toList();
  }

  private static Duration ttl(List<Record> records) {
    return Duration.ofSeconds(records.stream().mapToLong(Record::getTTL).min().orElse(0));
  }

  /** RFC 2308 5. */
  private static Duration negativeTtl(Message response) {
    for (var record : response.getSection(Section.AUTHORITY)) {
      if (record instanceof SOARecord soa) {
        return least(
            MAXIMUM_NEGATIVE_TTL, Duration.ofSeconds(Math.min(soa.getTTL(), soa.getMinimum())));
      }
    }
    return FAILURE_TTL;
  }

  private static Duration least(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  private static Answer<Object> failed(Status status) {
    return new Answer<>(status, List.of(), FAILURE_TTL, false);
  }

  private static boolean isTimeout(@Nullable Throwable cause) {
    return cause instanceof SocketTimeoutException
        || cause instanceof TimeoutException
        || (cause != null && String.valueOf(cause.getMessage()).contains("imed out"));
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
