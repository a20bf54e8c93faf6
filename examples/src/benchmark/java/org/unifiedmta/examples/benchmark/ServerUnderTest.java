package org.unifiedmta.examples.benchmark;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.limit.UnifiedRateLimiter.Limits;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.Spool;
import org.unifiedmta.core.spool.SpoolWriter;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.zone.SendingZone;
import org.unifiedmta.security.sasl.SaslExchange;
import org.unifiedmta.smtp.server.Answer;
import org.unifiedmta.smtp.server.MessageReceiver;
import org.unifiedmta.smtp.server.ServerOptions;
import org.unifiedmta.smtp.server.SessionFacts;
import org.unifiedmta.smtp.server.SessionHandler;
import org.unifiedmta.smtp.server.SmtpListener;
import org.unifiedmta.smtp.server.SmtpServer;
import org.unifiedmta.smtp.server.TlsConfig;
import org.unifiedmta.smtp.server.Verdict;

/**
 * What a {@link ServerProcess} runs. Its arguments are which server, and {@code tls} for TLS from
 * the first octet:
 *
 * <ul>
 *   <li>{@code smtp}: the library's SMTP server alone, which accepts and discards;
 *   <li>{@code memory}, {@code log PARENT}: the whole mail server with its queue in memory, or in a
 *       new directory under that one, and a local delivery that discards;
 *   <li>{@code checked}: the same in memory, but each message's SPF, DKIM and DMARC are checked;
 *       the answers of the DNS are at hand;
 *   <li>{@code relay PARENT PORT COUNT}: the whole mail server with its queue in a new directory
 *       under that one, which relays mail for so many domains {@code dN.example.net} to hosts at
 *       this port of as many addresses;
 *   <li>{@code netty}: a {@link BareSink}.
 * </ul>
 *
 * It prints its port, then answers each line of its input with a number, and ends with its input.
 */
final class ServerUnderTest {
  private static final int CLIENTS = 100_000;
  private static final int CONNECTIONS_PER_DOMAIN = 20;
  private static final int ATTEMPTS = 10_000;
  private static final int ENOUGH = 10_000; // octets of heap
  private static final InetSocketAddress ANY_PORT =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

  private ServerUnderTest() {}

  public static void main(String[] args) throws Exception {
    boolean tls = args[args.length - 1].equals("tls");
    switch (args[0]) {
      case "netty" -> serve(BareSink.start(tls), () -> 0);
      case "smtp" -> {
        try (var server = frontEnd(tls)) {
          var mode = tls ? SmtpListener.Mode.IMPLICIT_TLS : SmtpListener.Mode.PLAIN;
          serve(server.bind(SmtpListener.of("load", ANY_PORT, mode)).getPort(), () -> 0);
        }
      }
      case "memory" -> whole(wholeServer());
      case "checked" -> whole(wholeServer().dnsResolver(LoadKey.zone()));
      case "log" -> {
        var directory = Files.createTempDirectory(Path.of(args[1]), "mta-load-");
        try {
          whole(wholeServer().dataDirectory(directory));
        } finally {
          QueueLoad.delete(directory);
        }
      }
      case "relay" -> {
        var directory = Files.createTempDirectory(Path.of(args[1]), "mta-load-");
        try {
          whole(
              relay(Integer.parseInt(args[2]), Integer.parseInt(args[3])).dataDirectory(directory));
        } finally {
          QueueLoad.delete(directory);
        }
      }
      default -> throw new IllegalArgumentException(args[0]);
    }
    System.exit(0);
  }

  private static void serve(int port, LongSupplier queued)
      throws IOException, InterruptedException {
    System.out.println(port);
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    for (var line = in.readLine(); line != null; line = in.readLine()) {
      System.out.println(line.equals("heap") ? heap() : queued.getAsLong());
    }
  }

  /** Until it falls no more: what ends is forgotten a little later, some of it by a collection. */
  private static long heap() throws InterruptedException {
    var memory = ManagementFactory.getMemoryMXBean();
    long last;
    long now = Long.MAX_VALUE;
    do {
      last = now;
      Thread.sleep(100);
      memory.gc();
      now = memory.getHeapMemoryUsage().getUsed();
    } while (now < last - ENOUGH);
    return now;
  }

