package org.unifiedmta.delivery.store.log;

import org.jspecify.annotations.Nullable;

/**
 * Where a message is in the log. A message that is moved gets another one of these when its move
 * enters the log's queue: what is said of it before speaks of the old place, what is said
 * afterwards of the new one. The place changes when the copy is on stable storage.
 */
final class Stored {
  private volatile Place place;
  private @Nullable Segment target;

  Stored(Place place) {
    this.place = place;
  }

  /** Where it can be read; to be held, under the index's lock, by who will. */
  Place place() {
    return place;
  }

  /** The same, held; under the index's lock. */
  Place hold() {
    var here = place;
    here.hold();
    return here;
  }

  /** The copy has its place in the log, or, with null, will have none. Writer only. */
  void target(@Nullable Segment segment) {
    target = segment;
  }

  /** The copy is on stable storage. Writer only, under the index's lock. */
  void moved(Place to) {
    place = to;
    target = null;
  }

  /** The segment that a record speaks of which says something of this message. Writer only. */
  Segment spokenOf() {
    return target == null ? place.segment() : target;
  }
}
