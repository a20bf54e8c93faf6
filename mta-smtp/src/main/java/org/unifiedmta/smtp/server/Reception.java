package org.unifiedmta.smtp.server;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.ByteSink;
import org.unifiedmta.core.spool.InsufficientStorageException;
import org.unifiedmta.core.spool.SpoolWriter;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.smtp.codec.DotUnstuffer;
import org.unifiedmta.smtp.codec.LineEnds;
import org.unifiedmta.smtp.codec.LineNormalizer;

/** The data of one message on its way into the spool. What cannot be kept is read to its end. */
final class Reception implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Reception.class);

  private final @Nullable SpoolWriter writer; // null from the start with a refusal
  private final long maximum;
  private final int maximumLine;
  private final Pace pace;
  private final DotUnstuffer unstuffer = new DotUnstuffer();
  private final boolean normalize;
  private @Nullable LineNormalizer normalizer;
  private final LineEnds lines = new LineEnds();
  private final ByteSink sink = this::keep;
  private long octets;
  private int line; // octets of the last line so far, its CR among them
  private @Nullable SmtpReply refusal;

  /**
   * @param maximum octets of a message
   * @param maximumLine octets of a line, 0 for any
   * @param normalize whether bare line ends are made CRLF, rather than being violations
   */
  Reception(SpoolWriter writer, long maximum, int maximumLine, boolean normalize, Pace pace) {
    this.writer = writer;
    this.normalize = normalize;
    this.maximum = maximum;
    this.maximumLine = maximumLine;
    this.pace = pace;
  }

  /** Data for which there is no place: it is read, and this is what its sender hears. */
  Reception(SmtpReply refusal, Pace pace) {
    this.writer = null;
    this.normalize = false;
    this.maximum = 0;
    this.maximumLine = 0;
    this.pace = pace;
    this.refusal = refusal;
  }

  /**
   * Octets of a chunk (RFC 3030 2).
   *
   * @param binary whether they may be any; else a bare CR or LF, or a NUL, is a violation
   * @return false for one
   */
  boolean readChunk(ByteBuffer in, boolean binary) {
    if (!binary && normalize) {
      normalizer = normalizer == null ? LineNormalizer.ofChunks() : normalizer;
      normalizer.read(in, sink);
      return true;
    }
    if (!binary && !lines.check(in)) {
      return false;
    }
    keep(in);
    in.position(in.limit());
    return true;
  }

  /** The last chunk is here; false if its last CR lacks its LF. */
  boolean finishChunks() {
    if (normalizer != null) {
      normalizer.finish(sink);
    }
    return !lines.isAfterCr();
  }

  DotUnstuffer.Outcome read(ByteBuffer in) {
    if (normalize) {
      normalizer = normalizer == null ? LineNormalizer.ofData() : normalizer;
      return normalizer.read(in, sink);
    }
    return unstuffer.read(in, sink);
  }

  private void keep(ByteBuffer slice) {
    octets += slice.remaining();
    if (refusal != null) {
      return;
    }
    if (octets > maximum) {
      refuse(Replies.TOO_LARGE);
      return;
    }
    if (maximumLine > 0 && hasLongLine(slice)) {
      refuse(Replies.LINES_TOO_LONG);
      return;
    }
    try {
      if (writer != null) {
        writer.write(slice);
      }
    } catch (RuntimeException e) {
      log.error("a message could not be spooled", e);
      refuse(Replies.LOCAL_ERROR);
    }
  }

  private boolean hasLongLine(ByteBuffer slice) {
    for (int i = slice.position(); i < slice.limit(); i++) {
      line = slice.get(i) == '\n' ? 0 : line + 1;
      if (line > maximumLine + 1 || (line > maximumLine && slice.get(i) != '\r')) {
        return true;
      }
    }
    return false;
  }

  boolean isWritable() {
    return refusal != null || writer == null || writer.isWritable();
  }

  void onWritable(Runnable resume) {
    if (writer != null) {
      writer.onWritable(resume);
    }
  }

  /** When it must have ended, or more must have come. */
  Instant until() {
    return pace.until(octets);
  }

  /** It could not go on, and that was our fault. */
  void stalled(Duration time) {
    pace.stalled(time);
  }

  long octets() {
    return octets;
  }

  /** Why there is no message, or null. */
  @Nullable SmtpReply refusal() {
    return refusal;
  }

  /** The message, or null with a refusal. */
  @Nullable SpooledMessage finish() {
    if (refusal != null || writer == null) {
      return null;
    }
    try {
      return writer.finish();
    } catch (InsufficientStorageException e) {
      refuse(Replies.NO_ROOM);
    } catch (RuntimeException e) {
      log.error("a message could not be spooled", e);
      refuse(Replies.LOCAL_ERROR);
    }
    return null;
  }

  private void refuse(SmtpReply reply) {
    refusal = reply;
    close();
  }

  @Override
  public void close() {
    try {
      if (writer != null) {
        writer.close();
      }
    } catch (RuntimeException e) {
      log.error("a spool could not be given up", e);
    }
  }
}
