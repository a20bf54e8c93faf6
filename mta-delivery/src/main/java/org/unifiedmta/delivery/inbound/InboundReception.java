package org.unifiedmta.delivery.inbound;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.email.Headers;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.InsufficientStorageException;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.attempt.DeliveryAttempt;
import org.unifiedmta.delivery.attempt.IncomingMail;
import org.unifiedmta.delivery.attempt.MailHandler;
import org.unifiedmta.delivery.hook.Hooks;
import org.unifiedmta.delivery.queue.NewMessage;
import org.unifiedmta.delivery.queue.NewRow;
import org.unifiedmta.delivery.queue.QueueStore;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue;
import org.unifiedmta.delivery.submission.Signing;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Admission;
import org.unifiedmta.routing.route.Destinations;
import org.unifiedmta.routing.route.EmailContext;
import org.unifiedmta.routing.route.EmailRouter;
import org.unifiedmta.routing.route.Network;
import org.unifiedmta.routing.zone.Routing;
import org.unifiedmta.security.SecurityResults;
import org.unifiedmta.security.authres.MessageAuthentication;
import org.unifiedmta.security.sasl.CredentialStore;
import org.unifiedmta.security.sasl.SaslExchange;
import org.unifiedmta.security.sasl.SaslMechanism;
import org.unifiedmta.smtp.server.Answer;
import org.unifiedmta.smtp.server.SessionFacts;
import org.unifiedmta.smtp.server.SessionHandler;
import org.unifiedmta.smtp.server.Verdict;

/** Decides what clients may do, and takes their messages into the queue. */
public final class InboundReception implements SessionHandler {
  private static final Logger log = LoggerFactory.getLogger(InboundReception.class);
  private static final int MAXIMUM_HOPS = 100; // RFC 5321 6.3
  private static final SmtpReply LOCAL_ERROR =
      SmtpReply.of(451, "4.3.0", "Local error, try again later");

  /**
   * What this stage is made of.
   *
   * @param credentials null where nobody can log in
   * @param limits for clients that are not trusted
   * @param routing asked anew for each decision, so that routes can change
   * @param handler null without local delivery
   * @param policy what is done with what the checks find
   * @param authentication of mail from strangers; null where nothing is checked
   * @param signing of what is submitted
   * @param signs whether that has any keys
   * @param checksLoopback whether clients on this machine are strangers, too
   * @param threads virtual threads for what waits
   */
  public record Parts(
      String hostname,
      @Nullable CredentialStore credentials,
      List<Network> trusted,
      PeerLimits limits,
      Supplier<Routing> routing,
      @Nullable MailHandler handler,
      InboundPolicy policy,
      @Nullable MessageAuthentication authentication,
      boolean checksLoopback,
      Signing signing,
      boolean signs,
      Hooks hooks,
      QueueStore store,
      UnifiedDeliveryQueue queue,
      ExecutorService threads,
      Timer timer) {}

  private final Parts parts;
  private final TraceHeaders trace;
  private final SenderPolicy senders;
  private final boolean everybodyIsThere;

  public InboundReception(Parts parts) {
    this.parts = parts;
    this.trace = new TraceHeaders(parts.hostname(), parts.signing());
    this.senders = new SenderPolicy(parts.credentials());
    // A handler that does not look recipients up saves each RCPT a change of threads.
    this.everybodyIsThere =
        parts.handler() != null
            && !Overridden.is(parts.handler(), MailHandler.class, "accepts", EmailAddress.class);
  }

  @Override
  public Answer connected(SessionFacts session) {
    var refusal = parts.limits().connected(session);
    return refusal == null
        ? parts.hooks().ask(hook -> hook.onConnect(session), Answer::proceed)
        : new Answer.Now(new Verdict.Disconnect(refusal));
  }

  @Override
  public Answer helo(SessionFacts session) {
    return parts.hooks().ask(hook -> hook.onHelo(session), Answer::proceed);
  }

