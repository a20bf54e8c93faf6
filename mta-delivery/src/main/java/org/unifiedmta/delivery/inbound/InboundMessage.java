package org.unifiedmta.delivery.inbound;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.email.Headers;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.InsufficientStorageException;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.delivery.attempt.DeliveryAttempt;
import org.unifiedmta.delivery.attempt.IncomingMail;
import org.unifiedmta.delivery.inbound.InboundReception.Parts;
import org.unifiedmta.delivery.queue.NewMessage;
import org.unifiedmta.delivery.queue.NewRow;
import org.unifiedmta.delivery.submission.Signing;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Destinations;
import org.unifiedmta.routing.route.EmailRouter;
import org.unifiedmta.routing.zone.Routing;
import org.unifiedmta.security.SecurityResults;
import org.unifiedmta.security.authres.MessageAuthentication;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.smtp.server.MessageReceiver;
import org.unifiedmta.smtp.server.SessionFacts;
import org.unifiedmta.smtp.server.Verdict;

/**
 * One message of a client. What proves who sent it is looked for while it comes in, from when all
 * its recipients are known: whoever has none here is not worth a question to the DNS.
 */
final class InboundMessage implements MessageReceiver {
  private static final Logger log = LoggerFactory.getLogger(InboundMessage.class);
  private static final int MAXIMUM_HOPS = 100; // RFC 5321 6.3
  private static final SmtpReply LOCAL_ERROR =
      SmtpReply.of(451, "4.3.0", "Local error, try again later");

  private final Parts parts;
  private final TraceHeaders trace;
  private final SenderPolicy senders;
  private final SessionFacts session;
  private final Envelope envelope;
  private final Routing routing; // the same from the beginning to the end
  private final boolean stranger;
  private final MessageAuthentication.@Nullable Ongoing checks; // of a stranger's
  private final Signing.BodyHash hash = new Signing.BodyHash();
  private final boolean maySign;
  private boolean signed;
  private boolean goesOn; // to somebody else

  InboundMessage(
      Parts parts,
      TraceHeaders trace,
      SenderPolicy senders,
      SessionFacts session,
      Envelope envelope) {
    this.parts = parts;
    this.trace = trace;
    this.senders = senders;
    this.session = session;
    this.envelope = envelope;
    this.routing = parts.routing().get();
    this.stranger = parts.isStranger(session);
    this.signed = session.authenticatedUser() != null;
    this.maySign = parts.signing().isActive() && (signed || routing.router().signs());
    this.checks = begin();
  }

  private MessageAuthentication.@Nullable Ongoing begin() {
    var authentication = parts.authentication();
    if (authentication == null || !stranger) {
      return null;
    }
    var from = envelope.mailFrom();
    var helo = session.helo();
    return authentication.begin(
        from == null ? "" : from.toString(),
        session.remote().getAddress(),
        helo == null ? "" : helo);
  }

  @Override
  public void header(HeaderSection header) {
    if (checks != null) {
      checks.header(header);
    }
    if (maySign || maySeal()) {
      hash.header(header);
    }
  }

  @Override
  public void body(ByteBuffer octets) {
    if (checks != null) {
      checks.body(octets.duplicate());
    }
    hash.body(octets);
  }

  private boolean maySeal() {
    return checks != null && parts.sealing() != null;
  }

  @Override
  public void abandoned() {
    if (checks != null) {
      checks.abandoned();
    }
  }

  @Override
  public void message(SpooledMessage message, Consumer<Verdict> reply) {
    if (parts.hooks().isEmpty()
        && !senders.concerns(session)
        && checks == null
        && !maySign
        && !routing.router().needsMessage()) {
      decide(message, SecurityResults.none(), reply);
      return;
    }
    try {
      parts
          .threads()
          .execute(() -> {
            try {
              var verdict = hooked(message);
              var results = checked(message, verdict);
              verdict = judged(results, verdict);
              if (verdict instanceof Verdict.Continue) {
                decide(message, results, reply);
              } else {
                message.close();
                reply.accept(verdict);
              }
            } catch (RuntimeException e) {
              failed(message, reply, e);
            }
          });
    } catch (RejectedExecutionException e) {
      failed(message, reply, e);
    }
  }

