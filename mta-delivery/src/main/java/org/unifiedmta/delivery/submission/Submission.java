package org.unifiedmta.delivery.submission;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.email.Headers;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.SpoolWriter;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.core.spool.WatchedWriter;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.Edits;
import org.unifiedmta.delivery.queue.NewMessage;
import org.unifiedmta.delivery.queue.NewRow;
import org.unifiedmta.delivery.queue.QueueStore;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.EmailContext;
import org.unifiedmta.routing.route.EmailRouter;
import org.unifiedmta.routing.zone.RetryPolicy;
import org.unifiedmta.routing.zone.Routing;
import org.unifiedmta.routing.zone.ZoneSelector;
import org.unifiedmta.smtp.codec.DotStuffer;

/** Takes messages of the host itself into the queue. Blocks until they are on stable storage. */
public final class Submission {
  private static final int BUFFER = 64 * 1024;

  private final QueueStore store;
  private final UnifiedDeliveryQueue queue;
  private final Supplier<Routing> routing;
  private final Signing signing;
  private final Timer timer;

  public Submission(
      QueueStore store,
      UnifiedDeliveryQueue queue,
      Supplier<Routing> routing,
      Signing signing,
      Timer timer) {
    this.store = store;
    this.queue = queue;
    this.signing = signing;
    this.routing = routing;
    this.timer = timer;
  }

  /**
   * Queues a message for everybody in To, Cc and Bcc.
   *
   * @return its id, or that of the message that was queued before with the same idempotency key
   * @throws SubmissionException if it is for nobody, a route refuses it, or there is no key of the
   *     domain that is to sign it
   * @throws org.unifiedmta.core.spool.InsufficientStorageException if there is no room
   */
  public String submit(Email email, SubmitOptions options) {
    return queue(email.envelope(), options, email::writeTo);
  }

  /** As {@link #submit(Email, SubmitOptions)}, for a message as it is; the stream is closed. */
  public String submit(Envelope envelope, InputStream message, SubmitOptions options) {
    try (message) {
      return queue(envelope, options, message::transferTo);
    } catch (IOException e) {
      throw new MtaException("cannot read the message: " + e.getMessage(), e);
    }
  }

  private String queue(Envelope envelope, SubmitOptions options, Writing writing) {
    options
        .dkimDomain()
        .filter(domain -> !signing.isAbleTo(domain))
        .ifPresent(domain -> {
          throw new SubmissionException("no key signs for " + domain, null);
        });
    var body = new Signing.BodyHash();
    var message = spooled(writing, envelope.body() == Envelope.Body.BINARY_MIME, body);
    var now = timer.now();
    List<NewRow> rows;
    SpooledMessage finished;
    try {
      var sender = new Signing.Sender(envelope.mailFrom(), options.dkimDomain().orElse(null));
      finished = finished(message, sender, body);
      rows = rows(envelope, message, options, options.notBefore().orElse(envelope.firstDue(now)));
    } catch (RuntimeException e) {
      message.close();
      throw e;
    }
    return queue.addAndWait(
        new NewMessage(store.newId(), envelope, finished, rows, now, null, null, null)
            .withIdempotencyKey(options.idempotencyKey().orElse(null))
            .withRetry(options.retry().map(RetryPolicy::toString).orElse(null)));
  }

  /** Signed, and without what names the zone, which is for us alone. */
  private SpooledMessage finished(
      SpooledMessage message, Signing.Sender sender, Signing.BodyHash body) {
    var cuts =
        message.header().fields().stream()
            .filter(field -> field.name().equalsIgnoreCase(ZoneSelector.HEADER))
            .map(HeaderSection.Field::cut)
            .toList();
    var edits = signing.sign(message, new Edits(new byte[0], cuts), sender, body);
    return message.edited(edits.prefix(), edits.cuts());
  }

  private List<NewRow> rows(
      Envelope envelope, SpooledMessage message, SubmitOptions options, Instant due) {
    if (envelope.recipients().isEmpty()) {
      throw new SubmissionException("the message has no recipients", null);
    }
    var context =
        EmailContext.builder()
            .sender(envelope.mailFrom())
            .authenticated(true)
            .headers(Headers.of(message.header()))
            .size(message.size())
            .hasAttachments(() -> !Email.parse(message).attachments().isEmpty());
    var rows = new ArrayList<NewRow>();
    for (var recipient : envelope.recipients()) {
      EmailAddress address = recipient.address();
      var asked = context.recipients(List.of(address)).build();
      var routes = routing.get();
      var decided = routes.route(asked, recipient);
      var decision = options.zone().map(zone -> routes.in(zone, decided)).orElse(decided);
      if (decision.action() instanceof Action.Reject reject) {
        var reply = EmailRouter.reply(reject);
        throw new SubmissionException("refused for " + address + ": " + reply, reply);
      }
      rows.add(NewRow.of(decision, envelope.priority(), due));
    }
    return rows;
  }

  /** What puts the message's octets out. */
  private interface Writing {
    void to(OutputStream out) throws IOException;
  }

  private SpooledMessage spooled(Writing message, boolean binary, Signing.BodyHash body) {
    var place = store.spool().open(-1);
    try (var writer = signing.isActive() ? new WatchedWriter(place, body) : place) {
      try (var out = new Spooling(writer, binary)) {
        message.to(out);
      }
      return writer.finish();
    } catch (IOException e) {
      throw new MtaException("cannot read the message: " + e.getMessage(), e);
    }
  }

  /**
   * A stream into a spool that waits while the spool is behind. All lines of text end with CRLF in
   * it, since what is signed is what goes out (RFC 6376 5.3).
   */
  private static final class Spooling extends OutputStream {
    private final SpoolWriter writer;
    private final DotStuffer lines = DotStuffer.ofChunks();
    private final boolean binary; // RFC 3030 3: any octets
    private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER);

    Spooling(SpoolWriter writer, boolean binary) {
      this.writer = writer;
      this.binary = binary;
    }

    @Override
    public void write(int b) {
      if (!buffer.hasRemaining()) {
        flush();
      }
      buffer.put((byte) b);
    }

    @Override
    public void write(byte[] bytes, int from, int length) {
      int next = from;
      while (next < from + length) {
        if (!buffer.hasRemaining()) {
          flush();
        }
        int taken = Math.min(buffer.remaining(), from + length - next);
        buffer.put(bytes, next, taken);
        next += taken;
      }
    }

    @Override
    public void flush() {
      awaitWritable();
      if (binary) {
        writer.write(buffer.flip());
      } else {
        lines.write(buffer.flip(), writer);
      }
      buffer.clear();
    }

    private void awaitWritable() {
      while (!writer.isWritable()) {
        var writable = new CountDownLatch(1);
        writer.onWritable(writable::countDown);
        try {
          writable.await();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new MtaException("interrupted while the storage was behind", e);
        }
      }
    }

    @Override
    public void close() {
      flush();
      lines.complete(writer);
    }
  }
}