  @Override
  public @Nullable SaslExchange login(SessionFacts session, String mechanism) {
    var credentials = parts.credentials();
    if (credentials == null) {
      return null;
    }
    return SaslMechanism.ofName(mechanism)
        .map(known ->
            new Login(
                known,
                credentials,
                session.tls(),
                user ->
                    parts.hooks().verdict(hook -> hook.onAuth(session, user))
                        instanceof Verdict.Continue,
                () -> parts.limits().loginFailed(session)))
        .orElse(null);
  }

  @Override
  public void erred(SessionFacts session) {
    parts.limits().erred(session);
  }

  @Override
  public Answer mail(SessionFacts session, Envelope envelope, long announcedSize) {
    var full = parts.store().refusal();
    if (full.isPresent()) {
      log.debug("{} no new mail: {}", session.id(), full.get());
      return Answer.reply(452, "4.3.1", "Insufficient system storage, try again later");
    }
    var refusal = parts.limits().mail(session, envelope);
    if (refusal != null) {
      return new Answer.Now(new Verdict.Reply(refusal));
    }
    return parts
        .hooks()
        .ask(hook -> hook.onMail(session, envelope), () -> asUser(session, envelope));
  }

  private Answer asUser(SessionFacts session, Envelope envelope) {
    if (!senders.concerns(session)) {
      return Answer.proceed();
    }
    return new Answer.Later(() -> {
      var refusal = senders.refusal(session, envelope);
      return refusal == null ? Verdict.proceed() : new Verdict.Reply(refusal);
    });
  }

  @Override
  public Answer recipient(SessionFacts session, Envelope envelope, Recipient recipient) {
    return parts
        .hooks()
        .ask(
            hook -> hook.onRcpt(session, envelope, recipient),
            () -> admit(session, envelope, recipient));
  }

  private Answer admit(SessionFacts session, Envelope envelope, Recipient recipient) {
    var answer =
        admitByRoute(session, envelope, recipient)
            .orElseGet(() -> local(session, recipient.address()));
    if (answer instanceof Answer.Now(Verdict.Reply(var reply)) && !reply.isPositive()) {
      return answer;
    }
    var refusal = parts.limits().recipient(session, envelope, recipient);
    return refusal == null ? answer : new Answer.Now(new Verdict.Reply(refusal));
  }

  /** Empty where the mail handler is to say whether there is such a recipient. */
  private Optional<Answer> admitByRoute(
      SessionFacts session, Envelope envelope, Recipient recipient) {
    var context = context(session, envelope).recipients(List.of(recipient.address())).build();
    var admission = parts.routing().get().router().admit(context);
    if (admission instanceof Admission.Refused(var reply)) {
      parts.limits().erred(session);
      return Optional.of(new Answer.Now(new Verdict.Reply(reply)));
    }
    if (admission instanceof Admission.Certain(Action.Deliver deliver)) {
      return Optional.empty();
    }
    if (!context.mayRelay() && namesAnotherHost(recipient.address())) {
      parts.limits().erred(session);
      return Optional.of(Answer.reply(550, "5.7.1", "Relaying denied"));
    }
    return Optional.of(Answer.proceed());
  }

  /**
   * {@code victim%far.test@here} and the like: the next host could take it for a route of the
   * sender's choice and relay, because it trusts us.
   */
  private static boolean namesAnotherHost(EmailAddress address) {
    var local = address.localPart();
    return local.indexOf('%') >= 0 || local.indexOf('!') >= 0 || local.indexOf('@') >= 0;
  }

  private Answer local(SessionFacts session, EmailAddress address) {
    var handler = parts.handler();
    if (everybodyIsThere || address.localPart().equalsIgnoreCase("postmaster")) {
      return Answer.proceed(); // RFC 5321 4.5.1
    }
    if (handler == null) {
      return new Answer.Now(nobody(session));
    }
    return new Answer.Later(() -> handler.accepts(address) ? Verdict.proceed() : nobody(session));
  }

