package org.unifiedmta.smtp.server;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.FastThreadLocalThread;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.spool.Spool;

/**
 * An SMTP server (RFC 5321): listens, and asks its {@link SessionHandler} about everything that is
 * a matter of policy. None of its methods may be called on its event loops.
 */
public final class SmtpServer implements AutoCloseable {
  static final String SESSION = "session";
  private static final Logger log = LoggerFactory.getLogger(SmtpServer.class);
  private static final int BACKLOG = 1_024;
  // Most messages come in one read, though the commands before them are short; none holds more than
  // 64 KB.
  private static final RecvByteBufAllocator READS =
      new AdaptiveRecvByteBufAllocator(8_192, 8_192, 65_536);
  private static final Duration CLOSING = Duration.ofSeconds(5);

  /** What becomes of a new connection. */
  enum Admission {
    ADMITTED,
    STOPPING,
    FULL,
    /** So many that not even a refusal is sent. */
    OVERRUN
  }

  private final ServerOptions options;
  private final SessionHandler handler;
  private final Spool spool;
  private final Metrics metrics;
  private final EventLoopGroup loops;
  private final List<Thread> threads = new CopyOnWriteArrayList<>();
  private final ExecutorService executor;
  private final List<Channel> listening = new CopyOnWriteArrayList<>();
  private final Set<SessionChannel> sessions = ConcurrentHashMap.newKeySet();
  private final AtomicInteger connections = new AtomicInteger();
  private final AtomicInteger clients = new AtomicInteger(); // admitted
  private final Map<String, AtomicInteger> clientsByListener = new ConcurrentHashMap<>();
  private final Transcripts transcripts = new Transcripts();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition idle = lock.newCondition();
  private final String idPrefix = Long.toString(ThreadLocalRandom.current().nextLong() >>> 1, 36);
  private final AtomicLong ids = new AtomicLong();
  private volatile boolean stopping;

