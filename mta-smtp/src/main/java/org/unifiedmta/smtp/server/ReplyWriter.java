package org.unifiedmta.smtp.server;

import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.reply.EnhancedStatus;
import org.unifiedmta.core.reply.SmtpReply;

/**
 * Writes replies: {@code *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF}
 * (RFC 5321 4.2), with the enhanced status on each line (RFC 2034 4). Texts are cut into lines of
 * 512 octets; what is not printable ASCII becomes a question mark.
 */
final class ReplyWriter {
  private static final int MAXIMUM_TEXT = 512 - 6; // RFC 5321 4.5.3.1.5, less code, blank and CRLF

  private final boolean withStatus;

  ReplyWriter(boolean withStatus) {
    this.withStatus = withStatus;
  }

  void write(SmtpReply reply, ByteBuf out) {
    var status = withStatus ? reply.status() : null;
    var lines = reply.lines();
    for (int i = 0; i < lines.size(); i++) {
      write(reply.code(), status, lines.get(i), i == lines.size() - 1, out);
    }
  }

  private static void write(
      int code, @Nullable EnhancedStatus status, String text, boolean last, ByteBuf out) {
    var prefix = status == null ? "" : status + " ";
    // A challenge of SASL is one line, however long (RFC 4954 4).
    int width = code == 334 ? Integer.MAX_VALUE : MAXIMUM_TEXT - prefix.length();
    int from = 0;
    do {
      int to = (int) Math.min(text.length(), (long) from + width);
      number(code, out);
      out.writeByte(last && to == text.length() ? ' ' : '-');
      printable(prefix, 0, prefix.length(), out);
      printable(text, from, to, out);
      out.writeByte('\r').writeByte('\n');
      from = to;
    } while (from < text.length());
  }

  private static void number(int code, ByteBuf out) {
    out.writeByte('0' + code / 100).writeByte('0' + code / 10 % 10).writeByte('0' + code % 10);
  }

  private static void printable(String text, int from, int to, ByteBuf out) {
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      out.writeByte(c >= 32 && c < 127 ? c : '?');
    }
  }
}
