package org.unifiedmta.smtp.server;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.InsufficientStorageException;
import org.unifiedmta.core.spool.SpoolWriter;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.core.spool.WatchedWriter;
import org.unifiedmta.security.sasl.CredentialsUnavailableException;
import org.unifiedmta.security.sasl.SaslExchange;
import org.unifiedmta.smtp.codec.Extension;
import org.unifiedmta.smtp.codec.LineFramer;
import org.unifiedmta.smtp.server.SessionFacts.Hello;

/**
 * The socket of one {@link SmtpSession}: turns octets into events and actions into octets. All of
 * it runs on the channel's event loop; what waits runs on a virtual thread and comes back as an
 * event.
 *
 * <p>While an answer is outstanding, the peer does not read its replies or the spool is behind, no
 * input is handled; what comes in then is one read at most, and no more is read.
 */
final class SessionChannel extends ChannelInboundHandlerAdapter {
  private static final Logger log = LoggerFactory.getLogger(SessionChannel.class);
  private static final Verdict FAILED = new Verdict.Reply(Replies.LOCAL_ERROR);
  private static final Duration LINGER = Duration.ofSeconds(5);
  private static final int LINGER_OCTETS = 4 * 1024 * 1024;
  private static final int BATCH = 16 * 1024; // octets of replies in one write
  private static final String[] CLASSES = {"0xx", "1xx", "2xx", "3xx", "4xx", "5xx"};
  private static final byte TLS_HANDSHAKE = 22; // RFC 8446 5.1

  private final SmtpServer server;
  private final ServerOptions options;
  private final SmtpListener listener;
  private final SocketChannel channel;
  private final SmtpSession session;
  private final ReplyWriter replies;
  private final Deadline deadline;
  private final RenegotiationGuard renegotiation = new RenegotiationGuard();
  private final LineFramer framer = new LineFramer();
  private final Queue<ByteBuf> input = new ArrayDeque<>();
  private @Nullable ByteBuf output;
  private @Nullable Reception reception;
  private @Nullable Chunk chunk; // that comes in now
  private @Nullable MessageReceiver receiver; // of the data that comes in or has come
  private @Nullable SpooledMessage received;
  private @Nullable SaslExchange login;
  private SmtpServer.@Nullable Admission admission;
  private boolean introduced; // the handler knows of this session
  private boolean heard; // anything from the client
  private boolean settling;
  private boolean waiting; // for an answer
  private @Nullable Instant waitingForSpoolSince;
  private int failedLogins;
  private boolean inputEnded;
  private boolean closing;
  private int discarded; // octets, while closing
  private boolean ended;

  SessionChannel(SmtpServer server, SmtpListener listener, SocketChannel channel) {
    this(server, listener, channel, channel.remoteAddress(), channel.localAddress());
  }

  /**
   * @param remote whom the session is with, which a proxy may have told
   */
  SessionChannel(
      SmtpServer server,
      SmtpListener listener,
      SocketChannel channel,
      InetSocketAddress remote,
      InetSocketAddress local) {
    this.server = server;
    this.options = server.options();
    this.listener = listener;
    this.channel = channel;
    var facts =
        new SessionFacts(
            server.nextSessionId(), remote, local, null, null, null, listener.name(), Hello.HELO);
    this.session = new SmtpSession(options, listener, facts);
    this.replies = new ReplyWriter(options.extensions().contains(Extension.ENHANCED_STATUS_CODES));
    this.deadline = new Deadline(options.timer(), this::onLoop, this::timedOut);
  }

  SmtpListener listener() {
    return listener;
  }

  // ---- what the channel tells

  @Override
  public void channelActive(ChannelHandlerContext context) {
    var admitted = server.admit(this);
    admission = admitted;
    switch (admitted) {
      case ADMITTED -> {
        expectCommand();
        if (listener.mode() == SmtpListener.Mode.IMPLICIT_TLS) {
          addTls();
        } else {
          introduceInTime();
        }
      }
      case STOPPING -> refuse(Replies.SHUTTING_DOWN);
      case FULL -> refuse(Replies.TOO_MANY_CLIENTS);
      case OVERRUN -> drop();
    }
  }

  private void refuse(SmtpReply reply) {
    if (listener.mode() != SmtpListener.Mode.IMPLICIT_TLS) {
      send(reply);
    }
    close();
  }

