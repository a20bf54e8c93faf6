package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.zip.CRC32C;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;
import org.h2.mvstore.type.ByteArrayDataType;
import org.h2.mvstore.type.LongDataType;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.delivery.queue.Shelf;

/**
 * The part of the index that is on the disk: a file of sorted maps, written at checkpoints together
 * with the log's position. It can be made anew from the log; so when it is opened it is read
 * through, and where a checksum, a sum over all entries, or the log itself disagrees, it is thrown
 * away.
 */
final class IndexFile implements Shelf<Stored> {
  private static final Logger log = LoggerFactory.getLogger(IndexFile.class);
  static final String NAME = "index.mv";
  private static final int OPERATIONS = 1_000; // between two looks at what is not yet written
  private static final int BLOCK = 64 * 1024;

  /** Octets of pages in memory that are not yet written. */
  private static final int UNSAVED =
      (int) Math.clamp(Runtime.getRuntime().maxMemory() / 32, 1 << 20, 32 << 20);

  private static final long CHECKPOINT = 0;

  /** Keys that are sorted in memory at a time. */
  private static final int SORTED =
      (int) Math.min(4_000_000, Runtime.getRuntime().maxMemory() / 256);

  /** A change of what is due. */
  private record Operation(Due due, boolean adds) {}

  /** A message with its value, or without for one that is no more. */
  private record Change(long id, byte @Nullable [] value) {}

  /** The maps; opened together. */
  private record Maps(
      MVStore store,
      MVMap<Long, byte[]> messages,
      MVMap<Long, byte[]> destinations,
      MVMap<Long, byte[]> checkpoints,
      MVMap<Long, byte[]> pending,
      MVMap<Due, Boolean> due) {

    static Maps of(MVStore store) {
      var due =
          new MVMap.Builder<Due, Boolean>()
              .keyType(DueType.KEY)
              .valueType(DueType.NOTHING)
              .singleWriter();
      return new Maps(
          store,
          bytes(store, "messages"),
          bytes(store, "destinations"),
          bytes(store, "checkpoint"),
          bytes(store, "pending"),
          store.openMap("due", due));
    }

    private static MVMap<Long, byte[]> bytes(MVStore store, String name) {
      return store.openMap(
          name,
          new MVMap.Builder<Long, byte[]>()
              .keyType(LongDataType.INSTANCE)
              .valueType(ByteArrayDataType.INSTANCE)
              .singleWriter());
    }
  }

  private final Path file;
  private final Space space;
  private final Places places;
  private Maps maps;
  private final List<Change> changes = new ArrayList<>();
  private final List<Operation> operations = new ArrayList<>();
  private int applied;
  private boolean unsorted;
  private Sums sums = new Sums();
  private @Nullable Position position;
  private @Nullable Position written;
  private volatile Supplier<@Nullable Position> positions = () -> null;
  private volatile LongSupplier highestId = () -> 0;

  /** Opens the file, or makes an empty one. */
  IndexFile(Path directory, Space space) {
    this.file = directory.resolve(NAME);
    this.space = space;
    this.places = new Places(space);
    Maps opened;
    try {
      opened = open();
    } catch (RuntimeException | Error e) {
      opened = openedAnew(e);
    }
    this.maps = opened;
  }

  private Maps open() {
    var opened =
        new MVStore.Builder()
            .fileName(file.toString())
            .autoCommitDisabled()
            .autoCommitBufferSize(0) // a checkpoint is written as a whole
            .cacheSize((int) Math.clamp(Runtime.getRuntime().maxMemory() >> 25, 1, 32))
            .open();
    opened.setVersionsToKeep(0);
    try {
      return Maps.of(opened);
    } catch (RuntimeException | Error e) {
      opened.closeImmediately();
      throw e;
    }
  }

  private Maps openedAnew(Throwable why) {
    log.warn("{} is damaged, and made anew from the log: {}", file, why.toString());
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return open();
  }

  /**
   * Sets who knows up to where the log is on stable storage, and in the index, and the greatest id
   * given out. Until then, what is written cannot be used again.
   */
  void follow(Supplier<@Nullable Position> source, LongSupplier ids) {
    highestId = ids;
    positions = source;
  }

