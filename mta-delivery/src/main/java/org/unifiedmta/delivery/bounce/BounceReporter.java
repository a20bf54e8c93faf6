package org.unifiedmta.delivery.bounce;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.mime.HeaderText;
import org.unifiedmta.core.mime.MimePart;
import org.unifiedmta.core.mime.MimeWriter;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.report.DeliveryReport;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.Lease;
import org.unifiedmta.delivery.queue.NewMessage;
import org.unifiedmta.delivery.queue.NewRow;
import org.unifiedmta.delivery.queue.QueueStore;
import org.unifiedmta.delivery.queue.QueuedMessage;
import org.unifiedmta.delivery.queue.QueuedRow;
import org.unifiedmta.delivery.queue.RecipientResult;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.EmailContext;
import org.unifiedmta.routing.zone.Routing;

/**
 * Tells a sender what became of his mail. Failure: reads the rows that wait to be reported, writes
 * one report about them (RFC 3464) and puts it into the queue in the same record that finishes
 * them. Never a report about a report.
 */
public final class BounceReporter {
  private static final Logger log = LoggerFactory.getLogger(BounceReporter.class);
  private static final int RETURNED = 1024 * 1024; // octets of the whole message, RET=FULL
  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("EEE, d MMM yyyy HH:mm:ss Z", Locale.ENGLISH)
          .withZone(ZoneOffset.UTC);

  private final String hostname;
  private final Mailbox mailerDaemon;
  private final QueueStore store;
  private final UnifiedDeliveryQueue queue;
  private final Supplier<Routing> routing;
  private final Timer timer;

  public BounceReporter(
      String hostname,
      Mailbox mailerDaemon,
      QueueStore store,
      UnifiedDeliveryQueue queue,
      Supplier<Routing> routing,
      Timer timer) {
    this.hostname = hostname;
    this.mailerDaemon = mailerDaemon;
    this.store = store;
    this.queue = queue;
    this.routing = routing;
    this.timer = timer;
  }

  /**
   * What is to be told of a recipient.
   *
   * @param reply the last one
   */
  public record Finding(QueuedRow row, DeliveryReport.Action action, SmtpReply reply) {}

  /** Reports the rows of a lease, or finds that nobody wants to hear of them. */
  public void report(QueuedMessage message, Lease lease) {
    var findings =
        message.rows().stream()
            .filter(row -> lease.rows().contains(row.number()))
            .filter(BounceReporter::isWanted)
            .map(row -> new Finding(row, DeliveryReport.Action.FAILED, lastReply(row)))
            .toList();
    if (findings.isEmpty() || !queue(message, findings, lease)) {
      log.info("{} failed; nobody is to be told", message.id());
      store.settle(lease, Collections.nCopies(lease.rows().size(), new RecipientResult.Reported()));
    }
  }

  /** Reports what is no failure, and changes nothing else; what cannot be told is logged. */
  public void tell(QueuedMessage message, List<Finding> findings) {
    try {
      queue(message, findings, null);
    } catch (RuntimeException e) {
      log.warn("{} its sender could not be told of it", message.id(), e);
    }
  }

  /**
   * Puts a report into the queue; false if nobody can get it.
   *
   * @param reported the lease that ends with it, or null
   */
  private boolean queue(QueuedMessage message, List<Finding> findings, @Nullable Lease reported) {
    var sender = message.envelope().mailFrom();
    if (sender == null) { // RFC 5321 6.1, RFC 3461 4.1
      return false;
    }
    var recipient = Recipient.of(sender);
    var decision =
        routing
            .get()
            .route(
                EmailContext.builder().recipients(List.of(sender)).authenticated(true).build(),
                recipient);
    if (decision.action() instanceof Action.Reject) {
      log.info("{} the routes refuse a report to {}", message.id(), sender);
      return false;
    }
    var now = timer.now();
    var id = store.newId();
    var writer = store.spool().open(-1);
    try (writer) {
      writer.write(ByteBuffer.wrap(compose(message, findings, sender, id)));
      queue.addAndWait(
          new NewMessage(
              id,
              Envelope.of((EmailAddress) null, List.of(recipient)),
              writer.finish(),
              List.of(NewRow.of(decision, now)),
              now,
              null,
              null,
              reported));
    }
    return true;
  }

  private static boolean isWanted(QueuedRow row) {
    var wanted = row.recipient().notifyOn();
    return wanted.isEmpty() || wanted.contains(Recipient.Notify.FAILURE);
  }