  /** Who does not wait for the greeting is no SMTP client. */
  private void introduceInTime() {
    if (options.greetingDelay().isZero()) {
      introduce();
      return;
    }
    var due = deadline.after(options.greetingDelay());
    var unused = options.timer().at(due, () -> onLoop(this::introduce));
  }

  private void introduce() {
    if (ended || closing) {
      return;
    }
    introduced = true;
    perform(session.connected());
    settle();
    flush();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    var bytes = (ByteBuf) message;
    if (closing) {
      discarded += bytes.readableBytes();
    }
    if (closing || ended || !bytes.isReadable()) {
      bytes.release();
      if (discarded > LINGER_OCTETS) {
        drop();
      }
      return;
    }
    if (session.phase() == Phase.CONNECTING || isTlsHandshake(bytes)) {
      bytes.release();
      perform(session.spokeTooEarly());
      return;
    }
    heard = true;
    input.add(bytes);
    settle();
  }

  /** TLS on a port that speaks plain text first: the client would wait for ever. */
  private boolean isTlsHandshake(ByteBuf bytes) {
    return !heard && bytes.getByte(bytes.readerIndex()) == TLS_HANDSHAKE;
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    flush(); // one write for all replies of a burst (RFC 2920 3.2)
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    if (channel.isWritable() && !settling) {
      settle();
      flush();
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof SslHandshakeCompletionEvent handshake) {
      secured(handshake);
    } else if (event instanceof ChannelInputShutdownEvent
        || event instanceof SslCloseCompletionEvent) {
      inputEnded = true;
      if (closing) {
        drop();
      } else {
        settle();
      }
    }
  }

  private void secured(SslHandshakeCompletionEvent handshake) {
    var tls = channel.pipeline().get(SslHandler.class);
    var config = options.tls();
    if (!handshake.isSuccess() || tls == null || config == null) {
      server.metrics().count("smtp.server.tls.failed", 1, "listener", listener.name());
      log.debug("{} no TLS with {}", session.facts().id(), channel, handshake.cause());
      drop();
      return;
    }
    renegotiation.handshakeDone();
    server.transcripts().event(session.facts(), "TLS");
    boolean bound = options.authMechanisms().stream().anyMatch(ServerOptions::isBound);
    perform(session.secured(TlsHandlers.factsOf(tls, config, bound)));
    expectCommand();
    if (!introduced) {
      introduceInTime();
    }
    flush();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    if (cause instanceof IOException || cause.getCause() instanceof SSLException) {
      log.debug("{} lost {}", session.facts().id(), channel, cause);
    } else {
      log.error("{} session failed", session.facts().id(), cause);
    }
    drop();
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    if (ended) {
      return;
    }
    ended = true;
    server.transcripts().event(session.facts(), "closed");
    deadline.cancel();
    discardInput();
    if (output != null) {
      output.release();
      output = null;
    }
    if (reception != null) {
      reception.close(); // RFC 5321 4.1.1.4: without its end there is no message
      reception = null;
    }
    if (introduced) {
      try {
        server.handler().disconnected(session.facts());
      } catch (RuntimeException e) {
        log.error("{} handler failed", session.facts().id(), e);
      }
    }
    server.left(this, admission);
  }

  // ---- input

  /** Handles what can be handled now, and reads on or stops reading accordingly. */
  private void settle() {
    settling = true;
    while (!input.isEmpty() && !isPaused()) {
      var buffer = input.element();
      var bytes = buffer.nioBuffer();
      while (bytes.hasRemaining() && !isPaused()) {
        if (chunk != null) {
          chunk(chunk, bytes);
        } else if (reception != null && session.phase() == Phase.RECEIVING) {
          data(reception, bytes);
        } else {
          line(bytes);
        }
      }
      buffer.skipBytes(buffer.readableBytes() - bytes.remaining());
      if (!buffer.isReadable()) {
        input.remove().release();
      }
    }
    settling = false;
    if (closing) {
      discardInput();
    } else if (inputEnded && input.isEmpty() && !waiting) {
      close();
    }
    channel.config().setAutoRead(input.isEmpty());
  }

  private boolean isPaused() {
    if (waiting || waitingForSpoolSince != null || closing || !channel.isWritable()) {
      return true;
    }
    if (reception == null || reception.isWritable()) {
      return false;
    }
    waitingForSpoolSince = options.timer().now();
    deadline.clear();
    reception.onWritable(() -> onLoop(this::spoolIsWritable));
    return true;
  }