  /** What the checks find, if the message is not refused without them. */
  private SecurityResults checked(SpooledMessage message, Verdict verdict) {
    if (checks == null) {
      return SecurityResults.none();
    }
    if (!(verdict instanceof Verdict.Continue) || refusal(message.header()) != null) {
      checks.abandoned();
      return SecurityResults.none();
    }
    return new SecurityResults(checks.results(message), null, null);
  }

  private Verdict judged(SecurityResults results, Verdict verdict) {
    return verdict instanceof Verdict.Continue
        ? parts
            .policy()
            .refusal(results.authentication(), envelope)
            .<Verdict>map(Verdict.Reply::new)
            .orElse(verdict)
        : verdict;
  }

  private Verdict hooked(SpooledMessage message) {
    if (senders.concerns(session)) {
      var refusal = senders.refusal(session, message.header());
      if (refusal != null) {
        return new Verdict.Reply(refusal);
      }
    }
    if (parts.hooks().isEmpty()) {
      return Verdict.proceed();
    }
    var headers = Headers.of(message.header());
    var verdict = parts.hooks().verdict(hook -> hook.onHeaders(session, envelope, headers));
    return verdict instanceof Verdict.Continue
        ? parts.hooks().verdict(hook -> hook.onMessage(session, envelope, message))
        : verdict;
  }

  private void failed(SpooledMessage message, Consumer<Verdict> reply, Throwable e) {
    log.error("{} a message could not be handled", session.id(), e);
    abandoned();
    message.close();
    reply.accept(new Verdict.Reply(LOCAL_ERROR));
  }

  private void decide(SpooledMessage message, SecurityResults results, Consumer<Verdict> reply) {
    var refusal = refusal(message.header());
    if (refusal != null) {
      message.close();
      reply.accept(new Verdict.Reply(refusal));
      return;
    }
    var now = parts.timer().now();
    List<NewRow> rows = new ArrayList<>();
    var rejection = route(envelope, message, results, now, rows);
    if (rejection != null) {
      message.close();
      reply.accept(new Verdict.Reply(rejection));
      return;
    }
    var id = parts.store().newId();
    var edited = edited(message, results, id, now);
    parts
        .queue()
        .add(
            new NewMessage(id, envelope, edited, rows, now, session, results, null),
            (stored, failure) -> reply.accept(verdict(id, failure)));
  }

  private Verdict verdict(String id, @Nullable Throwable failure) {
    if (failure == null) {
      log.debug("{} queued as {}", session.id(), id);
      return Verdict.reply(250, "2.0.0", "Ok: queued as " + id);
    }
    if (failure instanceof InsufficientStorageException) {
      log.warn("{} no room for a message: {}", session.id(), failure.getMessage());
      return Verdict.reply(452, "4.3.1", "Insufficient system storage, try again later");
    }
    log.error("{} a message could not be stored", session.id(), failure);
    return new Verdict.Reply(LOCAL_ERROR);
  }

  // ---- LMTP: who is here gets the message before the reply, RFC 2033

  @Override
  public void messageForEach(
      SpooledMessage message, int recipients, Consumer<List<SmtpReply>> replies) {
    Runnable work =
        () -> {
          try {
            deliverNow(message, recipients, replies);
          } catch (RuntimeException e) {
            failed(message, verdict -> replies.accept(List.of()), e);
          }
        };
    try {
      parts.threads().execute(work);
    } catch (RejectedExecutionException e) {
      failed(message, verdict -> replies.accept(List.of()), e);
    }
  }

