package org.unifiedmta.delivery.store.log;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.delivery.queue.QueueIndex;

/** Which messages of a segment are left, on its way into the log. */
final class CensusAppend extends Append {
  private final Segment counted;
  private final QueueIndex<Stored> index;
  private final Space space;
  private @Nullable Segment in;

  CensusAppend(Segment counted, QueueIndex<Stored> index, Space space) {
    super(Format.CENSUS, Urgency.SOON);
    this.counted = counted;
    this.index = index;
    this.space = space;
  }

  /** Taken when its place in the log is reached: what comes later there may change it again. */
  @Override
  Payload payload() {
    var left =
        counted.messages.stream()
            .flatMap(id -> index.states(id).map(rows -> new Records.Settled(id, rows)).stream())
            .toList();
    return Payload.of(List.of(Records.census(new Records.Census(counted.sequence, left))));
  }

  @Override
  void placed(Segment segment, int offset, int length) {
    in = segment;
    segment.speaksOf.add(counted.sequence);
  }

  @Override
  void synced() {
    space.counted(counted, in);
  }

  @Override
  void failed(Throwable why) {
    space.counted(counted, null);
  }
}
