package org.unifiedmta.smtp.server;

import java.net.InetSocketAddress;
import java.util.List;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.smtp.server.SmtpListener.Mode;

/** A server to try from outside: {@code StandaloneServer PORT TLS-PORT}; takes @local.test. */
final class StandaloneServer {
  private StandaloneServer() {}

  public static void main(String... ports) throws InterruptedException {
    var options =
        ServerOptions.builder("mx.local.test")
            .tls(TlsConfig.selfSigned("localhost"))
            .authMechanisms(List.of("PLAIN", "LOGIN"))
            .build();
    var postmaster = new Postmaster();
    var server = new SmtpServer(options, postmaster, new HeapSpool(), Metrics.none());
    bind(server, ports[0], Mode.STARTTLS);
    bind(server, ports[1], Mode.IMPLICIT_TLS);
    while (true) {
      Thread.sleep(1_000);
      postmaster.mails.clear();
      postmaster.disconnected.clear();
    }
  }

  private static void bind(SmtpServer server, String port, Mode mode) {
    var address = new InetSocketAddress("127.0.0.1", Integer.parseInt(port));
    server.bind(SmtpListener.of("try", address, mode));
  }
}
