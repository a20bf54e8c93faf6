package org.unifiedmta.delivery.testing;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.ssl.SslHandler;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.delivery.testing.Dialogues.Dialogue;
import org.unifiedmta.delivery.testing.Fault.Stage;

/**
 * Listens to one connection, and makes it fail where no hook could. Octets go through as they came
 * unless a fault concerns a command: that one is held until all replies before it are out.
 *
 * <p>It sits at the socket's end; once TLS is there, another one sits behind that, and the first
 * only passes on.
 */
final class Tap extends ChannelDuplexHandler {
  private static final int LONGEST_LINE = 64 * 1024;

  private final Dialogue dialogue;
  private final Faults faults;
  private final boolean secured;
  private boolean passing; // TLS is behind this one
  private ByteBuf held = Unpooled.EMPTY_BUFFER;
  private int owed; // replies
  private boolean delaying;
  private boolean delayed; // the command at the head of what is held
  private boolean challenged; // the next line is a response of a login
  private boolean inData;
  private boolean midLine;
  private long octets; // of data
  private long chunk; // octets of one that are still to come (RFC 3030 2)
  private boolean lastChunk;
  private boolean chunkRefused; // its octets go nowhere
  private @Nullable SmtpReply instead; // of the next reply

  Tap(Dialogue dialogue, Faults faults) {
    this(dialogue, faults, false);
  }

  private Tap(Dialogue dialogue, Faults faults, boolean secured) {
    this.dialogue = dialogue;
    this.faults = faults;
    this.secured = secured;
  }

  @Override
  public void channelActive(ChannelHandlerContext context) {
    if (faults.disconnects(Stage.CONNECT)) {
      var unused = context.close();
      return;
    }
    var delay = faults.delay(Stage.CONNECT);
    if (delay.isZero()) {
      context.fireChannelActive();
      return;
    }
    later(
        context,
        delay.toNanos(),
        () -> {
          context.fireChannelActive();
          pump(context);
        });
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    held.release();
    held = Unpooled.EMPTY_BUFFER;
    context.fireChannelInactive();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    held = held.isReadable() ? Unpooled.wrappedBuffer(held, (ByteBuf) message) : taking(message);
    pump(context);
  }

  private ByteBuf taking(Object message) {
    held.release();
    return (ByteBuf) message;
  }

  // ---- from the client

  private void pump(ChannelHandlerContext context) {
    if (!passing && !secured && context.pipeline().get(SslHandler.class) != null) {
      var tls = context.pipeline().context(SslHandler.class).name();
      context.pipeline().addAfter(tls, null, new Tap(dialogue, faults, true));
      passing = true;
    }
    if (passing && !delaying) {
      forward(context, held.readableBytes());
      return;
    }
    int end = 0; // of what can go on
    while (!delaying && held.readableBytes() > end) {
      int from = held.readerIndex() + end;
      int length = lineLength(from);
      if (length < 0) {
        break;
      }
      var stage = stage(from, length);
      if (stage != null && faults.concern(stage)) {
        forward(context, end);
        end = 0;
        // The end of the last chunk is one of those that its own reply waits for.
        if (owed > (chunk > 0 ? 1 : 0) || isStopped(context, stage, length)) {
          return;
        }
        if (refused(context, stage, length)) {
          continue;
        }
      }
      boolean nobodys = chunk > 0 && chunkRefused;
      heard(held.readerIndex() + end, length);
      if (nobodys) {
        forward(context, end);
        end = 0;
        held.skipBytes(length);
      } else {
        end += length;
      }
    }
    if (!delaying) {
      forward(context, end);
    }
  }

  /** Octets of the line there, or of a piece of it that can go on; -1 to wait for more. */
  private int lineLength(int from) {
    int available = held.writerIndex() - from;
    if (chunk > 0) {
      return (int) Math.min(available, chunk);
    }
    int lineEnd = held.indexOf(from, held.writerIndex(), (byte) '\n');
    if (lineEnd >= 0) {
      return lineEnd + 1 - from;
    }
    boolean mayBeDot = !midLine && available <= 2 && held.getByte(from) == '.';
    return (inData && !mayBeDot) || available > LONGEST_LINE ? available : -1;
  }

  private @Nullable Stage stage(int from, int length) {
    if (chunk > 0) {
      return lastChunk && !chunkRefused && length == chunk ? Stage.END_OF_DATA : null;
    }
    if (inData) {
      return isDot(from, length) ? Stage.END_OF_DATA : null;
    }
    if (challenged || length < 6) {
      return null;
    }
    var verb = text(from, Math.min(length, 9)).toUpperCase(Locale.ROOT);
    for (var stage : Stage.values()) {
      if (verb.equals(stage.name()) || verb.startsWith(stage.name() + " ")) {
        return stage;
      }
    }
    return verb.startsWith("HELO ") ? Stage.EHLO : verb.startsWith("BDAT ") ? Stage.DATA : null;
  }

