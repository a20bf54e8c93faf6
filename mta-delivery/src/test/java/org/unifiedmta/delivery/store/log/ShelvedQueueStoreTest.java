package org.unifiedmta.delivery.store.log;

/** The contract, with an index that puts aside whatever it can. */
class ShelvedQueueStoreTest extends LogQueueStoreTest {

  @Override
  int rowsInMemory() {
    return 0;
  }
}
