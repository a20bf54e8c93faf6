package org.unifiedmta.smtp.client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.ByteSink;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.smtp.client.SmtpException.Phase;
import org.unifiedmta.smtp.codec.DotStuffer;
import org.unifiedmta.smtp.codec.Extension;
import org.unifiedmta.smtp.codec.Xtext;

/** MAIL, RCPT, DATA and the message, commands in groups where the server allows it (RFC 2920). */
final class Transaction {
  /** Few enough that neither side's socket buffers fill while nobody reads. */
  private static final int GROUP = 100;

  private static final int READ = 64 * 1024;
  private static final int CHUNKS_UNDER_WAY = 8; // with PIPELINING
  private static final long MOST = 999_999_999; // seconds, RFC 2852 4
  private static final Duration LAST_WORDS = Duration.ofSeconds(5);

  /** What one transaction came to; see {@link RecipientReplies}. */
  record Result(
      List<SmtpReply> replies,
      boolean reusable,
      boolean unanswered,
      boolean uncertain,
      boolean needsSevenBits) {

    /** It was not ended, and the connection is lost, for a reason of ours. */
    static Result broken(int recipients) {
      var reply = SmtpReply.of(451, "4.3.0", "the message could not be read");
      return new Result(Collections.nCopies(recipients, reply), false, false, false, false);
    }
  }

  private final Wire wire;
  private final Endpoint endpoint;
  private final Capabilities capabilities;
  private final ClientOptions options;
  private final boolean secured;
  private final Stopwatch stopwatch;
  private final boolean pipelining;
  private final boolean chunking;
  private @Nullable SmtpReply[] replies = {};
  private Phase phase = Phase.MAIL;
  private boolean answered;
  private boolean closedBefore; // the first thing heard was 421
  private int chunksUnderWay;
  private @Nullable SmtpReply chunkRefused;

  /**
   * @param secured whether TLS with a checked certificate is in place
   */
  Transaction(
      Wire wire,
      Endpoint endpoint,
      Capabilities capabilities,
      ClientOptions options,
      boolean secured,
      Stopwatch stopwatch) {
    this.wire = wire;
    this.endpoint = endpoint;
    this.capabilities = capabilities;
    this.options = options;
    this.secured = secured;
    this.stopwatch = stopwatch;
    pipelining = capabilities.has(Extension.PIPELINING);
    chunking = capabilities.has(Extension.CHUNKING);
  }

