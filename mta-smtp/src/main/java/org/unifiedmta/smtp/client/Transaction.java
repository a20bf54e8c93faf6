package org.unifiedmta.smtp.client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.smtp.client.SmtpException.Phase;
import org.unifiedmta.smtp.codec.DotStuffer;
import org.unifiedmta.smtp.codec.Extension;
import org.unifiedmta.smtp.codec.Xtext;

/** MAIL, RCPT, DATA and the message, commands in groups where the server allows it (RFC 2920). */
final class Transaction {
  /** Few enough that neither side's socket buffers fill while nobody reads. */
  private static final int GROUP = 100;

  private static final int READ = 64 * 1024;
  private static final long MOST = 999_999_999; // seconds, RFC 2852 4
  private static final Duration LAST_WORDS = Duration.ofSeconds(5);

  private final Wire wire;
  private final Endpoint endpoint;
  private final Capabilities capabilities;
  private final boolean secured;
  private final Duration replyTimeout;
  private final boolean pipelining;
  private @Nullable SmtpReply[] replies = {};
  private Phase phase = Phase.MAIL;
  private boolean answered;
  private boolean closedBefore; // the first thing heard was 421

  /**
   * @param secured whether TLS with a checked certificate is in place
   */
  Transaction(
      Wire wire,
      Endpoint endpoint,
      Capabilities capabilities,
      boolean secured,
      Duration replyTimeout) {
    this.wire = wire;
    this.endpoint = endpoint;
    this.capabilities = capabilities;
    this.secured = secured;
    this.replyTimeout = replyTimeout;
    pipelining = capabilities.has(Extension.PIPELINING);
  }

  /**
   * Sends it.
   *
   * @param now what DELIVERBY counts from
   */
  RecipientReplies run(
      Envelope envelope, ByteSource message, Instant now, SmtpClient.HandOver handOver) {
    replies = new SmtpReply[envelope.recipients().size()];
    var impossible = impossible(envelope, message);
    if (impossible != null) {
      return new RecipientReplies(filled(impossible), true, false, false, false);
    }
    try {
      boolean reusable = exchange(envelope, message, now, handOver);
      return new RecipientReplies(
          filled(null), reusable, closedBefore, false, capabilities.has(Extension.DSN));
    } catch (IOException e) {
      wire.abort();
      var broken =
          SmtpReply.of(
              451, "4.4.2", printable("lost " + endpoint + " at " + phase + ": " + e.getMessage()));
      return new RecipientReplies(
          filled(broken), false, !answered || closedBefore, phase == Phase.END_OF_DATA, false);
    }
  }

  /** What the server said it cannot take is not even tried. */
  private @Nullable SmtpReply impossible(Envelope envelope, ByteSource message) {
    var limit = capabilities.maximumSize();
    if (limit.isPresent() && message.size() > limit.get()) {
      return SmtpReply.of(
          552, "5.3.4", "message larger than the " + limit.get() + " octets that the host takes");
    }
    if (needsSmtpUtf8(envelope) && !capabilities.has(Extension.SMTPUTF8)) {
      // RFC 6531 3.7.3
      return SmtpReply.of(553, "5.6.7", "the host takes no internationalized mail");
    }
    if (isBinary(envelope)
        && !(capabilities.has(Extension.BINARYMIME) && capabilities.has(Extension.CHUNKING))) {
      // RFC 3030 3: text would be made of it, and signatures broken.
      return SmtpReply.of(554, "5.6.3", "the host takes no binary mail");
    }
    if (envelope.requireTls() && !(secured && capabilities.has(Extension.REQUIRETLS))) {
      return SmtpReply.of(550, "5.7.30", "REQUIRETLS support required"); // RFC 8689 4.2.1
    }
    var by = envelope.deliverBy();
    if (by != null && by.returnIfLate() && !capabilities.has(Extension.DELIVERBY)) {
      return SmtpReply.of(554, "5.3.3", "the host does not know DELIVERBY"); // RFC 2852 4.2
    }
    return null;
  }

  private static boolean isBinary(Envelope envelope) {
    return envelope.body() == Envelope.Body.BINARY_MIME;
  }

  private static boolean needsSmtpUtf8(Envelope envelope) {
    var from = envelope.mailFrom();
    return envelope.smtpUtf8()
        || (from != null && from.isInternationalized())
        || envelope.recipients().stream().anyMatch(r -> r.address().isInternationalized());
  }

