package org.unifiedmta.core.dns;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.dns.DnsResolver.Answer;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.time.Timer;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.ExtendedFlags;
import org.xbill.DNS.ExtendedResolver;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.NSRecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Resolver;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.SimpleResolver;
import org.xbill.DNS.Type;
import org.xbill.DNS.dnssec.ValidatingResolver;

/**
 * The servers that are asked, one after the other, by UDP and where that is not enough by TCP. What
 * they say is believed for the name that was asked for and its aliases only.
 */
final class RecursiveServers {
  static final Duration FAILURE_TTL = Duration.ofSeconds(5); // RFC 2308 7: five minutes at most

  private static final int MAXIMUM_ALIASES = 8;
  private static final int MAXIMUM_RECORDS = 100; // of one answer that are kept; TXT has no bound
  private static final int CHAIN = 3; // times as long for a chain of keys that is not known yet
  private static final int EDNS_PAYLOAD = 1232;
  private static final Duration MAXIMUM_TTL = Duration.ofDays(1);
  private static final Duration MAXIMUM_NEGATIVE_TTL = Duration.ofHours(1); // RFC 2308 5: 1 to 3

  private final Resolver resolver;
  private final boolean adCounts;
  private final Duration budget;
  private final Executor threads;

  /**
   * @param each see {@link #at}
   * @param timeout of one question to one server
   * @param trustAnchors DS or DNSKEY records in the master format; null to validate nothing
   * @param trusted whether a server elsewhere may say that it has validated
   */
  RecursiveServers(
      List<Resolver> each,
      Duration timeout,
      @Nullable String trustAnchors,
      boolean trusted,
      Timer timer,
      Executor threads) {
    this.threads = threads;
    var all = new ServersInTurn(each, timeout);
    resolver = trustAnchors == null ? all : validating(all, trustAnchors, timer);
    all.setEDNS(0, EDNS_PAYLOAD, trustAnchors == null ? 0 : ExtendedFlags.DO, List.of());
    budget = all.longest().multipliedBy(trustAnchors == null ? 1 : CHAIN);
    // RFC 7672 2.1.1: what comes over a network that anybody is in may be anybody's AD.
    adCounts = trustAnchors != null || trusted || each.stream().allMatch(RecursiveServers::isLocal);
  }

  /** The servers at these addresses; the system's for none. */
  static List<Resolver> at(List<InetSocketAddress> addresses) {
    return addresses.isEmpty()
        ? List.of(new ExtendedResolver().getResolvers())
        : addresses.stream().<Resolver>map(SimpleResolver::new).toList();
  }

  private static Resolver validating(Resolver servers, String trustAnchors, Timer timer) {
    InstantSource now = timer::now;
    var validating = new ValidatingResolver(servers, now.withZone(ZoneOffset.UTC));
    try {
      validating.loadTrustAnchors(
          new ByteArrayInputStream(trustAnchors.getBytes(StandardCharsets.US_ASCII)));
    } catch (IOException e) {
      throw new IllegalArgumentException("trust anchors: " + e.getMessage(), e);
    }
    return validating;
  }

  private static boolean isLocal(Resolver server) {
    var address = server instanceof SimpleResolver simple ? simple.getAddress() : null;
    return address != null && !address.isUnresolved() && address.getAddress().isLoopbackAddress();
  }

  /** Asks, aliases followed. Blocks, but not for longer than all servers may take together. */
  Answer<Object> ask(Question question) throws InterruptedException {
    long end = System.nanoTime() + budget.toNanos(); // as dnsjava counts, too
    var at = question.name();
    boolean secure = adCounts;
    var ttl = MAXIMUM_TTL;
    for (int questions = 0; questions <= MAXIMUM_ALIASES; questions++) {
      Message response;
      try {
        response = send(at, question.type(), end - System.nanoTime());
      } catch (TimeoutException e) {
        return failed(Status.TIMEOUT);
      } catch (ExecutionException e) {
        return failed(isTimeout(e.getCause()) ? Status.TIMEOUT : Status.SERVFAIL);
      }
      if (ServersInTurn.isFailure(response)) {
        return failed(Status.SERVFAIL);
      }
      int rcode = response.getRcode();
      secure &= response.getHeader().getFlag(Flags.AD);
      var before = at;
      for (int aliases = 0; ; aliases++) {
        var records = records(response, at, question.type());
        if (!records.isEmpty()) {
          return new Answer<>(
              Status.OK, values(records, question.type()), least(ttl, ttl(records)), secure);
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

  private Message send(Name name, int type, long nanos)
      throws InterruptedException, ExecutionException, TimeoutException {
    var query = Message.newQuery(Record.newRecord(name, type, DClass.IN));
    query.getHeader().setFlag(Flags.AD); // RFC 6840 5.7: tell whether you validated
    return resolver
        .sendAsync(query, threads)
        .toCompletableFuture()
        .get(Math.max(0, nanos), TimeUnit.NANOSECONDS);
  }

  /**
   * The servers of the zone that has this name, aliases not followed; empty where none has it.
   *
   * @throws ExecutionException if nobody can say
   */
  List<Name> nameServers(Name zone, long nanos)
      throws InterruptedException, ExecutionException, TimeoutException {
    var response = send(zone, Type.NS, Math.min(nanos, budget.toNanos()));
    if (ServersInTurn.isFailure(response)) {
      throw new ExecutionException(new IOException(Rcode.string(response.getRcode())));
    }
    return records(response, zone, Type.NS).stream()
        .map(record -> ((NSRecord) record).getTarget())
        .toList();
  }

  static List<Record> records(Message response, Name name, int type) {
    return response.getSection(Section.ANSWER).stream()
        .filter(record ->
            record.getType() == type
                && record.getDClass() == DClass.IN
                && record.getName().equals(name))
        .toList();
  }

  static List<Object> values(List<Record> records, int type) {
    var values = new ArrayList<Object>();
    for (var record : records) {
      var value = WireRecord.read(record);
      if (value != null && (type == Type.TXT || values.size() < MAXIMUM_RECORDS)) {
        values.add(value.value());
      }
    }
    return values;
  }

  /** The least; dnsjava makes none of a negative one (RFC 2181 8). */
  static Duration ttl(List<Record> records) {
    return Duration.ofSeconds(records.stream().mapToLong(Record::getTTL).min().orElse(0));
  }

  /** RFC 2308 5. */
  private static Duration negativeTtl(Message response) {
    for (var record : response.getSection(Section.AUTHORITY)) {
      if (record instanceof SOARecord soa) {
        long seconds = Math.min(soa.getTTL(), soa.getMinimum());
        return least(MAXIMUM_NEGATIVE_TTL, Duration.ofSeconds(seconds));
      }
    }
    return FAILURE_TTL;
  }

  private static Duration least(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  static Answer<Object> failed(Status status) {
    return new Answer<>(status, List.of(), FAILURE_TTL, false);
  }

  private static boolean isTimeout(@Nullable Throwable cause) {
    return cause instanceof SocketTimeoutException
        || cause instanceof TimeoutException
        || (cause != null && String.valueOf(cause.getMessage()).contains("imed out"));
  }
}
