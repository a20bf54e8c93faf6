package org.unifiedmta.delivery.inbound;

import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.security.authres.AuthenticationResults;
import org.unifiedmta.security.dmarc.DmarcResult;

/**
 * What is done with what SPF, DKIM, ARC and DMARC find of mail from strangers: of clients that have
 * neither logged in nor are in a trusted network.
 *
 * @param checks whether anything is looked up at all
 * @param enforces whether mail is refused that its author's domain wants refused (550 5.7.26); else
 *     all is only written into the message
 * @param defersOnTemperror whether mail is put off (451 4.7.24) of which the DNS does not say now
 *     whether it would be refused; else it is taken
 * @param budget of time for one message, after which what is not known is a temperror
 * @param checksArc whether ARC chains are looked at; what they say refuses no mail and saves none
 * @param onlyReporting domains of ours, for whose recipients nothing is refused
 */
public record InboundPolicy(
    boolean checks,
    boolean enforces,
    boolean defersOnTemperror,
    Duration budget,
    boolean checksArc,
    Set<String> onlyReporting) {
  private static final Duration BUDGET = Duration.ofSeconds(20);

  public InboundPolicy {
    onlyReporting =
        onlyReporting.stream().map(Domains::toAscii).collect(Collectors.toUnmodifiableSet());
  }

  /** Nothing is looked up, and nothing written. */
  public static InboundPolicy off() {
    return new InboundPolicy(false, false, false, BUDGET, true, Set.of());
  }

  /** What is found is written into the message. */
  public static InboundPolicy report() {
    return new InboundPolicy(true, false, false, BUDGET, true, Set.of());
  }

  /** And mail is refused that its author's domain wants refused. */
  public static InboundPolicy enforce() {
    return new InboundPolicy(true, true, false, BUDGET, true, Set.of());
  }

  public InboundPolicy withDefersOnTemperror(boolean defers) {
    return new InboundPolicy(checks, enforces, defers, budget, checksArc, onlyReporting);
  }

  public InboundPolicy withBudget(Duration time) {
    return new InboundPolicy(checks, enforces, defersOnTemperror, time, checksArc, onlyReporting);
  }

  public InboundPolicy withChecksArc(boolean arc) {
    return new InboundPolicy(checks, enforces, defersOnTemperror, budget, arc, onlyReporting);
  }

  /** Mail for a recipient in one of these domains of ours is taken whatever is found of it. */
  public InboundPolicy reportingFor(String... domains) {
    return new InboundPolicy(
        checks, enforces, defersOnTemperror, budget, checksArc, Set.of(domains));
  }

  /** The reply that refuses a message, or empty. */
  Optional<SmtpReply> refusal(AuthenticationResults results, Envelope envelope) {
    boolean reports =
        envelope.recipients().stream()
            .anyMatch(recipient -> onlyReporting.contains(recipient.address().domain()));
    if (!enforces || reports) {
      return Optional.empty();
    }
    return switch (results.dmarc().action()) {
      case REJECT -> // RFC 9989 8.3, RFC 7372 3.3
          Optional.of(
              SmtpReply.of(
                  550,
                  "5.7.26",
                  "The domain in From: wants mail refused that it has not authorized"
                      + " (DMARC policy of "
                      + results.dmarc().recordDomain()
                      + "; SPF and DKIM do not prove it)"));
      case TEMPERROR ->
          defersOnTemperror
              ? Optional.of(
                  SmtpReply.of(
                      451, "4.7.24", "The DNS does not say now whether this mail is authorized"))
              : Optional.empty();
      case PASS, NONE, QUARANTINE -> Optional.empty();
    };
  }

  /** Whether the author's domain wants it kept apart. */
  static boolean isQuarantined(AuthenticationResults results) {
    return results.dmarc().action() == DmarcResult.Action.QUARANTINE;
  }
}
