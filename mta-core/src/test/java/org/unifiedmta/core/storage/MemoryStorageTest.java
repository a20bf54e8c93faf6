package org.unifiedmta.core.storage;

class MemoryStorageTest extends StorageContract {

  @Override
  StorageManager storage() {
    return StorageManager.inMemory();
  }
}
