package org.unifiedmta.examples.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.delivery.attempt.IncomingMail;
import org.unifiedmta.delivery.attempt.MailHandler;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.hook.Hook;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.zone.RetryPolicy;
import org.unifiedmta.smtp.server.SessionFacts;
import org.unifiedmta.smtp.server.Verdict;

/**
 * A small internet on loopback: one server that sends, three that receive. MX hosts all have the
 * same port, so each receiver has an address of its own.
 */
final class DemoNetwork implements AutoCloseable {
  /** The sending server's own domain. */
  static final String HOME = "home.test";

  /** The sending server's name. */
  static final String HOME_HOST = "mail." + HOME;

  private static final int TRIES_FOR_A_PORT = 20;
  private static final int LARGEST = 100 * 1024 * 1024;

  /**
   * A receiving host.
   *
   * @param manner what it is like
   * @param domains whose MX it is
   */
  private record Host(String hostname, String address, String manner, List<String> domains) {}

  private static final Host NEAR =
      new Host("mx.near.test", "127.0.0.2", "takes everything", List.of("near.test", "crowd.test"));
  private static final Host GREY =
      new Host("mx.grey.test", "127.0.0.3", "greylists: 450 the first time", List.of("grey.test"));
  private static final Host STRICT =
      new Host("mx.strict.test", "127.0.0.4", "knows nobody: 550", List.of("strict.test"));
  private static final List<Host> HOSTS = List.of(NEAR, GREY, STRICT);

  private final Path directory;
  private final Timeline timeline;
  private final Set<String> otherDomains;
  private final List<UnifiedEmailServer> receivers = new ArrayList<>();
  private final UnifiedEmailServer sender;

  /**
   * Starts all servers, or none.
   *
   * @param directory for their queues
   * @param letters whose domains all get an MX
   */
  DemoNetwork(Path directory, List<Letter> letters, Timeline timeline) {
    this.directory = directory;
    this.timeline = timeline;
    otherDomains = otherDomains(letters);
    try {
      startReceivers();
      sender = new UnifiedEmailServer(sendingConfig());
      sender.on(MailEvent.class, timeline::heard);
      sender.start();
    } catch (RuntimeException e) {
      closeReceivers();
      throw e;
    }
  }

  /** Nothing may leave this machine: whatever domain a letter is for, it is one of ours. */
  private static Set<String> otherDomains(List<Letter> letters) {
    var domains = new TreeSet<String>();
    for (var letter : letters) {
      letter.envelope().recipients().forEach(to -> domains.add(to.address().domain()));
    }
    domains.remove(HOME);
    for (var host : HOSTS) {
      host.domains.forEach(domains::remove);
    }
    return domains;
  }

  private List<String> domains(Host host) {
    var domains = new ArrayList<>(host.domains);
    if (host.equals(NEAR)) {
      domains.addAll(otherDomains);
    }
    return domains;
  }

  /** A port that is free on the first address may be taken on another. */
  private void startReceivers() {
    for (int tries = 1; ; tries++) {
      try {
        int port = 0;
        for (var host : HOSTS) {
          var receiver = new UnifiedEmailServer(receivingConfig(host, port)).start();
          receivers.add(receiver);
          port = receiver.port();
        }
        return;
      } catch (MtaException e) {
        closeReceivers();
        if (tries == TRIES_FOR_A_PORT) {
          // macOS has 127.0.0.1 only: ifconfig lo0 alias 127.0.0.2 gives it another.
          throw new MtaException("127.0.0.2 to 127.0.0.4 are needed: " + e.getMessage(), e);
        }
      }
    }
  }

  private UnifiedEmailServerConfig receivingConfig(Host host, int port) {
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname(host.hostname)
            .listen(listener(host.address, port))
            .domains(domains(host).stream().map(DomainConfig::of).toArray(DomainConfig[]::new))
            .maxMessageSize(LARGEST)
            .dnsResolver(ZoneResolver.builder().build())
            .dataDirectory(directory.resolve(host.hostname))
            .mailHandler(new Receiving(host));
    if (host.equals(GREY)) {
      config.hook(new Greylist());
    }
    return config.build();
  }

