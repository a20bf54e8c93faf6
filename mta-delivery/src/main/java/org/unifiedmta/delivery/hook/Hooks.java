package org.unifiedmta.delivery.hook;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.smtp.server.Answer;
import org.unifiedmta.smtp.server.Verdict;

/** The host's hooks, in their order. */
public final class Hooks {
  private static final Logger log = LoggerFactory.getLogger(Hooks.class);
  private static final Verdict FAILED =
      new Verdict.Reply(SmtpReply.of(451, "4.3.0", "Local error, try again later"));

  private final List<Hook> hooks;
  private final Duration budget;

  /**
   * @param budget for one call of one hook
   */
  public Hooks(List<Hook> hooks, Duration budget) {
    this.hooks = List.copyOf(hooks);
    this.budget = budget;
  }

  public boolean isEmpty() {
    return hooks.isEmpty();
  }

  /** The hooks' answer, or the server's own where all of them say Continue. */
  public Answer ask(Function<Hook, Verdict> question, Supplier<Answer> otherwise) {
    if (hooks.isEmpty()) {
      return otherwise.get();
    }
    return new Answer.Later(() -> {
      var verdict = verdict(question);
      if (!(verdict instanceof Verdict.Continue)) {
        return verdict;
      }
      return switch (otherwise.get()) {
        case Answer.Now(var now) -> now;
        case Answer.Later(var later) -> later.call();
      };
    });
  }

  /** What the first hook says that does not say Continue. Blocks. */
  public Verdict verdict(Function<Hook, Verdict> question) {
    for (var hook : hooks) {
      var verdict = call(hook, question);
      if (!(verdict instanceof Verdict.Continue)) {
        return verdict;
      }
    }
    return Verdict.proceed();
  }

  private Verdict call(Hook hook, Function<Hook, Verdict> question) {
    var task = new FutureTask<>(() -> question.apply(hook));
    Thread.ofVirtual().name("mta-hook").start(task);
    try {
      return task.get(budget.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      log.error("hook {} failed", hook.getClass().getName(), e.getCause());
    } catch (TimeoutException e) {
      task.cancel(true);
      log.error("hook {} took longer than {}", hook.getClass().getName(), budget);
    } catch (InterruptedException e) {
      task.cancel(true);
      Thread.currentThread().interrupt();
    }
    return FAILED;
  }
}
