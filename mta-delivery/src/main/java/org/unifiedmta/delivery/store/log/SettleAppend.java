package org.unifiedmta.delivery.store.log;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.delivery.queue.MessageIds;
import org.unifiedmta.delivery.queue.QueueIndex;

/** What became of some rows, on its way into the log. Lost, it means a second attempt at most. */
final class SettleAppend extends Append {
  private static final Logger log = LoggerFactory.getLogger(SettleAppend.class);

  private final QueueIndex.Change<Stored> change;
  private final Space space;
  private final @Nullable CompletableFuture<Void> written;
  private final Payload payload;

  /**
   * @param written for who waits until this process need not live any more for it, or null
   */
  SettleAppend(
      QueueIndex.Change<Stored> change, Space space, @Nullable CompletableFuture<Void> written) {
    super(Format.SETTLE, Urgency.SOON);
    this.change = change;
    this.space = space;
    this.written = written;
    this.payload =
        Payload.of(List.of(Records.settled(new Records.Settled(change.id(), change.rows()))));
  }

  @Override
  Payload payload() {
    return payload;
  }

  @Override
  void placed(Segment segment, int offset, int length) {
    var spokenOf = change.location().spokenOf();
    if (spokenOf != segment) {
      segment.speaksOf.add(spokenOf.sequence);
    }
  }

  @Override
  void written() {
    if (written != null) {
      written.complete(null);
    }
  }

  @Override
  void synced() {
    if (change.ended()) {
      space.ended(change.id(), change.location().place());
    }
  }

  @Override
  void failed(Throwable why) {
    if (written != null) {
      written.completeExceptionally(why);
    }
    log.warn(
        "what became of message {} could not be written; after a restart it is tried again: {}",
        MessageIds.text(change.id()),
        why.toString());
  }
}
