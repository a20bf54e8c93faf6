import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.routing.zone.IpPool;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.security.transport.EgressProxy;

/** Sends a message through the queue to a server of others, with TLS that is checked, or with PLAIN without, and through a SOCKS proxy at the port SOCKS: PORT USER PASSWORD FILE RECIPIENT... */
class Send {
  public static void main(String[] args) throws Exception {
    boolean plain = System.getenv("PLAIN") != null;
    var options =
        OutboundOptions.builder()
            .tls(plain ? OutboundOptions.Tls.NONE : OutboundOptions.Tls.REQUIRED)
            .trust(trust());
    if (!args[1].isEmpty()) {
      options.auth(args[1], args[2]);
    }
    var host = Action.forward("localhost", Integer.parseInt(args[0])).withOptions(options.build());
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname("sender.test")
            .routes(Route.of("all", 1, Match.any(), host));
    var socks = System.getenv("SOCKS");
    if (socks != null) {
      var proxy = new EgressProxy.Socks5("127.0.0.1", Integer.parseInt(socks));
      var source = IpPool.Source.of("127.0.0.1").through(proxy);
      config.zones(
          SendingZone.builder("default").pool(new IpPool("far", List.of(source))).build());
    }
    var recipients = new ArrayList<Recipient>();
    for (var address : List.of(args).subList(4, args.length)) {
      recipients.add(
          new Recipient(EmailAddress.parse(address), Set.of(Recipient.Notify.SUCCESS), null));
    }
    var events = new LinkedBlockingQueue<MailEvent>();
    try (var server = new UnifiedEmailServer(config.build()).start()) {
      server.on(MailEvent.AttemptFinished.class, events::add);
      var envelope =
          Envelope.of("sender@local.test").withRecipients(recipients);
      var message = new ByteArrayInputStream(Files.readAllBytes(Path.of(args[3])));
      server.submit(envelope, message, SubmitOptions.builder().build());
      for (int i = 0; i < recipients.size(); i++) {
        var event = (MailEvent.AttemptFinished) events.poll(30, TimeUnit.SECONDS);
        System.out.println(event);
        if (event == null || !event.reply().isPositive() || event.tls() == plain) {
          System.exit(1);
        }
      }
      server.awaitQuiet(java.time.Duration.ofSeconds(30)); // the report of the relay, if it makes one
    }
  }

  private static SSLContext trust() throws Exception {
    var store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream in = Files.newInputStream(Path.of(System.getenv("CA_FILE")))) {
      store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    var context = SSLContext.getInstance("TLS");
    context.init(null, factory.getTrustManagers(), null);
    return context;
  }
}
