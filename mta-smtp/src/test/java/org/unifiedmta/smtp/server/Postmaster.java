package org.unifiedmta.smtp.server;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.security.sasl.CredentialStore;
import org.unifiedmta.security.sasl.SaslContext;
import org.unifiedmta.security.sasl.SaslExchange;
import org.unifiedmta.security.sasl.SaslMechanism;

/**
 * A handler that takes mail for the postmaster and {@code user@local.test} only, keeps it, and
 * writes down what it was asked. Its answers can be replaced.
 */
final class Postmaster implements SessionHandler {
  /** One message taken. */
  record Mail(SessionFacts session, Envelope envelope, String text) {}

  /** What passed of a message. */
  static final class Seen {
    volatile @Nullable HeaderSection header;
    final StringBuffer body = new StringBuffer();
    final CountDownLatch abandoned = new CountDownLatch(1);
  }

  final List<Seen> seen = new CopyOnWriteArrayList<>();
  final List<Mail> mails = new CopyOnWriteArrayList<>();
  final List<SessionFacts> disconnected = new CopyOnWriteArrayList<>();
  final AtomicInteger errors = new AtomicInteger();
  volatile Supplier<Answer> onConnect = Answer::proceed;
  volatile Supplier<Answer> onHelo = Answer::proceed;
  volatile Supplier<Answer> onMail = Answer::proceed;
  volatile Supplier<Verdict> onMessage = () -> Verdict.reply(250, "2.0.0", "queued");

  /** If set, a message's reply is left to the test. */
  volatile @Nullable Consumer<Consumer<Verdict>> later;

  volatile CredentialStore users = CredentialStore.ofUsers(Map.of("ann", "secret"));

  @Override
  public Answer connected(SessionFacts session) {
    return onConnect.get();
  }

  @Override
  public Answer helo(SessionFacts session) {
    return onHelo.get();
  }

  @Override
  public @Nullable SaslExchange login(SessionFacts session, String mechanism) {
    return SaslMechanism.ofName(mechanism).map(m -> m.exchange(context(session))).orElse(null);
  }

  private SaslContext context(SessionFacts session) {
    var tls = session.tls();
    var context = SaslContext.of(users);
    if (tls == null) {
      return context;
    }
    var certificate = tls.peerCertificate();
    return context
        .withChannelBindings(tls.channelBindings())
        .withCertificateUser(
            certificate == null ? null : users.certificateUser(certificate).orElse(null));
  }

  @Override
  public Answer mail(SessionFacts session, Envelope envelope, long announcedSize) {
    return onMail.get();
  }

  @Override
  public Answer recipient(SessionFacts session, Envelope envelope, Recipient recipient) {
    var address = recipient.address();
    return address.localPart().equals("postmaster") || address.toString().equals("user@local.test")
        ? Answer.proceed()
        : Answer.reply(550, "5.7.1", "Relaying denied");
  }

  @Override
  public MessageReceiver data(SessionFacts session, Envelope envelope) {
    return new Receiver(session, envelope);
  }

  private final class Receiver implements MessageReceiver {
    private final SessionFacts session;
    private final Envelope envelope;
    private final Seen seen = new Seen();

    Receiver(SessionFacts session, Envelope envelope) {
      this.session = session;
      this.envelope = envelope;
      Postmaster.this.seen.add(seen);
    }

    @Override
    public void header(HeaderSection section) {
      seen.header = section;
    }

    @Override
    public void body(ByteBuffer octets) {
      seen.body.append(StandardCharsets.ISO_8859_1.decode(octets));
    }

    @Override
    public void abandoned() {
      seen.abandoned.countDown();
    }

    @Override
    public void message(SpooledMessage message, Consumer<Verdict> reply) {
      mails.add(new Mail(session, envelope, ((HeapSpool.Message) message).text()));
      message.close();
      var somebody = later;
      if (somebody != null) {
        somebody.accept(reply);
      } else {
        reply.accept(onMessage.get());
      }
    }
  }

  @Override
  public void erred(SessionFacts session) {
    errors.incrementAndGet();
  }

  @Override
  public void disconnected(SessionFacts session) {
    disconnected.add(session);
  }
}