  private void spoolIsWritable() {
    var since = waitingForSpoolSince;
    waitingForSpoolSince = null;
    if (!ended) {
      if (reception != null && since != null) {
        reception.stalled(Duration.between(since, options.timer().now()));
      }
      expectData();
      settle();
      flush();
    }
  }

  private void line(ByteBuffer bytes) {
    var line = framer.next(bytes, session.lineLimit());
    if (line != null) {
      expectCommand();
      boolean followed = bytes.hasRemaining() || input.size() > 1;
      if (line instanceof LineFramer.Line.Text(var text)) {
        boolean secret = session.phase() == Phase.AUTHENTICATING;
        server.transcripts().client(session.facts(), text, secret);
      }
      perform(session.line(line, followed, options.timer().now()));
    }
  }

  private void data(Reception current, ByteBuffer bytes) {
    switch (current.read(bytes)) {
      case MORE -> expectData();
      case END -> {
        finish(current);
        perform(session.endOfData(current.refusal()));
      }
      case VIOLATION -> violated(current);
    }
  }

  /** Some of the data behind a BDAT (RFC 3030 2). */
  private static final class Chunk {
    private final long size;
    private final boolean last;
    private final boolean binary;
    private final @Nullable Reception into; // null if nobody wants it
    private long left;

    Chunk(long size, boolean last, boolean binary, @Nullable Reception into) {
      this.size = size;
      this.last = last;
      this.binary = binary;
      this.into = into;
      this.left = size;
    }
  }

  private void receiveChunk(Action.ReceiveChunk wanted) {
    if (reception == null) {
      reception = openReception(wanted.envelope(), wanted.announcedSize());
    }
    begin(new Chunk(wanted.size(), wanted.last(), wanted.binary(), reception));
  }

  private void begin(Chunk next) {
    chunk = next;
    if (next.size == 0) {
      endOfChunk(next);
    } else {
      expectData();
    }
  }

  private void chunk(Chunk current, ByteBuffer bytes) {
    int taken = (int) Math.min(current.left, bytes.remaining());
    var piece = bytes.slice(bytes.position(), taken);
    bytes.position(bytes.position() + taken);
    current.left -= taken;
    if (current.into != null && !current.into.readChunk(piece, current.binary)) {
      violated(current.into);
    } else if (current.left == 0) {
      endOfChunk(current);
    } else {
      expectData();
    }
  }

  private void endOfChunk(Chunk ended) {
    chunk = null;
    expectCommand();
    var into = ended.into;
    if (into == null) {
      perform(session.chunkSkipped());
    } else if (!ended.last) {
      perform(session.chunkReceived(ended.size, into.refusal()));
    } else if (!ended.binary && !into.finishChunks()) {
      violated(into);
    } else {
      finish(into);
      perform(session.chunkReceived(ended.size, into.refusal()));
    }
  }

  private void finish(Reception ended) {
    reception = null;
    received = ended.finish();
    receiver = received == null ? null : receiver;
    server.metrics().count("smtp.server.octets", ended.octets());
    server.transcripts().data(session.facts(), ended.octets());
    expectCommand();
  }

  private void violated(Reception by) {
    reception = null;
    receiver = null;
    chunk = null;
    by.close();
    perform(session.dataViolated());
  }

  private void abandonChunks() {
    if (reception != null) {
      reception.close();
      reception = null;
      receiver = null;
    }
  }

  private void discardInput() {
    input.forEach(ByteBuf::release);
    input.clear();
  }

  // ---- actions

  private void perform(List<Action> actions) {
    for (var action : actions) {
      switch (action) {
        case Action.Send(var reply) -> send(reply);
        case Action.Erred() -> erred();
        case Action.Ask(var question) -> ask(question);
        case Action.Login(var mechanism, var response) -> login(mechanism, response);
        case Action.Respond(var response) -> respond(response);
        case Action.OpenSpool(var envelope, var size) -> openSpool(envelope, size);
        case Action.ReceiveChunk wanted -> receiveChunk(wanted);
        case Action.SkipChunk(var size) -> begin(new Chunk(size, false, true, null));
        case Action.AbandonChunks() -> abandonChunks();
        case Action.Deliver(var envelope) -> deliver();
        case Action.DeliverEach(var envelope) -> deliverEach(envelope.recipients().size());
        case Action.StartTls() -> {
          flush(); // the last plain text
          addTls();
        }
        case Action.Close() -> close();
      }
    }
  }