  /** Whether the connection is as good as new afterwards. */
  private boolean exchange(
      Envelope envelope, ByteSource message, Instant now, SmtpClient.HandOver handOver)
      throws IOException {
    wire.command(mail(envelope, message, now));
    if (!pipelining) {
      var mail = reply(Phase.MAIL);
      if (!mail.isPositive()) {
        return refuseAll(mail);
      }
    }
    boolean mailPending = pipelining;
    boolean chunk = isBinary(envelope); // RFC 3030 3
    int accepted = 0;
    var recipients = envelope.recipients();
    int asked = 0;
    @Nullable SmtpReply data = null;
    while (asked < recipients.size()) {
      int group = pipelining ? Math.min(GROUP, recipients.size() - asked) : 1;
      for (int i = asked; i < asked + group; i++) {
        wire.command(rcpt(recipients.get(i)));
      }
      boolean last = asked + group == recipients.size();
      if (pipelining && last && !chunk) {
        wire.command("DATA");
      }
      @Nullable SmtpReply mail = null;
      if (mailPending) {
        mail = reply(Phase.MAIL);
        mailPending = false;
      }
      for (int i = asked; i < asked + group; i++) {
        var reply = reply(Phase.RCPT);
        boolean taken = reply.isPositive() && (mail == null || mail.isPositive());
        accepted += taken ? 1 : 0;
        replies[i] = taken ? null : mail != null && !mail.isPositive() ? mail : reply;
      }
      asked += group;
      if (pipelining && last && !chunk) {
        data = reply(Phase.DATA);
      }
      if (mail != null && !mail.isPositive()) {
        if (data != null && data.code() == 354) {
          finishNothing();
        }
        return refuseAll(mail);
      }
    }
    if (accepted == 0) {
      if (data != null && data.code() == 354) {
        finishNothing(); // RFC 2920 3.1
      }
      return reset();
    }
    if (chunk) {
      begin(handOver);
      wire.command("BDAT " + message.size() + " LAST");
      content(message, null, handOver);
    } else {
      if (data == null) {
        wire.command("DATA");
        data = reply(Phase.DATA);
      }
      if (data.code() != 354) {
        fill(temporaryIfPositive(data));
        return reset();
      }
      content(message, new DotStuffer(), handOver);
    }
    phase = Phase.END_OF_DATA;
    var end = reply(Phase.END_OF_DATA, replyTimeout.multipliedBy(2));
    fill(end.code() / 100 == 3 ? temporaryIfPositive(end) : end);
    return end.code() != 421;
  }

