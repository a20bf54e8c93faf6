package org.unifiedmta.delivery.inbound;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.attempt.MailHandler;
import org.unifiedmta.delivery.hook.Hooks;
import org.unifiedmta.delivery.queue.QueueStore;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue;
import org.unifiedmta.delivery.submission.Signing;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Admission;
import org.unifiedmta.routing.route.EmailContext;
import org.unifiedmta.routing.route.Network;
import org.unifiedmta.routing.zone.Routing;
import org.unifiedmta.security.authres.MessageAuthentication;
import org.unifiedmta.security.sasl.CredentialStore;
import org.unifiedmta.security.sasl.SaslExchange;
import org.unifiedmta.security.sasl.SaslMechanism;
import org.unifiedmta.smtp.server.Answer;
import org.unifiedmta.smtp.server.MessageReceiver;
import org.unifiedmta.smtp.server.SessionFacts;
import org.unifiedmta.smtp.server.SessionHandler;
import org.unifiedmta.smtp.server.Verdict;

/** Decides what clients may do, and takes their messages into the queue. */
public final class InboundReception implements SessionHandler {
  private static final Logger log = LoggerFactory.getLogger(InboundReception.class);

  /**
   * What this stage is made of.
   *
   * @param credentials null where nobody can log in
   * @param limits for clients that are not trusted
   * @param routing asked anew for each decision, so that routes can change
   * @param handler null without local delivery
   * @param policy what is done with what the checks find
   * @param authentication of mail from strangers; null where nothing is checked
   * @param signing of what is submitted, and what routes want signed
   * @param sealing of what strangers send and goes on from here; null for none
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
      @Nullable Sealing sealing,
      Hooks hooks,
      QueueStore store,
      UnifiedDeliveryQueue queue,
      ExecutorService threads,
      Timer timer) {

    boolean isTrusted(SessionFacts session) {
      var client = session.remote().getAddress();
      return trusted.stream().anyMatch(network -> network.contains(client));
    }

    /** Whether nothing but its words says who the client is. */
    boolean isStranger(SessionFacts session) {
      return session.authenticatedUser() == null
          && (checksLoopback || !session.remote().getAddress().isLoopbackAddress())
          && !isTrusted(session);
    }

    /** What routes may ask of a session and its envelope. */
    EmailContext.Builder context(SessionFacts session, Envelope envelope) {
      return EmailContext.builder()
          .sender(envelope.mailFrom())
          .clientIp(session.remote().getAddress())
          .authenticated(session.authenticatedUser() != null)
          .trusted(isTrusted(session));
    }
  }

  private final Parts parts;
  private final TraceHeaders trace;
  private final SenderPolicy senders;
  private final boolean everybodyIsThere;

  public InboundReception(Parts parts) {
    this.parts = parts;
    this.trace = new TraceHeaders(parts.hostname());
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
    var context = parts.context(session, envelope).recipients(List.of(recipient.address())).build();
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

  @Override
  public MessageReceiver data(SessionFacts session, Envelope envelope) {
    return new InboundMessage(parts, trace, senders, session, envelope);
  }

  @Override
  public void disconnected(SessionFacts session) {
    parts.limits().disconnected(session);
    log.debug("{} disconnected", session.id());
  }
}
