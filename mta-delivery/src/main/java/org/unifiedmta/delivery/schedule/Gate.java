package org.unifiedmta.delivery.schedule;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.limit.RateMeter;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.routing.zone.DestinationPolicy;
import org.unifiedmta.routing.zone.Rate;
import org.unifiedmta.routing.zone.ReplyRule;
import org.unifiedmta.routing.zone.ReplyRule.Effect;

/**
 * Bounds that several destinations share, how much of them is in use, and who waits for a part of
 * it. Touched under the lock of {@link Traffic} only.
 */
final class Gate {

  /** For how long something holds, and why. */
  private record Measure(Effect effect, Instant until, SmtpReply why, RateMeter meter) {}

  final String name;
  private final Timer timer;
  private final @Nullable Window window;
  private DestinationPolicy policy = DestinationPolicy.none();
  private RateMeter messages;
  private RateMeter recipients;
  private List<ReplyRule> rules = List.of();
  private final Map<ReplyRule, RateMeter> met = new HashMap<>();
  private final List<Measure> measures = new ArrayList<>();
  private final LinkedHashSet<DestinationQueue> waiting = new LinkedHashSet<>();
  private int running;
  private @Nullable Instant wakesAt;

  /**
   * @param learns whether how many connections it takes is found out within the policy's bound
   */
  Gate(String name, boolean learns, Timer timer) {
    this.name = name;
    this.timer = timer;
    this.window = learns ? new Window() : null;
    this.messages = new RateMeter(List.of(), timer);
    this.recipients = messages;
  }

  /** From now on these hold. */
  void set(DestinationPolicy wanted, List<ReplyRule> replies) {
    rules = replies;
    if (wanted == policy) {
      return;
    }
    if (!wanted.messages().equals(policy.messages())) {
      messages = meter(wanted.messages());
    }
    if (!wanted.recipients().equals(policy.recipients())) {
      recipients = meter(wanted.recipients());
    }
    policy = wanted;
  }

  private RateMeter meter(List<Rate> rates) {
    return new RateMeter(
        rates.stream().map(rate -> new RateMeter.Bound(rate.count(), rate.per())).toList(), timer);
  }

  // ---- what may go

  boolean isFull() {
    return running >= most();
  }

  private int most() {
    int most = policy.connections().orElse(Integer.MAX_VALUE);
    if (window != null) {
      most = Math.min(most, window.size());
    }
    for (var measure : measures()) {
      if (measure.effect instanceof Effect.Connections(var fewer)) {
        most = Math.min(most, fewer);
      }
    }
    return most;
  }

  OptionalInt messagesPerConnection() {
    var most = policy.messagesPerConnection();
    for (var measure : measures()) {
      if (measure.effect instanceof Effect.MessagesPerConnection(var fewer)) {
        most = OptionalInt.of(Math.min(fewer, most.orElse(fewer)));
      }
    }
    return most;
  }

  /** How long nothing may go, however much room there is; zero for not at all. */
  Duration pause() {
    var pause = longer(messages.untilFree(), recipients.untilFree());
    for (var measure : measures()) {
      pause =
          switch (measure.effect) {
            case Effect.Suspend suspend ->
                longer(pause, Duration.between(timer.now(), measure.until));
            case Effect.Slow slow -> longer(pause, measure.meter.untilFree());
            default -> pause;
          };
    }
    return pause;
  }

  private static Duration longer(Duration one, Duration other) {
    return one.compareTo(other) >= 0 ? one : other;
  }

  /** Why nothing may go now, for people; empty if something may. */
  Optional<String> whyNot() {
    for (var measure : measures()) {
      if (measure.effect instanceof Effect.Suspend) {
        return Optional.of(
            name + " is sent nothing until " + measure.until + " since it said: " + measure.why);
      }
    }
    var pause = pause();
    if (!pause.isZero()) {
      return Optional.of("the rate for " + name + " is used up until " + timer.now().plus(pause));
    }
    return isFull()
        ? Optional.of("all " + most() + " connections for " + name + " are in use")
        : Optional.empty();
  }