  // ---- from the disk --------------------------------------------------------------------------

  /**
   * From where on the log is to be replayed, when this is as good as the log before; else this is
   * empty now, and null given.
   */
  @Nullable Checkpoint verified() {
    try {
      var checkpoint = read();
      if (checkpoint != null) {
        catchUp();
        verify(checkpoint);
        return checkpoint;
      }
      if (maps.messages.isEmpty() && maps.due.isEmpty() && maps.pending.isEmpty()) {
        return null;
      }
      throw new IllegalArgumentException("it was not finished");
    } catch (RuntimeException | Error e) {
      maps.store.closeImmediately();
      maps = openedAnew(e);
      sums = new Sums();
      return null;
    }
  }

  private @Nullable Checkpoint read() {
    var bytes = maps.checkpoints.get(CHECKPOINT);
    return bytes == null ? null : Checkpoint.read(unsealed(CHECKPOINT, bytes));
  }

  private void verify(Checkpoint checkpoint) {
    int known = 0;
    for (var segment : checkpoint.segments()) {
      var found = space.find(segment.sequence());
      if (found != null) {
        require(found.salt == segment.salt(), "it belongs to another log");
        known++;
      }
    }
    require(known > 0 || checkpoint.segments().isEmpty(), "it speaks of no segment here");
    var names = new HashSet<Long>();
    for (var cursor = maps.destinations.cursor(null); cursor.hasNext(); ) {
      names.add(cursor.next());
      var unused = unsealed(cursor.getKey(), cursor.getValue());
    }
    var counted = new Sums();
    var expected = new Sums();
    long last = Long.MIN_VALUE;
    for (var cursor = maps.messages.cursor(null); cursor.hasNext(); ) {
      long id = cursor.next();
      require(id > last, "its order is broken");
      last = id;
      var message = Places.read(id, unsealed(id, cursor.getValue()));
      counted.count(cursor.getValue());
      for (var row : message.rows()) {
        require(names.contains(row.destination()), "a destination is missing");
      }
      for (var part : message.parts()) {
        boolean gone = space.find(message.segment()) == null;
        require(gone || space.find(part.segment()) != null, "a segment is missing");
      }
      Places.due(id, message.rows()).forEach(expected::add);
    }
    require(
        counted.messages == checkpoint.sums().messages && counted.sum == checkpoint.sums().sum,
        "messages are missing");
    Due before = null;
    for (var cursor = maps.due.cursor(null); cursor.hasNext(); ) {
      var key = cursor.next();
      require(before == null || before.compareTo(key) < 0, "its order is broken");
      before = key;
      counted.add(key);
    }
    require(counted.due == expected.due && counted.dueSum == expected.dueSum, "its maps disagree");
    sums = counted;
  }