  private void deliverNow(SpooledMessage message, int all, Consumer<List<SmtpReply>> replies) {
    var asked = hooked(message);
    var results = checked(message, asked);
    var verdict = judged(results, asked);
    var refusal =
        switch (verdict) {
          case Verdict.Continue() -> refusal(message.header());
          case Verdict.Reply(var reply) -> reply;
          case Verdict.Disconnect(var reply) -> reply == null ? LOCAL_ERROR : reply;
        };
    if (refusal != null) {
      message.close();
      replies.accept(Collections.nCopies(all, refusal));
      return;
    }
    var now = parts.timer().now();
    var id = parts.store().newId();
    var answers = new SmtpReply[all];
    var rows = new LinkedHashMap<Integer, NewRow>();
    for (int i = 0; i < all; i++) {
      var one = envelope.withRecipients(List.of(envelope.recipients().get(i)));
      var decided = new ArrayList<NewRow>(1);
      var rejection = route(one, message, results, now, decided);
      if (rejection == null) {
        rows.put(i, decided.getFirst());
      } else {
        answers[i] = rejection;
      }
    }
    if (rows.isEmpty()) {
      message.close();
      replies.accept(List.of(answers));
      return;
    }
    var edited = edited(message, results, id, now);
    var mail = IncomingMail.of(id, envelope, session, results, edited);
    var elsewhere = new ArrayList<NewRow>();
    var numbers = new ArrayList<Integer>();
    rows.forEach((i, row) -> {
      if (parts.handler() != null && row.destination().equals(Destinations.LOCAL)) {
        answers[i] = DeliveryAttempt.handled(parts.handler(), row.recipient(), mail);
      } else {
        elsewhere.add(row);
        numbers.add(i);
      }
    });
    if (elsewhere.isEmpty()) {
      message.close();
      replies.accept(List.of(answers));
      return;
    }
    var rest = envelope.withRecipients(elsewhere.stream().map(NewRow::recipient).toList());
    parts
        .queue()
        .add(
            new NewMessage(id, rest, edited, elsewhere, now, session, results, null),
            (stored, failure) -> {
              var reply = ((Verdict.Reply) verdict(id, failure)).reply();
              numbers.forEach(number -> answers[number] = reply);
              replies.accept(List.of(answers));
            });
  }

  private static @Nullable SmtpReply refusal(HeaderSection header) {
    if (header.isBeyondBounds()) {
      // What lies beyond the bound would not be seen by whoever looks for forgeries.
      return SmtpReply.of(552, "5.3.4", "Header section too large");
    }
    if (header.all("Received").size() > MAXIMUM_HOPS) {
      return SmtpReply.of(554, "5.4.6", "Too many hops: this message loops");
    }
    return null;
  }

  private SpooledMessage edited(
      SpooledMessage message, SecurityResults results, String id, Instant now) {
    var found = checks == null ? null : results.authentication();
    var edits = trace.edits(message.header(), session, envelope, id, now, found);
    if (signed) {
      // Anybody can write any reverse path.
      var sender = new Signing.Sender(stranger ? null : envelope.mailFrom(), null);
      edits = parts.signing().sign(message, edits, sender, hash);
    }
    var sealing = parts.sealing();
    if (sealing != null && found != null && goesOn) {
      edits = sealing.seal(message, edits, hash, found); // last, since it covers the rest
    }
    return message.edited(edits.prefix(), edits.cuts());
  }

  /** Whose the message is must be certain: a signature of ours on what a stranger wrote lies. */
  private boolean isCertain(SecurityResults results) {
    return !stranger
        || (checks != null && results.authentication().dmarc().action() == DmarcResult.Action.PASS);
  }

  /** One row for each recipient, or the reply that refuses the whole message. */
  private @Nullable SmtpReply route(
      Envelope to,
      SpooledMessage message,
      SecurityResults results,
      Instant now,
      List<NewRow> rows) {
    var context =
        parts
            .context(session, to)
            .headers(Headers.of(message.header()))
            .size(message.size())
            .security(results)
            .hasAttachments(() -> !Email.parse(message).attachments().isEmpty());
    for (var recipient : to.recipients()) {
      var decision =
          routing.route(context.recipients(List.of(recipient.address())).build(), recipient);
      if (decision.action() instanceof Action.Reject reject) {
        return EmailRouter.reply(reject);
      }
      boolean wantsSigned = decision.action() instanceof Action.Process process && process.dkim();
      signed |= wantsSigned && isCertain(results);
      goesOn |= !decision.destination().equals(Destinations.LOCAL);
      rows.add(NewRow.of(decision, to.priority(), to.firstDue(now)));
    }
    return null;
  }
}
