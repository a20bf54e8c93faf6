package org.unifiedmta.security.authres;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.spool.ByteSink;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.MessageWatcher;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.arc.ArcVerifier;
import org.unifiedmta.security.dkim.BodyHasher;
import org.unifiedmta.security.dkim.DKIMVerifier;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.dmarc.DmarcVerifier;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.spf.SpfVerifier;

/**
 * Who sent a message, and whether that is proved: SPF, DKIM and ARC side by side, then DMARC, which
 * what ARC says does not change. What the DNS does not answer within the time for all of it is a
 * temperror. Never throws for what a peer sent. Thread-safe.
 */
public final class MessageAuthentication {
  private static final Logger log = LoggerFactory.getLogger(MessageAuthentication.class);
  private static final String LATE = "no answer from the DNS in time";
  private static final Future<Boolean> NOTHING_TO_ASK = CompletableFuture.completedFuture(true);
  private static final DmarcResult NO_POLICY =
      new DmarcResult(DmarcResult.Action.TEMPERROR, DmarcResult.Policy.ABSENT, false, false, null);

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
   * Authenticates a message that is all there.
   *
   * @param reversePath without angle brackets, empty for the null one
   * @param helo what the client called itself
   */
  public AuthenticationResults check(
      SpooledMessage message, String reversePath, InetAddress client, String helo) {
    return begin(reversePath, client, helo).results(message);
  }

  /**
   * Begins with a message that is about to come: SPF is asked from here on. Does not block.
   *
   * @param reversePath without angle brackets, empty for the null one
   * @param helo what the client called itself
   * @throws RejectedExecutionException when the threads have ended
   */
  public Ongoing begin(String reversePath, InetAddress client, String helo) {
    return new Ongoing(reversePath, client, helo);
  }

  /**
   * One message on its way. Who shows it as it passes saves reading it again, and has answers of
   * the DNS under way meanwhile. Used by one thread at a time; only {@link #results} blocks.
   */
  public final class Ongoing implements MessageWatcher {
    private final SpfResult noSpf;
    private final Future<SpfResult> ofSpf;
    private @Nullable Checks checks;

    private Ongoing(String reversePath, InetAddress client, String helo) {
      var domain =
          reversePath.isEmpty() ? helo : reversePath.substring(reversePath.lastIndexOf('@') + 1);
      noSpf = new SpfResult(SpfResult.Result.TEMPERROR, domain, client, null, LATE);
      ofSpf = threads.submit(() -> spf.check(reversePath, client, helo));
    }

    /**
     * Keys and policies are asked for from here on.
     *
     * @throws RejectedExecutionException when the threads have ended
     */
    @Override
    public void header(HeaderSection header) {
      checks = new Checks(header);
    }

    @Override
    public void body(ByteBuffer octets) {
      if (checks != null) {
        checks.write(octets);
      }
    }

    /**
     * What is found, within the budget from now on.
     *
     * @param message the one that passed, or if no header did, one that is read now
     */
    public AuthenticationResults results(SpooledMessage message) {
      long end = System.nanoTime() + budget.toNanos();
      var of = checks;
      if (of == null) {
        of = new Checks(message.header());
        of.read(message);
      }
      return of.results(end, within(end, ofSpf, () -> noSpf));
    }

    @Override
    public void abandoned() {
      ofSpf.cancel(true);
      if (checks != null) {
        checks.cancel();
      }
    }
  }

  /** Of a message whose header is there. */
  private final class Checks {
    private final HeaderSection header;
    private final DKIMVerifier.Verification signatures;
    private final ArcVerifier.@Nullable Verification chain;
    private final Future<Boolean> ofKeys;
    private final Future<Boolean> ofChain;
    private final Future<DmarcVerifier.Verification> ofPolicies;
    private final List<ByteSink> readers = new ArrayList<>(2);

    Checks(HeaderSection header) {
      this.header = header;
      signatures = dkim.begin(header);
      var links = arc == null ? null : arc.begin(header);
      chain = links;
      ofKeys = signatures.needsBody() ? started(signatures, signatures::fetchKeys) : NOTHING_TO_ASK;
      ofChain =
          links != null && links.needsBody() ? started(links, links::fetchKeys) : NOTHING_TO_ASK;
      ofPolicies =
          threads.submit(() -> {
            var policies = dmarc.begin(header); // which may have a long From field to read
            policies.fetchPolicies();
            return policies;
          });
    }

    private Future<Boolean> started(ByteSink reader, Runnable questions) {
      readers.add(reader);
      return threads.submit(questions, true);
    }

    void write(ByteBuffer octets) {
      readers.forEach(reader -> reader.write(octets.duplicate()));
    }

    /** Once for all, and only where a signature needs it. */
    void read(SpooledMessage message) {
      if (!readers.isEmpty()) {
        BodyHasher.read(message, header, this::write);
      }
    }

    AuthenticationResults results(long end, SpfResult spfResult) {
      var dkimResults = within(end, ofKeys, () -> false) ? signatures.results() : late();
      var policies = inTime(end, ofPolicies);
      var dmarcResult =
          policies == null
              ? NO_POLICY
              : within(
                  end,
                  threads.submit(() -> policies.result(spfResult, dkimResults)),
                  () -> NO_POLICY);
      // Last, so that DMARC does not wait for it.
      var arcResult =
          chain == null
              ? ArcResult.none()
              : within(end, ofChain, () -> false) ? chain.result() : chain.late(LATE);
      return new AuthenticationResults(spfResult, dkimResults, arcResult, dmarcResult);
    }

    private List<DkimResult> late() {
      return header.all("DKIM-Signature").stream()
          .map(field -> new DkimResult(DkimResult.Status.TEMPERROR, null, null, LATE, false))
          .toList();
    }

    void cancel() {
      ofKeys.cancel(true);
      ofChain.cancel(true);
      ofPolicies.cancel(true);
    }
  }

  private static <T> T within(long end, Future<T> result, Supplier<T> otherwise) {
    var inTime = inTime(end, result);
    return inTime == null ? otherwise.get() : inTime;
  }

  private static <T> @Nullable T inTime(long end, Future<T> result) {
    try {
      return result.get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      result.cancel(true);
    } catch (ExecutionException | CancellationException e) {
      log.error("a check failed", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return null;
  }
}
