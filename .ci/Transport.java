import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.unifiedmta.core.dns.SystemDnsResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.security.transport.HttpsPolicySource;

/** Sends a message to each domain, and prints what it met and under which TLS policy: DNS-PORT HTTPS-PORT SMTP-PORT ANCHORS AUTHORITY DOMAIN... */
class Transport {
  public static void main(String[] args) throws Exception {
    var trust = trust(Path.of(args[4]));
    var loopback = InetAddress.getByName("127.0.0.1");
    try (var dns =
        SystemDnsResolver.builder()
            .servers(List.of(new InetSocketAddress(loopback, Integer.parseInt(args[0]))))
            .validating(Files.readString(Path.of(args[3])))
            .build()) {
      var config =
          UnifiedEmailServerConfig.builder()
              .hostname("sender.test")
              .dnsResolver(dns)
              .mxPort(Integer.parseInt(args[2]))
              .allowPrivateTargets(true)
              .outbound(OutboundOptions.builder().trust(trust).build())
              .policySource(
                  new HttpsPolicySource(
                      dns, Timer.system(), trust, Integer.parseInt(args[1]), true))
              .build();
      var events = new LinkedBlockingQueue<MailEvent.AttemptFinished>();
      try (var server = new UnifiedEmailServer(config).start()) {
        server.on(MailEvent.AttemptFinished.class, events::add);
        for (var domain : List.of(args).subList(5, args.length)) {
          server.sendEmail(
              Email.builder().from("a@sender.test").to("b@" + domain).subject("x").text("x").build());
          var event = events.poll(60, TimeUnit.SECONDS);
          var session = event == null ? null : event.session();
          System.out.println(
              domain
                  + " "
                  + (event == null ? "nothing" : event.reply().code())
                  + " "
                  + (session == null || session.tlsPolicy().isEmpty() ? "-" : session.tlsPolicy())
                  + " "
                  + (event == null ? "" : event.reply()));
        }
      }
    }
  }

  private static SSLContext trust(Path authority) throws Exception {
    var store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream in = Files.newInputStream(authority)) {
      store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    var context = SSLContext.getInstance("TLS");
    context.init(null, factory.getTrustManagers(), null);
    return context;
  }
}