  /** Sends it. */
  Result run(Envelope envelope, ByteSource message, SmtpClient.HandOver handOver) {
    replies = new SmtpReply[envelope.recipients().size()];
    var impossible = impossible(envelope, message);
    if (impossible != null) {
      return new Result(filled(impossible), true, false, false, false);
    }
    if (needsSevenBits(envelope)) {
      var reply = SmtpReply.of(554, "5.6.3", "the host takes no octets beyond ASCII");
      return new Result(filled(reply), true, false, false, true);
    }
    try {
      boolean reusable = exchange(envelope, message, handOver);
      return new Result(filled(null), reusable, closedBefore, false, false);
    } catch (IOException e) {
      wire.abort();
      var broken =
          SmtpReply.of(
              451, "4.4.2", printable("lost " + endpoint + " at " + phase + ": " + e.getMessage()));
      return new Result(
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
    if (!capabilities.has(Extension.SMTPUTF8) && needsSmtpUtf8(envelope, message)) {
      // RFC 6531 3.7.3
      return SmtpReply.of(553, "5.6.7", "the host takes no internationalized mail");
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

  /** RFC 6152 3, RFC 3030 3: what it takes as it is, it said. */
  private boolean needsSevenBits(Envelope envelope) {
    return switch (envelope.body()) {
      case SEVEN_BIT -> false;
      case EIGHT_BIT_MIME -> !capabilities.has(Extension.EIGHT_BIT_MIME);
      case BINARY_MIME -> !(capabilities.has(Extension.BINARYMIME) && chunking);
    };
  }

  private static boolean isBinary(Envelope envelope) {
    return envelope.body() == Envelope.Body.BINARY_MIME;
  }

  private static boolean isInternationalized(Envelope envelope) {
    var from = envelope.mailFrom();
    return (from != null && from.isInternationalized())
        || envelope.recipients().stream().anyMatch(r -> r.address().isInternationalized());
  }

  /** What was sent here with SMTPUTF8 may do without it. */
  private static boolean needsSmtpUtf8(Envelope envelope, ByteSource message) {
    return isInternationalized(envelope)
        || (envelope.smtpUtf8() && hasInternationalizedHeader(message));
  }

  private static boolean hasInternationalizedHeader(ByteSource message) {
    HeaderSection header;
    try {
      header = HeaderSection.of(message);
    } catch (RuntimeException e) {
      return true; // who sends it will find out
    }
    return header.isBeyondBounds()
        || Stream.concat(header.fields().stream(), header.hiddenFields().stream())
            .anyMatch(field -> !isAscii(field.name()) || !isAscii(field.value()));
  }

  private static boolean isAscii(String text) {
    return text.chars().allMatch(c -> c < 0x80);
  }

  /** Whether the connection is as good as new afterwards. */
  private boolean exchange(Envelope envelope, ByteSource message, SmtpClient.HandOver handOver)
      throws IOException {
    wire.command(mail(envelope, message));
    if (!pipelining) {
      var mail = reply(Phase.MAIL);
      if (!mail.isPositive()) {
        return refuseAll(mail);
      }
    }
    boolean mailPending = pipelining;
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
      if (pipelining && last && !chunking) {
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
      if (pipelining && last && !chunking) {
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
    if (chunking) {
      chunks(message, isBinary(envelope), handOver);
      if (chunkRefused != null) {
        fill(temporaryIfPositive(chunkRefused));
        return reset();
      }
    } else {
      if (data == null) {
        wire.command("DATA");
        data = reply(Phase.DATA);
      }
      if (data.code() != 354) {
        fill(temporaryIfPositive(data));
        return reset();
      }
      var stuffer = new DotStuffer();
      content(
          message,
          octets -> stuffer.write(octets, wire),
          () -> {},
          () -> stuffer.finish(wire),
          handOver);
    }
    return end();
  }

  /** What is said to the message: once, or by LMTP for each recipient (RFC 2033 4.2). */
  private boolean end() throws IOException {
    phase = Phase.END_OF_DATA;
    boolean alive = true;
    if (options.protocol() == ClientOptions.Protocol.LMTP) {
      for (int i = 0; i < replies.length; i++) {
        if (replies[i] == null) {
          var reply = reply(Phase.END_OF_DATA);
          replies[i] = decided(reply);
          alive &= reply.code() != 421;
        }
      }
      return alive;
    }
    var reply = reply(Phase.END_OF_DATA);
    fill(decided(reply));
    return reply.code() != 421;
  }

  private static SmtpReply decided(SmtpReply reply) {
    return reply.code() / 100 == 3 ? temporaryIfPositive(reply) : reply;
  }

  /** RFC 3030 2; text has only CRLF as line ends here, too, since the next host may use DATA. */
  private void chunks(ByteSource message, boolean binary, SmtpClient.HandOver handOver)
      throws IOException {
    var chunks = new ChunkWriter(this::chunk);
    if (binary) {
      content(message, chunks, () -> {}, chunks::finish, handOver);
      return;
    }
    var lines = DotStuffer.ofChunks();
    content(
        message,
        octets -> lines.write(octets, chunks),
        () -> lines.complete(chunks),
        chunks::finish,
        handOver);
  }

  private void chunk(ByteBuffer octets, boolean last) throws IOException {
    if (chunkRefused != null) {
      return; // the rest would only be refused as well
    }
    wire.command("BDAT " + octets.remaining() + (last ? " LAST" : ""));
    wire.write(octets);
    if (!last) {
      chunksUnderWay++;
    }
    while (chunksUnderWay > (pipelining ? CHUNKS_UNDER_WAY : 0)) {
      chunkReply();
    }
  }

  private void chunkReply() throws IOException {
    wire.flush();
    var reply = wire.reply();
    chunksUnderWay--;
    if (reply.code() / 100 != 2 && chunkRefused == null) {
      chunkRefused = reply;
    }
  }

  /**
   * @param complete gives the sink what is held back of the content
   * @param end ends the message: the server may deliver it from then on
   */
  private void content(
      ByteSource message,
      ByteSink sink,
      Runnable complete,
      Runnable end,
      SmtpClient.HandOver handOver)
      throws IOException {
    phase = Phase.DATA;
    var since = stopwatch.now();
    var buffer = new byte[READ];
    long left = message.size();
    try (var in = message.open()) {
      for (int n = in.read(buffer); n >= 0 && chunkRefused == null; n = in.read(buffer)) {
        var octets = ByteBuffer.wrap(buffer, 0, n);
        sending(() -> sink.write(octets));
        left -= n;
      }
      if (left != 0 && chunkRefused == null) {
        throw new IOException("it is " + left + " octets shorter than it should be");
      }
    } catch (SendFailure e) {
      throw lastWords(e.cause);
    } catch (IOException | RuntimeException e) {
      // Our side of the message is broken: the server must never see its end.
      wire.abort();
      throw new SmtpException(Phase.DATA, "cannot read the message: " + e.getMessage(), null, e);
    }
    try {
      sending(complete);
      // Each chunk before the last one has its reply before there is an end: what is refused is
      // never ended, and no reply is taken for another.
      wire.within(
          options.timeouts().dataBlock(),
          () -> {
            while (chunksUnderWay > 0) {
              chunkReply();
            }
            return true;
          });
      if (chunkRefused == null) {
        spokenTooEarly();
        begin(handOver);
        sending(end);
        wire.within(
            options.timeouts().dataBlock(),
            () -> {
              wire.flush();
              return true;
            });
      }
    } catch (SendFailure e) {
      throw lastWords(e.cause);
    }
    stopwatch.took(Phase.DATA, since);
  }

  /** What is said before the end of the message is no answer to it, but may be a last word. */
  private void spokenTooEarly() throws IOException {
    if (!wire.hasSpoken()) {
      return;
    }
    var early = wire.within(LAST_WORDS, wire::reply);
    if (!early.isPositive()) {
      fill(early);
    }
    throw new IOException("a reply before the end of the message: " + early);
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
          options.timeouts().dataBlock(),
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

  private String mail(Envelope envelope, ByteSource message) {
    var from = envelope.mailFrom();
    var command =
        new StringBuilder("MAIL FROM:<").append(from == null ? "" : from.toAscii()).append('>');
    if (capabilities.has(Extension.SIZE)) {
      command.append(" SIZE=").append(message.size());
    }
    if (capabilities.has(Extension.EIGHT_BIT_MIME) && envelope.body() != Envelope.Body.SEVEN_BIT) {
      command.append(isBinary(envelope) ? " BODY=BINARYMIME" : " BODY=8BITMIME");
    }
    if (capabilities.has(Extension.SMTPUTF8)
        && (envelope.smtpUtf8() || isInternationalized(envelope))) {
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
      long left = Math.clamp(Duration.between(stopwatch.now(), by.by()).toSeconds(), -MOST, MOST);
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
    phase = at;
    var times = options.timeouts();
    var since = stopwatch.now();
    var reply =
        wire.within(
            switch (at) {
              case DATA -> times.dataStart();
              case END_OF_DATA -> times.dataEnd();
              default -> times.command();
            },
            () -> {
              wire.flush();
              return wire.reply();
            });
    stopwatch.took(at, since);
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
