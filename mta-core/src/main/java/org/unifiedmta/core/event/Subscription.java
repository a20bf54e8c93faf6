package org.unifiedmta.core.event;

/** A listener that hears events until it is closed. */
public interface Subscription extends AutoCloseable {

  /** How many events were dropped because the listener was too slow. */
  long dropped();

  /** No event is delivered after this returns, but for one that is running. */
  @Override
  void close();
}
