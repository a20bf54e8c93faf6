package org.unifiedmta.core.spool;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** A writer that shows what passes. */
public final class WatchedWriter implements SpoolWriter {
  private static final int BLANK_LINE = 2; // octets

  private final SpoolWriter writer;
  private final MessageWatcher watcher;
  private long written;
  private boolean inBody;
  private boolean ended;

  public WatchedWriter(SpoolWriter writer, MessageWatcher watcher) {
    this.writer = writer;
    this.watcher = watcher;
  }

  @Override
  public void write(ByteBuffer octets) {
    var passing = octets.duplicate();
    written += octets.remaining();
    writer.write(octets);
    if (!inBody) {
      var header = writer.header();
      if (header == null) {
        return;
      }
      inBody = true;
      watcher.header(header);
      passing.position(passing.limit() - (int) (written - header.size() - BLANK_LINE));
    }
    if (passing.hasRemaining()) {
      watcher.body(passing);
    }
  }

  @Override
  public @Nullable HeaderSection header() {
    return writer.header();
  }

  @Override
  public boolean isWritable() {
    return writer.isWritable();
  }

  @Override
  public void onWritable(Runnable resume) {
    writer.onWritable(resume);
  }

  @Override
  public SpooledMessage finish() {
    var message = writer.finish();
    ended = true;
    return message;
  }

  @Override
  public void close() {
    writer.close();
    if (!ended) {
      ended = true;
      watcher.abandoned();
    }
  }
}
