package org.unifiedmta.examples.benchmark;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.CRC32C;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;
import org.jspecify.annotations.Nullable;

/** What the durable queue is measured against; each as good as it gets with little code. */
final class QueueRivals {
  private QueueRivals() {}

  static int drain(InputStream in) throws IOException {
    var block = new byte[16 * 1024];
    int size = 0;
    for (int n = in.read(block); n >= 0; n = in.read(block)) {
      size += n;
    }
    return size;
  }

  /** One thread writes what waits and syncs once for all. */
  private abstract static class GroupCommit implements QueueLoad.Kept {

    /**
     * A change.
     *
     * @param body null to take it out
     */
    record Change(long id, byte @Nullable [] body, CompletableFuture<Void> done) {}

    private static final Change END = new Change(-1, null, new CompletableFuture<>());

    private final LinkedBlockingQueue<Change> waiting = new LinkedBlockingQueue<>();
    private final Thread writer = new Thread(this::run, "writer");

    void start() {
      writer.start();
    }

    abstract void write(List<Change> changes) throws Exception;

    abstract void sync() throws Exception;

    abstract void closeFiles() throws Exception;

    private void run() {
      var changes = new ArrayList<Change>();
      boolean ends = false;
      while (!ends) {
        changes.clear();
        try {
          changes.add(waiting.take());
          waiting.drainTo(changes);
          ends = changes.remove(END);
          write(changes);
          if (changes.stream().anyMatch(change -> change.body != null)) {
            sync();
          }
          changes.forEach(change -> change.done.complete(null));
        } catch (Exception e) {
          changes.forEach(change -> change.done.completeExceptionally(e));
        }
      }
    }

    @Override
    public void add(long id, byte[] body) throws IOException {
      var done = new CompletableFuture<Void>();
      waiting.add(new Change(id, body, done));
      try {
        done.join();
      } catch (CompletionException e) {
        throw new IOException(e.getCause());
      }
    }

    void remove(long id) {
      waiting.add(new Change(id, null, new CompletableFuture<>()));
    }

    @Override
    public void close() throws IOException {
      waiting.add(END);
      try {
        writer.join();
        closeFiles();
      } catch (Exception e) {
        throw new IOException(e);
      }
    }
  }

  /**
   * Records with a checksum in files that were written full of zeros before, and are used again.
   */
  static final class BareLog extends GroupCommit {
    private static final int SEGMENT = 64 << 20;
    private static final int HEADER = 20;
    private static final byte[] TOMBSTONE = new byte[20];

    private static final class Segment {
      final FileChannel file;
      final AtomicInteger live = new AtomicInteger(1); // one while it is written

      Segment(FileChannel file) {
        this.file = file;
      }
    }

    private record Place(Segment segment, int offset, int length) {}

    private final Path directory;
    private final ConcurrentHashMap<Long, Place> places = new ConcurrentHashMap<>();
    private final LinkedBlockingQueue<FileChannel> dead = new LinkedBlockingQueue<>();
    private final SynchronousQueue<FileChannel> prepared = new SynchronousQueue<>();
    private final List<FileChannel> all = new ArrayList<>();
    private final Thread preparer = new Thread(this::prepare, "preparer");
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20);
    private Segment active;
    private int writtenTo;

    BareLog(Path directory) throws IOException {
      this.directory = directory;
      active = new Segment(create());
      preparer.start();
      start();
    }

    private FileChannel create() throws IOException {
      var file = FileChannel.open(directory.resolve("s" + all.size()), CREATE_NEW, READ, WRITE);
      all.add(file);
      var zeros = ByteBuffer.allocateDirect(256 * 1024);
      for (int at = 0; at < SEGMENT; at += zeros.capacity()) {
        zeros.clear();
        file.write(zeros, at);
      }
      file.force(true);
      return file;
    }

