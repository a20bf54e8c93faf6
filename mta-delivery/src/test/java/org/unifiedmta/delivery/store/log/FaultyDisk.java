package org.unifiedmta.delivery.store.log;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

/** The machine's file system without its syncs, failing as it is told to. */
final class FaultyDisk implements Disk {
  private final Disk disk = new FileDisk();
  volatile boolean forceFails;
  volatile boolean writeFails;
  volatile boolean full;
  volatile Free free = new Free(1_000_000, 1_000_000);
  volatile CountDownLatch forceWaitsFor = new CountDownLatch(0);
  volatile int forces;
  volatile int waiting;

  /** Runs before a segment is given back, on the log's writer. */
  volatile Runnable beforeRenaming = () -> {};

  @Override
  public Handle open(Path file) throws IOException {
    return new FaultyHandle(file, disk.open(file));
  }

  @Override
  public Handle create(Path file) throws IOException {
    if (full) {
      throw new IOException("No space left on device");
    }
    return new FaultyHandle(file, disk.create(file));
  }

  @Override
  public Free free(Path directory) {
    return free;
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    if (from.toString().endsWith(Segment.SUFFIX)) {
      beforeRenaming.run();
    }
    disk.rename(from, to);
  }

  @Override
  public boolean delete(Path file) throws IOException {
    return disk.delete(file);
  }

  @Override
  public void forceDirectory(Path directory) {}

  private final class FaultyHandle implements Handle {
    private final Handle file;
    private final boolean isSegment;

    FaultyHandle(Path path, Handle file) {
      this.isSegment = path.toString().endsWith(Segment.SUFFIX);
      this.file = file;
    }

    @Override
    public void read(ByteBuffer into, long position) throws IOException {
      file.read(into, position);
    }

    @Override
    public void write(ByteBuffer bytes, long position) throws IOException {
      if (writeFails) {
        throw new IOException("Input/output error");
      }
      file.write(bytes, position);
    }

    @Override
    public void force() throws IOException {
      if (!isSegment) {
        return;
      }
      waiting++; // by the log's one writer
      try {
        forceWaitsFor.await();
      } catch (InterruptedException e) {
        throw new IOException(e);
      } finally {
        waiting--;
      }
      if (forceFails) {
        throw new IOException("Input/output error");
      }
      forces++;
    }

    @Override
    public void truncate(long size) throws IOException {
      file.truncate(size);
    }

    @Override
    public long size() throws IOException {
      return file.size();
    }

    @Override
    public void close() {
      file.close();
    }
  }
}
