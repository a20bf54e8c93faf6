package org.unifiedmta.core.dns;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.dns.DnsResolver.Answer;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.SimpleResolver;
import org.xbill.DNS.Type;

/**
 * Asks the servers of a name's own zone, each for itself, so that no cache stands between. Which
 * they are is asked of the recursive ones.
 */
final class AuthoritativeServers {
  private static final int MOST_SERVERS = 8;
  private static final int MOST_ADDRESSES = 4; // of one server
  private static final int MOST_ALIASES = 8;
  private static final int EDNS_PAYLOAD = 1232;
  private static final Duration EACH = Duration.ofSeconds(5);
  private static final Duration ALL = Duration.ofSeconds(20);

  private final DnsResolver addresses;
  private final RecursiveServers recursive;
  private final Executor threads;
  private final int port;

  /** What one server said: an answer, or where to ask on. */
  private record Said(Answer<String> answer, @Nullable Name alias) {
    static final Said NOTHING = new Said(Answer.none(Status.TIMEOUT), null);

    static Said failed(Status status) {
      return new Said(Answer.none(status), null);
    }
  }

  AuthoritativeServers(
      DnsResolver addresses, RecursiveServers recursive, Executor threads, int port) {
    this.addresses = addresses;
    this.recursive = recursive;
    this.threads = threads;
    this.port = port;
  }

  /**
   * What each of them has for TXT, in no order, aliases followed into the zone they lead to; one
   * failure where no server is found.
   */
  List<Answer<String>> txt(Name name) throws InterruptedException {
    long end = System.nanoTime() + ALL.toNanos();
    var answers = new ArrayList<Answer<String>>();
    var names = new ArrayList<>(List.of(name)); // grows with the aliases
    for (int i = 0; i < names.size(); i++) {
      for (var said : ask(names.get(i), end)) {
        if (said.alias == null) {
          answers.add(said.answer);
        } else if (!names.contains(said.alias)) {
          if (names.size() > MOST_ALIASES) {
            return List.of(Answer.none(Status.SERVFAIL));
          }
          names.add(said.alias);
        }
      }
    }
    return answers.isEmpty() ? List.of(Answer.none(Status.SERVFAIL)) : List.copyOf(answers);
  }

  /** All servers of a zone at a time, so that those who are silent cost the time of one. */
  private List<Said> ask(Name name, long end) throws InterruptedException {
    var flights = new ArrayList<CompletableFuture<Said>>();
    try {
      for (var server : serversOf(name, end)) {
        flights.add(CompletableFuture.supplyAsync(() -> askOne(server, name, end), threads));
      }
    } catch (RejectedExecutionException e) {
      return List.of(Said.failed(Status.SERVFAIL)); // closed meanwhile
    }
    var all = new ArrayList<Said>();
    for (var flight : flights) {
      try {
        all.add(flight.get(left(end), TimeUnit.NANOSECONDS));
      } catch (TimeoutException | ExecutionException e) {
        all.add(Said.NOTHING);
      }
    }
    return all;
  }

  /** Those of the zone that the name is in: the nearest above it that has any; empty for none. */
  private List<Name> serversOf(Name name, long end) throws InterruptedException {
    for (var zone = name; zone.labels() > 1 && left(end) > 0; zone = new Name(zone, 1)) {
      try {
        var found = recursive.nameServers(zone, left(end));
        if (!found.isEmpty()) {
          return found.stream().sorted().limit(MOST_SERVERS).toList();
        }
      } catch (ExecutionException | TimeoutException e) {
        return List.of(); // who does not answer for a zone may hide it: none above it is right
      }
    }
    return List.of();
  }

  private Said askOne(Name server, Name name, long end) {
    var host = server.toString(true);
    var found = new LinkedHashSet<InetAddress>();
    Stream.of(addresses.a(host), addresses.aaaa(host))
        .flatMap(answer -> answer.records().stream())
        .limit(MOST_ADDRESSES)
        .forEach(found::add);
    var said = Said.NOTHING;
    for (var address : found) {
      if (left(end) <= 0) {
        break;
      }
      said = askAt(address, name, Math.min(left(end), EACH.toNanos()));
      if (!said.answer.status().isTemporary() || said.alias != null) {
        break;
      }
    }
    return said;
  }

  private Said askAt(InetAddress address, Name name, long nanos) {
    var server = new SimpleResolver(new InetSocketAddress(address, port));
    server.setTimeout(EACH);
    server.setEDNS(0, EDNS_PAYLOAD, 0, List.of());
    var query = Message.newQuery(Record.newRecord(name, Type.TXT, DClass.IN));
    query.getHeader().unsetFlag(Flags.RD); // nothing from a cache
    try {
      var response =
          server
              .sendAsync(query.clone(), threads)
              .toCompletableFuture()
              .get(nanos, TimeUnit.NANOSECONDS);
      return read(response, query);
    } catch (TimeoutException | ExecutionException | CompletionException e) {
      return Said.NOTHING;
    } catch (RejectedExecutionException e) {
      return Said.failed(Status.SERVFAIL); // closed meanwhile
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Said.failed(Status.SERVFAIL);
    }
  }

  /** A referral, or what is from a cache after all, is no answer (RFC 1034 4.3.1: AA). */
  private static Said read(Message response, Message query) {
    int rcode = response.getRcode();
    var name = query.getQuestion().getName();
    if (!ServersInTurn.isAnswer(response, query)
        || !response.getHeader().getFlag(Flags.AA)
        || (rcode != Rcode.NOERROR && rcode != Rcode.NXDOMAIN)) {
      return Said.failed(Status.SERVFAIL);
    }
    var records = RecursiveServers.records(response, name, Type.TXT);
    if (!records.isEmpty()) {
      var texts =
          RecursiveServers.values(records, Type.TXT).stream().map(String.class::cast).toList();
      return new Said(new Answer<>(Status.OK, texts, RecursiveServers.ttl(records), false), null);
    }
    var alias = RecursiveServers.records(response, name, Type.CNAME);
    if (!alias.isEmpty()) {
      var target = ((CNAMERecord) alias.getFirst()).getTarget();
      return new Said(Answer.none(Status.NODATA), target);
    }
    return Said.failed(rcode == Rcode.NXDOMAIN ? Status.NXDOMAIN : Status.NODATA);
  }

  private static long left(long end) {
    return Math.max(0, end - System.nanoTime());
  }
}
