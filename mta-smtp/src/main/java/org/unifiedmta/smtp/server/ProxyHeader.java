package org.unifiedmta.smtp.server;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.haproxy.HAProxyCommand;
import io.netty.handler.codec.haproxy.HAProxyMessage;
import io.netty.handler.codec.haproxy.HAProxyMessageDecoder;
import io.netty.handler.codec.haproxy.HAProxyProxiedProtocol.AddressFamily;
import io.netty.util.ReferenceCountUtil;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.Literals;

/**
 * Waits for the header of the PROXY protocol, version 1 or 2, with which a trusted peer says for
 * whom it connects; then the session takes its place. Everybody else is closed without a word: what
 * they say of an address would be believed.
 */
final class ProxyHeader extends ChannelInboundHandlerAdapter {
  private static final Logger log = LoggerFactory.getLogger(ProxyHeader.class);
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final SmtpServer server;
  private final SmtpListener listener;
  private final SocketChannel channel;
  private final Deadline deadline;

  ProxyHeader(SmtpServer server, SmtpListener listener, SocketChannel channel) {
    this.server = server;
    this.listener = listener;
    this.channel = channel;
    this.deadline = new Deadline(server.options().timer(), channel.eventLoop(), channel::close);
  }

  @Override
  public void channelActive(ChannelHandlerContext context) {
    if (!server.options().trustedPeers().test(channel.remoteAddress().getAddress())) {
      log.debug("listener {}: {} is no trusted peer", listener.name(), channel.remoteAddress());
      context.close();
      return;
    }
    deadline.set(deadline.after(PATIENCE));
    context.pipeline().addBefore(context.name(), null, new HAProxyMessageDecoder());
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
    if (!(message instanceof HAProxyMessage header)) {
      ReferenceCountUtil.release(message);
      context.close();
      return;
    }
    try {
      begin(context, header);
    } finally {
      header.release();
    }
  }

  private void begin(ChannelHandlerContext context, HAProxyMessage header) throws Exception {
    deadline.cancel();
    boolean tells =
        header.command() == HAProxyCommand.PROXY
            && (header.proxiedProtocol().addressFamily() == AddressFamily.AF_IPv4
                || header.proxiedProtocol().addressFamily() == AddressFamily.AF_IPv6);
    var remote = tells ? address(header.sourceAddress(), header.sourcePort()) : null;
    var local = tells ? address(header.destinationAddress(), header.destinationPort()) : null;
    if (tells && (remote == null || local == null)) {
      context.close();
      return;
    }
    // A health check of the proxy itself, or a protocol that has no addresses.
    var session =
        new SessionChannel(
            server,
            listener,
            channel,
            remote == null ? channel.remoteAddress() : remote,
            local == null ? channel.localAddress() : local);
    context.pipeline().replace(this, SmtpServer.SESSION, session);
    session.channelActive(context.pipeline().context(session));
  }

  private static @Nullable InetSocketAddress address(String ip, int port) {
    var parsed = Literals.ip(ip);
    return parsed == null ? null : new InetSocketAddress(parsed, port);
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    deadline.cancel();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    log.debug("listener {}: no PROXY header from {}", listener.name(), channel, cause);
    context.close();
  }
}
