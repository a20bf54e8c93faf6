package org.unifiedmta.smtp.server;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.InsufficientStorageException;
import org.unifiedmta.core.spool.Spool;
import org.unifiedmta.core.spool.SpoolWriter;
import org.unifiedmta.core.spool.SpooledMessage;

/** A spool in memory that can be full, fall behind, and counts what is open. */
final class HeapSpool implements Spool {
  final AtomicInteger open = new AtomicInteger();
  volatile boolean full;
  volatile boolean fullAtTheEnd;
  volatile boolean behind;
  volatile int largestWrite;
  private volatile @Nullable Runnable resume;

  @Override
  public SpoolWriter open(long announcedSize) {
    if (full) {
      throw new InsufficientStorageException("full");
    }
    open.incrementAndGet();
    return new Writer();
  }

  /** Whether a writer waits until it may go on. */
  boolean isAwaited() {
    return resume != null;
  }

  void catchUp() {
    behind = false;
    var waiting = resume;
    resume = null;
    if (waiting != null) {
      waiting.run();
    }
  }

  private final class Writer implements SpoolWriter {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final HeaderSection.Collector header = new HeaderSection.Collector();
    private boolean done;

    @Override
    public void write(ByteBuffer in) {
      if (done) {
        throw new IllegalStateException("written behind its end");
      }
      largestWrite = Math.max(largestWrite, in.remaining());
      header.write(in);
      while (in.hasRemaining()) {
        bytes.write(in.get());
      }
    }

    @Override
    public @Nullable HeaderSection header() {
      return header.beforeBlankLine();
    }

    @Override
    public boolean isWritable() {
      return !behind;
    }

    @Override
    public void onWritable(Runnable task) {
      resume = task;
      if (!behind) {
        catchUp();
      }
    }

    @Override
    public SpooledMessage finish() {
      close();
      if (fullAtTheEnd) {
        throw new InsufficientStorageException("full");
      }
      open.incrementAndGet();
      return new Message(bytes.toByteArray());
    }

    @Override
    public void close() {
      if (!done) {
        done = true;
        open.decrementAndGet();
      }
    }
  }

  final class Message implements SpooledMessage {
    private final byte[] bytes;
    private boolean closed;

    private Message(byte[] bytes) {
      this.bytes = bytes;
    }

    String text() {
      return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    @Override
    public HeaderSection header() {
      return HeaderSection.of(bytes);
    }

    @Override
    public SpooledMessage edited(byte[] prefix, List<Cut> cuts) {
      throw new UnsupportedOperationException();
    }

    @Override
    public InputStream open() {
      return new ByteArrayInputStream(bytes);
    }

    @Override
    public long size() {
      return bytes.length;
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        open.decrementAndGet();
      }
    }
  }
}