  private boolean isDot(int from, int length) {
    return !midLine && length == 3 && text(from, length).equals(".");
  }

  /** The line without its end. */
  private String text(int from, int length) {
    return held.toString(from, length, StandardCharsets.UTF_8).stripTrailing();
  }

  /** Whether nothing goes on now. */
  private boolean isStopped(ChannelHandlerContext context, Stage stage, int length) {
    var delay = faults.delay(stage);
    if (!delayed && !delay.isZero()) {
      delayed = true;
      later(context, delay.toNanos(), () -> pump(context));
      return true;
    }
    delayed = false;
    if (faults.disconnects(stage)) {
      heard(held.readerIndex(), length);
      var unused = context.close();
      return true;
    }
    return false;
  }

  /** What is refused here reaches the server as a NOOP, whose reply is replaced. */
  private boolean refused(ChannelHandlerContext context, Stage stage, int length) {
    instead = faults.refusal(stage).orElse(null);
    if (instead == null) {
      return false;
    }
    heard(held.readerIndex(), length);
    chunkRefused = chunk > 0;
    held.skipBytes(length);
    context.fireChannelRead(ByteBufUtil.writeAscii(context.alloc(), "NOOP\r\n"));
    context.fireChannelReadComplete();
    return true;
  }

  private void heard(int from, int length) {
    if (chunk > 0) {
      octets += length;
      chunk -= length;
      if (chunk == 0) {
        dialogue.client("(" + octets + " octets)");
      }
    } else if (!inData) {
      dialogue.client(withoutSecrets(from, length));
      beginChunk(text(from, length));
      challenged = false;
      owed++;
    } else if (isDot(from, length)) {
      dialogue.client("(" + octets + " octets)");
      dialogue.client(".");
      inData = false;
      owed++;
    } else {
      octets += length;
      midLine = held.getByte(from + length - 1) != '\n';
    }
  }

  /** {@code "BDAT" SP chunk-size [SP "LAST"]} (RFC 3030 2); what is no such line is no chunk. */
  private void beginChunk(String line) {
    if (challenged || !line.regionMatches(true, 0, "BDAT ", 0, 5)) {
      return;
    }
    var words = line.substring(5).strip().split(" +");
    var size = words[0];
    boolean isSize =
        !size.isEmpty() && size.length() < 18 && size.chars().allMatch(c -> c >= '0' && c <= '9');
    chunk = isSize ? Long.parseLong(size) : 0;
    lastChunk = words.length > 1;
    chunkRefused = false;
    octets = 0;
  }

  private String withoutSecrets(int from, int length) {
    if (challenged) {
      return "(response)";
    }
    var line = text(from, length);
    int response = line.regionMatches(true, 0, "AUTH ", 0, 5) ? line.indexOf(' ', 5) + 1 : 0;
    return response > 0 ? line.substring(0, response) + "(response)" : line;
  }

  private void forward(ChannelHandlerContext context, int length) {
    if (length == 0) {
      return;
    }
    ByteBuf going;
    if (length == held.readableBytes()) {
      going = held;
      held = Unpooled.EMPTY_BUFFER;
    } else {
      going = held.readRetainedSlice(length);
    }
    context.fireChannelRead(going);
  }

  private void later(ChannelHandlerContext context, long nanoseconds, Runnable task) {
    delaying = true;
    var unused =
        context
            .executor()
            .schedule(
                () -> {
                  delaying = false;
                  if (context.channel().isActive()) {
                    task.run();
                    context.fireChannelReadComplete();
                  }
                },
                nanoseconds,
                TimeUnit.NANOSECONDS);
  }

  // ---- from the server

  @Override
  public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
    boolean replies = !passing && message instanceof ByteBuf bytes && bytes.isReadable();
    var unused = context.write(replies ? said(context, (ByteBuf) message) : message, promise);
    if (replies && owed == 0 && held.isReadable() && !delaying) {
      context
          .executor()
          .execute(() -> {
            pump(context);
            context.fireChannelReadComplete();
          });
    }
  }

  /** The server writes whole replies. */
  private ByteBuf said(ChannelHandlerContext context, ByteBuf bytes) {
    var replies = bytes;
    if (instead != null) {
      int end = bytes.indexOf(bytes.readerIndex(), bytes.writerIndex(), (byte) '\n') + 1;
      bytes.readerIndex(end);
      var refusal = ByteBufUtil.writeAscii(context.alloc(), instead + "\r\n");
      instead = null;
      replies = Unpooled.wrappedBuffer(refusal, bytes);
    }
    for (var line : replies.toString(StandardCharsets.US_ASCII).split("\r\n", -1)) {
      if (line.length() < 4) {
        continue;
      }
      dialogue.server(line);
      if (line.charAt(3) == ' ') {
        owed = Math.max(0, owed - 1); // the greeting is not owed
        challenged = line.startsWith("334");
        if (line.startsWith("354")) {
          inData = true;
          midLine = false;
          octets = 0;
        }
      }
    }
    return replies;
  }
}