  private void erred() {
    try {
      server.handler().erred(session.facts());
    } catch (RuntimeException e) {
      log.error("{} handler failed", session.facts().id(), e);
    }
  }

  private void ask(Function<SessionHandler, Answer> question) {
    Answer answer;
    try {
      answer = question.apply(server.handler());
    } catch (RuntimeException e) {
      log.error("{} handler failed", session.facts().id(), e);
      answer = new Answer.Now(FAILED);
    }
    switch (answer) {
      case Answer.Now(var verdict) -> perform(session.verdict(verdict));
      case Answer.Later(var verdict) ->
          await(
              () -> {
                var decided = verdict.call();
                return () -> session.verdict(decided);
              },
              () -> session.verdict(FAILED));
    }
  }

  private void login(String mechanism, byte @Nullable [] response) {
    try {
      login = server.handler().login(session.facts(), mechanism);
    } catch (RuntimeException e) {
      log.error("{} handler failed", session.facts().id(), e);
      perform(session.loginFailed());
      return;
    }
    if (login == null) {
      perform(session.login(null));
    } else {
      respond(response);
    }
  }

  private void respond(byte @Nullable [] response) {
    var exchange = login;
    if (exchange == null) {
      perform(session.loginFailed());
      return;
    }
    var delay = options.failedLoginDelay().multipliedBy(failedLogins + 1L);
    await(
        () -> {
          var step = exchange.next(response);
          if (!(step instanceof SaslExchange.Step.Failure)) {
            return () -> session.login(step);
          }
          pause(delay);
          return () -> {
            failedLogins++;
            return session.login(step);
          };
        },
        session::loginFailed);
  }

  /** Waits, on a virtual thread. */
  private void pause(Duration time) throws InterruptedException {
    if (time.isPositive()) {
      var over = new CountDownLatch(1);
      var unused = options.timer().at(options.timer().now().plus(time), over::countDown);
      over.await();
    }
  }

  private void openSpool(Envelope envelope, long announcedSize) {
    var opened = openReception(envelope, announcedSize);
    if (opened.refusal() == null) {
      reception = opened;
    }
    perform(session.spoolOpened(opened.refusal()));
    expectData();
  }

  private Reception openReception(Envelope envelope, long announcedSize) {
    var pace =
        new Pace(
            options.timer().now(),
            options.messageTimeout(),
            options.dataTimeout(),
            options.minDataRate());
    SpoolWriter writer = null;
    try {
      writer = server.spool().open(announcedSize);
      receiver = server.handler().data(session.facts(), envelope);
      return new Reception(
          new WatchedWriter(writer, receiver),
          listener.maxMessageSizeWithin(options),
          options.maxLineLength(),
          options.normalizeLineEnds(),
          pace);
    } catch (InsufficientStorageException e) {
      return new Reception(Replies.NO_ROOM, pace);
    } catch (RuntimeException e) {
      log.error("{} no place for a message", session.facts().id(), e);
      if (writer != null) {
        writer.close();
      }
      return new Reception(Replies.LOCAL_ERROR, pace);
    }
  }

  private void deliver() {
    deliver(MessageReceiver::message, session::verdict, FAILED);
  }

  private void deliverEach(int recipients) {
    deliver(
        (to, message, replies) -> to.messageForEach(message, recipients, replies),
        session::delivered,
        List.of());
  }

  private interface Delivery<T> {
    void to(MessageReceiver receiver, SpooledMessage message, Consumer<T> reply);
  }

  private <T> void deliver(Delivery<T> delivery, Function<T, List<Action>> answer, T failed) {
    var message = received;
    var to = receiver;
    received = null;
    receiver = null;
    if (message == null || to == null) {
      perform(answer.apply(failed));
      return;
    }
    waiting = true;
    deadline.clear();
    var once = new AtomicBoolean();
    Consumer<T> reply =
        replied -> {
          if (once.compareAndSet(false, true)) {
            onLoop(() -> answered(() -> answer.apply(replied)));
          }
        };
    try {
      delivery.to(to, message, reply);
    } catch (RuntimeException e) {
      log.error("{} handler failed", session.facts().id(), e);
      message.close();
      reply.accept(failed);
    }
  }

