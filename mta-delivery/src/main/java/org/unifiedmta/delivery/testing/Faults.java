package org.unifiedmta.delivery.testing;

import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.delivery.hook.Hook;
import org.unifiedmta.delivery.testing.Fault.BadTls;
import org.unifiedmta.delivery.testing.Fault.Stage;
import org.unifiedmta.smtp.server.SessionFacts;
import org.unifiedmta.smtp.server.Verdict;

/** The faults in force. As a hook it gives the replies that a hook can give. */
final class Faults implements Hook {
  private static final int NO_END = Integer.MAX_VALUE;

  private record Triple(InetAddress client, @Nullable EmailAddress sender, EmailAddress to) {}

  private record Active(Fault fault, AtomicInteger left, Set<Triple> known) {
    static Active of(Fault fault) {
      int times =
          switch (fault) {
            case Fault.TempFail(var stage, var count) -> count;
            case Fault.Disconnect(var stage, var count) -> count;
            default -> NO_END;
          };
      return new Active(fault, new AtomicInteger(times), ConcurrentHashMap.newKeySet());
    }

    boolean take() {
      return left.getAndUpdate(n -> n == NO_END ? n : Math.max(0, n - 1)) > 0;
    }
  }

  private final boolean withStatus;
  private final List<Active> active = new CopyOnWriteArrayList<>();

  /**
   * @param withStatus whether replies have enhanced status codes
   */
  Faults(boolean withStatus) {
    this.withStatus = withStatus;
  }

  void inject(Fault fault) {
    active.add(Active.of(fault));
  }

  void clear() {
    active.clear();
  }

  /** Whether anything may go wrong at this stage that a hook cannot do. */
  boolean concern(Stage stage) {
    return all(Fault.class)
        .anyMatch(fault ->
            switch (fault) {
              case Fault.Slow(var at, var delay) -> at == stage;
              case Fault.Disconnect(var at, var times) -> at == stage;
              case Fault.TempFail(var at, var times) -> at == stage && !hasHook(stage);
              default -> false;
            });
  }

  Duration delay(Stage stage) {
    return all(Fault.Slow.class)
        .filter(slow -> slow.stage() == stage)
        .map(Fault.Slow::delay)
        .reduce(Duration.ZERO, Duration::plus);
  }

  boolean disconnects(Stage stage) {
    return take(fault -> fault instanceof Fault.Disconnect(var at, var times) && at == stage);
  }

  /** The refusal of a command that no hook is asked about. */
  Optional<SmtpReply> refusal(Stage stage) {
    return hasHook(stage)
        ? Optional.empty()
        : tempFail(stage)
            .map(reply -> withStatus ? reply : new SmtpReply(reply.code(), null, reply.lines()));
  }

  Optional<Integer> bytesPerSecond() {
    return all(Fault.Throttle.class).map(Fault.Throttle::bytesPerSecond).min(Integer::compare);
  }

  Optional<BadTls> badTls() {
    return all(Fault.Certificate.class).map(Fault.Certificate::kind).findFirst();
  }

  private <T extends Fault> Stream<T> all(Class<T> type) {
    return active.stream()
        .filter(one -> one.left().get() > 0)
        .map(Active::fault)
        .filter(type::isInstance)
        .map(type::cast);
  }

  private boolean take(Predicate<Fault> wanted) {
    for (var one : active) {
      if (wanted.test(one.fault()) && one.take()) {
        return true;
      }
    }
    return false;
  }

  private static boolean hasHook(Stage stage) {
    return switch (stage) {
      case CONNECT, EHLO, MAIL, RCPT, END_OF_DATA -> true;
      case STARTTLS, AUTH, DATA, QUIT -> false;
    };
  }

  private Optional<SmtpReply> tempFail(Stage stage) {
    if (!take(fault -> fault instanceof Fault.TempFail(var at, var times) && at == stage)) {
      return Optional.empty();
    }
    return Optional.of(
        switch (stage) {
          case CONNECT -> SmtpReply.of(421, "4.3.2", "Try again later");
          case STARTTLS -> SmtpReply.of(454, "4.3.0", "TLS not available now"); // RFC 3207 4
          case AUTH -> SmtpReply.of(454, "4.7.0", "Temporary authentication failure"); // RFC 4954 6
          default -> SmtpReply.of(451, "4.3.0", "Try again later");
        });
  }

  // ---- as a hook

  @Override
  public Verdict onConnect(SessionFacts session) {
    return verdict(Stage.CONNECT);
  }

  @Override
  public Verdict onHelo(SessionFacts session) {
    return verdict(Stage.EHLO);
  }

  @Override
  public Verdict onAuth(SessionFacts session, String user) {
    return all(Fault.AuthFails.class).findFirst().isPresent()
        ? Verdict.reply(535, "5.7.8", "Authentication credentials invalid")
        : Verdict.proceed();
  }

  @Override
  public Verdict onMail(SessionFacts session, Envelope envelope) {
    return verdict(Stage.MAIL);
  }

  @Override
  public Verdict onRcpt(SessionFacts session, Envelope envelope, Recipient recipient) {
    var triple =
        new Triple(session.remote().getAddress(), envelope.mailFrom(), recipient.address());
    for (var one : active) {
      var refusal = refusal(one, triple);
      if (refusal.isPresent()) {
        return new Verdict.Reply(refusal.get());
      }
    }
    return verdict(Stage.RCPT);
  }

  private static Optional<SmtpReply> refusal(Active one, Triple triple) {
    return switch (one.fault()) {
      case Fault.Reject(var glob) when glob.matches(triple.to()) ->
          Optional.of(SmtpReply.of(550, "5.1.1", "No such mailbox here"));
      case Fault.MailboxFull(var glob) when glob.matches(triple.to()) ->
          Optional.of(SmtpReply.of(452, "4.2.2", "Mailbox full"));
      case Fault.Greylist greylist when one.known().add(triple) ->
          Optional.of(SmtpReply.of(451, "4.7.1", "Greylisted, try again later"));
      default -> Optional.empty();
    };
  }

  @Override
  public Verdict onMessage(SessionFacts session, Envelope envelope, SpooledMessage message) {
    return verdict(Stage.END_OF_DATA);
  }

  private Verdict verdict(Stage stage) {
    return tempFail(stage).<Verdict>map(Verdict.Reply::new).orElseGet(Verdict::proceed);
  }
}
