package org.unifiedmta.examples.benchmark;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The least that an SMTP client could take for a server: lines are framed, their first letter is
 * looked at, replies are fixed, nothing is kept and nothing is checked. A server on the same
 * network library is hardly faster, or smaller.
 */
final class BareSink extends ChannelInboundHandlerAdapter {
  private static final RecvByteBufAllocator READS =
      new AdaptiveRecvByteBufAllocator(8_192, 8_192, 65_536); // as the library
  private static final byte[] GREETING = reply("220 bare.example.org ESMTP");
  private static final byte[] HELLO = reply("250-bare.example.org\r\n250 PIPELINING");
  private static final byte[] GO_AHEAD = reply("354 Go ahead");
  private static final byte[] OK = reply("250 2.0.0 Ok");
  private static final byte[] BYE = reply("221 2.0.0 Bye");

  private boolean data;
  private int line; // octets of it so far
  private byte first;
  private @Nullable ByteBuf replies;

  private static byte[] reply(String text) {
    return (text + "\r\n").getBytes(StandardCharsets.US_ASCII);
  }

  /** Listens until the JVM ends; the port is the answer. */
  static int start(boolean tls) throws Exception {
    var context = tls ? context() : null;
    var processors = Runtime.getRuntime().availableProcessors();
    var loops =
        new MultiThreadIoEventLoopGroup(
            processors, new DefaultThreadFactory("bare", true), NioIoHandler.newFactory());
    var channel =
        new ServerBootstrap()
            .group(loops)
            .channel(NioServerSocketChannel.class)
            .option(ChannelOption.SO_BACKLOG, 1024)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childOption(ChannelOption.RECVBUF_ALLOCATOR, READS)
            .childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    if (context != null) {
                      channel.pipeline().addLast(context.newHandler(channel.alloc()));
                    }
                    channel.pipeline().addLast(new BareSink());
                  }
                })
            .bind(InetAddress.getLoopbackAddress(), 0)
            .sync()
            .channel();
    return ((InetSocketAddress) channel.localAddress()).getPort();
  }

  private static SslContext context() throws Exception {
    var certificate =
        new CertificateBuilder()
            .subject("CN=bare.example.org")
            .setIsCertificateAuthority(true)
            .buildSelfSigned();
    return SslContextBuilder.forServer(certificate.toKeyManagerFactory()).build();
  }

  @Override
  public void channelActive(ChannelHandlerContext context) {
    add(context, GREETING);
    flush(context);
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    var in = (ByteBuf) message;
    while (in.isReadable()) {
      int length = in.bytesBefore((byte) '\n');
      if (line == 0) {
        first = in.getByte(in.readerIndex());
      }
      if (length < 0) {
        line += in.readableBytes();
        break;
      }
      in.skipBytes(length + 1);
      endOfLine(context, line + length);
      line = 0;
    }
    in.release();
  }

  private void endOfLine(ChannelHandlerContext context, int length) {
    if (data) {
      if (first == '.' && length == 2) {
        data = false;
        add(context, OK);
      }
      return;
    }
    switch (first) {
      case 'E' -> add(context, HELLO);
      case 'D' -> {
        data = true;
        add(context, GO_AHEAD);
      }
      case 'Q' -> {
        add(context, BYE);
        flush(context);
        context.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
      }
      default -> add(context, OK);
    }
  }

  private void add(ChannelHandlerContext context, byte[] reply) {
    if (replies == null) {
      replies = context.alloc().ioBuffer(256);
    }
    replies.writeBytes(reply);
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    flush(context);
  }

  private void flush(ChannelHandlerContext context) {
    if (replies != null) {
      context.writeAndFlush(replies);
      replies = null;
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    context.close();
  }
}
