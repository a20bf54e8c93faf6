package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.queue.IdempotencyKey;
import org.unifiedmta.delivery.queue.MessageIds;
import org.unifiedmta.delivery.queue.NewMessage;
import org.unifiedmta.delivery.queue.QueueIndex;
import org.unifiedmta.delivery.queue.RowState;

/**
 * Copies what is readable of a damaged queue into a new one. Nothing of the old one is changed. A
 * message comes over as a whole or not at all, with its id, its rows and their history as far as
 * that is readable; where it was damaged that a message had been delivered, it comes over too, and
 * is delivered again. Idempotency keys come over whose messages are here or were seen to end: what
 * is lost can be submitted again. Needs memory for all recipients at once, about 200 octets for
 * each.
 */
public final class Salvage {
  private static final int PAGE = 256;
  private static final int BLOCK = 64 * 1024;

  /**
   * What came of it.
   *
   * @param messages copied
   * @param losses what is not readable, with file and offset, in the order of the log
   */
  public record Result(int messages, List<String> losses) {
    public Result {
      losses = List.copyOf(losses);
    }
  }

  private final Path from;
  private final Disk disk;
  private final LogQueueStore to;
  private final Space space;
  private final QueueIndex<Stored> index;
  private final Replay replay;
  private final List<String> losses = new ArrayList<>();
  private final Map<Long, Used> keys = new HashMap<>();
  private final Set<Long> copied = new HashSet<>();

  private record Used(IdempotencyKey key, Instant at) {}

  private Salvage(Path from, Disk disk, LogQueueStore to, Space space, Timer timer) {
    this.from = from;
    this.disk = disk;
    this.to = to;
    this.space = space;
    this.index = new QueueIndex<>(timer, change -> {});
    this.replay =
        new Replay(space, index, (key, id, at) -> keys.put(id, new Used(key, at)), id -> false);
  }

  /**
   * Copies a queue.
   *
   * @param from directory of the old one, which no process must have open
   * @param to directory of the new one, which is made; there must be nothing in it
   * @throws ConfigException if one of them cannot be used
   */
  public static Result run(Path from, Path to, Timer timer) {
    return run(from, to, timer, Settings.standard(BLOCK * 1024L, 0), new FileDisk());
  }

  static Result run(Path from, Path to, Timer timer, Settings settings, Disk disk) {
    if (Files.exists(to)) {
      throw new ConfigException(
          "what is salvaged goes into a new directory, but " + to + " exists: name another one");
    }
    var lock = QueueDirectory.lockedForReading(from);
    try (var store = LogQueueStore.open(to, timer, Metrics.none(), settings, disk);
        var space = new Space(from, disk, new Spares(from, disk, settings), store.keys(), BLOCK)) {
      return new Salvage(from, disk, store, space, timer).run();
    } catch (IOException e) {
      throw QueueDirectory.unusable(from, e);
    } finally {
      lock.run();
    }
  }

  private Result run() throws IOException {
    for (var path : Recovery.segmentFiles(from)) {
      read(path);
    }
    copyAll();
    keys.forEach((id, used) -> {
      boolean isLost = !copied.contains(id) && index.isThere(id);
      if (!isLost) {
        to.keys().keepAgain(used.key, id, used.at);
      }
    });
    return new Result(copied.size(), losses);
  }

  private void read(Path path) throws IOException {
    var segment = open(path);
    if (segment == null) {
      return;
    }
    space.began(segment);
    var reader = new SegmentReader(segment);
    while (true) {
      while (reader.next()) {
        if (reader.type() == Format.END) {
          return;
        }
        understand(segment, reader);
      }
      int hole = reader.end();
      int next = reader.nextRecord();
      if (next < 0) {
        lost(path, hole, "has no whole record, up to the end");
        return;
      }
      lost(path, hole, "has no whole record, up to offset " + next);
      reader.goOnAt(next);
    }
  }

  private @Nullable Segment open(Path path) throws IOException {
    var file = disk.open(path);
    var start = ByteBuffer.allocate((int) Math.min(file.size(), Format.SEGMENT_HEADER));
    file.read(start, 0);
    var header = Format.segmentHeader(start.flip());
    if (header == null || header.version() != Format.VERSION) {
      lost(path, 0, "has no valid header, so that nothing of it can be trusted");
      file.close();
      return null;
    }
    int size = Math.toIntExact(file.size());
    return new Segment(header.sequence(), header.salt(), path, file, size, false);
  }

  private void understand(Segment segment, SegmentReader reader) throws IOException {
    try {
      replay.apply(segment, reader);
    } catch (RuntimeException e) {
      lost(segment.path, reader.offset(), "cannot be understood (" + e + ")");
    }
  }

  private void lost(Path path, long offset, String what) {
    losses.add(path + " at offset " + offset + " " + what);
  }

  private void copyAll() {
    long after = -1;
    while (after < Long.MAX_VALUE) {
      var page = index.look(after, PAGE, rows -> true, Found::new);
      page.found().forEach(this::copy);
      after = page.last();
    }
  }

  private record Found(Stored stored, List<QueueIndex.RowView> rows) {
    List<RowState> states() {
      return rows.stream().map(row -> withoutHold(row.state())).toList();
    }

    /** What is on hold is shown as that, whatever it was before. */
    private static RowState withoutHold(RowState shown) {
      if (shown.status() != DeliveryStatus.HELD) {
        return shown;
      }
      return shown.shownAs(shown.attempts() > 0 ? DeliveryStatus.DEFERRED : DeliveryStatus.PENDING);
    }
  }

  private void copy(Found found) {
    var place = found.stored.place();
    try {
      var message = place.read();
      var missing = replay.incomplete().get(message.id());
      if (missing != null) {
        throw new IOException(Segment.name(missing.needed()) + " is missing");
      }
      store(message, found.states(), place.open(message.body(), () -> {}));
      copied.add(message.id());
    } catch (IOException | RuntimeException e) {
      var why = e instanceof UncheckedIOException ? e.getCause() : e;
      lost(place.segment().path, place.offset(), "has a message that is damaged: " + why);
    }
  }

  private void store(Records.Message message, List<RowState> states, InputStream body)
      throws IOException {
    var spooled = spooled(message, body);
    var stored = new CompletableFuture<Void>();
    to.add(
        new NewMessage(
                MessageIds.text(message.id()),
                message.envelope(),
                spooled.edited(message.body().edits().prefix(), message.body().edits().cuts()),
                message.rows(),
                message.queuedAt(),
                message.session(),
                message.security(),
                null)
            .withExpires(message.expires())
            .withRetry(message.retry()),
        (id, why) -> {
          if (why == null) {
            to.set(message.id(), states);
            stored.complete(null);
          } else {
            stored.completeExceptionally(why);
          }
        });
    try {
      stored.join();
    } catch (CompletionException e) {
      throw new IOException(e.getCause());
    }
  }

  private SpooledMessage spooled(Records.Message message, InputStream body) throws IOException {
    try (body;
        var writer = to.spool().open(message.body().received())) {
      var block = new byte[BLOCK];
      for (int n = body.read(block); n >= 0; n = body.read(block)) {
        writer.write(ByteBuffer.wrap(block, 0, n));
        if (!writer.isWritable()) {
          var writable = new CompletableFuture<Void>();
          writer.onWritable(() -> writable.complete(null));
          writable.join();
        }
      }
      return writer.finish();
    }
  }
}