  /** Runs what waits on a virtual thread, and what it answers on the event loop. */
  private void await(Callable<Supplier<List<Action>>> work, Supplier<List<Action>> onFailure) {
    waiting = true;
    deadline.clear();
    try {
      server
          .executor()
          .execute(() -> {
            var answer = answerOf(work, onFailure);
            onLoop(() -> answered(answer));
          });
    } catch (RejectedExecutionException e) {
      onLoop(() -> answered(onFailure)); // the server is closing
    }
  }

  /** Never throws: a session whose answer does not come would hang. */
  private Supplier<List<Action>> answerOf(
      Callable<Supplier<List<Action>>> work, Supplier<List<Action>> onFailure) {
    try {
      return work.call();
    } catch (InterruptedException e) {
      log.debug("{} server closes", session.facts().id());
      return onFailure;
    } catch (CredentialsUnavailableException e) {
      log.warn("{} no login now: {}", session.facts().id(), e.getMessage());
      return onFailure;
    } catch (Throwable e) {
      log.error("{} handler failed", session.facts().id(), e);
      return onFailure;
    }
  }

  private void answered(Supplier<List<Action>> answer) {
    waiting = false;
    if (ended || closing) {
      return;
    }
    expectCommand();
    perform(answer.get());
    settle();
    flush();
  }

  private void addTls() {
    var tls = options.tls();
    if (tls == null) {
      throw new IllegalStateException("listener " + listener.name() + " without TLS");
    }
    var handler =
        TlsHandlers.of(tls, channel.alloc(), server.executor(), options.handshakeTimeout());
    channel
        .pipeline()
        .addBefore(SmtpServer.SESSION, "renegotiation", renegotiation)
        .addBefore(SmtpServer.SESSION, "tls", handler);
  }

  // ---- output

  private void send(SmtpReply reply) {
    if (output == null) {
      output = channel.alloc().ioBuffer(256);
    }
    replies.write(reply, output);
    server.transcripts().server(session.facts(), reply);
    server
        .metrics()
        .count(
            "smtp.server.replies",
            1,
            "command",
            session.lastVerb().name(),
            "class",
            CLASSES[reply.code() / 100 % CLASSES.length]);
    if (output.readableBytes() > BATCH) {
      write();
    }
  }

  private void write() {
    var batch = output;
    if (batch != null) {
      output = null; // first: the write may call us back about writability
      var unused = channel.write(batch, channel.voidPromise());
    }
  }

  private void flush() {
    write();
    channel.flush();
  }

  /**
   * Ends the connection so that the client can read the last reply: unread input would make the
   * kernel reset it (RFC 1122 4.2.2.13). So our side is shut, and what still comes is thrown away
   * until the client closes, for a few seconds and megabytes.
   */
  private void close() {
    if (closing) {
      return;
    }
    closing = true;
    flush();
    if (inputEnded) {
      var unused = channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(done -> drop());
      return;
    }
    var tls = channel.pipeline().get(SslHandler.class);
    var said = tls == null ? channel.writeAndFlush(Unpooled.EMPTY_BUFFER) : tls.closeOutbound();
    var unused = said.addListener(done -> shutOutput());
    channel.config().setAutoRead(true);
    deadline.set(deadline.after(LINGER));
  }

  private void shutOutput() {
    var unused = channel.shutdownOutput();
  }

  private void drop() {
    var unused = channel.close();
  }

  // ---- time

  private void expectCommand() {
    if (!closing) {
      deadline.set(deadline.after(options.commandTimeout()));
    }
  }

  private void expectData() {
    if (reception != null) {
      var next = deadline.after(options.dataTimeout());
      deadline.set(next.isBefore(reception.until()) ? next : reception.until());
    }
  }

  private void timedOut() {
    if (closing) {
      drop();
    } else if (!ended) {
      perform(session.timedOut());
    }
  }

  /** The server stops. */
  void stop() {
    onLoop(() -> {
      if (!ended && !closing) {
        perform(session.stop());
        flush();
      }
    });
  }

  /** The server ends. */
  void abort() {
    onLoop(this::drop);
  }

  private void onLoop(Runnable task) {
    try {
      channel
          .eventLoop()
          .execute(() -> {
            try {
              task.run();
            } catch (RuntimeException e) {
              log.error("{} session failed", session.facts().id(), e);
              drop();
            }
          });
    } catch (RejectedExecutionException e) {
      log.debug("{} came too late for a closed server", session.facts().id());
    }
  }
}