  private static void require(boolean good, String otherwise) {
    if (!good) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  @Override
  public List<Long> restore(Shelf.Destinations named, Consumer<Shelved<Stored>> taken) {
    for (var cursor = maps.destinations.cursor(null); cursor.hasNext(); ) {
      long number = cursor.next();
      var in = new Fields.Reader(unsealed(number, cursor.getValue()));
      var zone = "";
      var name = "";
      int priority = 0;
      while (in.next()) {
        switch (in.tag()) {
          case 1 -> zone = in.text();
          case 2 -> name = in.text();
          case 3 -> priority = in.signed();
          default -> {}
        }
      }
      named.take(number, zone.intern(), name, priority);
    }
    var ended = new ArrayList<Long>();
    for (var cursor = maps.messages.cursor(null); cursor.hasNext(); ) {
      long id = cursor.next();
      var message = placed(id, cursor.getValue());
      if (message == null) {
        ended.add(id); // a segment goes only when nothing in it is alive
      } else {
        var place = message.location().place();
        place.hold();
        space.began(id, place);
        taken.accept(message);
      }
    }
    return ended;
  }

  /** The greatest id here. */
  long lastId() {
    var last = maps.messages.lastKey();
    return last == null ? 0 : last;
  }

  // ---- to be asked ----------------------------------------------------------------------------

  @Override
  public void leaveUnsorted() {
    unsorted = true;
  }

  @Override
  public void sort(SortedMap<Long, Integer> counts, Consumer<Due> taken) {
    unsorted = false;
    maps.due.clear();
    long from = Long.MIN_VALUE;
    long keys = 0;
    for (var count : counts.entrySet()) {
      if (keys > 0 && keys + count.getValue() > SORTED) {
        sort(from, count.getKey(), taken);
        from = count.getKey();
        keys = 0;
      }
      keys += count.getValue();
    }
    sort(from, Long.MAX_VALUE, taken);
  }

  /** What is due for some of the destinations. */
  private void sort(long from, long before, Consumer<Due> taken) {
    var keys = new ArrayList<Due>();
    for (var cursor = maps.messages.cursor(null); cursor.hasNext(); ) {
      long id = cursor.next();
      for (var key : Places.due(id, Places.read(id, unsealed(id, cursor.getValue())).rows())) {
        if (key.destination() >= from && key.destination() < before) {
          keys.add(key);
        }
      }
    }
    keys.sort(Comparator.naturalOrder());
    for (int i = 0; i < keys.size(); i++) {
      maps.due.append(keys.get(i), true);
      taken.accept(keys.get(i));
      commitIfLarge();
    }
    maps.store.commit();
  }

  @Override
  public @Nullable Shelved<Stored> find(long id) {
    var bytes = maps.messages.get(id);
    return bytes == null ? null : placed(id, bytes);
  }

  private @Nullable Shelved<Stored> placed(long id, byte[] bytes) {
    return places.placed(Places.read(id, unsealed(id, bytes)));
  }

  @Override
  public List<Due> due(Due from, int limit) {
    var found = new ArrayList<Due>();
    var cursor = maps.due.cursor(from, new Due(from.destination() + 1, Long.MIN_VALUE, 0), false);
    while (found.size() < limit && cursor.hasNext()) {
      var next = cursor.next();
      if (next.destination() != from.destination()) {
        break;
      }
      found.add(next);
    }
    return found;
  }

  @Override
  public List<Shelved<Stored>> list(long after, int limit) {
    var found = new ArrayList<Shelved<Stored>>();
    var cursor = maps.messages.cursor(after + 1);
    while (found.size() < limit && cursor.hasNext()) {
      long id = cursor.next();
      var message = placed(id, cursor.getValue());
      if (message != null) {
        found.add(message);
      }
    }
    return found;
  }

  // ---- to the disk ----------------------------------------------------------------------------

  @Override
  public void begin() {
    position = positions.get();
    changes.clear();
    operations.clear();
    applied = -1;
  }

  @Override
  public void name(long destination, String zone, String name, int priority) {
    var fields = new Fields().text(1, zone).text(2, name).signed(3, priority);
    maps.destinations.put(destination, sealed(destination, fields.buffer()));
  }

  @Override
  public void forget(long destination) {
    maps.destinations.remove(destination);
  }

  @Override
  public void put(Shelved<Stored> message, boolean isNew) {
    var before = isNew ? Set.<Due>of() : takenOut(message.id());
    var now = unsorted ? Set.<Due>of() : Places.due(message.id(), message.rows());
    for (var key : before) {
      if (!now.contains(key)) {
        operations.add(new Operation(key, false));
      }
    }
    for (var key : now) {
      if (!before.contains(key)) {
        operations.add(new Operation(key, true));
      }
    }
    var bytes = sealed(message.id(), places.write(message));
    changes.add(new Change(message.id(), bytes));
    sums.count(bytes);
  }

  /** What followed from what is here of a message, which is not counted any more. */
  private Set<Due> takenOut(long id) {
    var bytes = maps.messages.get(id);
    if (bytes == null) {
      return Set.of();
    }
    sums.uncount(bytes);
    if (unsorted) {
      return Set.of();
    }
    return Places.due(id, Places.read(id, unsealed(id, bytes)).rows());
  }

  @Override
  public void remove(long id) {
    takenOut(id).forEach(key -> operations.add(new Operation(key, false)));
    changes.add(new Change(id, null));
  }

  /**
   * All changes are first written one behind the other, with the checkpoint that they lead to, and
   * then made a few at a time: a crash in between finds what is left to do. All at once would be
   * more than fits into memory where they are all over the maps.
   */
  @Override
  public boolean advance(BooleanSupplier isEnough) {
    if (applied < 0) {
      operations.sort((a, b) -> a.due.compareTo(b.due));
      applied = 0;
      if (position != null && !isUnchanged()) {
        writePending();
      }
    }
    int all = changes.size() + operations.size();
    while (applied < all) {
      int next = applied++;
      if (next < changes.size()) {
        make(changes.get(next));
      } else {
        make(operations.get(next - changes.size()));
      }
      if (next % OPERATIONS == 0) {
        commitIfLarge();
      }
      if (isEnough.getAsBoolean()) {
        break;
      }
    }
    return applied < all;
  }

  private boolean isUnchanged() {
    return changes.isEmpty() && operations.isEmpty() && Objects.equals(position, written);
  }

  private void writePending() {
    long number = 0;
    var fields = new Fields();
    for (var change : changes) {
      fields.nested(1, fieldsOf(change));
      if (fields.size() > BLOCK) {
        maps.pending.put(number, sealed(number++, fields.buffer()));
        fields = new Fields();
      }
    }
    for (var operation : operations) {
      fields.bytes(operation.adds ? 2 : 3, DueType.bytes(operation.due));
      if (fields.size() > BLOCK) {
        maps.pending.put(number, sealed(number++, fields.buffer()));
        fields = new Fields();
      }
    }
    maps.pending.put(number, sealed(number, fields.buffer()));
    var checkpoint = Checkpoint.of(Facts.required(position), highestId.getAsLong(), space, sums);
    maps.checkpoints.put(CHECKPOINT, sealed(CHECKPOINT, checkpoint.write()));
    maps.store.commit();
    maps.store.sync();
  }

  private static Consumer<Fields> fieldsOf(Change change) {
    return fields -> fields.number(1, change.id).bytes(2, change.value);
  }

  /** Makes the changes that a crash has left. */
  private void catchUp() {
    for (var cursor = maps.pending.cursor(null); cursor.hasNext(); ) {
      long number = cursor.next();
      var in = new Fields.Reader(unsealed(number, cursor.getValue()));
      while (in.next()) {
        switch (in.tag()) {
          case 1 -> make(in.nested(IndexFile::changeOf));
          case 2 -> make(new Operation(DueType.due(in.bytes()), true));
          case 3 -> make(new Operation(DueType.due(in.bytes()), false));
          default -> {}
        }
      }
      commitIfLarge();
    }
    maps.pending.clear();
    maps.store.commit();
  }

  private static Change changeOf(Fields.Reader in) {
    long id = 0;
    byte[] value = null;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> id = in.number();
        case 2 -> value = in.bytes();
        default -> {}
      }
    }
    return new Change(id, value);
  }

  private void make(Change change) {
    if (change.value == null) {
      maps.messages.remove(change.id);
    } else {
      maps.messages.put(change.id, change.value);
    }
  }

  private void make(Operation operation) {
    if (operation.adds) {
      maps.due.put(operation.due, true);
    } else {
      maps.due.remove(operation.due);
    }
  }

  private void commitIfLarge() {
    if (maps.store.getUnsavedMemory() > UNSAVED) {
      maps.store.commit();
    }
  }

  @Override
  public void commit() {
    changes.clear();
    operations.clear();
    if (position == null) {
      maps.checkpoints.remove(CHECKPOINT);
      maps.store.commit();
    } else if (!maps.pending.isEmpty()) {
      maps.pending.clear();
      maps.store.commit();
      maps.store.sync();
      boolean unused = maps.store.compact(50, 8 << 20);
    }
    written = position;
  }

  @Override
  public void close(boolean isGood) {
    if (isGood) {
      maps.store.close();
    } else {
      maps.store.closeImmediately();
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        log.error("{} is damaged; delete it", file, e);
      }
    }
  }

  // ---- values ---------------------------------------------------------------------------------

  /** With a checksum of key and value behind. */
  private static byte[] sealed(long key, ByteBuffer value) {
    int length = value.remaining();
    var bytes = new byte[length + 4];
    value.get(bytes, 0, length);
    ByteBuffer.wrap(bytes).putInt(length, crc(key, bytes, length));
    return bytes;
  }

  private static ByteBuffer unsealed(long key, byte[] bytes) {
    int length = bytes.length - 4;
    require(
        length >= 0 && ByteBuffer.wrap(bytes).getInt(length) == crc(key, bytes, length),
        "a value is damaged");
    return ByteBuffer.wrap(bytes, 0, length);
  }

  private static int crc(long key, byte[] bytes, int length) {
    var crc = new CRC32C();
    crc.update(ByteBuffer.allocate(8).putLong(key).flip());
    crc.update(bytes, 0, length);
    return (int) crc.getValue();
  }

  /** What all entries sum up to, in any order. */
  static final class Sums {
    long messages;
    long sum;
    long due;
    long dueSum;

    void count(byte[] sealed) {
      messages++;
      sum += seal(sealed);
    }

    void uncount(byte[] sealed) {
      messages--;
      sum -= seal(sealed);
    }

    private static long seal(byte[] sealed) {
      return mixed(ByteBuffer.wrap(sealed).getInt(sealed.length - 4));
    }

    void add(Due key) {
      due++;
      dueSum += mixed(mixed(mixed(key.destination()) + key.due()) + key.id());
    }

    /** Each bit of the number changes about half of the result's. */
    private static long mixed(long number) {
      long z = (number ^ (number >>> 30)) * 0xbf58476d1ce4e5b9L + 0x9e3779b97f4a7c15L;
      z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
      return z ^ (z >>> 31);
    }
  }

  /**
   * What belongs together with the maps.
   *
   * @param position of the log from which on it may say something that is not here
   * @param highestId greatest id given out
   */
  record Checkpoint(Position position, long highestId, Sums sums, List<Known> segments) {

    /** A segment at that time, and those of which it says something. */
    record Known(long sequence, long salt, List<Long> speaksOf) {}

    static Checkpoint of(Position position, long highestId, Space space, Sums sums) {
      var segments = new ArrayList<Known>();
      for (var segment : space.segments()) {
        var speaksOf =
            segment.speaksOf.stream().filter(other -> space.find(other) != null).toList();
        segments.add(new Known(segment.sequence, segment.salt, speaksOf));
      }
      return new Checkpoint(position, highestId, sums, segments);
    }

    ByteBuffer write() {
      var out = new Fields().number(1, position.segment()).number(2, position.offset());
      out.number(3, sums.messages).number(4, sums.sum).number(6, highestId);
      for (var segment : segments) {
        out.nested(
            5,
            fields -> {
              fields.number(1, segment.sequence).number(2, segment.salt);
              segment.speaksOf.forEach(other -> fields.number(3, other));
            });
      }
      return out.buffer();
    }

    static Checkpoint read(ByteBuffer bytes) {
      var in = new Fields.Reader(bytes);
      long segment = 0;
      int offset = 0;
      long highestId = 0;
      var sums = new Sums();
      var segments = new ArrayList<Known>();
      while (in.next()) {
        switch (in.tag()) {
          case 1 -> segment = in.number();
          case 2 -> offset = in.integer();
          case 3 -> sums.messages = in.number();
          case 4 -> sums.sum = in.number();
          case 5 -> segments.add(in.nested(Checkpoint::known));
          case 6 -> highestId = in.number();
          default -> {}
        }
      }
      return new Checkpoint(new Position(segment, offset), highestId, sums, segments);
    }

    private static Known known(Fields.Reader in) {
      long sequence = 0;
      long salt = 0;
      var speaksOf = new ArrayList<Long>();
      while (in.next()) {
        switch (in.tag()) {
          case 1 -> sequence = in.number();
          case 2 -> salt = in.number();
          case 3 -> speaksOf.add(in.number());
          default -> {}
        }
      }
      return new Known(sequence, salt, speaksOf);
    }
  }
}
