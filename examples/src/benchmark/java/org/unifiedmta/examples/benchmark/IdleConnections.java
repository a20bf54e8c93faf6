package org.unifiedmta.examples.benchmark;

import com.sun.management.UnixOperatingSystemMXBean;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * How much memory clients cost that have said EHLO and then nothing: in the library's SMTP server,
 * and in a {@link BareSink} with the same JVM flags.
 *
 * <p>Its arguments, with their defaults: {@code servers=netty,smtp plain=10000 tls=2000}
 * (connections; 0 for none) {@code providers=jdk,openssl} (of TLS) {@code
 * flags=-Xmx256m,-XX:+UseSerialGC}. Each process needs as many open files.
 */
public final class IdleConnections {
  private static final int OPENING = 100; // at a time
  private static final int TO_WARM_UP = 200;
  private static final int OF_AN_ADDRESS = 10_000; // fewer than there are ephemeral ports
  private static final int OTHER_FILES = 300;
  private static final int FEW = 5; // that it may have opened for itself

  private record Row(String server, long before, long with, long heapBefore, long heapWith) {}

  private final Arguments arguments;
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("clients", true), NioIoHandler.newFactory());

  private IdleConnections(Arguments arguments) {
    this.arguments = arguments;
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    var arguments =
        new Arguments(
            args,
            "servers=netty,smtp",
            "plain=10000",
            "tls=2000",
            "providers=jdk,openssl",
            "flags=-Xmx256m,-XX:+UseSerialGC");
    checkFiles(Math.max(arguments.number("plain"), arguments.number("tls")));
    var idle = new IdleConnections(arguments);
    var providers = TlsProvider.available(arguments.list("providers"));
    System.out.println(
        "| TLS | connections | server | RSS before, MB | RSS with them, MB | times netty "
            + "| RSS a connection, kB | heap a connection, kB |\n"
            + "|---|---:|---|---:|---:|---:|---:|---:|");
    if (arguments.number("plain") > 0) {
      idle.measureAll(null, arguments.number("plain"));
    }
    if (arguments.number("tls") > 0) {
      for (var provider : providers) {
        idle.measureAll(provider, arguments.number("tls"));
      }
    }
  }

  private static void checkFiles(int connections) {
    if (ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
        && unix.getMaxFileDescriptorCount() < connections + OTHER_FILES) {
      throw new IllegalArgumentException(
          "only %d files may be open, see ulimit -n".formatted(unix.getMaxFileDescriptorCount()));
    }
  }

  private void measureAll(@Nullable TlsProvider provider, int connections)
      throws IOException, InterruptedException {
    var rows = new ArrayList<Row>();
    for (var name : arguments.list("servers")) {
      rows.add(measure(name, provider, connections));
    }
    for (var row : rows) {
      System.out.printf(
          Locale.ROOT,
          "| %s | %,d | %s | %.1f | %.1f | %s | %.2f | %.2f |%n",
          provider == null ? "none" : provider.name().toLowerCase(Locale.ROOT),
          connections,
          row.server,
          row.before / 1e6,
          row.with / 1e6,
          ratio(row, rows),
          (row.with - row.before) / 1e3 / connections,
          (row.heapWith - row.heapBefore) / 1e3 / connections);
    }
  }

  private static String ratio(Row row, List<Row> rows) {
    for (var other : rows) {
      if (other.server.equals("netty")) {
        return String.format(Locale.ROOT, "%.2f", row.with / (double) other.with);
      }
    }
    return "";
  }

  private Row measure(String name, @Nullable TlsProvider provider, int connections)
      throws IOException, InterruptedException {
    var flags = new ArrayList<>(arguments.list("flags"));
    if (provider != null) {
      flags.addAll(provider.flags());
    }
    var tls = provider == null ? null : TlsProvider.client("TLSv1.3");
    try (var server = ServerProcess.start(name, flags, name, provider == null ? "plain" : "tls")) {
      int files = server.openFiles();
      closeAll(open(server.address(), tls, TO_WARM_UP));
      while (server.openFiles() > files + FEW) {
        Thread.sleep(10); // it has not seen all of them end
      }
      long heapBefore = server.heap();
      long before = server.residentSize();
      var idle = open(server.address(), tls, connections);
      try {
        long with = server.residentSize(); // as they have left it, garbage too
        return new Row(name, before, with, heapBefore, server.heap());
      } finally {
        closeAll(idle);
      }
    }
  }

  private static void closeAll(ChannelGroup channels) {
    channels.close().awaitUninterruptibly();
  }

  /** Connects, and returns when the last of them has the reply to its EHLO. */
  private ChannelGroup open(InetSocketAddress server, @Nullable SslContext tls, int connections)
      throws IOException, InterruptedException {
    var channels = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    var opening = new Semaphore(OPENING);
    var failure = new AtomicReference<@Nullable Throwable>();
    var bootstrap =
        new Bootstrap()
            .group(loops)
            .channel(NioSocketChannel.class)
            .option(ChannelOption.TCP_NODELAY, true)
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    if (tls != null) {
                      channel.pipeline().addLast(tls.newHandler(channel.alloc()));
                    }
                    channel.pipeline().addLast(new Hello(opening, failure));
                  }
                });
    for (int i = 0; i < connections && failure.get() == null; i++) {
      opening.acquire();
      var source = new InetSocketAddress("127.0.0." + (1 + i / OF_AN_ADDRESS), 0);
      var connected = bootstrap.connect(server, source);
      channels.add(connected.channel());
      connected.addListener(done -> {
        if (!done.isSuccess()) {
          failure.compareAndSet(null, done.cause());
          opening.release();
        }
      });
    }
    opening.acquire(OPENING);
    var why = failure.get();
    if (why != null) {
      closeAll(channels);
      throw new IOException("cannot hold " + connections + " connections", why);
    }
    return channels;
  }

  /** Says EHLO to the greeting, and nothing more. */
  private static final class Hello extends SimpleChannelInboundHandler<ByteBuf> {
    private final Semaphore opening;
    private final AtomicReference<@Nullable Throwable> failure;
    private final StringBuilder heard = new StringBuilder();
    private boolean greeted;
    private boolean ready;

    Hello(Semaphore opening, AtomicReference<@Nullable Throwable> failure) {
      this.opening = opening;
      this.failure = failure;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, ByteBuf in) {
      heard.append(in.toString(StandardCharsets.US_ASCII));
      int line = heard.lastIndexOf("\n", heard.length() - 2) + 1;
      if (heard.charAt(heard.length() - 1) != '\n' || heard.charAt(line + 3) == '-') {
        return; // more of it to come
      }
      heard.setLength(0);
      if (greeted) {
        ready(null);
      } else {
        greeted = true;
        context.writeAndFlush(
            Unpooled.copiedBuffer("EHLO client.example.org\r\n", StandardCharsets.US_ASCII));
      }
    }

    private void ready(@Nullable Throwable why) {
      if (why != null) {
        failure.compareAndSet(null, why);
      }
      if (!ready) {
        ready = true;
        opening.release();
      }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      if (!ready) {
        ready(new IOException("the server hung up"));
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      ready(cause);
      context.close();
    }
  }
}
