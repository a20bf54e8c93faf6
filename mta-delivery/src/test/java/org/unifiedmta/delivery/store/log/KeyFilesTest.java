package org.unifiedmta.delivery.store.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.unifiedmta.delivery.queue.Mail.START;
import static org.unifiedmta.delivery.queue.Mail.ZONE;
import static org.unifiedmta.delivery.queue.Mail.message;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.queue.IdempotencyKey;
import org.unifiedmta.delivery.queue.Mail;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.queue.RecipientResult;

/** Keys outlive their messages, and the files that hold them. */
class KeyFilesTest {
  private static final Duration WINDOW = Duration.ofHours(24);

  @TempDir Path directory;
  private final ManualTimer timer = new ManualTimer(START);
  private final FaultyDisk disk = new FaultyDisk();

  private KeyFiles open() throws IOException {
    return new KeyFiles(directory, disk, timer, WINDOW, 10);
  }

  private static IdempotencyKey key(int number) {
    return IdempotencyKey.of("key " + number);
  }

  private List<Path> files() throws IOException {
    try (var all = Files.list(directory)) {
      return all.filter(file -> file.toString().endsWith(KeyFiles.SUFFIX)).sorted().toList();
    }
  }

  private static void assertHas(KeyFiles keys, int from, int to) {
    for (int i = from; i < to; i++) {
      assertThat(keys.find(key(i))).as("key %d", i).isEqualTo(OptionalLong.of(i));
    }
    assertThat(keys.find(key(to))).isEmpty();
  }

  @Test
  void whatWasSyncedIsFoundInAnyFile() throws IOException {
    try (var keys = open()) {
      for (int i = 0; i < 25; i++) {
        keys.keep(key(i), i, timer.now());
      }
      assertHas(keys, 0, 25);
      keys.sync();
      assertHas(keys, 0, 25);
      try (var after = open()) {
        assertHas(after, 0, 25);
        after.keep(key(25), 25, timer.now());
        after.sync();
      }
      try (var again = open()) {
        assertHas(again, 0, 26);
      }
      assertThat(files()).hasSize(3);
    }
  }

  @Test
  void aFileGoesWhenItsLastKeyIsTooOld() throws IOException {
    try (var keys = open()) {
      for (int i = 0; i < 30; i++) {
        keys.keep(key(i), i, timer.now());
        timer.advance(Duration.ofHours(1));
      }
      keys.sync();
      assertThat(keys.find(key(5))).isEmpty();
      assertThat(keys.find(key(6))).isPresent();
      assertThat(files()).hasSize(3);
      timer.advance(Duration.ofHours(4));
      keys.sync();
      assertThat(files()).hasSize(2);
      assertHas(keys, 10, 30);
    }
  }

  @Test
  void whatCouldNotBeWrittenIsWrittenLater() throws IOException {
    try (var keys = open()) {
      keys.keep(key(0), 0, timer.now());
      disk.writeFails = true;
      assertThatThrownBy(keys::sync).isInstanceOf(IOException.class);
      keys.keep(key(1), 1, timer.now());
      disk.writeFails = false;
      keys.sync();
      try (var after = open()) {
        assertHas(after, 0, 2);
      }
    }
  }

  @Test
  void aTurnedByteOrACutCostsTheKeysThatItHitsAndNoOther() throws IOException {
    try (var keys = open()) {
      for (int i = 0; i < 25; i++) {
        keys.keep(key(i), i, timer.now());
      }
    }
    for (var file : files()) {
      var bytes = Files.readAllBytes(file);
      for (int at = 0; at < bytes.length; at++) {
        var turned = bytes.clone();
        turned[at] ^= 4;
        Files.write(file, turned);
        try (var after = open()) {
          int found = 0;
          for (int i = 0; i < 25; i++) {
            var id = after.find(key(i));
            assertThat(id.orElse(i)).isEqualTo(i);
            found += id.isPresent() ? 1 : 0;
          }
          assertThat(found).isGreaterThanOrEqualTo(24);
        }
        Files.write(file, bytes);
      }
      Files.write(file, Arrays.copyOf(bytes, bytes.length - 1));
      try (var after = open()) {
        after.keep(key(99), 99, timer.now());
      }
      try (var after = open()) {
        assertThat(after.find(key(99))).isPresent();
      }
      Files.write(file, bytes);
    }
  }

  /** The way of a key from the log to its file, with a crash at each of the log's segments. */
  @Test
  void noCrashForgetsAKey() throws IOException {
    var queue = directory.resolve("queue");
    var added = new LinkedHashMap<String, String>();
    var copies = new ArrayList<Path>();
    try (var store = Logs.open(queue, timer, 8 * 1024, disk)) {
      for (int i = 0; i < 200; i++) {
        var message =
            message(store, "Subject: filler\r\n\r\n" + "x".repeat(1000), START, "a.example");
        var id = Mail.await(Mail.addLater(store, message.withIdempotencyKey("order " + i)));
        added.put("order " + i, id);
        Mail.await(() -> !store.destinations().isEmpty());
        store.settle(
            store.claim(ZONE, "a.example", 1, Duration.ofMinutes(1)).getFirst(),
            List.of(new RecipientResult.Delivered(SmtpReply.of(250, "2.0.0", "Ok"))));
        if (i % 50 == 49) {
          copies.add(Logs.copy(queue));
        }
      }
    }
    copies.add(queue);
    assertThat(Logs.segments(queue).size()).as("segments have gone").isLessThan(15);
    int known = 50;
    for (var copy : copies) {
      for (var withIndex : List.of(true, false)) {
        if (!withIndex) {
          Files.deleteIfExists(copy.resolve(IndexFile.NAME));
        }
        try (var after = Logs.open(copy, timer, 8 * 1024, disk)) {
          for (var entry : added.entrySet().stream().limit(known).toList()) {
            var again =
                message(after, "again", START, "b.example").withIdempotencyKey(entry.getKey());
            assertThat(Mail.await(Mail.addLater(after, again))).isEqualTo(entry.getValue());
          }
        }
      }
      known = Math.min(200, known + 50);
    }
  }
}
