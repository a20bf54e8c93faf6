package org.unifiedmta.delivery.store.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.unifiedmta.delivery.queue.Mail.START;
import static org.unifiedmta.delivery.queue.Mail.ZONE;
import static org.unifiedmta.delivery.queue.Mail.add;
import static org.unifiedmta.delivery.queue.Mail.message;
import static org.unifiedmta.delivery.queue.Mail.read;
import static org.unifiedmta.delivery.queue.Mail.row;
import static org.unifiedmta.delivery.queue.Mail.spool;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.queue.Mail;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.queue.QueuedMessage;
import org.unifiedmta.delivery.queue.RecipientResult;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue.Filter;

/** What can be read of a damaged queue comes over; what cannot is named. */
class SalvageTest {
  private static final int SEGMENT = 16 * 1024;

  @TempDir Path place;
  private final ManualTimer timer = new ManualTimer(START);
  private final FaultyDisk disk = new FaultyDisk();
  private final Map<String, QueuedMessage> added = new LinkedHashMap<>();
  private final Map<String, String> texts = new LinkedHashMap<>();
  private Path directory;
  private Path target;

  private LogQueueStore open(Path queue) {
    return Logs.open(queue, timer, SEGMENT, disk);
  }

  /** Mail of all kinds, and some that has been delivered, which must not come back. */
  @BeforeEach
  void fill() {
    directory = place.resolve("queue");
    target = place.resolve("salvaged");
    try (var store = open(directory)) {
      texts.put(add(store, "one", "a.example"), "one");
      texts.put(add(store, "two", "b.example", "c.example", "h.example"), "two");
      var id = add(store, "gone", "d.example");
      settle(store, "d.example", new RecipientResult.Delivered(SmtpReply.of(250, "2.0.0", "Ok")));
      settle(
          store,
          "b.example",
          new RecipientResult.Deferred(SmtpReply.of(450, "4.2.0", "later"), START.plusSeconds(60)));
      settle(store, "c.example", new RecipientResult.Failed(SmtpReply.of(550, "5.1.1", "no")));
      var two = List.copyOf(texts.keySet()).get(1);
      store.hold(two, new Filter(null, "h.example", null, null));
      var body = new byte[20_000];
      new Random(1).nextBytes(body);
      var spooled = spool(store, body, 1000).edited(Mail.bytes("X: y\r\n"), List.of());
      var large =
          add(store, message(store, spooled, List.of(row("l@l.example", "l.example", START))));
      texts.put(large, "X: y\r\n" + new String(body, StandardCharsets.ISO_8859_1));
      var keyed = message(store, "keyed", START, "k.example").withIdempotencyKey("order 1");
      texts.put(add(store, keyed), "keyed");
      store.reroute(keyed.id(), Filter.all(), "other", "host:26");
      assertThat(store.find(id)).isEmpty();
      texts.put(id, "gone");
      store.list(null, 100).forEach(message -> added.put(message.id(), message));
    }
  }

  private static void settle(LogQueueStore store, String destination, RecipientResult result) {
    store.settle(
        store.claim(ZONE, destination, 1, Duration.ofMinutes(1)).getFirst(), List.of(result));
  }

  private Salvage.Result salvage(Path from) {
    return Salvage.run(from, target, timer, Logs.settings(SEGMENT, 1 << 20), disk);
  }

  private Map<String, QueuedMessage> salvaged() {
    var found = new LinkedHashMap<String, QueuedMessage>();
    try (var store = open(target)) {
      for (var message : store.list(null, 100)) {
        found.put(message.id(), message);
        assertThat(read(store.open(message.id()))).isEqualTo(texts.get(message.id()));
      }
    }
    return found;
  }

  @Test
  void aQueueThatIsWholeComesOverAsItIs() {
    var result = salvage(directory);
    assertThat(result).isEqualTo(new Salvage.Result(added.size(), List.of()));
    assertThat(salvaged()).isEqualTo(added);
    try (var store = open(target)) {
      var again = message(store, "again", START, "k.example").withIdempotencyKey("order 1");
      assertThat(Mail.await(Mail.addLater(store, again)))
          .isEqualTo(List.copyOf(added.keySet()).getLast());
      store.release(List.copyOf(added.keySet()).get(1));
      assertThat(store.claim(ZONE, "h.example", 1, Duration.ofMinutes(1))).hasSize(1);
    }
  }

  @Test
  void whereverAByteHasTurnedAllElseComesOverAndTheLossIsNamed() throws IOException {
    for (var segment : Logs.segments(directory)) {
      var bytes = Files.readAllBytes(segment);
      int used = used(bytes);
      for (int at = 0; at < used; at += at < 2000 ? 3 : 97) {
        var copy = Logs.copy(directory);
        var turned = bytes.clone();
        turned[at] ^= 16;
        Files.write(copy.resolve(segment.getFileName()), turned);
        var before = Files.readAllBytes(copy.resolve(segment.getFileName()));
        var result = salvage(copy);
        assertThat(Files.readAllBytes(copy.resolve(segment.getFileName()))).isEqualTo(before);
        assertThat(result.losses()).as("byte %d", at).isNotEmpty();
        assertThat(result.losses().getFirst()).contains(segment.getFileName() + " at offset ");
        var found = salvaged();
        assertThat(found).hasSize(result.messages());
        try (var store = open(target)) {
          var again = message(store, "again", START, "k.example").withIdempotencyKey("order 1");
          var id = Mail.await(Mail.addLater(store, again));
          assertThat(store.find(id))
              .as("byte %d: what is lost can be submitted again", at)
              .isPresent();
        }
        if (at >= Format.SEGMENT_HEADER) {
          // One of the messages at most; or one whose end was there comes back.
          found.keySet().removeIf(id -> !added.containsKey(id));
          assertThat(found.size()).as("byte %d", at).isGreaterThanOrEqualTo(added.size() - 1);
        }
        Logs.delete(copy);
        Logs.delete(target);
      }
    }
  }

  private static int used(byte[] log) {
    int used = log.length;
    while (log[used - 1] == 0) {
      used--;
    }
    return used;
  }

  @Test
  void whereverTheLogIsCutWhatIsBeforeComesOver() throws IOException {
    var segment = Logs.segments(directory).getFirst();
    var bytes = Files.readAllBytes(segment);
    int last = 0;
    for (int cut = used(bytes); cut >= 0; cut -= 1 + cut / 200) {
      var copy = Logs.copy(directory);
      Files.write(copy.resolve(segment.getFileName()), Arrays.copyOf(bytes, cut));
      var result = salvage(copy);
      if (cut < used(bytes)) {
        assertThat(result.losses()).as("cut at %d", cut).isNotEmpty();
      }
      last = result.messages();
      Logs.delete(copy);
      Logs.delete(target);
    }
    assertThat(last).isLessThan(added.size());
  }

  @Test
  void aQueueInUseIsLeftAlone() {
    try (var store = open(directory)) {
      assertThat(store.refusal()).isEmpty();
      assertThatThrownBy(() -> salvage(directory))
          .isInstanceOf(ConfigException.class)
          .hasMessageContaining("in use");
    }
    assertThatThrownBy(() -> Salvage.run(place, directory, timer))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("new directory");
  }
}
