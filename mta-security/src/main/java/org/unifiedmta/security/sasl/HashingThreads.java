package org.unifiedmta.security.sasl;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Platform threads on which passwords are hashed, since a virtual one would keep its carrier for
 * all of that time. They are daemons and end when nothing is left to do, so nobody has to close
 * them.
 */
final class HashingThreads {
  private static final int WAITING_PER_THREAD = 32; // a few seconds of bcrypt or Argon2

  private final ThreadPoolExecutor executor;

  HashingThreads() {
    this(
        Runtime.getRuntime().availableProcessors(),
        WAITING_PER_THREAD * Runtime.getRuntime().availableProcessors());
  }

  HashingThreads(int threads, int waiting) {
    executor =
        new ThreadPoolExecutor(
            threads,
            threads,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(waiting),
            Thread.ofPlatform().name("mta-password-", 0).daemon().factory());
    executor.allowCoreThreadTimeOut(true);
  }

  /**
   * The answer to a question that takes long.
   *
   * @throws CredentialsUnavailableException if too many wait already, or there was none
   */
  boolean ask(BooleanSupplier question) {
    Callable<Boolean> task = question::getAsBoolean;
    try {
      return executor.submit(task).get();
    } catch (RejectedExecutionException e) {
      throw new CredentialsUnavailableException("too many passwords wait to be checked", e);
    } catch (ExecutionException e) {
      throw new CredentialsUnavailableException("a password could not be checked", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CredentialsUnavailableException("the server closes", e);
    }
  }
}