  void enter() {
    running++;
    if (window != null) {
      window.runs(running);
    }
  }

  void leave() {
    running--;
  }

  /** A message with so many recipients goes. */
  void count(int recipientsOfOne) {
    messages.take(1);
    recipients.take(recipientsOfOne);
    for (var measure : measures()) {
      if (measure.effect instanceof Effect.Slow) {
        measure.meter.take(1);
      }
    }
  }

  boolean isIdle() {
    return running == 0 && waiting.isEmpty() && measures.isEmpty();
  }

  private List<Measure> measures() {
    if (!measures.isEmpty()) {
      measures.removeIf(measure -> !measure.until.isAfter(timer.now()));
    }
    return measures;
  }

  // ---- what attempts meet

  void succeeded() {
    if (window != null) {
      window.success(policy.connections().orElse(Integer.MAX_VALUE));
    }
  }

  /**
   * A reply that was not positive.
   *
   * @return for how long the address that met it is to rest, or null
   */
  @Nullable Duration met(SmtpReply reply) {
    if (window != null && isComplaint(reply)) {
      window.complaint();
    }
    for (var rule : rules) {
      if (rule.matches(reply)) {
        return isOftenEnough(rule) ? apply(rule, reply) : null;
      }
    }
    return null;
  }

  private @Nullable Duration apply(ReplyRule rule, SmtpReply reply) {
    if (rule.effect() instanceof Effect.RestSource) {
      return rule.lasts();
    }
    measures.removeIf(measure -> measure.effect.equals(rule.effect()));
    var rates = rule.effect() instanceof Effect.Slow(var rate) ? List.of(rate) : List.<Rate>of();
    measures.add(new Measure(rule.effect(), timer.now().plus(rule.lasts()), reply, meter(rates)));
    return null;
  }

  private boolean isOftenEnough(ReplyRule rule) {
    return rule.after()
        .map(rate -> {
          // One less than so many are free: the one that is not is the last of them.
          var meter =
              met.computeIfAbsent(
                  rule,
                  unused ->
                      rate.count() == 1
                          ? meter(List.of())
                          : meter(List.of(new Rate(rate.count() - 1, rate.per()))));
          boolean often = rate.count() == 1 || !meter.untilFree().isZero();
          if (!often) {
            meter.take(1);
          }
          return often;
        })
        .orElse(true);
  }

  /**
   * Whether it says that there is too much (RFC 5321 3.8, RFC 3463 3.8), and not of one message
   * that it is to come again, as those do that know nobody yet.
   */
  static boolean isComplaint(SmtpReply reply) {
    if (reply.isPermanent()) {
      return false;
    }
    var status = reply.status();
    boolean policy = status != null && status.klass() == 4 && status.subject() == 7;
    boolean busy = status != null && status.klass() == 4 && status.subject() == 4;
    var text = reply.text().toLowerCase(Locale.ROOT);
    return (reply.code() == 421 || policy || busy)
        && !text.contains("greylist")
        && !text.contains("graylist");
  }

  // ---- who waits

  /** It waits at the end of the line, or in its place if it waits already. */
  void await(DestinationQueue queue) {
    waiting.add(queue);
  }

  void forget(DestinationQueue queue) {
    waiting.remove(queue);
  }

  /** The one that has waited longest, if there may be room for it; it goes on to wait. */
  @Nullable DestinationQueue next() {
    return waiting.isEmpty() || isFull() ? null : waiting.getFirst();
  }

  /** Whether somebody must see to it that this is looked at again at a time. */
  boolean wakesBy(Instant at) {
    if (wakesAt != null && wakesAt.isAfter(timer.now()) && !at.isBefore(wakesAt)) {
      return false;
    }
    wakesAt = at;
    return true;
  }
}