  private byte[] compose(
      QueuedMessage message, List<Finding> findings, EmailAddress sender, String id) {
    var original = store.open(message.id());
    var header = header(original);
    var fields = new ArrayList<String>();
    fields.add("Date: " + DATE.format(timer.now()));
    fields.add(HeaderText.fold("From", mailbox(mailerDaemon)));
    fields.add(HeaderText.fold("To", "<" + sender.toAscii() + ">"));
    fields.add("Subject: " + subject(findings));
    fields.add("Message-ID: <" + id + "@" + hostname + ">");
    messageId(header)
        .forEach(failed -> {
          fields.add(HeaderText.fold("In-Reply-To", failed));
          fields.add(HeaderText.fold("References", failed));
        });
    fields.add("Auto-Submitted: auto-replied"); // RFC 3834 5
    var report =
        new DeliveryReport(
            hostname,
            message.envelope().envelopeId(),
            message.queuedAt(),
            findings.stream().map(BounceReporter::status).toList());
    var root =
        new MimePart.Multipart(
            "multipart/report; report-type=delivery-status",
            List.of(
                text(message, findings),
                report.toPart(),
                returned(message, findings, original, header)));
    var out = new ByteArrayOutputStream();
    try {
      new MimeWriter(out, MimeWriter.newBoundary()).write(fields, root);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  private static String mailbox(Mailbox mailbox) {
    var name = mailbox.displayName();
    return (name == null ? "" : HeaderText.encodePhrase(name) + " ")
        + "<"
        + mailbox.address().toAscii()
        + ">";
  }

  private static boolean hasAny(List<Finding> findings, DeliveryReport.Action action) {
    return findings.stream().anyMatch(finding -> finding.action == action);
  }

  private static String subject(List<Finding> findings) {
    if (hasAny(findings, DeliveryReport.Action.FAILED)) {
      return "Undelivered mail returned to sender";
    }
    return hasAny(findings, DeliveryReport.Action.DELAYED)
        ? "Mail is delayed, and still being tried"
        : "Mail has been delivered";
  }

  private static DeliveryReport.Status status(Finding finding) {
    return new DeliveryReport.Status(
        finding.row.recipient().originalRecipient(),
        finding.row.recipient().address(),
        finding.action,
        finding.reply);
  }

  private static SmtpReply lastReply(QueuedRow row) {
    @Nullable SmtpReply reply = row.lastReply();
    return reply == null ? SmtpReply.of(554, "5.0.0", "failed") : reply;
  }

  private MimePart text(QueuedMessage message, List<Finding> findings) {
    var text = new StringBuilder();
    text.append("This is the mail server at ").append(hostname).append(".\r\n\r\n");
    text.append("Your message of ").append(DATE.format(message.queuedAt())).append("\r\n");
    for (var action : DeliveryReport.Action.values()) {
      if (hasAny(findings, action)) {
        text.append(said(action)).append(":\r\n");
        findings.stream()
            .filter(finding -> finding.action == action)
            .forEach(finding -> {
              text.append("\r\n  ").append(finding.row.recipient().address().toUnicode());
              text.append("\r\n    ").append(finding.reply).append("\r\n");
            });
        text.append("\r\n");
      }
    }
    if (hasAny(findings, DeliveryReport.Action.FAILED)) {
      text.append("No further attempt will be made.\r\n");
    }
    return new MimePart.Leaf(
        "text/plain; charset=utf-8",
        List.of(),
        ByteSource.of(text.toString().getBytes(StandardCharsets.UTF_8)),
        true);
  }

  private static String said(DeliveryReport.Action action) {
    return switch (action) {
      case FAILED -> "could not be delivered to";
      case DELAYED -> "could not be delivered yet, and you need not send it again, to";
      case DELIVERED -> "has been delivered to";
      case RELAYED -> "has been passed on to a host that sends no such reports, for";
      case EXPANDED -> "has been passed on to the members of";
    };
  }

  /** RFC 3461 4.3, 6.2: the whole message only if it was asked for, and is small. */
  private static MimePart returned(
      QueuedMessage message, List<Finding> findings, ByteSource original, byte[] header) {
    boolean full =
        message.envelope().ret() == Envelope.Ret.FULL
            && hasAny(findings, DeliveryReport.Action.FAILED)
            && original.size() <= RETURNED;
    return full
        ? new MimePart.Leaf("message/rfc822", List.of(), original, false)
        : new MimePart.Leaf("text/rfc822-headers", List.of(), ByteSource.of(header), true);
  }

  private static byte[] header(ByteSource original) {
    try (InputStream in = original.open()) {
      return in.readNBytes(HeaderSection.of(original).size());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The failed message's id, with brackets, if it is one. */
  private static List<String> messageId(byte[] header) {
    return HeaderSection.of(header)
        .first("Message-ID")
        .map(field -> HeaderText.unfold(field.value()))
        .filter(id ->
            id.startsWith("<")
                && id.endsWith(">")
                && id.chars().allMatch(c -> c > 32 && c < 127)
                && id.length() < 900)
        .stream()
        .toList();
  }
}
