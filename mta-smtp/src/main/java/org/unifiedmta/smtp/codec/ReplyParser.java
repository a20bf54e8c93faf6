package org.unifiedmta.smtp.codec;

import java.util.ArrayList;
import java.util.List;
import org.unifiedmta.core.reply.SmtpReply;

/**
 * Puts the lines of a reply together (RFC 5321 4.2.1), within bounds: lines of 2,048 characters,
 * 100 of them, 64 KB in all.
 */
public final class ReplyParser {
  private static final int MAXIMUM_LINE = 2_048;
  private static final int MAXIMUM_LINES = 100;
  private static final int MAXIMUM_SIZE = 64 * 1024;

  /** What the lines so far amount to. */
  public sealed interface Result {
    /** The reply goes on. */
    record More() implements Result {}

    /** A reply. */
    record Complete(SmtpReply reply) implements Result {}

    /** No reply: the connection is of no more use. */
    record Malformed(String reason) implements Result {}
  }

  private final List<String> lines = new ArrayList<>();
  private int size;

  /**
   * Takes the next line, without its CRLF. After a whole reply the next one begins.
   *
   * <p>{@code Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ]
   * CRLF}
   */
  public Result line(String line) {
    size += line.length();
    if (line.length() > MAXIMUM_LINE) {
      return new Result.Malformed("reply line longer than " + MAXIMUM_LINE);
    }
    if (lines.size() == MAXIMUM_LINES || size > MAXIMUM_SIZE) {
      return new Result.Malformed("reply without end");
    }
    lines.add(printable(line));
    if (line.length() > 3 && line.charAt(3) == '-') {
      return new Result.More();
    }
    try {
      return new Result.Complete(SmtpReply.parse(String.join("\n", lines)));
    } catch (IllegalArgumentException e) {
      return new Result.Malformed(String.valueOf(e.getMessage()));
    } finally {
      lines.clear();
      size = 0;
    }
  }

  /** A peer's text ends in logs and reports: no control character goes there. */
  private static String printable(String line) {
    var printable = new StringBuilder(line);
    for (int i = 0; i < line.length(); i++) {
      if (Character.isISOControl(line.charAt(i))) {
        printable.setCharAt(i, ' ');
      }
    }
    return printable.toString();
  }
}
