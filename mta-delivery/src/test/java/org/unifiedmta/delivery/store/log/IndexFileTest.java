package org.unifiedmta.delivery.store.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.unifiedmta.delivery.queue.Mail.START;
import static org.unifiedmta.delivery.queue.Mail.ZONE;
import static org.unifiedmta.delivery.queue.Mail.add;
import static org.unifiedmta.delivery.queue.Mail.message;
import static org.unifiedmta.delivery.queue.Mail.read;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.queue.Lease;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.queue.QueuedMessage;
import org.unifiedmta.delivery.queue.RecipientResult;

/**
 * The index on the disk may burn; with it, without it, and with half of it the queue is the same.
 */
@Timeout(120)
class IndexFileTest {
  private static final int SEGMENT = 64 * 1024;
  private static final RecipientResult DELIVERED =
      new RecipientResult.Delivered(SmtpReply.of(250, "2.0.0", "Ok"));
  private static final RecipientResult DEFERRED =
      new RecipientResult.Deferred(SmtpReply.of(450, "4.2.0", "later"), START.plusSeconds(60));

  @TempDir Path place;
  private final ManualTimer timer = new ManualTimer(START);
  private Path directory;
  private LogQueueStore store;

  @BeforeEach
  void open() {
    directory = place.resolve("queue");
    store = open(directory);
  }

  @AfterEach
  void close() {
    store.close();
  }

  private LogQueueStore open(Path queue) {
    return LogQueueStore.open(
        queue, timer, Metrics.none(), Logs.settings(SEGMENT, 1 << 20, 10), new FaultyDisk());
  }

  /** Messages in all states; what is deferred is due later. */
  private void fill() {
    for (int i = 0; i < 40; i++) {
      add(store, text(i), "a" + i % 7 + ".example", "b" + i % 5 + ".example");
    }
    for (int i = 0; i < 5; i++) {
      for (var lease : store.claim(ZONE, "b" + i + ".example", 4, Duration.ofMinutes(1))) {
        store.settle(lease, List.of(i % 2 == 0 ? DELIVERED : DEFERRED));
      }
    }
    for (var lease : store.claim(ZONE, "a0.example", 2, Duration.ofMinutes(1))) {
      store.settle(
          lease, List.of(new RecipientResult.Failed(SmtpReply.of(550, "5.1.1", "unknown"))));
    }
  }

  private static String text(int n) {
    return "Subject: " + n + "\r\n\r\n" + n + "\r\n";
  }

  /** All there is to know of a store. */
  private record Contents(
      List<QueuedMessage> messages,
      Map<String, String> bodies,
      Map<DeliveryStatus, Long> counts,
      Map<String, String> destinations) {

    static Contents of(LogQueueStore store) {
      var messages = store.list(null, 1000);
      var bodies = new LinkedHashMap<String, String>();
      messages.forEach(message -> bodies.put(message.id(), read(store.open(message.id()))));
      var destinations = new LinkedHashMap<String, String>();
      store.destinations().stream()
          .sorted((a, b) -> a.name().compareTo(b.name()))
          .forEach(at -> destinations.put(at.name(), at.waiting() + " " + at.nextDue()));
      return new Contents(messages, bodies, store.counts(), destinations);
    }
  }

  @Test
  void aRestartFindsAllWithItsIndexAndWithout() throws IOException {
    fill();
    var before = Contents.of(store);
    store.close();
    assertThat(directory.resolve(IndexFile.NAME)).exists();
    try (var after = open(directory)) {
      assertThat(Contents.of(after)).isEqualTo(before);
    }
    Files.delete(directory.resolve(IndexFile.NAME));
    try (var after = open(directory)) {
      assertThat(Contents.of(after)).isEqualTo(before);
    }
  }

  @Test
  void anIndexThatIsDamagedAnywhereOrCutIsMadeAnew() throws IOException {
    fill();
    var before = Contents.of(store);
    store.close();
    var bytes = Files.readAllBytes(directory.resolve(IndexFile.NAME));
    int step = Math.max(1, bytes.length / Integer.getInteger("damages", 200));
    for (int at = 0; at < bytes.length; at += step) {
      var damaged = bytes.clone();
      damaged[at] ^= (byte) (1 << at / step % 8);
      isMadeAnew(damaged, before, at);
    }
    for (int cut = 0; cut < bytes.length; cut += bytes.length / 20) {
      isMadeAnew(Arrays.copyOf(bytes, cut), before, cut);
    }
  }

  private void isMadeAnew(byte[] index, Contents expected, int at) throws IOException {
    var copy = Logs.copy(directory);
    Files.write(copy.resolve(IndexFile.NAME), index);
    try (var after = open(copy)) {
      assertThat(Contents.of(after)).as("byte %d", at).isEqualTo(expected);
    }
    Logs.delete(copy);
  }

  @Test
  void anIndexOfAnotherLogIsNotBelieved() throws IOException {
    fill();
    var before = Contents.of(store);
    store.close();
    var other = place.resolve("other");
    try (var another = open(other)) {
      add(another, "another's", "a0.example");
    }
    Files.copy(
        other.resolve(IndexFile.NAME),
        directory.resolve(IndexFile.NAME),
        StandardCopyOption.REPLACE_EXISTING);
    try (var after = open(directory)) {
      assertThat(Contents.of(after)).isEqualTo(before);
    }
  }

  @Test
  void anOldIndexIsCaughtUpFromTheLog() throws IOException {
    fill();
    store.close();
    var old = Files.readAllBytes(directory.resolve(IndexFile.NAME));
    store = open(directory);
    var random = new Random(1);
    for (int i = 0; i < 300; i++) {
      var id = add(store, text(i) + "x".repeat(2000), "c" + i % 3 + ".example");
      if (random.nextInt(10) > 0) {
        store.cancel(id);
      }
      var all = store.list(null, 1000);
      if (i % 7 == 0 && !all.isEmpty()) {
        store.cancel(all.get(random.nextInt(all.size())).id());
      }
    }
    var before = Contents.of(store);
    store.close();
    Files.write(directory.resolve(IndexFile.NAME), old);
    for (int i = 0; i < 2; i++) {
      try (var after = open(directory)) {
        assertThat(Contents.of(after)).isEqualTo(before);
      }
    }
  }

  @Test
  void aLogThatHasLostItsEndIsNotTakenForAShorterOne() throws IOException {
    fill();
    store.close();
    var last = Logs.segments(directory).getLast();
    Files.write(last, Arrays.copyOf(Files.readAllBytes(last), 500));
    assertThatThrownBy(() -> open(directory))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(last.getFileName() + " at offset 500 ends, but once was");
  }

  @Test
  void whatIsPutAsideIsClaimedInTheSameOrder() {
    var ids = new ArrayList<String>();
    for (int i = 0; i < 100; i++) {
      ids.add(add(store, message(store, text(i), START.plusSeconds(i / 10), "a.example")));
    }
    timer.advance(Duration.ofSeconds(10));
    var claimed = new ArrayList<String>();
    for (int n = 1; n < 10; n++) {
      store.claim(ZONE, "a.example", n, Duration.ofMinutes(1)).stream()
          .map(Lease::id)
          .forEach(claimed::add);
    }
    assertThat(claimed).isEqualTo(ids.subList(0, claimed.size())).hasSizeGreaterThan(20);
  }
}
