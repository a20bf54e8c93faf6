package org.unifiedmta.security.authres;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.spool.ByteSink;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.arc.ArcVerifier;
import org.unifiedmta.security.dkim.DKIMVerifier;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.dmarc.DmarcVerifier;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.spf.SpfVerifier;

/**
 * Who sent a message, and whether that is proved: SPF, DKIM and ARC side by side, then DMARC, which
 * what ARC says does not change. What the DNS does not answer within the time for all of it is a
 * temperror. Blocks; never throws for what a peer sent. Thread-safe.
 */
public final class MessageAuthentication {
  private static final Logger log = LoggerFactory.getLogger(MessageAuthentication.class);
  private static final int BUFFER = 64 * 1024;

  private final SpfVerifier spf;
  private final DKIMVerifier dkim;
  private final DmarcVerifier dmarc;
  private final @Nullable ArcVerifier arc;
  private final ExecutorService threads;
  private final Duration budget;

  /**
   * @param arc null where chains are not looked at
   * @param threads virtual ones, for what waits
   * @param budget of time for one message
   */
  public MessageAuthentication(
      SpfVerifier spf,
      DKIMVerifier dkim,
      DmarcVerifier dmarc,
      @Nullable ArcVerifier arc,
      ExecutorService threads,
      Duration budget) {
    this.spf = spf;
    this.dkim = dkim;
    this.dmarc = dmarc;
    this.arc = arc;
    this.threads = threads;
    this.budget = budget;
  }

  /**
   * Authenticates a message.
   *
   * @param reversePath without angle brackets, empty for the null one
   * @param helo what the client called itself
   */
  public AuthenticationResults check(
      SpooledMessage message, String reversePath, InetAddress client, String helo) {
    long end = System.nanoTime() + budget.toNanos();
    var signatures = dkim.begin(message.header());
    var chain = arc == null ? null : arc.begin(message.header());
    var ofSpf = threads.submit(() -> spf.check(reversePath, client, helo));
    var ofKeys =
        threads.submit(() -> {
          signatures.fetchKeys();
          return true;
        });
    var ofChain =
        chain == null
            ? null
            : threads.submit(() -> {
              chain.fetchKeys();
              return true;
            });
    readBody(message, signatures, chain);
    var spfResult =
        within(
            end,
            ofSpf,
            () ->
                new SpfResult(
                    SpfResult.Result.TEMPERROR, domainOf(reversePath, helo), client, null, LATE));
    boolean keys = within(end, ofKeys, () -> false);
    var dkimResults = keys ? signatures.results() : late(message);
    var ofDmarc = threads.submit(() -> dmarc.verify(message.header(), spfResult, dkimResults));
    var dmarcResult =
        within(
            end,
            ofDmarc,
            () ->
                new DmarcResult(
                    DmarcResult.Action.TEMPERROR, DmarcResult.Policy.ABSENT, false, false, null));
    // Last, so that DMARC does not wait for it.
    var arcResult =
        chain == null || ofChain == null
            ? ArcResult.none()
            : within(end, ofChain, () -> false) ? chain.result() : chain.late(LATE);
    return new AuthenticationResults(spfResult, dkimResults, arcResult, dmarcResult);
  }

  private static final String LATE = "no answer from the DNS in time";

  private static String domainOf(String reversePath, String helo) {
    return reversePath.isEmpty() ? helo : reversePath.substring(reversePath.lastIndexOf('@') + 1);
  }

  private static List<DkimResult> late(SpooledMessage message) {
    return message.header().all("DKIM-Signature").stream()
        .map(field -> new DkimResult(DkimResult.Status.TEMPERROR, null, null, LATE, false))
        .toList();
  }

  /** Once for all, and only where a signature needs it. */
  private static void readBody(
      SpooledMessage message,
      DKIMVerifier.Verification signatures,
      ArcVerifier.@Nullable Verification chain) {
    var readers = new ArrayList<ByteSink>(2);
    if (message.header().first("DKIM-Signature").isPresent()) {
      readers.add(signatures);
    }
    if (chain != null && chain.needsBody()) {
      readers.add(chain);
    }
    if (readers.isEmpty()) {
      return;
    }
    var buffer = new byte[BUFFER];
    try (var in = message.open()) {
      in.skipNBytes(message.header().size());
      var blankLine = in.readNBytes(2);
      if (blankLine.length < 2 || blankLine[0] != '\r' || blankLine[1] != '\n') {
        write(readers, ByteBuffer.wrap(blankLine)); // RFC 5322 2.2: the body began without one
      }
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        write(readers, ByteBuffer.wrap(buffer, 0, n));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(List<ByteSink> readers, ByteBuffer octets) {
    readers.forEach(reader -> reader.write(octets.duplicate()));
  }

  private static <T> T within(long end, Future<T> result, Supplier<T> otherwise) {
    try {
      return result.get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      result.cancel(true);
      return otherwise.get();
    } catch (ExecutionException | CancellationException e) {
      log.error("a check failed", e);
      return otherwise.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return otherwise.get();
    }
  }
}
