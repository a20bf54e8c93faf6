package org.unifiedmta.core.dns;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.EDNSOption;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Resolver;
import org.xbill.DNS.Section;
import org.xbill.DNS.TSIG;
import org.xbill.DNS.Type;

/**
 * Asks servers until one has an answer, each twice, beginning with the one that had the last. A
 * failure (SERVFAIL, REFUSED and the like, a referral) is an answer only where no other has one;
 * what answers another question is none.
 */
final class ServersInTurn implements Resolver {
  private static final int ROUNDS = 2;

  private final List<Resolver> servers;
  private final AtomicInteger first = new AtomicInteger();
  private Duration timeout;

  /**
   * @param timeout of one question to one of them
   */
  ServersInTurn(List<Resolver> servers, Duration timeout) {
    this.servers = List.copyOf(servers);
    this.timeout = timeout;
    servers.forEach(server -> server.setTimeout(timeout));
  }

  /** What a question may take that nobody answers. */
  Duration longest() {
    return timeout.multipliedBy((long) ROUNDS * servers.size());
  }

  @Override
  public CompletionStage<Message> sendAsync(Message query) {
    throw new UnsupportedOperationException("a thread is needed to wait");
  }

  /**
   * @param executor of threads that may wait
   */
  @Override
  public CompletionStage<Message> sendAsync(Message query, Executor executor) {
    return new Flight<Message>(executor).completeAsync(() -> ask(query, executor));
  }

  /** Names our threads where dnsjava names none for what comes next, which may be much. */
  private static final class Flight<T> extends CompletableFuture<T> {
    private final Executor threads;

    Flight(Executor threads) {
      this.threads = threads;
    }

    @Override
    public Executor defaultExecutor() {
      return threads;
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
      return new Flight<>(threads);
    }
  }

  private Message ask(Message query, Executor executor) {
    int from = first.get();
    Message failure = null;
    Throwable reason = new IOException("no DNS servers");
    for (int i = 0; i < ROUNDS * servers.size(); i++) {
      int turn = (from + i) % servers.size();
      try {
        // A copy for each: dnsjava adds its OPT record to the query.
        var response =
            servers
                .get(turn)
                .sendAsync(query.clone(), executor)
                .toCompletableFuture()
                .get(2 * timeout.toNanos(), TimeUnit.NANOSECONDS); // it may go on by TCP
        if (!isAnswer(response, query)) {
          reason = new IOException("answer to another question");
        } else if (isFailure(response)) {
          failure = response;
        } else {
          first.set(turn);
          return response;
        }
      } catch (ExecutionException e) {
        reason = cause(e);
      } catch (TimeoutException e) {
        reason = new SocketTimeoutException("timed out");
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CompletionException(e);
      }
    }
    if (failure != null) {
      return failure;
    }
    throw new CompletionException(reason);
  }

  private static Throwable cause(ExecutionException e) {
    @Nullable Throwable cause = e.getCause();
    return cause == null ? e : cause;
  }

  /** Whether it is an answer to what was asked at all. */
  static boolean isAnswer(Message response, Message query) {
    return response.getHeader().getFlag(Flags.QR)
        && response.getHeader().getOpcode() == Opcode.QUERY // else dnsjava reads other records
        && query.getQuestion().equals(response.getQuestion());
  }

  /** Whether it says nothing about what was asked. */
  static boolean isFailure(Message response) {
    int rcode = response.getRcode();
    return (rcode != Rcode.NOERROR && rcode != Rcode.NXDOMAIN) || isReferral(response);
  }

  /** RFC 2308 2.2: whoever names other servers and no SOA does not know, or does not recurse. */
  private static boolean isReferral(Message response) {
    return response.getRcode() == Rcode.NOERROR
        && response.getSection(Section.ANSWER).isEmpty()
        && has(Type.NS, response)
        && !has(Type.SOA, response);
  }

  private static boolean has(int type, Message response) {
    return response.getSection(Section.AUTHORITY).stream()
        .anyMatch(record -> record.getType() == type);
  }

  @Override
  public void setPort(int port) {
    servers.forEach(server -> server.setPort(port));
  }

  @Override
  public void setTCP(boolean only) {
    servers.forEach(server -> server.setTCP(only));
  }

  @Override
  public void setIgnoreTruncation(boolean ignore) {
    servers.forEach(server -> server.setIgnoreTruncation(ignore));
  }

  @Override
  public void setEDNS(int version, int payload, int flags, List<EDNSOption> options) {
    servers.forEach(server -> server.setEDNS(version, payload, flags, options));
  }

  @Override
  public void setTSIGKey(TSIG key) {
    servers.forEach(server -> server.setTSIGKey(key));
  }

  @Override
  public void setTimeout(Duration timeout) {
    this.timeout = timeout;
    servers.forEach(server -> server.setTimeout(timeout));
  }

  @Override
  public Duration getTimeout() {
    return timeout;
  }
}
