package org.unifiedmta.delivery.queue;

import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.InsufficientStorageException;
import org.unifiedmta.core.spool.Spool;
import org.unifiedmta.core.spool.SpoolWriter;
import org.unifiedmta.core.spool.SpooledMessage;

/** Bodies in memory, up to a limit for all of them. */
final class MemorySpool implements Spool {
  private final long limit;
  private final AtomicLong used = new AtomicLong();

  MemorySpool(long limit) {
    this.limit = limit;
  }

  boolean isFull() {
    return used.get() + Blocks.BLOCK > limit;
  }

  @Override
  public SpoolWriter open(long announcedSize) {
    if (isFull() || announcedSize > limit - used.get()) {
      throw noRoom();
    }
    return new Writer();
  }

  private InsufficientStorageException noRoom() {
    return new InsufficientStorageException(
        "the mail in memory has reached its limit of " + limit + " octets");
  }

  private boolean reserve(long octets) {
    if (used.addAndGet(octets) <= limit) {
      return true;
    }
    used.addAndGet(-octets);
    return false;
  }

  private final class Writer implements SpoolWriter {
    private final Blocks blocks = new Blocks();
    private final HeaderSection.Collector header = new HeaderSection.Collector();
    private boolean failed;
    private boolean over;

    @Override
    public void write(ByteBuffer bytes) {
      header.write(bytes);
      while (bytes.hasRemaining() && !failed) {
        if (blocks.size() == blocks.capacity()) {
          failed = !reserve(blocks.growth());
          if (failed) {
            break;
          }
          blocks.grow();
        }
        blocks.put(bytes);
      }
      bytes.position(bytes.limit());
    }

    @Override
    public @Nullable HeaderSection header() {
      return header.beforeBlankLine();
    }

    @Override
    public boolean isWritable() {
      return true;
    }

    @Override
    public void onWritable(Runnable resume) {
      resume.run();
    }

    @Override
    public SpooledMessage finish() {
      if (failed) {
        close();
        throw noRoom();
      }
      over = true;
      return new Message(new Body(blocks, header.section()), Edits.NONE);
    }

    @Override
    public void close() {
      if (!over) {
        over = true;
        used.addAndGet(-blocks.capacity());
      }
    }
  }

  /** The bytes that a message and its edited versions share. */
  private static final class Body {
    final Blocks blocks;
    final HeaderSection header;
    final AtomicBoolean owned = new AtomicBoolean(true);

    Body(Blocks blocks, HeaderSection header) {
      this.blocks = blocks;
      this.header = header;
    }
  }

  final class Message implements SpooledMessage {
    private final Body body;
    private final Edits edits;

    private Message(Body body, Edits edits) {
      this.body = body;
      this.edits = edits;
    }

    boolean isOf(MemorySpool spool) {
      return spool == MemorySpool.this;
    }

    /** False if it was closed or taken before. */
    boolean take() {
      return body.owned.compareAndSet(true, false);
    }

    /** Gives back the room of a message that was taken. */
    void free() {
      used.addAndGet(-body.blocks.capacity());
    }

    @Override
    public HeaderSection header() {
      return body.header;
    }

    @Override
    public SpooledMessage edited(byte[] prefix, List<Cut> cuts) {
      return new Message(body, new Edits(prefix, cuts).within(body.blocks.size()));
    }

    @Override
    public InputStream open() {
      return edits.applyTo(body.blocks.open());
    }

    @Override
    public long size() {
      return edits.sizeOf(body.blocks.size());
    }

    @Override
    public void close() {
      if (take()) {
        free();
      }
    }
  }
}
