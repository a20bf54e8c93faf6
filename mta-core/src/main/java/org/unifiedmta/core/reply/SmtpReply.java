package org.unifiedmta.core.reply;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A reply (RFC 5321 4.2).
 *
 * @param code 200 to 599
 * @param status the enhanced status of its first line (RFC 2034), or null
 * @param lines the texts, without code and enhanced status; at least one, it may be empty
 */
public record SmtpReply(int code, @Nullable EnhancedStatus status, List<String> lines) {

  public SmtpReply {
    if (code < 200 || code > 599) {
      throw new IllegalArgumentException("no reply code: " + code);
    }
    lines = lines.isEmpty() ? List.of("") : List.copyOf(lines);
    for (var line : lines) {
      for (int i = 0; i < line.length(); i++) {
        if (line.charAt(i) == '\r' || line.charAt(i) == '\n' || line.charAt(i) == 0) {
          throw new IllegalArgumentException("line break or NUL in a reply");
        }
      }
    }
  }

  /**
   * A reply of one line.
   *
   * @param status such as {@code 5.1.1}; empty for none
   */
  public static SmtpReply of(int code, String status, String text) {
    var enhanced =
        status.isEmpty()
            ? null
            : EnhancedStatus.at(status, 0)
                .filter(found -> EnhancedStatus.length(status, 0) == status.length())
                .orElseThrow(() -> new IllegalArgumentException("no status code: " + status));
    return new SmtpReply(code, enhanced, List.of(text));
  }

  /**
   * Reads a reply as a server sent it, lines ended by CRLF or LF, the last end optional.
   *
   * @throws IllegalArgumentException if that is no reply
   */
  public static SmtpReply parse(String wire) {
    var lines = new ArrayList<String>();
    int code = -1;
    EnhancedStatus status = null;
    for (var line : wire.strip().split("\r?\n", -1)) {
      int lineCode = codeOf(line);
      if (lineCode < 0 || (code >= 0 && code != lineCode)) {
        throw new IllegalArgumentException("no reply: " + line);
      }
      code = lineCode;
      var text = line.length() > 4 ? line.substring(4) : "";
      var found = EnhancedStatus.at(text, 0);
      if (found.isPresent() && found.get().klass() == code / 100) {
        status = status == null ? found.get() : status;
        text = text.substring(EnhancedStatus.length(text, 0)).stripLeading();
      }
      lines.add(text.replace('\r', ' ').replace('\0', ' '));
    }
    return new SmtpReply(code, status, lines);
  }

  /**
   * {@code Reply-code = %x32-35 %x30-35 %x30-39}, the second digit also up to 9 as some servers
   * send.
   */
  private static int codeOf(String line) {
    if (line.length() < 3 || line.charAt(0) < '2' || line.charAt(0) > '5') {
      return -1;
    }
    if (line.length() > 3 && line.charAt(3) != ' ' && line.charAt(3) != '-') {
      return -1;
    }
    for (int i = 1; i < 3; i++) {
      if (line.charAt(i) < '0' || line.charAt(i) > '9') {
        return -1;
      }
    }
    return Integer.parseInt(line, 0, 3, 10);
  }

  public boolean isPositive() {
    return code < 400;
  }

  /** 4yz: the same command may succeed later. */
  public boolean isTransient() {
    return code / 100 == 4;
  }

  /** 5yz: the same command will not succeed. */
  public boolean isPermanent() {
    return code / 100 == 5;
  }

  /** The texts joined by a blank. */
  public String text() {
    return String.join(" ", lines);
  }

  /** The same reply on one line: code, status and text. */
  @Override
  public String toString() {
    return afterCode().isEmpty() ? Integer.toString(code) : code + " " + afterCode();
  }

  /** The one-line form without its code: {@code 2.0.0 Ok: queued}. */
  public Optional<String> textAfterCode() {
    return afterCode().isEmpty() ? Optional.empty() : Optional.of(afterCode());
  }

  private String afterCode() {
    return status == null ? text() : text().isEmpty() ? status.toString() : status + " " + text();
  }
}
