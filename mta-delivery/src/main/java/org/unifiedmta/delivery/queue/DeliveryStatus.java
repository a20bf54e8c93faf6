package org.unifiedmta.delivery.queue;

/** Where a recipient's mail stands. */
public enum DeliveryStatus {
  /** Waits for its first attempt. */
  PENDING,
  /** An attempt is under way. */
  PROCESSING,
  DELIVERED,
  /** Was tried, and will be again. */
  DEFERRED,
  /** Waits until somebody releases it. */
  HELD,
  /** Will not be tried again; its sender has been told, or is about to be. */
  FAILED,
  CANCELLED
}
