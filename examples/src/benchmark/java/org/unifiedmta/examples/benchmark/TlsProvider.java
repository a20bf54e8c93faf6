package org.unifiedmta.examples.benchmark;

import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import javax.net.ssl.SSLException;

/** Whose TLS a server uses. */
enum TlsProvider {
  JDK,
  /** BoringSSL, through netty-tcnative. */
  OPENSSL;

  /** Those of these names that can be had here; of others it is printed that they cannot. */
  static List<TlsProvider> available(List<String> names) {
    var available = new ArrayList<TlsProvider>();
    for (var name : names) {
      if (name.equals("openssl") && !OpenSsl.isAvailable()) {
        System.out.println("openssl: not run, netty-tcnative does not load here\n");
      } else {
        available.add(valueOf(name.toUpperCase(Locale.ROOT)));
      }
    }
    return available;
  }

  /** What a server's JVM is told; Netty takes the other if it can. */
  List<String> flags() {
    return this == JDK ? List.of("-Dio.netty.handler.ssl.noOpenSsl=true") : List.of();
  }

  /** For clients that cost as little as possible, and so take BoringSSL if they can. */
  static SslContext client(String... protocols) throws SSLException {
    return SslContextBuilder.forClient()
        .trustManager(InsecureTrustManagerFactory.INSTANCE)
        .endpointIdentificationAlgorithm("")
        .protocols(protocols)
        .build();
  }
}
