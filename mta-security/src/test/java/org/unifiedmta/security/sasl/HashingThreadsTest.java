package org.unifiedmta.security.sasl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class HashingThreadsTest {
  private final ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor();

  @AfterEach
  void close() {
    clients.shutdownNow();
  }

  @Test
  void aQuestionIsAnsweredOnADaemonThreadOfThePlatform() {
    var threads = new HashingThreads(1, 1);
    assertThat(
            threads.ask(() -> {
              var thread = Thread.currentThread();
              return thread.isDaemon()
                  && !thread.isVirtual()
                  && thread.getName().startsWith("mta-password-");
            }))
        .isTrue();
    assertThat(threads.ask(() -> false)).isFalse();
  }

  /** One thread and one place to wait: of three clients that come while it works, two must go. */
  @Test
  void whoeverComesWhenTooManyWaitIsSentAway() throws Exception {
    var threads = new HashingThreads(1, 1);
    var working = new CountDownLatch(1);
    var done = new CountDownLatch(1);
    var first =
        clients.submit(() ->
            threads.ask(() -> {
              working.countDown();
              return opened(done);
            }));
    working.await();
    var sentAway = new LinkedBlockingQueue<CredentialsUnavailableException>();
    var others = new ArrayList<Future<Boolean>>();
    for (int i = 0; i < 3; i++) {
      others.add(
          clients.submit(() -> {
            try {
              return threads.ask(() -> true);
            } catch (CredentialsUnavailableException e) {
              sentAway.add(e);
              return false;
            }
          }));
    }
    assertThat(sentAway.poll(20, TimeUnit.SECONDS)).hasMessageContaining("too many");
    assertThat(sentAway.poll(20, TimeUnit.SECONDS)).isNotNull();
    done.countDown();
    assertThat(first.get()).isTrue();
    int answered = 0;
    for (var other : others) {
      answered += other.get() ? 1 : 0;
    }
    assertThat(answered).isEqualTo(1);
  }

  private static boolean opened(CountDownLatch latch) {
    try {
      latch.await();
      return true;
    } catch (InterruptedException e) {
      return false;
    }
  }

  @Test
  void aQuestionThatBreaksIsNoAnswer() {
    var threads = new HashingThreads(1, 1);
    assertThatThrownBy(() ->
            threads.ask(() -> {
              throw new OutOfMemoryError("256 MB");
            }))
        .isInstanceOf(CredentialsUnavailableException.class)
        .hasRootCauseMessage("256 MB");
    assertThat(threads.ask(() -> true)).isTrue();
  }

  @Test
  void aClientThatIsInterruptedStaysSo() throws Exception {
    var threads = new HashingThreads(1, 1);
    var working = new CountDownLatch(1);
    var done = new CountDownLatch(1);
    var interrupted = new CompletableFuture<Boolean>();
    var client =
        Thread.ofVirtual()
            .start(() -> {
              try {
                threads.ask(() -> {
                  working.countDown();
                  return opened(done);
                });
              } catch (CredentialsUnavailableException e) {
                interrupted.complete(Thread.currentThread().isInterrupted());
              }
            });
    working.await();
    client.interrupt();
    assertThat(interrupted.get(20, TimeUnit.SECONDS)).isTrue();
    done.countDown();
  }
}
