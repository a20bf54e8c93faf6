package org.unifiedmta.delivery.queue;

import java.time.Instant;
import java.util.List;

/**
 * The right to try some rows of one message, all of one destination, until a time. Not settled by
 * then, the rows may be claimed again.
 *
 * @param id of the message
 * @param rows the rows' numbers, ascending
 */
public record Lease(String id, List<Integer> rows, Instant until) {
  public Lease {
    rows = List.copyOf(rows);
  }
}
