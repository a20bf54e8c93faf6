package org.unifiedmta.delivery.queue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.security.SecurityResults;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.authres.AuthenticationResults;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.reputation.IPReputationChecker.Reputation;
import org.unifiedmta.security.scan.ContentScanner;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.transport.TlsFacts;
import org.unifiedmta.smtp.server.SessionFacts;

/** Mail for stores to keep. */
public final class Mail {
  public static final Instant START = Instant.parse("2026-03-01T12:00:00Z");
  public static final String ZONE = "zone";

  private Mail() {}

  public static SpooledMessage spool(QueueStore store, String text) {
    return spool(store, bytes(text), 1000);
  }

  /** In pieces of this size, as a socket would bring them; heeds {@code isWritable}. */
  public static SpooledMessage spool(QueueStore store, byte[] bytes, int pieceSize) {
    try (var writer = store.spool().open(bytes.length)) {
      for (int at = 0; at < bytes.length; at += pieceSize) {
        writer.write(ByteBuffer.wrap(bytes, at, Math.min(pieceSize, bytes.length - at)));
        if (!writer.isWritable()) {
          var writable = new CompletableFuture<Void>();
          writer.onWritable(() -> writable.complete(null));
          await(writable);
        }
      }
      return writer.finish();
    }
  }

  public static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  public static String read(ByteSource source) {
    return new String(readBytes(source), StandardCharsets.ISO_8859_1);
  }

  public static byte[] readBytes(ByteSource source) {
    try (var in = source.open()) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static NewRow row(String recipient, String destination, Instant due) {
    return new NewRow(Recipient.of(recipient), ZONE, destination, null, due);
  }

  /** A message to each of these destinations. */
  public static NewMessage message(QueueStore store, String text, Instant due, String... to) {
    var rows = new ArrayList<NewRow>();
    for (int i = 0; i < to.length; i++) {
      rows.add(row("r" + i + "@" + to[i], to[i], due));
    }
    return message(store, spool(store, text), rows);
  }

  public static NewMessage message(QueueStore store, SpooledMessage body, List<NewRow> rows) {
    return new NewMessage(
        store.newId(),
        Envelope.of(
            EmailAddress.parse("sender@example.com"),
            rows.stream().map(NewRow::recipient).toList()),
        body,
        rows,
        START,
        null,
        null,
        null);
  }

  public static CompletableFuture<String> addLater(QueueStore store, NewMessage message) {
    var future = new CompletableFuture<String>();
    store.add(
        message,
        (id, why) -> {
          if (why == null) {
            future.complete(id);
          } else {
            future.completeExceptionally(why);
          }
        });
    return future;
  }

  /** Until its rows can be claimed, which is a moment after it is told that they are stored. */
  public static String add(QueueStore store, NewMessage message) {
    long waiting = waiting(store) + message.rows().size();
    var id = await(addLater(store, message));
    await(() -> waiting(store) == waiting);
    return id;
  }

  private static long waiting(QueueStore store) {
    return store.destinations().stream().mapToLong(QueueStore.Destination::waiting).sum();
  }

  public static void await(BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("waited in vain");
      }
      LockSupport.parkNanos(500_000);
    }
  }

  public static String add(QueueStore store, String text, String... destinations) {
    return add(store, message(store, text, START, destinations));
  }

  public static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get(20, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException cause
          ? cause
          : new IllegalStateException(e.getCause());
    } catch (InterruptedException | TimeoutException e) {
      throw new IllegalStateException(e);
    }
  }

  /** With every field of every fact set. */
  public static NewMessage complete(QueueStore store) {
    var ann =
        new Recipient(
            new EmailAddress("ann b", "example.org"),
            Set.of(Recipient.Notify.SUCCESS, Recipient.Notify.DELAY),
            "rfc822;ann@example.org");
    var bob = Recipient.of("böb@example.net");
    var envelope =
        new Envelope(
            EmailAddress.parse("sender@example.com"),
            List.of(ann, bob),
            "envelope id",
            Envelope.Ret.HEADERS,
            Envelope.Body.EIGHT_BIT_MIME,
            true,
            true,
            -3,
            START.plusSeconds(5),
            new Envelope.DeliverBy(START.plusSeconds(60), true, false));
    var session =
        new SessionFacts(
            "s1",
            new InetSocketAddress(ip(), 4711),
            InetSocketAddress.createUnresolved("mail.example.org", 25),
            "client.example.com",
            new TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", "CN=client", "mail.example.org"),
            "user",
            "submission",
            SessionFacts.Hello.LHLO);
    var security =
        new SecurityResults(
            new AuthenticationResults(
                new SpfResult(SpfResult.Result.SOFTFAIL, "example.com", ip(), "because", "reason"),
                List.of(
                    new DkimResult(DkimResult.Status.PASS, "example.com", "s", null, true),
                    new DkimResult(DkimResult.Status.PERMERROR, null, null, "no key", false)),
                new ArcResult(ArcResult.Status.FAIL, 2, "broken"),
                new DmarcResult(
                    DmarcResult.Action.QUARANTINE,
                    DmarcResult.Policy.REJECT,
                    true,
                    false,
                    "example.com")),
            new ContentScanner.Scan(
                7,
                List.of(
                    new ContentScanner.Finding(
                        ContentScanner.Threat.PHISHING, "rule", 7, "detail"))),
            new Reputation(40, List.of("zen"), Set.of(Reputation.Kind.TOR)));
    return new NewMessage(
        store.newId(),
        envelope,
        spool(store, "Subject: all\r\n\r\nbody\r\n").edited(bytes("X: y\r\n"), List.of()),
        List.of(
            new NewRow(ann, ZONE, "example.org", "route", START),
            new NewRow(Recipient.of("forward@example.net"), "other", "host:25", null, START)),
        START,
        session,
        security,
        null);
  }

  private static InetAddress ip() {
    try {
      return InetAddress.getByAddress(new byte[] {(byte) 192, 0, 2, 1});
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e);
    }
  }
}
