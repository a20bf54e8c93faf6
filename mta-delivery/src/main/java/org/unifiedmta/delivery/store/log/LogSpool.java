package org.unifiedmta.delivery.store.log;

import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.InsufficientStorageException;
import org.unifiedmta.core.spool.Spool;
import org.unifiedmta.core.spool.SpoolWriter;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.delivery.queue.Blocks;
import org.unifiedmta.delivery.queue.Edits;

/**
 * Bodies on their way into the log: small ones are kept whole and become one record with the rest
 * of the message; of large ones, each block goes to the log as soon as it is full.
 */
final class LogSpool implements Spool {
  private final SegmentLog log;
  private final Space space;
  private final Budget budget;
  private final int wholeUpTo;

  LogSpool(SegmentLog log, Space space, Budget budget, int wholeUpTo) {
    this.log = log;
    this.space = space;
    this.budget = budget;
    this.wholeUpTo = wholeUpTo;
  }

  @Override
  public SpoolWriter open(long announcedSize) {
    log.refusal()
        .ifPresent(why -> {
          throw new InsufficientStorageException(why);
        });
    if (!budget.hasRoom(Blocks.BLOCK)) {
      throw new InsufficientStorageException("the memory for messages in transit is used up");
    }
    return new Writer(new LogBody(space, budget, announcedSize), announcedSize > wholeUpTo);
  }

  private final class Writer implements SpoolWriter {
    private final LogBody body;
    private final HeaderSection.Collector header = new HeaderSection.Collector();
    private boolean inChunks;
    private boolean finished;

    Writer(LogBody body, boolean inChunks) {
      this.body = body;
      this.inChunks = inChunks;
    }

    @Override
    public void write(ByteBuffer bytes) {
      header.write(bytes);
      while (bytes.hasRemaining()) {
        var blocks = body.rest();
        if (blocks.size() == blocks.capacity()) {
          blocks = grown(blocks);
        }
        blocks.put(bytes);
      }
    }

    /** Room for more: another block, or the same room again when what was there has left. */
    private Blocks grown(Blocks blocks) {
      inChunks |= blocks.capacity() + blocks.growth() > wholeUpTo;
      if (!inChunks && budget.tryReserve(blocks.growth())) {
        blocks.grow();
        return blocks;
      }
      inChunks = true;
      intoLog(blocks);
      var next = body.rest();
      budget.reserve(Blocks.BLOCK);
      next.grow(Blocks.BLOCK);
      return next;
    }

    private void intoLog(Blocks blocks) {
      if (body.hasFailed()) {
        budget.free(blocks.capacity());
        body.emptyRest();
        return;
      }
      blocks.forEach((block, length) -> {
        var chunk = new Chunk(body, budget, block, length);
        body.add(chunk);
        budget.queue(block.length);
        log.append(chunk);
      });
      body.emptyRest();
    }

    @Override
    public @Nullable HeaderSection header() {
      return header.beforeBlankLine();
    }

    @Override
    public boolean isWritable() {
      return budget.isWritable();
    }

    @Override
    public void onWritable(Runnable resume) {
      budget.onWritable(resume);
    }

    @Override
    public SpooledMessage finish() {
      try {
        body.requireWanted();
      } catch (InsufficientStorageException e) {
        close();
        throw e;
      }
      finished = true;
      body.finish(header.section());
      return new Message(body, Edits.NONE);
    }

    @Override
    public void close() {
      if (!finished) {
        finished = true;
        body.close();
      }
    }
  }

  /** A message that was spooled here. */
  static final class Message implements SpooledMessage {
    final LogBody body;
    final Edits edits;

    private Message(LogBody body, Edits edits) {
      this.body = body;
      this.edits = edits;
    }

    @Override
    public HeaderSection header() {
      return body.header();
    }

    @Override
    public SpooledMessage edited(byte[] prefix, List<Cut> cuts) {
      return new Message(body, new Edits(prefix, cuts).within(body.size()));
    }

    @Override
    public InputStream open() {
      return edits.applyTo(body.open());
    }

    @Override
    public long size() {
      return edits.sizeOf(body.size());
    }

    @Override
    public void close() {
      body.close();
    }
  }
}