  /**
   * @param stuffer null for a chunk, whose octets go as they are
   */
  private void content(
      ByteSource message, @Nullable DotStuffer stuffer, SmtpClient.HandOver handOver)
      throws IOException {
    phase = Phase.DATA;
    var buffer = new byte[READ];
    long left = message.size();
    try (var in = message.open()) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        int length = n;
        var octets = ByteBuffer.wrap(buffer, 0, length);
        sending(() -> {
          if (stuffer == null) {
            wire.write(octets);
          } else {
            stuffer.write(octets, wire);
          }
        });
        left -= length;
      }
      if (left != 0) {
        throw new IOException("it is " + left + " octets shorter than it should be");
      }
    } catch (SendFailure e) {
      throw lastWords(e.cause);
    } catch (IOException | RuntimeException e) {
      // Our side of the message is broken: the server must never see the final dot.
      wire.abort();
      throw new SmtpException(Phase.DATA, "cannot read the message: " + e.getMessage(), null, e);
    }
    if (stuffer != null) {
      begin(handOver);
    }
    try {
      if (stuffer != null) {
        sending(() -> stuffer.finish(wire));
      }
      wire.within(
          replyTimeout,
          () -> {
            wire.flush();
            return true;
          });
    } catch (SendFailure e) {
      throw lastWords(e.cause);
    }
  }

  private void begin(SmtpClient.HandOver handOver) {
    var accepted = new ArrayList<Integer>();
    for (int i = 0; i < replies.length; i++) {
      if (replies[i] == null) {
        accepted.add(i);
      }
    }
    try {
      handOver.begins(accepted);
    } catch (RuntimeException e) {
      wire.abort();
      throw new SmtpException(
          Phase.DATA, "the message is not handed over: " + e.getMessage(), null, e);
    }
  }

  /** Keeps what fails on the socket apart from what fails in the source. */
  private static final class SendFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final IOException cause;

    SendFailure(IOException cause) {
      super(cause);
      this.cause = cause;
    }
  }

  private void sending(Runnable writing) {
    try {
      wire.within(
          replyTimeout,
          () -> {
            try {
              writing.run();
              return true;
            } catch (UncheckedIOException e) {
              throw e.getCause();
            }
          });
    } catch (IOException e) {
      throw new SendFailure(e);
    }
  }

  /** A server that hangs up during the data has often said why. */
  private IOException lastWords(IOException failure) {
    try {
      var reply = wire.within(LAST_WORDS, wire::reply);
      if (!reply.isPositive()) {
        fill(reply);
      }
    } catch (IOException e) {
      failure.addSuppressed(e);
    }
    return failure;
  }

  /** RFC 2920 3.1: DATA went through though nobody is to get anything; an empty message ends it. */
  private void finishNothing() throws IOException {
    wire.command(".");
    reply(Phase.END_OF_DATA);
  }

  private boolean refuseAll(SmtpReply reply) throws IOException {
    Arrays.fill(replies, reply);
    return reset();
  }

  /** Back to the state after EHLO; false if the server does not want us any more. */
  private boolean reset() throws IOException {
    for (var reply : replies) {
      if (reply != null && reply.code() == 421) { // RFC 5321 3.8
        return false;
      }
    }
    wire.command("RSET");
    return reply(Phase.MAIL).isPositive();
  }

  private String mail(Envelope envelope, ByteSource message, Instant now) {
    var from = envelope.mailFrom();
    var command =
        new StringBuilder("MAIL FROM:<").append(from == null ? "" : from.toAscii()).append('>');
    if (capabilities.has(Extension.SIZE)) {
      command.append(" SIZE=").append(message.size());
    }
    if (capabilities.has(Extension.EIGHT_BIT_MIME) && envelope.body() != Envelope.Body.SEVEN_BIT) {
      command.append(isBinary(envelope) ? " BODY=BINARYMIME" : " BODY=8BITMIME");
    }
    if (needsSmtpUtf8(envelope)) {
      command.append(" SMTPUTF8");
    }
    if (envelope.requireTls()) {
      command.append(" REQUIRETLS");
    }
    if (capabilities.has(Extension.MT_PRIORITY) && envelope.priority() != 0) {
      command.append(" MT-PRIORITY=").append(envelope.priority());
    }
    var by = envelope.deliverBy();
    if (by != null && capabilities.has(Extension.DELIVERBY)) { // RFC 2852 4.1
      long left = Math.clamp(Duration.between(now, by.by()).toSeconds(), -MOST, MOST);
      // What is to come back needs time left.
      command.append(" BY=").append(by.returnIfLate() ? Math.max(1, left) : left);
      command.append(by.returnIfLate() ? ";R" : ";N").append(by.trace() ? "T" : "");
    }
    if (capabilities.has(Extension.DSN)) { // RFC 3461 5.2.1
      if (envelope.ret() != Envelope.Ret.UNSET) {
        command.append(envelope.ret() == Envelope.Ret.FULL ? " RET=FULL" : " RET=HDRS");
      }
      if (envelope.envelopeId() != null) {
        command.append(" ENVID=").append(Xtext.encode(envelope.envelopeId()));
      }
    }
    return command.toString();
  }

  private String rcpt(Recipient recipient) {
    EmailAddress address = recipient.address();
    var command =
        new StringBuilder("RCPT TO:<")
            .append(address.domain().isEmpty() ? address.localPart() : address.toAscii())
            .append('>');
    if (capabilities.has(Extension.DSN)) {
      if (!recipient.notifyOn().isEmpty()) {
        command.append(" NOTIFY=");
        command.append(
            String.join(",", recipient.notifyOn().stream().map(Enum::name).sorted().toList()));
      }
      var original = recipient.originalRecipient();
      int semicolon = original == null ? -1 : original.indexOf(';');
      if (original != null && semicolon > 0) {
        command.append(" ORCPT=").append(original, 0, semicolon + 1);
        command.append(Xtext.encode(original.substring(semicolon + 1)));
      }
    }
    return command.toString();
  }

  private SmtpReply reply(Phase at) throws IOException {
    return reply(at, replyTimeout);
  }

  private SmtpReply reply(Phase at, Duration timeout) throws IOException {
    phase = at;
    var reply =
        wire.within(
            timeout,
            () -> {
              wire.flush();
              return wire.reply();
            });
    closedBefore |= !answered && reply.code() == 421; // RFC 5321 3.8
    answered = true;
    return reply;
  }

  /** Gives a reply to those who have none yet. */
  private void fill(SmtpReply reply) {
    for (int i = 0; i < replies.length; i++) {
      replies[i] = replies[i] == null ? reply : replies[i];
    }
  }

  private List<SmtpReply> filled(@Nullable SmtpReply rest) {
    if (rest != null) {
      fill(rest);
    }
    var all = new ArrayList<SmtpReply>();
    for (var reply : replies) {
      all.add(reply == null ? SmtpReply.of(451, "4.5.0", "no reply") : reply);
    }
    return Collections.unmodifiableList(all);
  }

  /** What nobody understands is temporary. */
  private static SmtpReply temporaryIfPositive(SmtpReply reply) {
    return reply.isPositive()
        ? SmtpReply.of(451, "4.5.0", printable("unexpected reply: " + reply))
        : reply;
  }

  private static String printable(String text) {
    return text.replace('\r', ' ').replace('\n', ' ').replace('\0', ' ');
  }
}
