package org.unifiedmta.smtp.server;

import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelHandler;
import io.netty.handler.ssl.SniHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Executor;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.security.transport.ChannelBinding;
import org.unifiedmta.security.transport.TlsFacts;

/** TLS as a handler of a channel. */
final class TlsHandlers {
  private static final int MAXIMUM_CLIENT_HELLO = 16 * 1024;

  private TlsHandlers() {}

  /**
   * The server's side of TLS.
   *
   * @param executor runs what takes long in a handshake
   */
  static ChannelHandler of(
      TlsConfig config, ByteBufAllocator allocator, Executor executor, Duration timeout) {
    if (!config.dependsOnName()) {
      return handler(config, config.contextFor(null), allocator, executor, timeout);
    }
    return new SniHandler(config::contextFor, MAXIMUM_CLIENT_HELLO, timeout.toMillis()) {
      @Override
      protected SslHandler newSslHandler(SslContext context, ByteBufAllocator allocator) {
        return handler(config, context, allocator, executor, timeout);
      }
    };
  }

  private static SslHandler handler(
      TlsConfig config,
      SslContext context,
      ByteBufAllocator allocator,
      Executor executor,
      Duration timeout) {
    var handler = context.newHandler(allocator, executor);
    if (config.clients().areAskedFor()) {
      handler.engine().setWantClientAuth(true);
    }
    handler.setHandshakeTimeoutMillis(timeout.toMillis());
    return handler;
  }

  /**
   * What the handshake has shown.
   *
   * @param bound whether logins can be bound to the connection
   */
  static TlsFacts factsOf(SslHandler handler, TlsConfig config, boolean bound) {
    var session = handler.engine().getSession();
    var client = config.clients().of(session);
    return new TlsFacts(
        session.getProtocol(),
        session.getCipherSuite(),
        client == null ? null : client.getSubjectX500Principal().getName(),
        nameAskedFor(session),
        client,
        bound ? ChannelBinding.ofServer(session) : Map.of());
  }

  private static @Nullable String nameAskedFor(SSLSession session) {
    if (session instanceof ExtendedSSLSession extended) {
      for (var name : extended.getRequestedServerNames()) {
        if (name instanceof SNIHostName host) {
          return host.getAsciiName();
        }
      }
    }
    return null;
  }
}
