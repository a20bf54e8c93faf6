package org.unifiedmta.delivery.queue;

import org.unifiedmta.core.time.Timer;

class MemoryQueueStoreTest extends QueueStoreContract {

  @Override
  protected QueueStore create(Timer timer) {
    return new MemoryQueueStore(timer);
  }

  @Override
  protected QueueStore createSmall(Timer timer) {
    return new MemoryQueueStore(timer, 1 << 20);
  }

  @Override
  protected QueueStore reopened(QueueStore open) {
    return open;
  }
}
