package org.unifiedmta.delivery.store.log;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The machine's file system. */
final class FileDisk implements Disk {
  private static final Logger log = LoggerFactory.getLogger(FileDisk.class);

  @Override
  public Handle open(Path file) throws IOException {
    return new FileHandle(file, FileChannel.open(file, WRITE));
  }

  @Override
  public Handle create(Path file) throws IOException {
    return new FileHandle(file, FileChannel.open(file, CREATE, TRUNCATE_EXISTING, WRITE));
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  @Override
  public boolean delete(Path file) throws IOException {
    return Files.deleteIfExists(file);
  }

  @Override
  public Free free(Path directory) throws IOException {
    var store = Files.getFileStore(directory);
    return new Free(store.getUsableSpace(), store.getTotalSpace());
  }

  @Override
  public void forceDirectory(Path directory) throws IOException {
    if (File.separatorChar == '\\') {
      return; // it opens no directories, and keeps names by itself
    }
    try (var channel = FileChannel.open(directory, READ)) {
      channel.force(true);
    }
  }

  /** One channel writes; another one reads, since an interrupted reader closes its channel. */
  private static final class FileHandle implements Handle {
    private final Path file;
    private final FileChannel writing;
    private final ReentrantLock opening = new ReentrantLock();
    private volatile FileChannel reading;
    private volatile boolean closed;

    FileHandle(Path file, FileChannel writing) throws IOException {
      this.file = file;
      this.writing = writing;
      this.reading = FileChannel.open(file, READ);
    }

    @Override
    public void read(ByteBuffer into, long position) throws IOException {
      boolean interrupted = false;
      int start = into.position();
      try {
        while (into.hasRemaining()) {
          interrupted |= Thread.interrupted();
          var channel = reading;
          try {
            if (channel.read(into, position + into.position() - start) < 0) {
              return;
            }
          } catch (ClosedChannelException e) {
            reopen(channel);
          }
        }
      } finally {
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }

    /** After an interrupt of this reader, or of another one. */
    @SuppressWarnings("ReferenceEquality") // it is about this very channel
    private void reopen(FileChannel broken) throws IOException {
      opening.lock();
      try {
        if (closed) {
          throw new ClosedChannelException();
        }
        if (reading == broken) {
          reading = FileChannel.open(file, READ);
        }
      } finally {
        opening.unlock();
      }
    }

    @Override
    public void write(ByteBuffer bytes, long position) throws IOException {
      long at = position;
      while (bytes.hasRemaining()) {
        at += writing.write(bytes, at);
      }
    }

    @Override
    public void force() throws IOException {
      writing.force(false);
    }

    @Override
    public void truncate(long size) throws IOException {
      writing.truncate(size);
    }

    @Override
    public long size() throws IOException {
      return writing.size();
    }

    @Override
    public void close() {
      closed = true;
      for (var channel : new FileChannel[] {writing, reading}) {
        try {
          channel.close();
        } catch (IOException e) {
          log.warn("cannot close {}", file, e);
        }
      }
    }
  }
}