    private void prepare() {
      try {
        while (true) {
          var used = dead.poll();
          prepared.put(used == null ? create() : used);
        }
      } catch (InterruptedException | ClosedByInterruptException e) {
        Thread.currentThread().interrupt(); // the end
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    void write(List<Change> changes) throws IOException, InterruptedException {
      var read = new ArrayList<Runnable>();
      for (var change : changes) {
        var body = change.body() == null ? TOMBSTONE : change.body();
        int length = HEADER + body.length;
        if (writtenTo + buffer.position() + length > SEGMENT) {
          flush();
          active.file.force(false);
          drop(active);
          active = new Segment(prepared.take());
          writtenTo = 0;
        }
        if (buffer.remaining() < length) {
          flush();
        }
        if (change.body() != null) {
          var place = new Place(active, writtenTo + buffer.position() + HEADER, body.length);
          active.live.incrementAndGet();
          places.put(change.id(), place);
        } else {
          read.add(() -> {
            var gone = places.remove(change.id());
            if (gone != null) {
              drop(gone.segment);
            }
          });
        }
        var crc = new CRC32C();
        crc.update(body);
        buffer.putLong(change.id()).putInt(length).putLong(crc.getValue()).put(body);
      }
      flush();
      read.forEach(Runnable::run);
    }

    private void drop(Segment segment) {
      if (segment.live.decrementAndGet() == 0) {
        dead.add(segment.file);
      }
    }

    private void flush() throws IOException {
      buffer.flip();
      while (buffer.hasRemaining()) {
        writtenTo += active.file.write(buffer, writtenTo);
      }
      buffer.clear();
    }

    @Override
    void sync() throws IOException {
      active.file.force(false);
    }

    @Override
    public int take(long id) throws IOException {
      var place = places.get(id);
      if (place == null) {
        throw new IOException("no message " + id);
      }
      var body = ByteBuffer.allocate(place.length);
      int n = place.segment.file.read(body, place.offset);
      remove(id);
      return n;
    }

    @Override
    void closeFiles() throws IOException, InterruptedException {
      preparer.interrupt();
      preparer.join();
      for (var file : all) {
        file.close();
      }
    }
  }

  /** A sorted map in a file. */
  static final class Mv extends GroupCommit {
    private final MVStore store;
    private final MVMap<Long, byte[]> messages;

    Mv(Path directory) {
      store =
          new MVStore.Builder()
              .fileName(directory.resolve("store.mv").toString())
              .autoCommitDisabled()
              .open();
      store.setVersionsToKeep(0);
      messages = store.openMap("messages");
      start();
    }

    @Override
    void write(List<Change> changes) {
      for (var change : changes) {
        if (change.body() == null) {
          messages.remove(change.id());
        } else {
          messages.put(change.id(), change.body());
        }
      }
    }

    @Override
    void sync() {
      store.commit();
      store.sync();
    }

    @Override
    public int take(long id) {
      var body = messages.get(id);
      remove(id);
      return body == null ? -1 : body.length;
    }

    @Override
    void closeFiles() {
      store.close();
    }
  }

  /** A table, with a write-ahead log. */
  static final class Sqlite extends GroupCommit {
    private final Connection writing;
    private final Connection reading;
    private final PreparedStatement insert;
    private final PreparedStatement delete;
    private final PreparedStatement select;

    private Sqlite(Connection writing, Connection reading) throws SQLException {
      this.writing = writing;
      this.reading = reading;
      try (var statement = writing.createStatement()) {
        statement.execute("PRAGMA journal_mode=WAL");
        statement.execute("PRAGMA synchronous=FULL");
        statement.execute("CREATE TABLE m (id INTEGER PRIMARY KEY, body BLOB)");
      }
      writing.setAutoCommit(false);
      insert = writing.prepareStatement("INSERT INTO m VALUES (?, ?)");
      delete = writing.prepareStatement("DELETE FROM m WHERE id = ?");
      select = reading.prepareStatement("SELECT body FROM m WHERE id = ?");
      start();
    }

    /** Null where there is no driver. */
    static @Nullable Sqlite open(Path directory) throws IOException {
      var url = "jdbc:sqlite:" + directory.resolve("store.db");
      try {
        DriverManager.getDriver(url);
      } catch (SQLException e) {
        return null;
      }
      try {
        return new Sqlite(DriverManager.getConnection(url), DriverManager.getConnection(url));
      } catch (SQLException e) {
        throw new IOException(e);
      }
    }

    @Override
    void write(List<Change> changes) throws SQLException {
      for (var change : changes) {
        var statement = change.body() == null ? delete : insert;
        statement.setLong(1, change.id());
        if (change.body() != null) {
          statement.setBytes(2, change.body());
        }
        statement.executeUpdate();
      }
    }

    @Override
    void sync() throws SQLException {
      writing.commit();
    }

    @Override
    public int take(long id) throws IOException {
      try {
        select.setLong(1, id);
        try (var found = select.executeQuery()) {
          int size = found.next() ? found.getBytes(1).length : -1;
          remove(id);
          return size;
        }
      } catch (SQLException e) {
        throw new IOException(e);
      }
    }

    @Override
    void closeFiles() throws SQLException {
      writing.commit();
      writing.close();
      reading.close();
    }
  }

  /** A file for each message, synced before it gets its name, and the directory afterwards. */
  static final class Fsynced implements QueueLoad.Kept {
    private final Path directory;

    Fsynced(Path directory) {
      this.directory = directory;
    }

    @Override
    public void add(long id, byte[] body) throws IOException {
      var unfinished = directory.resolve(id + ".tmp");
      try (var file = FileChannel.open(unfinished, CREATE_NEW, WRITE)) {
        file.write(ByteBuffer.wrap(body));
        file.force(true);
      }
      Files.move(unfinished, directory.resolve(Long.toString(id)));
      try (var names = FileChannel.open(directory, READ)) {
        names.force(true);
      }
    }

    @Override
    public int take(long id) throws IOException {
      var file = directory.resolve(Long.toString(id));
      int size = Files.readAllBytes(file).length;
      Files.delete(file);
      return size;
    }

    @Override
    public void close() {}
  }
}