  /** Who guesses at mailboxes is to be stopped some time. */
  private Verdict nobody(SessionFacts session) {
    parts.limits().erred(session);
    return Verdict.reply(550, "5.1.1", "No such mailbox here");
  }

  private EmailContext.Builder context(SessionFacts session, Envelope envelope) {
    var client = session.remote().getAddress();
    return EmailContext.builder()
        .sender(envelope.mailFrom())
        .clientIp(client)
        .authenticated(session.authenticatedUser() != null)
        .trusted(parts.trusted().stream().anyMatch(network -> network.contains(client)));
  }

  @Override
  public void message(
      SessionFacts session, Envelope envelope, SpooledMessage message, Consumer<Verdict> reply) {
    if (parts.hooks().isEmpty()
        && !senders.concerns(session)
        && !isChecked(session)
        && !(parts.signs() && session.authenticatedUser() != null)
        && !parts.routing().get().router().needsMessage()) {
      decide(session, envelope, message, SecurityResults.none(), reply);
      return;
    }
    try {
      parts
          .threads()
          .execute(() -> {
            try {
              var verdict = hooked(session, envelope, message);
              var results = checked(session, envelope, message, verdict);
              verdict = judged(results, envelope, verdict);
              if (verdict instanceof Verdict.Continue) {
                decide(session, envelope, message, results, reply);
              } else {
                message.close();
                reply.accept(verdict);
              }
            } catch (RuntimeException e) {
              failed(session, message, reply, e);
            }
          });
    } catch (RejectedExecutionException e) {
      failed(session, message, reply, e);
    }
  }

  /** Whether a message of this client is authenticated: it is a stranger. */
  private boolean isChecked(SessionFacts session) {
    var client = session.remote().getAddress();
    return parts.authentication() != null
        && session.authenticatedUser() == null
        && (parts.checksLoopback() || !client.isLoopbackAddress())
        && parts.trusted().stream().noneMatch(network -> network.contains(client));
  }

  /** What the checks find, if the message is not refused without them. */
  private SecurityResults checked(
      SessionFacts session, Envelope envelope, SpooledMessage message, Verdict verdict) {
    var authentication = parts.authentication();
    if (authentication == null
        || !isChecked(session)
        || !(verdict instanceof Verdict.Continue)
        || refusal(message.header()) != null) {
      return SecurityResults.none();
    }
    var from = envelope.mailFrom();
    var helo = session.helo();
    return new SecurityResults(
        authentication.check(
            message,
            from == null ? "" : from.toString(),
            session.remote().getAddress(),
            helo == null ? "" : helo),
        null,
        null);
  }

  private Verdict judged(SecurityResults results, Envelope envelope, Verdict verdict) {
    return verdict instanceof Verdict.Continue
        ? parts
            .policy()
            .refusal(results.authentication(), envelope)
            .<Verdict>map(Verdict.Reply::new)
            .orElse(verdict)
        : verdict;
  }