  /** Starts nothing that a client could see; {@link #bind} does. */
  public SmtpServer(ServerOptions options, SessionHandler handler, Spool spool, Metrics metrics) {
    this.options = options;
    this.handler = handler;
    this.spool = spool;
    this.metrics = metrics;
    var numbers = new AtomicInteger();
    ThreadFactory factory =
        task -> {
          var thread = new FastThreadLocalThread(task, "mta-smtp-" + numbers.incrementAndGet());
          threads.add(thread);
          return thread;
        };
    this.loops =
        new MultiThreadIoEventLoopGroup(options.eventLoops(), factory, NioIoHandler.newFactory());
    this.executor =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("mta-session-", 0).factory());
    metrics.gauge("smtp.server.connections", connections::get);
  }

  /**
   * Listens; when it returns, clients can connect.
   *
   * @return the address with the port that was got
   * @throws MtaException naming host, port and cause if that address cannot be had
   * @throws ConfigException if the listener asks for what the options lack
   */
  public InetSocketAddress bind(SmtpListener listener) {
    check(listener);
    var bootstrap =
        new ServerBootstrap()
            .group(loops)
            .channel(NioServerSocketChannel.class)
            .option(ChannelOption.SO_BACKLOG, BACKLOG)
            .option(ChannelOption.SO_REUSEADDR, true)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childOption(ChannelOption.RECVBUF_ALLOCATOR, READS)
            // A client may shut its side behind its last command and still wants the replies.
            .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
            .childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    options.channelSeam().connected(channel.pipeline());
                    channel
                        .pipeline()
                        .addLast(
                            SESSION,
                            listener.proxyProtocol()
                                ? new ProxyHeader(SmtpServer.this, listener, channel)
                                : new SessionChannel(SmtpServer.this, listener, channel));
                  }
                });
    var bound = bootstrap.bind(listener.bind()).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      var address = listener.bind();
      throw new MtaException(
          "cannot listen on %s:%d: %s"
              .formatted(address.getHostString(), address.getPort(), bound.cause().getMessage()),
          bound.cause());
    }
    bound.channel().pipeline().addLast(new NotAccepting(listener.name()));
    listening.add(bound.channel());
    return (InetSocketAddress) bound.channel().localAddress();
  }

  /**
   * What is wrong where connections are accepted, most likely too many open files: told once a
   * minute. Netty stops accepting for a second each time.
   */
  private static final class NotAccepting extends ChannelInboundHandlerAdapter {
    private static final long PAUSE = TimeUnit.MINUTES.toNanos(1);

    private final String listener;
    private long toldAt = System.nanoTime() - PAUSE;

    NotAccepting(String listener) {
      this.listener = listener;
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      if (System.nanoTime() - toldAt >= PAUSE) {
        toldAt = System.nanoTime();
        log.error("listener {} cannot accept connections: {}", listener, cause.toString());
      }
    }
  }

  private void check(SmtpListener listener) {
    boolean needsTls =
        listener.mode() == SmtpListener.Mode.REQUIRE_STARTTLS
            || listener.mode() == SmtpListener.Mode.IMPLICIT_TLS
            || (listener.requireAuth() && !options.authWithoutTls());
    if (needsTls && options.tls() == null) {
      throw new ConfigException("listener " + listener.name() + " needs a TLS certificate");
    }
    boolean canLogIn =
        !options.authMechanisms().isEmpty()
            && (listener.mode() != SmtpListener.Mode.PLAIN || options.authWithoutTls());
    if ((listener.requireAuth() || options.requireAuth()) && !canLogIn) {
      throw new ConfigException("listener " + listener.name() + " needs a way to log in");
    }
  }

  /**
   * Tells what is said on sessions from now on, running ones too: {@code ID C: MAIL FROM:<>},
   * {@code ID S: 250 2.1.0 Sender OK}, {@code ID ! closed}. Passwords are masked, of messages the
   * length is told.
   *
   * @param wanted asked for each line, on event loops
   * @param lines called on event loops, so it must not block; what it throws is logged
   * @return ends it
   */
  public AutoCloseable transcribe(Predicate<SessionFacts> wanted, Consumer<String> lines) {
    return transcripts.add(wanted, lines);
  }

  /**
   * Stops listening and sends {@code 421 4.3.2} to every client that is not in a transaction; the
   * others get it when theirs has ended.
   */
  public void stopAccepting() {
    stopping = true;
    listening.forEach(channel -> channel.close().awaitUninterruptibly());
    sessions.forEach(SessionChannel::stop);
  }

  /**
   * Waits until no client is connected.
   *
   * @return false if the time ran out first, or the thread was interrupted
   */
  public boolean awaitIdle(Duration timeout) {
    long left = timeout.toNanos();
    lock.lock();
    try {
      while (connections.get() > 0 && left > 0) {
        left = idle.awaitNanos(left);
      }
      return connections.get() == 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } finally {
      lock.unlock();
    }
  }

  /** Ends everything at once: listeners, connections and threads. */
  @Override
  public void close() {
    stopping = true;
    listening.forEach(channel -> channel.close().awaitUninterruptibly());
    sessions.forEach(SessionChannel::abort);
    awaitIdle(CLOSING); // so that each session's end is told before its loop ends
    executor.shutdownNow();
    var unused = loops.shutdownGracefully(0, CLOSING.toSeconds(), TimeUnit.SECONDS);
    try {
      boolean ended = executor.awaitTermination(CLOSING.toSeconds(), TimeUnit.SECONDS);
      for (var thread : threads) {
        ended &= thread.join(CLOSING);
      }
      if (!ended) {
        log.warn("a session handler does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // ---- for the sessions

  Admission admit(SessionChannel session) {
    int all = connections.incrementAndGet();
    sessions.add(session);
    var admission = admission(session.listener(), all);
    metrics.count("smtp.server.connected", 1, "admission", admission.name());
    return admission;
  }

  /** Those that are sent away stay for a moment, and must not keep others out. */
  private Admission admission(SmtpListener listener, int all) {
    if (stopping) {
      return Admission.STOPPING;
    }
    if (all > 2 * options.maxClients()) {
      return Admission.OVERRUN;
    }
    int most = listener.maxClients() == 0 ? Integer.MAX_VALUE : listener.maxClients();
    var here = clientsOf(listener);
    if (!addUpTo(options.maxClients(), clients)) {
      return Admission.FULL;
    }
    if (!addUpTo(most, here)) {
      clients.decrementAndGet();
      return Admission.FULL;
    }
    return Admission.ADMITTED;
  }

  private static boolean addUpTo(int most, AtomicInteger number) {
    if (number.incrementAndGet() <= most) {
      return true;
    }
    number.decrementAndGet();
    return false;
  }

  void left(SessionChannel session, @Nullable Admission admission) {
    if (!sessions.remove(session)) {
      return;
    }
    if (admission == Admission.ADMITTED) {
      clients.decrementAndGet();
      clientsOf(session.listener()).decrementAndGet();
    }
    if (connections.decrementAndGet() == 0) {
      lock.lock();
      try {
        idle.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  private AtomicInteger clientsOf(SmtpListener listener) {
    return clientsByListener.computeIfAbsent(listener.name(), name -> new AtomicInteger());
  }

  String nextSessionId() {
    return idPrefix + "-" + ids.incrementAndGet();
  }

  ServerOptions options() {
    return options;
  }

  SessionHandler handler() {
    return handler;
  }

  Spool spool() {
    return spool;
  }

  Transcripts transcripts() {
    return transcripts;
  }

  Metrics metrics() {
    return metrics;
  }

  ExecutorService executor() {
    return executor;
  }
}