  private static SmtpServer frontEnd(boolean tls) {
    var options =
        ServerOptions.builder("mail.example.net")
            .maxClients(CLIENTS)
            .tls(tls ? TlsConfig.selfSigned("mail.example.net") : null)
            .build();
    return new SmtpServer(options, new Discarder(), new Nowhere(), Metrics.none());
  }

  private static UnifiedEmailServerConfig.Builder wholeServer() {
    return UnifiedEmailServerConfig.builder()
        .hostname("mail.example.net")
        .listen(
            UnifiedEmailServerConfig.Listener.of(
                "load", ANY_PORT, UnifiedEmailServerConfig.Mode.STARTTLS))
        .domains(DomainConfig.of("example.net"))
        .maxClients(CLIENTS)
        .rateLimits(Limits.unlimited())
        .mailHandler((recipient, mail) -> RecipientVerdict.delivered());
  }

  /** As many connections for a domain as Postfix makes. */
  private static UnifiedEmailServerConfig.Builder relay(int port, int domains) {
    var dns = ZoneResolver.builder();
    for (int i = 0; i < domains; i++) {
      dns.mx("d" + i + ".example.net", 10, "h" + i + ".example.net");
      dns.a("h" + i + ".example.net", CountingSink.address(i));
    }
    return wholeServer()
        .dnsResolver(dns.build())
        .mxPort(port)
        .allowPrivateTargets(true)
        .maxAttempts(ATTEMPTS)
        .trustedNetworks("127.0.0.0/8")
        .zones(SendingZone.builder("default").connectionsPerDomain(CONNECTIONS_PER_DOMAIN).build());
  }

  private static void whole(UnifiedEmailServerConfig.Builder config)
      throws IOException, InterruptedException {
    try (var server = new UnifiedEmailServer(config.build()).start()) {
      serve(
          server.port(),
          () -> {
            var stats = server.deliveryQueue().getStats();
            return stats.getOrDefault(DeliveryStatus.PENDING, 0L)
                + stats.getOrDefault(DeliveryStatus.PROCESSING, 0L)
                + stats.getOrDefault(DeliveryStatus.DEFERRED, 0L);
          });
    }
  }

  /** Lets everybody do everything. */
  private static final class Discarder implements SessionHandler {
    private static final Verdict ACCEPTED = Verdict.reply(250, "2.0.0", "Ok");

    @Override
    public Answer connected(SessionFacts session) {
      return Answer.proceed();
    }

    @Override
    public Answer helo(SessionFacts session) {
      return Answer.proceed();
    }

    @Override
    public @Nullable SaslExchange login(SessionFacts session, String mechanism) {
      return null;
    }

    @Override
    public Answer mail(SessionFacts session, Envelope envelope, long announcedSize) {
      return Answer.proceed();
    }

    @Override
    public Answer recipient(SessionFacts session, Envelope envelope, Recipient recipient) {
      return Answer.proceed();
    }

    @Override
    public MessageReceiver data(SessionFacts session, Envelope envelope) {
      return (message, reply) -> {
        message.close();
        reply.accept(ACCEPTED);
      };
    }

    @Override
    public void disconnected(SessionFacts session) {}
  }

  /** Keeps nothing but the size. */
  private static final class Nowhere implements Spool {
    @Override
    public SpoolWriter open(long announcedSize) {
      return new Writer();
    }

    private static final class Writer implements SpoolWriter {
      private long size;

      @Override
      public void write(ByteBuffer bytes) {
        size += bytes.remaining();
        bytes.position(bytes.limit());
      }

      @Override
      public @Nullable HeaderSection header() {
        return null;
      }

      @Override
      public boolean isWritable() {
        return true;
      }

      @Override
      public void onWritable(Runnable resume) {
        resume.run();
      }

      @Override
      public SpooledMessage finish() {
        return new Gone(size);
      }

      @Override
      public void close() {}
    }

    private record Gone(long size) implements SpooledMessage {
      @Override
      public HeaderSection header() {
        return HeaderSection.of(new byte[0]);
      }

      @Override
      public SpooledMessage edited(byte[] prefix, List<Cut> cuts) {
        return this;
      }

      @Override
      public InputStream open() {
        return InputStream.nullInputStream();
      }

      @Override
      public void close() {}
    }
  }
}
