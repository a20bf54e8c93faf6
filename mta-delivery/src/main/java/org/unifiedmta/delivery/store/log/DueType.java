package org.unifiedmta.delivery.store.log;

import java.nio.ByteBuffer;
import org.h2.mvstore.DataUtils;
import org.h2.mvstore.WriteBuffer;
import org.h2.mvstore.type.BasicDataType;
import org.unifiedmta.delivery.queue.Shelf.Due;

/** Keys of what is due as the file has them: each as its difference from the one before. */
final class DueType extends BasicDataType<Due> {
  static final DueType KEY = new DueType();

  /** The keys say it all. */
  static final BasicDataType<Boolean> NOTHING = new Nothing();

  private static final int MEMORY = 48;

  private DueType() {}

  @Override
  public int getMemory(Due key) {
    return MEMORY;
  }

  @Override
  public int compare(Due a, Due b) {
    return a.compareTo(b);
  }

  @Override
  public Due[] createStorage(int size) {
    return new Due[size];
  }

  @Override
  public void write(WriteBuffer out, Due key) {
    out.putLong(key.destination()).putLong(key.due()).putLong(key.id());
  }

  @Override
  public Due read(ByteBuffer in) {
    return new Due(in.getLong(), in.getLong(), in.getLong());
  }

  static byte[] bytes(Due key) {
    return ByteBuffer.allocate(24)
        .putLong(key.destination())
        .putLong(key.due())
        .putLong(key.id())
        .array();
  }

  static Due due(byte[] bytes) {
    return KEY.read(ByteBuffer.wrap(bytes));
  }

  @Override
  public void write(WriteBuffer out, Object storage, int length) {
    var keys = cast(storage);
    var before = new Due(0, 0, 0);
    for (int i = 0; i < length; i++) {
      var key = keys[i];
      out.putVarLong(zigzag(key.destination() - before.destination()));
      out.putVarLong(zigzag(key.due() - before.due()));
      out.putVarLong(zigzag(key.id() - before.id()));
      before = key;
    }
  }

  @Override
  public void read(ByteBuffer in, Object storage, int length) {
    var keys = cast(storage);
    var before = new Due(0, 0, 0);
    for (int i = 0; i < length; i++) {
      before =
          new Due(
              before.destination() + unzigzag(DataUtils.readVarLong(in)),
              before.due() + unzigzag(DataUtils.readVarLong(in)),
              before.id() + unzigzag(DataUtils.readVarLong(in)));
      keys[i] = before;
    }
  }

  private static long zigzag(long difference) {
    return (difference << 1) ^ (difference >> 63);
  }

  private static long unzigzag(long number) {
    return (number >>> 1) ^ -(number & 1);
  }

  private static final class Nothing extends BasicDataType<Boolean> {
    @Override
    public int getMemory(Boolean value) {
      return 0;
    }

    @Override
    public Boolean[] createStorage(int size) {
      return new Boolean[size];
    }

    @Override
    public void write(WriteBuffer out, Boolean value) {}

    @Override
    public Boolean read(ByteBuffer in) {
      return true;
    }
  }
}
