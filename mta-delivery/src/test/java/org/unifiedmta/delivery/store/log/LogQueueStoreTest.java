package org.unifiedmta.delivery.store.log;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.metrics.Metrics;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.QueueStore;
import org.unifiedmta.delivery.queue.QueueStoreContract;

/** The contract, with small segments so that mail crosses them; reopened means restarted. */
class LogQueueStoreTest extends QueueStoreContract {
  @TempDir Path directory;
  private final Map<QueueStore, Path> places = new HashMap<>();
  private final List<QueueStore> opened = new ArrayList<>();

  int rowsInMemory() {
    return 10_000;
  }

  @Override
  protected QueueStore create(Timer timer) {
    return open(directory.resolve("queue" + places.size()), timer, 4 << 20);
  }

  @Override
  protected QueueStore createSmall(Timer timer) {
    return open(directory.resolve("queue" + places.size()), timer, 1 << 20);
  }

  @Override
  protected QueueStore reopened(QueueStore open) {
    open.close();
    return open(places.get(open), timer, 4 << 20);
  }

  private QueueStore open(Path place, Timer timer, long bufferMemory) {
    var store =
        LogQueueStore.open(
            place,
            timer,
            Metrics.none(),
            Logs.settings(1 << 20, bufferMemory, rowsInMemory()),
            new FileDisk());
    places.put(store, place);
    opened.add(store);
    return store;
  }

  @AfterEach
  void closeAll() {
    opened.forEach(QueueStore::close);
  }
}
