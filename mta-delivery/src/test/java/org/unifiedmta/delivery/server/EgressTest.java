package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.attempt.IncomingMail;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.routing.zone.IpPool;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.security.transport.EgressProxy.HaProxy;

/** From one server to another by other ways than plain SMTP. */
class EgressTest {
  private static final InetSocketAddress LOOPBACK = new InetSocketAddress("127.0.0.1", 0);

  private final LinkedBlockingQueue<MailEvent> events = new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<IncomingMail> arrived = new LinkedBlockingQueue<>();

  private UnifiedEmailServer receiver(Listener listener) {
    return new UnifiedEmailServer(
            UnifiedEmailServerConfig.builder()
                .hostname("in.test")
                .listen(listener)
                .domains(DomainConfig.of("far.test"))
                .trustedProxies("127.0.0.0/8")
                .mailHandler((recipient, mail) -> {
                  if (recipient.address().localPart().equals("full")) {
                    return new RecipientVerdict.Deferred(SmtpReply.of(452, "4.2.2", "full"));
                  }
                  arrived.add(mail);
                  return RecipientVerdict.delivered();
                })
                .shutdownTimeout(Duration.ofSeconds(2))
                .build())
        .start();
  }

  private UnifiedEmailServer sender(
      UnifiedEmailServer to, OutboundOptions options, SendingZone... zones) {
    var host = Action.forward("127.0.0.1", to.port()).withOptions(options);
    var server =
        new UnifiedEmailServer(
            UnifiedEmailServerConfig.builder()
                .hostname("out.test")
                .routes(Route.of("all", 0, Match.any(), host))
                .zones(zones)
                .shutdownTimeout(Duration.ofSeconds(2))
                .build());
    server.on(MailEvent.AttemptFinished.class, events::add);
    return server.start();
  }

  private static Email email(String... to) {
    return Email.builder().from("ann@near.test").to(to).subject("x").text("x").build();
  }

  /** RFC 2033 4.2. */
  @Test
  void byLmtpEachRecipientHasItsOwnEnd() throws Exception {
    try (var in = receiver(Listener.of("lmtp", LOOPBACK, Mode.PLAIN).withLmtp(true));
        var out = sender(in, OutboundOptions.builder().lmtp().build())) {
      out.sendEmail(email("bob@far.test", "full@far.test"));
      for (int i = 0; i < 2; i++) {
        var attempt = (MailEvent.AttemptFinished) events.poll(10, TimeUnit.SECONDS);
        boolean full = attempt.recipient().localPart().equals("full");
        assertThat(attempt.reply().code()).isEqualTo(full ? 452 : 250);
      }
      assertThat(arrived).hasSize(1);
    }
  }

  /** What an HAProxy would be told, a server behind one hears. */
  @Test
  void theAddressThatIsToBeSentFromIsTold() throws Exception {
    var listener = Listener.of("proxied", LOOPBACK, Mode.PLAIN).withProxyProtocol(true);
    try (var in = receiver(listener)) {
      var source = IpPool.Source.of("192.0.2.7").through(new HaProxy("127.0.0.1", in.port()));
      var zone = SendingZone.builder("default").pool(new IpPool("far", List.of(source))).build();
      try (var out = sender(in, OutboundOptions.standard(), zone)) {
        out.sendEmail(email("bob@far.test"));
        var mail = arrived.poll(10, TimeUnit.SECONDS);
        assertThat(mail.session().remote().getAddress().getHostAddress()).isEqualTo("192.0.2.7");
        var attempt = (MailEvent.AttemptFinished) events.poll(10, TimeUnit.SECONDS);
        assertThat(attempt.session().source().getHostAddress()).isEqualTo("192.0.2.7");
      }
    }
  }
}
