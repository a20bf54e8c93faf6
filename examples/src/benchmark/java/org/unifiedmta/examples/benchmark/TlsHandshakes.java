package org.unifiedmta.examples.benchmark;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * How many TLS connections a second the library's SMTP server takes, with the TLS of the JDK and
 * with BoringSSL, and what each costs it: connection, handshake, greeting and end. Those without
 * TLS tell how much of it is not TLS. The certificate's key is of P-256.
 *
 * <p>Its arguments, with their defaults: {@code providers=jdk,openssl protocols=TLSv1.3 clients=20
 * warmup=15 seconds=5 heap=512m}. The clients are one thread of this process; where it is busy all
 * the time, the rate is its own, but never the cost.
 */
public final class TlsHandshakes {
  /** How a client comes. */
  private enum Kind {
    WITHOUT("no TLS"),
    FULL("full"),
    RESUMED("resumed");

    private final String title;

    Kind(String title) {
      this.title = title;
    }
  }

  private record Row(
      String provider, String what, double rate, double cpu, double clientsBusy, double resumed) {}

  private final Arguments arguments;

  private TlsHandshakes(Arguments arguments) {
    this.arguments = arguments;
  }

  public static void main(String[] args)
      throws IOException, InterruptedException, ExecutionException {
    var arguments =
        new Arguments(
            args,
            "providers=jdk,openssl",
            "protocols=TLSv1.3",
            "clients=20",
            "warmup=15",
            "seconds=5",
            "heap=512m");
    var handshakes = new TlsHandshakes(arguments);
    var providers = TlsProvider.available(arguments.list("providers"));
    System.out.println(
        "| server | handshake | connections/s | times the first with TLS | µs CPU a connection "
            + "| clients busy | resumed |\n"
            + "|---|---|---:|---:|---:|---:|---:|");
    handshakes.report(providers);
  }

  private void report(List<TlsProvider> providers)
      throws IOException, InterruptedException, ExecutionException {
    var rows = new ArrayList<Row>();
    var without = new ArrayList<>(List.of("-Xmx" + arguments.text("heap")));
    try (var server = ServerProcess.start("plain", without, "smtp", "plain")) {
      rows.add(measure(server, "none", Kind.WITHOUT, "TLSv1.3"));
    }
    for (var provider : providers) {
      var flags = new ArrayList<>(without);
      flags.addAll(provider.flags());
      var name = provider.name().toLowerCase(Locale.ROOT);
      try (var server = ServerProcess.start(name, flags, "smtp", "tls")) {
        for (var protocol : arguments.list("protocols")) {
          rows.add(measure(server, name, Kind.FULL, protocol));
          rows.add(measure(server, name, Kind.RESUMED, protocol));
        }
      }
    }
    for (var row : rows) {
      System.out.printf(
          Locale.ROOT,
          "| %s | %s | %,.0f | %s | %,.0f | %.0f %% | %.0f %% |%n",
          row.provider,
          row.what,
          row.rate,
          rows.size() > 1 ? String.format(Locale.ROOT, "%.2f", row.rate / rows.get(1).rate) : "",
          row.cpu,
          row.clientsBusy * 100,
          row.resumed * 100);
    }
  }

  private Row measure(ServerProcess server, String provider, Kind kind, String protocol)
      throws IOException, InterruptedException, ExecutionException {
    var tls = kind == Kind.WITHOUT ? null : TlsProvider.client(protocol);
    try (var clients =
        new Clients(server.address(), tls, kind == Kind.RESUMED, arguments.number("clients"))) {
      clients.count(arguments.number("warmup"));
      var cpu = server.cpu();
      long start = System.nanoTime();
      var count = clients.count(arguments.number("seconds"));
      double seconds = (System.nanoTime() - start) / 1e9;
      return new Row(
          provider,
          kind == Kind.WITHOUT ? kind.title : protocol + " " + kind.title,
          count.connections / seconds,
          server.cpu().minus(cpu).toNanos() / 1e3 / count.connections,
          count.busy / 1e9 / seconds,
          count.resumed / (double) count.connections);
    }
  }

  /**
   * What has been done in a time.
   *
   * @param busy nanoseconds
   */
  private record Count(long connections, long resumed, long busy) {
    Count minus(Count earlier) {
      return new Count(
          connections - earlier.connections, resumed - earlier.resumed, busy - earlier.busy);
    }
  }

  /** Connects again and again; all of it on one event loop. */
  private static final class Clients implements AutoCloseable {
    private final MultiThreadIoEventLoopGroup loop =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("clients", true), NioIoHandler.newFactory());
    private final InetSocketAddress server;
    private final @Nullable SslContext tls;
    private final boolean resume;
    private final Semaphore gone = new Semaphore(0);
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private final int number;
    private volatile boolean closing;
    private long connections;
    private long resumed;

    Clients(InetSocketAddress server, @Nullable SslContext tls, boolean resume, int number) {
      this.server = server;
      this.tls = tls;
      this.resume = resume;
      this.number = number;
      for (int i = 0; i < number; i++) {
        connect("client-" + i + ".example.org");
      }
    }

    /** What is done in the next seconds. */
    Count count(int seconds) throws IOException, InterruptedException, ExecutionException {
      var before = loop.submit(this::now).get();
      if (gone.tryAcquire(seconds, TimeUnit.SECONDS)) {
        throw new IOException("a connection failed", failure.get());
      }
      return loop.submit(this::now).get().minus(before);
    }

    private Count now() {
      return new Count(
          connections, resumed, ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime());
    }

    /**
     * @param name under which its TLS session is kept
     */
    private void connect(String name) {
      var connected =
          new Bootstrap()
              .group(loop)
              .channel(NioSocketChannel.class)
              .option(ChannelOption.TCP_NODELAY, true)
              .handler(
                  new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                      if (tls != null) {
                        channel.pipeline().addLast(handler(tls, channel, name));
                      }
                      channel.pipeline().addLast(new Greeted(name));
                    }
                  })
              .connect(server);
      connected.addListener(done -> {
        if (!done.isSuccess()) {
          failed(done.cause());
        }
      });
    }

    private SslHandler handler(SslContext context, Channel channel, String name) {
      return resume
          ? context.newHandler(channel.alloc(), name, server.getPort())
          : context.newHandler(channel.alloc()); // without a name nothing can be looked up
    }

    private void failed(Throwable why) {
      failure.compareAndSet(null, why);
      gone.release();
    }

    @Override
    public void close() throws InterruptedException {
      closing = true;
      gone.acquire(number); // so that a server that stays sees the end of each
      var unused = loop.shutdownGracefully();
    }

    /** Hears the greeting, behind which TLS 1.3 has sent its tickets, and connects anew. */
    private final class Greeted extends SimpleChannelInboundHandler<ByteBuf> {
      private final String name;
      private final long started = System.currentTimeMillis();
      private boolean greeted;

      Greeted(String name) {
        this.name = name;
      }

      @Override
      protected void channelRead0(ChannelHandlerContext context, ByteBuf in) {
        if (greeted) {
          return;
        }
        greeted = true;
        connections++;
        var ssl = context.pipeline().get(SslHandler.class);
        if (ssl != null && ssl.engine().getSession().getCreationTime() <= started) {
          resumed++;
        }
        context.close();
      }

      @Override
      public void channelInactive(ChannelHandlerContext context) {
        if (!greeted) {
          failed(new IOException("the server hung up"));
        } else if (closing) {
          gone.release();
        } else {
          connect(name);
        }
      }

      @Override
      public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        failure.compareAndSet(null, cause);
        context.close();
      }
    }
  }
}