  private Verdict hooked(SessionFacts session, Envelope envelope, SpooledMessage message) {
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

  private static void failed(
      SessionFacts session, SpooledMessage message, Consumer<Verdict> reply, Throwable e) {
    log.error("{} a message could not be handled", session.id(), e);
    message.close();
    reply.accept(Verdict.reply(451, "4.3.0", "Local error, try again later"));
  }

  private void decide(
      SessionFacts session,
      Envelope envelope,
      SpooledMessage message,
      SecurityResults results,
      Consumer<Verdict> reply) {
    var refusal = refusal(message.header());
    if (refusal != null) {
      message.close();
      reply.accept(new Verdict.Reply(refusal));
      return;
    }
    var now = parts.timer().now();
    List<NewRow> rows = new ArrayList<>();
    var rejection = route(session, envelope, message, results, now, rows);
    if (rejection != null) {
      message.close();
      reply.accept(new Verdict.Reply(rejection));
      return;
    }
    var id = parts.store().newId();
    var edited = edited(message, session, envelope, results, id, now);
    parts
        .queue()
        .add(
            new NewMessage(id, envelope, edited, rows, now, session, results, null),
            (stored, failure) -> reply.accept(verdict(session, id, failure)));
  }

  private static Verdict verdict(SessionFacts session, String id, @Nullable Throwable failure) {
    if (failure == null) {
      log.debug("{} queued as {}", session.id(), id);
      return Verdict.reply(250, "2.0.0", "Ok: queued as " + id);
    }
    if (failure instanceof InsufficientStorageException) {
      log.warn("{} no room for a message: {}", session.id(), failure.getMessage());
      return Verdict.reply(452, "4.3.1", "Insufficient system storage, try again later");
    }
    log.error("{} a message could not be stored", session.id(), failure);
    return Verdict.reply(451, "4.3.0", "Local error, try again later");
  }

  // ---- LMTP: who is here gets the message before the reply, RFC 2033

  @Override
  public void messageForEach(
      SessionFacts session,
      Envelope envelope,
      SpooledMessage message,
      Consumer<List<SmtpReply>> replies) {
    Runnable work =
        () -> {
          try {
            deliverNow(session, envelope, message, replies);
          } catch (RuntimeException e) {
            failed(session, message, verdict -> replies.accept(List.of()), e);
          }
        };
    try {
      parts.threads().execute(work);
    } catch (RejectedExecutionException e) {
      failed(session, message, verdict -> replies.accept(List.of()), e);
    }
  }

  private void deliverNow(
      SessionFacts session,
      Envelope envelope,
      SpooledMessage message,
      Consumer<List<SmtpReply>> replies) {
    int all = envelope.recipients().size();
    var asked = hooked(session, envelope, message);
    var results = checked(session, envelope, message, asked);
    var verdict = judged(results, envelope, asked);
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
    var edited = edited(message, session, envelope, results, id, now);
    var mail = IncomingMail.of(id, envelope, session, results, edited);
    var answers = new SmtpReply[all];
    var elsewhere = new ArrayList<NewRow>();
    var numbers = new ArrayList<Integer>();
    for (int i = 0; i < all; i++) {
      var recipient = envelope.recipients().get(i);
      var rows = new ArrayList<NewRow>();
      var rejection =
          route(session, envelope.withRecipients(List.of(recipient)), message, results, now, rows);
      if (rejection != null) {
        answers[i] = rejection;
      } else if (parts.handler() != null && rows.get(0).destination().equals(Destinations.LOCAL)) {
        answers[i] = DeliveryAttempt.handled(parts.handler(), recipient, mail);
      } else {
        elsewhere.addAll(rows);
        numbers.add(i);
      }
    }
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
              var reply = ((Verdict.Reply) verdict(session, id, failure)).reply();
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
      SpooledMessage message,
      SessionFacts session,
      Envelope envelope,
      SecurityResults results,
      String id,
      Instant now) {
    return trace.edit(
        message, session, envelope, id, now, isChecked(session) ? results.authentication() : null);
  }

  /** One row for each recipient, or the reply that refuses the whole message. */
  private @Nullable SmtpReply route(
      SessionFacts session,
      Envelope envelope,
      SpooledMessage message,
      SecurityResults results,
      Instant now,
      List<NewRow> rows) {
    var routing = parts.routing().get();
    var context =
        context(session, envelope)
            .headers(Headers.of(message.header()))
            .size(message.size())
            .security(results)
            .hasAttachments(() -> !Email.parse(message).attachments().isEmpty());
    for (var recipient : envelope.recipients()) {
      var decision =
          routing.route(context.recipients(List.of(recipient.address())).build(), recipient);
      if (decision.action() instanceof Action.Reject reject) {
        return EmailRouter.reply(reject);
      }
      rows.add(NewRow.of(decision, envelope.priority(), envelope.firstDue(now)));
    }
    return null;
  }

  @Override
  public void disconnected(SessionFacts session) {
    parts.limits().disconnected(session);
    log.debug("{} disconnected", session.id());
  }
}
