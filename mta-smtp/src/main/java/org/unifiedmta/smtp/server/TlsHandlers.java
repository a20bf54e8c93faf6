package org.unifiedmta.smtp.server;

import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelHandler;
import io.netty.handler.ssl.SniHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Executor;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLPeerUnverifiedException;
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
      return handler(config.contextFor(null), allocator, executor, timeout);
    }
    return new SniHandler(config::contextFor, MAXIMUM_CLIENT_HELLO, timeout.toMillis()) {
      @Override
      protected SslHandler newSslHandler(SslContext context, ByteBufAllocator allocator) {
        return handler(context, allocator, executor, timeout);
      }
    };
  }

  private static SslHandler handler(
      SslContext context, ByteBufAllocator allocator, Executor executor, Duration timeout) {
    var handler = context.newHandler(allocator, executor);
    handler.setHandshakeTimeoutMillis(timeout.toMillis());
    return handler;
  }

  /**
   * @param bound whether logins can be bound to the connection
   */
  static TlsFacts factsOf(SslHandler handler, boolean bound) {
    var session = handler.engine().getSession();
    var facts =
        new TlsFacts(
            session.getProtocol(),
            session.getCipherSuite(),
            peerOf(session),
            nameAskedFor(session));
    return bound ? facts.withChannelBindings(bindingsOf(session)) : facts;
  }

  private static Map<String, byte[]> bindingsOf(SSLSession session) {
    var chain = session.getLocalCertificates();
    return chain != null && chain.length > 0 && chain[0] instanceof X509Certificate certificate
        ? ChannelBinding.serverEndPoint(certificate)
            .map(hash -> Map.of(ChannelBinding.TLS_SERVER_END_POINT, hash))
            .orElse(Map.of())
        : Map.of();
  }

  private static @Nullable String peerOf(SSLSession session) {
    try {
      return session.getPeerPrincipal().getName();
    } catch (SSLPeerUnverifiedException e) {
      return null; // no client certificate, as usual
    }
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