  private UnifiedEmailServerConfig sendingConfig() {
    return UnifiedEmailServerConfig.builder()
        .hostname(HOME_HOST)
        .listen(listener("127.0.0.1", 0))
        .domains(DomainConfig.of(HOME))
        .trustedNetworks("127.0.0.0/8")
        .maxMessageSize(LARGEST)
        .dnsResolver(zone())
        .mxPort(receivers.get(0).port())
        .allowPrivateTargets(true)
        .retry(
            new RetryPolicy(
                List.of(Duration.ofSeconds(1), Duration.ofSeconds(2)),
                Duration.ofMinutes(1),
                Duration.ofHours(1)))
        .dataDirectory(directory.resolve(HOME_HOST))
        .mailHandler(this::atHome)
        .build();
  }

  private static Listener listener(String address, int port) {
    return Listener.of("smtp", new InetSocketAddress(address, port), Mode.PLAIN);
  }

  private ZoneResolver zone() {
    var zone = ZoneResolver.builder();
    for (var host : HOSTS) {
      zone.a(host.hostname, host.address);
      domains(host).forEach(domain -> zone.mx(domain, 10, host.hostname));
    }
    return zone.build();
  }

  UnifiedEmailServer sender() {
    return sender;
  }

  /** Who listens where, one line for each server. */
  List<String> describe() {
    var lines = new ArrayList<String>();
    lines.add(line(HOME_HOST, "127.0.0.1", sender.port(), "sends; at home in " + HOME));
    for (var host : HOSTS) {
      int more = domains(host).size() - host.domains.size();
      lines.add(
          line(
              host.hostname,
              host.address,
              receivers.get(0).port(),
              host.manner
                  + "; MX of "
                  + String.join(", ", host.domains)
                  + (more == 0 ? "" : " and " + more + " more")));
    }
    return lines;
  }

  private static String line(String hostname, String address, int port, String manner) {
    return "%-15s %-15s %s".formatted(hostname, address + ":" + port, manner);
  }

  /** A null reverse path is a report about something that we sent (RFC 5321 4.5.5). */
  private RecipientVerdict atHome(Recipient recipient, IncomingMail mail) {
    if (mail.envelope().mailFrom() != null) {
      arrived(HOME_HOST, recipient, mail);
      return RecipientVerdict.delivered();
    }
    var email = mail.email();
    var status = new StringBuilder();
    for (var part : email.attachments()) {
      if (part.contentType().startsWith("message/delivery-status")) {
        try (var in = part.open()) {
          status.append(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
    timeline.reported(
        new Timeline.Report(
            Instant.now(),
            email.headers().first("In-Reply-To").orElse(""),
            recipient.address(),
            email.subject(),
            status.toString().replace("\r\n ", " ")));
    return RecipientVerdict.delivered();
  }

  private void arrived(String hostname, Recipient recipient, IncomingMail mail) {
    var fingerprint = Fingerprint.ofBody(mail.open());
    timeline.arrived(
        new Timeline.Arrival(Instant.now(), hostname, mail.id(), recipient.address(), fingerprint));
  }

  private final class Receiving implements MailHandler {
    private final Host host;

    Receiving(Host host) {
      this.host = host;
    }

    @Override
    public boolean accepts(EmailAddress recipient) {
      return !host.equals(STRICT);
    }

    @Override
    public RecipientVerdict handle(Recipient recipient, IncomingMail mail) {
      arrived(host.hostname, recipient, mail);
      return RecipientVerdict.delivered();
    }
  }

  /** Whoever comes with a pair of sender and recipient for the first time is to come again. */
  private static final class Greylist implements Hook {
    private final Set<String> known = ConcurrentHashMap.newKeySet();

    @Override
    public Verdict onRcpt(SessionFacts session, Envelope envelope, Recipient recipient) {
      return known.add(envelope.mailFrom() + " " + recipient.address())
          ? Verdict.reply(450, "4.7.1", "Greylisted, please try again")
          : Verdict.proceed();
    }
  }

  private void closeReceivers() {
    receivers.forEach(UnifiedEmailServer::close);
    receivers.clear();
  }

  /** The sender first: its open connections would be waited for. */
  @Override
  public void close() {
    sender.close();
    closeReceivers();
  }
}
