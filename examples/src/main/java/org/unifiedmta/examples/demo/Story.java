package org.unifiedmta.examples.demo;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.examples.demo.Timeline.Arrival;
import org.unifiedmta.examples.demo.Timeline.Report;

/**
 * What is known of one message.
 *
 * @param id in the sender's queue
 * @param events of the sender
 * @param arrivals at the hosts that took it
 * @param reports that came back
 */
record Story(
    String id,
    Letter letter,
    List<MailEvent> events,
    List<Arrival> arrivals,
    List<Report> reports) {

  static final String DELIVERED = "delivered";
  static final String DEFERRED_THEN_DELIVERED = "deferred, then delivered";

  /** One line of the story, perhaps about many recipients. */
  record Line(Instant at, String what, String detail) {}

  /**
   * @param status such as {@code 550 5.1.1}
   */
  static String bounced(String status) {
    return "bounced " + status + ", sender told";
  }

  /** The receipts that hosts gave for a message, as they follow from its events. */
  static Set<String> receipts(List<MailEvent> events) {
    var receipts = new LinkedHashSet<String>();
    for (var event : events) {
      if (event instanceof MailEvent.AttemptFinished attempt && attempt.reply().isPositive()) {
        receipts.add(receipt(attempt));
      }
    }
    return receipts;
  }

  /** {@code 250 2.0.0 Ok: queued as 0123…}; at home it keeps its id. */
  private static String receipt(MailEvent.AttemptFinished attempt) {
    var host = attempt.host();
    if (host == null) {
      return Timeline.receipt(DemoNetwork.HOME_HOST, attempt.queueId());
    }
    var text = attempt.reply().text();
    return Timeline.receipt(host, text.substring(text.lastIndexOf(' ') + 1));
  }

  /** Nothing more will happen: each recipient has the message, or the sender knows why not. */
  boolean isEnded() {
    return recipients().stream().allMatch(this::isEnded);
  }

  private boolean isEnded(EmailAddress recipient) {
    for (var event : events) {
      if (event instanceof MailEvent.Delivered delivered
          && delivered.recipient().equals(recipient)) {
        return arrivals(recipient) > 0;
      }
      if (event instanceof MailEvent.Bounced bounced && bounced.recipient().equals(recipient)) {
        return isReported(recipient) || !canBeReported();
      }
    }
    return false;
  }

  private List<EmailAddress> recipients() {
    return letter.envelope().recipients().stream().map(to -> to.address()).toList();
  }

  private long arrivals(EmailAddress recipient) {
    return arrivals.stream().filter(arrival -> arrival.recipient().equals(recipient)).count();
  }

  private boolean isReported(EmailAddress recipient) {
    return reports.stream().anyMatch(report -> report.status().contains("; " + recipient));
  }

  /** Reports about other people's mail would go where nobody waits for them. */
  private boolean canBeReported() {
    var sender = letter.envelope().mailFrom();
    return sender != null && sender.domain().equals(DemoNetwork.HOME);
  }

  String expected() {
    return counted(Collections.nCopies(recipients().size(), letter.expected()));
  }

  /** What became of it, in the words of {@link #expected}. */
  String outcome() {
    var sent = Fingerprint.ofBody(letter.message().open());
    return counted(recipients().stream().map(recipient -> outcome(recipient, sent)).toList());
  }

  private String outcome(EmailAddress recipient, String sent) {
    boolean deferred = false;
    for (var event : events) {
      switch (event) {
        case MailEvent.Deferred(var q, var at, var to, var reply, var next)
            when to.equals(recipient) ->
            deferred = true;
        case MailEvent.Delivered(var q, var at, var to, var reply) when to.equals(recipient) -> {
          return (deferred ? DEFERRED_THEN_DELIVERED : DELIVERED) + arrival(recipient, sent);
        }
        case MailEvent.Bounced(var q, var at, var to, var reply) when to.equals(recipient) -> {
          return isReported(recipient)
              ? bounced(status(reply))
              : "bounced " + status(reply) + ", sender not told";
        }
        default -> {}
      }
    }
    return deferred ? "deferred" : "still queued";
  }

  private static String status(SmtpReply reply) {
    return reply.status() == null
        ? Integer.toString(reply.code())
        : reply.code() + " " + reply.status();
  }

  /** What is wrong with what arrived. */
  private String arrival(EmailAddress recipient, String sent) {
    long times = arrivals(recipient);
    if (times != 1) {
      return times == 0 ? ", never arrived" : ", arrived " + times + " times";
    }
    boolean same =
        arrivals.stream()
            .filter(arrival -> arrival.recipient().equals(recipient))
            .allMatch(arrival -> arrival.fingerprint().equals(sent));
    return same ? "" : ", body changed";
  }

  private static String counted(List<String> outcomes) {
    if (outcomes.size() == 1) {
      return outcomes.get(0);
    }
    var counts = new LinkedHashMap<String, Integer>();
    outcomes.forEach(outcome -> counts.merge(outcome, 1, Integer::sum));
    var text = new ArrayList<String>();
    counts.forEach((outcome, count) -> text.add(count + " x " + outcome));
    return String.join("; ", text);
  }

  /** In the order of time, what is the same for several recipients only once. */
  List<Line> lines() {
    var told = new Telling();
    events.forEach(event -> tell(event, told));
    for (var arrival : arrivals) {
      told.add(arrival.at(), "arrived", arrival.recipient(), "at " + arrival.host());
    }
    for (var report : reports) {
      var text = "\"" + report.subject() + "\" to " + report.to();
      told.add(report.at(), "report", null, text);
      report
          .status()
          .lines()
          .filter(line -> line.startsWith("Final-Recipient") || line.startsWith("Diagnostic"))
          .forEach(line -> told.add(report.at(), "", null, "  " + line));
    }
    return told.lines();
  }

  private void tell(MailEvent event, Telling told) {
    switch (event) {
      case MailEvent.Accepted(var queueId, var at, var envelope, var size) ->
          told.add(
              at,
              "accepted",
              null,
              "from %s, %s, id %s".formatted(envelope.mailFrom(), size(size), queueId));
      case MailEvent.Routed routed ->
          told.add(routed.at(), "routed", routed.recipient(), "-> " + routed.destination());
      case MailEvent.AttemptFinished attempt -> {
        var host = attempt.host() == null ? "here" : "at " + attempt.host();
        told.add(attempt.at(), "attempt " + attempt.attempt(), attempt.recipient(), host);
        told.add(attempt.at(), "reply", null, attempt.reply().toString());
      }
      case MailEvent.Delivered delivered ->
          told.add(delivered.at(), "delivered", delivered.recipient(), "");
      case MailEvent.Deferred deferred -> {
        long wait = deferred.next().toEpochMilli() - deferred.at().toEpochMilli();
        var again = String.format(Locale.ROOT, "again in %.1f s", wait / 1000.0);
        told.add(deferred.at(), "deferred", deferred.recipient(), again);
      }
      case MailEvent.Bounced bounced -> told.add(bounced.at(), "bounced", bounced.recipient(), "");
      case MailEvent.PossibleDuplicate doubt ->
          told.add(doubt.at(), "perhaps twice", doubt.recipient(), "");
      case MailEvent.EmailReceived received -> {}
      case MailEvent.Quarantined apart -> {}
      case MailEvent.KeyRotated rotated -> {}
      case MailEvent.KeyNotPublished missing -> {}
      case MailEvent.Started started -> {}
      case MailEvent.Stopped stopped -> {}
    }
  }

  private static String size(long octets) {
    return octets < 1_000_000
        ? String.format(Locale.ROOT, "%.1f kB", octets / 1e3)
        : String.format(Locale.ROOT, "%.1f MB", octets / 1e6);
  }
}
